"""The loss landscape: the loss over a plane in the space of the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.nn.functional_call import functional_call
from chainrule.nn.module import Module
from chainrule.pictures import canvas
from chainrule.pictures.boundary import Limits, around
from chainrule.pictures.canvas import Axes, Figure
from chainrule.pictures.characters import number, shades
from chainrule.pictures.undisturbed import Model, network_of, undisturbed
from chainrule.pictures.weights import (
    Direction,
    coordinates,
    filter_normalized,
    one_weight,
    path_steps,
    position,
    principal,
)
from chainrule.printed import Printed
from chainrule.tensor.creation import from_numpy, tensor
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor
from chainrule.train.where_possible import CompiledWherePossible

Weight = tuple[str, Sequence[int]]  # a parameter's name, and where in it
WIDE = 30.0  # how many times the least loss the largest is, from where on logarithms are shown
KINDS = ("both", "contour", "surface")


@dataclass(frozen=True)
class Plane:
    """Two directions from where the weights are."""

    first: Direction
    second: Direction
    names: tuple[str, str]
    origin: tuple[float, float]  # what the axes show where the weights are now
    limits: Limits  # as the axes show them
    path: np.ndarray | None = None  # (steps, 2)
    title: str = ""


@dataclass(frozen=True, repr=False)
class Surface(Printed):
    """The loss over a plane in the space of the weights; print() draws it in a terminal."""

    a: np.ndarray  # (columns,), along the first direction
    b: np.ndarray  # (rows,), along the second
    losses: np.ndarray  # (rows, columns)
    here: tuple[float, float]  # where the weights are
    loss: float  # and the loss there
    names: tuple[str, str]
    path: np.ndarray | None  # (steps, 2)
    title: str

    @property
    def lowest(self) -> tuple[float, float, float]:
        """a, b and the loss at the lowest place of the grid."""
        known = np.where(np.isfinite(self.losses), self.losses, np.inf)
        row, column = np.unravel_index(known.argmin(), known.shape)
        return float(self.a[column]), float(self.b[row]), float(known[row, column])

    def __str__(self) -> str:
        return (
            f"{shades(levels(self.losses)[::-1], values=self.losses)}\n"
            f"{self.title}: {number(self.loss)} here, lowest {number(self.lowest[2])}"
        )


def loss_surface(
    model: Model,
    loss_function: Callable[..., Tensor],
    inputs: Any,
    targets: Tensor | None = None,
    *,
    path: Iterable[Mapping[str, Any]] | None = None,
    weights: tuple[Weight, Weight] | None = None,
    span: float = 1.0,
    resolution: int = 25,
    samples: int = 512,
    seed: int = 0,
    engine: str | None = None,
) -> Surface:
    """The numbers of loss_landscape; see there.

    Example:
        >>> from chainrule import nn, ones
        >>> line = nn.Linear(1, 1)
        >>> surface = loss_surface(line, nn.MSELoss(), ones(4, 1), ones(4, 1), resolution=5)
        >>> surface.losses.shape, bool(surface.losses[2, 2] == surface.loss)
        ((5, 5), True)
    """
    network = network_of(model, "loss_landscape")
    if resolution < 2 or samples < 1 or not span > 0:
        raise ArgumentError(
            "CR848",
            "loss_landscape: resolution is at least 2, samples at least 1 and span above 0, "
            f"got {resolution}, {samples} and {span}",
        )
    if not any(p.is_floating_point() for p in network.parameters()):
        raise ArgumentError("CR844", "the loss landscape lies over weights; here are none")
    plane = _plane(network, path, weights, span, seed)
    batch = _sample(inputs, targets, samples)
    left, right, bottom, top = plane.limits
    u, v = plane.origin
    a, b = _spread(left - u, right - u, resolution), _spread(bottom - v, top - v, resolution)
    places = [(x, y) for y in b for x in a]
    *losses, loss = _losses(network, loss_function, batch, plane, [*places, (0.0, 0.0)], engine)
    grid = np.array(losses).reshape(resolution, resolution)
    return Surface(a + u, b + v, grid, plane.origin, loss, plane.names, plane.path, plane.title)


def _spread(low: float, high: float, count: int) -> np.ndarray:
    """Numbers at even distances; those of an even range are exactly opposite to each other."""
    half = (count - 1) / 2
    return (low + high) / 2 + (high - low) / 2 * ((np.arange(count) - half) / half)


def _plane(
    network: Module,
    path: Iterable[Mapping[str, Any]] | None,
    weights: tuple[Weight, Weight] | None,
    span: float,
    seed: int,
) -> Plane:
    here = position(network)
    if weights is not None:
        return _plane_of_weights(network, here, path, weights, span)
    source = np.random.default_rng(seed)
    first, second = filter_normalized(network, source), filter_normalized(network, source)
    if path is None:
        title = "Loss over two random directions, filter-normalized"
        names = "direction 1 (filter norms)", "direction 2 (filter norms)"
        return Plane(first, second, names, (0.0, 0.0), (-span, span, -span, span), None, title)
    steps = path_steps(path, here)
    first, second, shares = principal(steps, first)
    seen = coordinates(steps, first, second)
    ends = np.concatenate([seen, np.zeros((1, 2))])
    wide = around(ends, 0.35)
    one, two = (f"{100 * share:.0f} % of the path's variance" for share in shares)
    names = f"principal direction 1 ({one})", f"principal direction 2 ({two})"
    title = f"Loss around the path of the training, {len(steps)} points"
    return Plane(first, second, names, (0.0, 0.0), _even(wide), seen, title)


def _even(limits: Limits) -> Limits:
    """No side less than a quarter of the other."""
    left, right, bottom, top = limits
    least = max(right - left, top - bottom) / 4
    u, v = max(right - left, least) / 2, max(top - bottom, least) / 2
    x, y = (left + right) / 2, (bottom + top) / 2
    return x - u, x + u, y - v, y + v


def _plane_of_weights(
    network: Module,
    here: Direction,
    path: Iterable[Mapping[str, Any]] | None,
    weights: tuple[Weight, Weight],
    span: float,
) -> Plane:
    (one, i), (two, j) = weights
    first, second = one_weight(network, one, i), one_weight(network, two, j)
    u, v = float(here[one][tuple(i)]), float(here[two][tuple(j)])
    names = f"weight {one}{list(i)}", f"weight {two}{list(j)}"
    limits = u - span, u + span, v - span, v + span
    seen = None
    if path is not None:
        seen = coordinates(path_steps(path, here), first, second) + np.array([u, v])
        left, right, bottom, top = around(seen, 0.35)
        limits = (
            min(left, u - span),
            max(right, u + span),
            min(bottom, v - span),
            max(top, v + span),
        )
    return Plane(first, second, names, (u, v), limits, seen, "Loss over two weights")


def _sample(inputs: Any, targets: Tensor | None, samples: int) -> tuple[tuple, Tensor | None]:
    """At most so many rows, at even distances."""
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    if not all(isinstance(x, Tensor) and x.ndim for x in given):
        raise ArgumentError(
            "CR844", "loss_landscape takes the inputs as a tensor (n, …), or a tuple of tensors"
        )
    n = len(given[0])
    if targets is not None and len(targets) != n:
        raise ArgumentError("CR844", f"there are {n} inputs and {len(targets)} targets")
    rows = tensor(np.linspace(0, n - 1, min(n, samples)).round().astype(np.int64))
    return tuple(x.detach()[rows] for x in given), None if targets is None else targets[rows]


def _losses(
    network: Module,
    loss_function: Callable[..., Tensor],
    batch: tuple[tuple, Tensor | None],
    plane: Plane,
    places: Sequence[tuple[float, float]],
    engine: str | None,
) -> list[float]:
    """The loss at each place, by one compiled function of the weights."""
    moving = [n for n in plane.first if plane.first[n].any() or plane.second[n].any()]
    here = {name: p.detach() for name, p in network.named_parameters() if name in moving}
    first, second = (
        {name: from_numpy(d[name].copy()).to(here[name].dtype) for name in moving}
        for d in (plane.first, plane.second)
    )

    def value(a: Tensor, b: Tensor, *parts: Any) -> Tensor:
        base, u, v, (x, y) = parts
        moved = {name: w + a * u[name] + b * v[name] for name, w in base.items()}
        outputs = functional_call(network, moved, x)
        return loss_function(outputs) if y is None else loss_function(outputs, y)

    compiled = CompiledWherePossible(value, engine, "the loss landscape", [], set())
    with undisturbed(network), no_grad():
        found = [
            compiled(tensor(np.float32(a)), tensor(np.float32(b)), here, first, second, batch)
            for a, b in places
        ]
        if found[0].numel() != 1:
            raise ArgumentError(
                "CR844",
                f"the loss must be one number, got {tuple(found[0].shape)}; take its mean",
            )
        return [loss.item() for loss in found]


def levels(losses: np.ndarray) -> np.ndarray:
    """The losses, or their logarithms if they differ by much; what is not finite is NaN."""
    known = np.where(np.isfinite(losses), losses, np.nan)
    return np.log10(known) if logarithmic(losses) else known


def logarithmic(losses: np.ndarray) -> bool:
    """Whether the losses differ by so much that one sees more in their logarithms."""
    known = losses[np.isfinite(losses)]
    return bool(known.size and known.min() > 0 and known.max() > WIDE * known.min())


def loss_landscape(
    model: Model,
    loss_function: Callable[..., Tensor],
    inputs: Any,
    targets: Tensor | None = None,
    *,
    path: Iterable[Mapping[str, Any]] | None = None,
    weights: tuple[Weight, Weight] | None = None,
    span: float = 1.0,
    resolution: int = 25,
    samples: int = 512,
    seed: int = 0,
    kind: str = "both",
    engine: str | None = None,
) -> Figure:
    """The loss around the weights of a model, as a surface and as a map.

        L(a, b) = loss(θ + a d₁ + b d₂)

    The plane lies along two random directions whose filters are as long as the model's; or,
    with a path, along those in which the path of the training spreads most; or along any two
    weights.

    Args:
        loss_function: of outputs and targets; of the outputs alone where targets is None.
        inputs, targets: tensors (n, …); of several inputs a tuple of tensors.
        path: the weights during the training, a WeightPath or state dicts.
        weights: two weights, each as (name of the parameter, index): ("0.weight", (2, 1)).
        span: how far to go to each side; 1 replaces each filter by one as long.
        resolution: places along each axis.
        samples: how many rows of the data are used, taken at even distances.
        seed: of the random directions.
        kind: "surface", "contour", or "both".
        engine: "native" or "reference", see chainrule.compile.

    Raises: ArgumentError (CR844) for a path or weights that are not the model's, or a loss that
        is not one number; ArgumentTypeError (CR845) for what is no module.
    Notes:   in evaluation mode. The weights are inputs of one compiled function: the model's
        own stay untouched.
    Source:  Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets"
    """
    if kind not in KINDS:
        raise ArgumentError("CR848", f"kind is one of {KINDS}, got {kind!r}")
    surface = loss_surface(
        model, loss_function, inputs, targets, path=path, weights=weights, span=span,
        resolution=resolution, samples=samples, seed=seed, engine=engine,
    )  # fmt: skip
    with canvas.drawing():
        made = canvas.figure(10.6 if kind == "both" else 5.8, 4.8)
        columns = 2 if kind == "both" else 1
        if kind != "contour":
            draw_surface(made.add_subplot(1, columns, 1, projection="3d"), surface)
        if kind != "surface":
            axes = made.add_subplot(1, columns, columns)
            draw_contours(axes, surface)
        made.suptitle(surface.title, x=0.01, ha="left", weight="bold", fontsize=12)
    return made


def draw_contours(axes: Axes, surface: Surface) -> None:
    """A map of the surface, with the path on it."""
    z = levels(surface.losses)
    steps = np.linspace(np.nanmin(z), np.nanmax(z) or 1.0, 22)
    if steps[0] == steps[-1]:
        steps = steps[0] + np.array([-0.5, 0.5])
    filled = axes.contourf(surface.a, surface.b, z, steps, cmap=canvas.SEQUENTIAL)
    axes.contour(
        surface.a, surface.b, z, steps[::2], colors="white", linewidths=0.5, alpha=0.7,
        linestyles="solid",
    )  # fmt: skip
    bar = axes.figure.colorbar(filled, ax=axes, pad=0.02)
    bar.set_label("loss")
    _label_losses(bar.ax.yaxis, surface, 12)
    if surface.path is not None:
        draw_path(axes, surface.path)
    axes.plot(
        *surface.here, marker="*", color="white", markersize=13, markeredgecolor="black",
        linestyle="none", label=f"the weights now, loss {number(surface.loss)}", zorder=5,
    )  # fmt: skip
    axes.set(xlabel=surface.names[0], ylabel=surface.names[1])
    axes.set(xlim=(surface.a[0], surface.a[-1]), ylim=(surface.b[0], surface.b[-1]))
    canvas.legend(axes)


def draw_path(axes: Axes, path: np.ndarray) -> None:
    """The way of the optimizer, and where it starts."""
    axes.plot(*path.T, color="black", linewidth=2.6, zorder=3)
    axes.plot(*path.T, color="#E69F00", linewidth=1.4, zorder=4, label="path of the training")
    axes.plot(
        *path[0], marker="o", color="white", markeredgecolor="black", markersize=7,
        linestyle="none", zorder=5, label="start",
    )  # fmt: skip


def _label_losses(axis: Any, surface: Surface, count: int) -> None:
    """Round losses as ticks, also where logarithms are drawn."""
    if not logarithmic(surface.losses):
        axis.set_major_locator(canvas.matplotlib("ticker").MaxNLocator(count))
        return
    z = levels(surface.losses)
    low, high = float(np.nanmin(z)), float(np.nanmax(z))
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        round_ones = [d * 10.0**k for k in powers for d in digits]
        shown = [v for v in round_ones if low <= np.log10(v) <= high]
        if len(shown) <= count:
            break
    axis.set_ticks(np.log10(shown), labels=[number(v) for v in shown])


def draw_surface(axes: Axes, surface: Surface) -> None:
    """The surface in perspective."""
    a, b = np.meshgrid(surface.a, surface.b)
    axes.plot_surface(
        a, b, levels(surface.losses), cmap=canvas.SEQUENTIAL, rcount=200, ccount=200,
        linewidth=0.15, edgecolor=(1, 1, 1, 0.35), antialiased=True,
    )  # fmt: skip
    axes.set_xlabel(surface.names[0].split(" (")[0], labelpad=2)
    axes.set_ylabel(surface.names[1].split(" (")[0], labelpad=2)
    axes.set_zlabel("loss", labelpad=4)
    axes.tick_params(labelsize=8, pad=0)
    _label_losses(axes.zaxis, surface, 7)
    axes.view_init(elev=30, azim=-58)
    axes.set_box_aspect((1, 1, 0.75), zoom=0.86)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_facecolor("white")
        axis.pane.set_edgecolor("#dddddd")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(canvas.matplotlib("ticker").MaxNLocator(4))
