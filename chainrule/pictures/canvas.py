"""What all pictures are drawn with: matplotlib, its colours, and the panels of a figure."""

from __future__ import annotations

import functools
import importlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import ArgumentError

Figure: TypeAlias = Any  # a matplotlib.figure.Figure: matplotlib need not be installed
Axes: TypeAlias = Any  # a matplotlib.axes.Axes

#: ten colours that people with any kind of colour vision tell apart
#: Sources: Okabe & Ito 2008, "Color Universal Design"; Tol 2021, "Colour Schemes" for the last
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444",
           "#882255", "#999933", "#332288")  # fmt: skip
#: and ten shapes, so that no picture depends on colour alone
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", "p")
DASHES = ("-", "--", "-.", ":")
#: shapes that cover less of their square than others, and how much larger they are drawn
THIN = {"v": 1.1, "P": 1.4, "X": 1.4, "*": 2.2, "<": 1.1, "p": 1.3}

SEQUENTIAL = "cividis"  # from little to much; made for all kinds of colour vision
DIVERGING = "RdBu_r"  # from below zero over white to above
HEAT = "inferno"  # over an image: dark where nothing is, bright where much is
INK = "#222222"
FAINT = "#8c8c8c"

STYLE = {
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#666666",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "white",
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 9.0,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "#cccccc",
    "lines.linewidth": 1.8,
    "image.interpolation": "nearest",
    "mathtext.fontset": "dejavusans",
}


def matplotlib(part: str = "") -> Any:
    """matplotlib, or a part of it, which is loaded here and nowhere else.

    Raises: ArgumentError (CR840) where it is not installed.
    """
    return optional(f"matplotlib{part and '.'}{part}", "matplotlib", "chainrule[pictures]")


def optional(module: str, package: str, requirement: str) -> Any:
    """A module of a package that need not be installed.

    Raises: ArgumentError (CR840) where it is not.
    """
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise ArgumentError(
            "CR840",
            f'pictures need {package}, which is not installed; pip install "{requirement}". '
            f"The numbers of a picture need no {package}, and print() draws them in text; "
            "chainrule.pictures says which function computes which",
        ) from missing


@contextmanager
def drawing() -> Iterator[None]:
    """Within it matplotlib draws in this style; after it as the program has chosen."""
    with matplotlib().rc_context(STYLE):
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches; it belongs to no window and needs no closing.

    A notebook shows it, and figure.savefig("name.png") or ("name.svg") writes it.
    """
    made = matplotlib("figure").Figure(figsize=(width, height), dpi=110, layout="constrained")
    matplotlib("backends.backend_agg").FigureCanvasAgg(made)
    made._repr_png_ = functools.partial(_png, made)  # what a notebook asks for
    return made


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def panel(axes: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """The axes that were given and their figure, or new ones."""
    if axes is not None:
        return axes.figure, axes
    made = figure(width, height)
    return made, made.add_subplot()


def panels(
    rows: int, columns: int, width: float, height: float, **options: Any
) -> tuple[Figure, Any]:
    """A figure of rows × columns panels, each of a size in inches."""
    made = figure(columns * width, rows * height)
    return made, made.subplots(rows, columns, squeeze=False, **options)


def colour(number: int) -> str:
    """The colour of a class; they come again after ten, with other shapes."""
    return COLOURS[number % len(COLOURS)]


def marker(number: int) -> str:
    """The shape of a class."""
    return MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


def dash(number: int) -> str:
    """The dashes of a line."""
    return DASHES[number % len(DASHES)]


def bare(axes: Axes) -> None:
    """A panel for an image: no ticks, a thin frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color("#cccccc")


def show_image(axes: Axes, image: np.ndarray) -> None:
    """An image (c, h, w) as people see it: gray if c = 1, in colours if c = 3, else a mean."""
    pixels = image.transpose(1, 2, 0) if len(image) == 3 else image.mean(0)
    low, high = float(pixels.min()), float(pixels.max())
    shown = (pixels - low) / ((high - low) or 1.0)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1)
    bare(axes)


def scatter_classes(
    axes: Axes, points: np.ndarray, labels: np.ndarray, names: Sequence[str], size: float = 26
) -> None:
    """Points (n, 2), each class in a colour and shape of its own."""
    for number in np.unique(labels):
        chosen, shape = points[labels == number], marker(number)
        axes.scatter(
            *chosen.T, s=size * THIN.get(shape, 1.0), c=colour(number), marker=shape,
            edgecolors="white", linewidths=0.6, label=names[number], zorder=3,
        )  # fmt: skip


def show_over(
    axes: Axes, image: np.ndarray, heat: np.ndarray, low: float, high: float, colours: str
) -> Any:
    """A map (h, w) over an image (c, h, w): the farther from 0, the less one sees through."""
    show_image(axes, image)
    strength = np.abs(heat) / (max(abs(low), abs(high)) or 1.0)
    return axes.imshow(
        heat, cmap=colours, vmin=low, vmax=high, interpolation="bilinear",
        alpha=np.clip(0.1 + 0.9 * strength, 0, 0.85),
    )  # fmt: skip


def scale_of(axes: Axes, shown: Any, label: str, **options: Any) -> None:
    """The colours of a map in a bar, in full strength."""
    colours = matplotlib("cm").ScalarMappable(shown.norm, shown.cmap)
    axes.figure.colorbar(colours, ax=axes, **options).set_label(label)


def plain_logarithms(axis: Any) -> None:
    """Ticks of a logarithmic axis as people write numbers, if it spans less than 100."""
    low, high = axis.get_view_interval()
    if not 0 < low < high < 100 * low:
        return
    ticker = matplotlib("ticker")
    digits = (1, 2, 3, 4, 6, 8) if high < 10 * low else (1, 2, 5)
    axis.set_major_locator(ticker.LogLocator(subs=digits, numticks=20))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:.3g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def legend(axes: Axes, where: str = "best", **options: Any) -> None:
    """A legend, if there is anything to name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=where, **options)
