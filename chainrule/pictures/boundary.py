"""The decision boundary of a classifier of points in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.pictures import canvas, given
from chainrule.pictures.canvas import Axes, Figure
from chainrule.pictures.characters import scattered
from chainrule.pictures.undisturbed import Model, probabilities, scores
from chainrule.printed import Printed

Limits = tuple[float, float, float, float]


@dataclass(frozen=True, repr=False)
class Regions(Printed):
    """Which class a model sees where in the plane; print() draws it in a terminal."""

    x1: np.ndarray  # (columns,)
    x2: np.ndarray  # (rows,)
    probabilities: np.ndarray  # (rows, columns, k)
    points: np.ndarray  # (n, 2)
    labels: np.ndarray  # (n,)
    predicted: np.ndarray  # (n,), the classes that the model gives the points

    @property
    def decisions(self) -> np.ndarray:
        """The class at each place (rows, columns)."""
        return self.probabilities.argmax(-1)

    @property
    def accuracy(self) -> float:
        """The share of the points that are given their own class."""
        return float((self.predicted == self.labels).mean())

    @property
    def limits(self) -> Limits:
        """Left, right, bottom, top."""
        ends = self.x1[0], self.x1[-1], self.x2[0], self.x2[-1]
        return tuple(map(float, ends))  # type: ignore[return-value]

    def __str__(self) -> str:
        drawn = scattered(self.points, self.labels, self.limits, self.decisions)
        return f"{drawn}\n{100 * self.accuracy:.1f} % of {len(self.labels)} points right"


def decision_regions(
    model: Model,
    points: Any,
    labels: Any = None,
    *,
    resolution: int = 200,
    limits: Limits | None = None,
    outputs: str = "auto",
) -> Regions:
    """The numbers of decision_boundary; see there."""
    x = given.plane(points, "decision_boundary")
    if resolution < 2:
        raise ArgumentError("CR848", f"resolution is at least 2, got {resolution}")
    left, right, bottom, top = limits or around(x)
    x1, x2 = np.linspace(left, right, resolution), np.linspace(bottom, top, resolution)
    grid = np.stack(np.meshgrid(x1, x2), -1).reshape(-1, 2)
    found = scores(model, given.tensor_of(np.concatenate([grid, x])))
    shares = probabilities(found, outputs)
    known = given.classes(labels, len(x), "decision_boundary")
    predicted = shares[len(grid) :].argmax(1)
    return Regions(
        x1, x2, shares[: len(grid)].reshape(resolution, resolution, -1), x,
        predicted if labels is None else known, predicted,
    )  # fmt: skip


def around(x: np.ndarray, margin: float = 0.12) -> Limits:
    """A rectangle around points, a little larger than they need."""
    low, high = x.min(0), x.max(0)
    more = np.maximum((high - low) * margin, 1e-3)
    low, high = low - more, high + more
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def decision_boundary(
    model: Model,
    points: Any,
    labels: Any = None,
    *,
    classes: Sequence[str] | None = None,
    features: tuple[str, str] = ("feature x₁", "feature x₂"),
    resolution: int = 200,
    limits: Limits | None = None,
    outputs: str = "auto",
    axes: Axes | None = None,
) -> Figure:
    """Where in the plane a classifier sees which class, and how sure it is.

    The colour is that of the most likely class, the paler the less likely it is; the boundary
    is drawn black, and points on the wrong side of it wear a ring.

    Shapes:  points (n, 2), labels (n,) → outputs of the model (n, k), or (n, 1) or (n,) for
        two classes

    Args:
        model: a module, compiled or not; or a function of points, which is called as it is:
            networks in it should be in evaluation mode.
        labels: the true classes; by default those that the model sees.
        classes: names for the legend.
        features: names of the axes, with units.
        resolution: places along each axis at which the model is asked.
        limits: left, right, bottom, top; by default around the points.
        outputs: "logits", "probabilities", or "auto", which tells by their values.
        axes: where to draw; by default in a new figure.

    Raises: ShapeError for points (CR841) or outputs (CR845) of another shape.

    Example:
        >>> from chainrule import data, nn
        >>> points, _ = data.xor(8).tensors
        >>> decision_regions(nn.Linear(2, 2), points, resolution=9).decisions.shape
        (9, 9)
    """
    regions = decision_regions(
        model, points, labels, resolution=resolution, limits=limits, outputs=outputs
    )
    k = regions.probabilities.shape[-1]
    names = given.class_names(classes, regions.labels, k)
    with canvas.drawing():
        made, axes = canvas.panel(axes, 6.2, 5.0)
        draw_regions(axes, regions)
        canvas.scatter_classes(axes, regions.points, regions.labels, names)
        draw_mistakes(axes, regions.points[regions.predicted != regions.labels])
        axes.set(xlabel=features[0], ylabel=features[1])
        right = f", {100 * regions.accuracy:.1f} % of {len(regions.points)} points right"
        axes.set_title("Decision boundary" + (right if labels is not None else ""))
        canvas.legend(axes)
    return made


def draw_regions(axes: Axes, regions: Regions) -> None:
    """The classes as colours, and the boundary between them."""
    shares = regions.probabilities
    k = shares.shape[-1]
    best = shares.argmax(-1)
    table = canvas.matplotlib("colors").to_rgba_array([canvas.colour(i) for i in range(k)])
    sure = (shares.max(-1) - 1 / k) / (1 - 1 / k)  # 0 … 1
    strength = (0.08 + 0.34 * np.clip(sure, 0, 1))[..., None]
    image = 1 - strength * (1 - table[best][..., :3])
    axes.imshow(
        image, origin="lower", extent=regions.limits, aspect="auto", interpolation="bilinear"
    )
    for number in range(k if k > 2 else 1):
        others = np.delete(shares, number, -1).max(-1)
        lead = shares[..., number] - others
        if lead.min() < 0 < lead.max():
            axes.contour(
                regions.x1, regions.x2, lead, levels=[0], colors=canvas.INK, linewidths=1.4
            )
    axes.set(xlim=regions.limits[:2], ylim=regions.limits[2:])


def draw_mistakes(axes: Axes, wrong: np.ndarray) -> None:
    """A ring around each point (n, 2) on the wrong side: its class stays to be seen."""
    if len(wrong):
        axes.scatter(
            *wrong.T, s=90, facecolors="none", edgecolors="black", linewidths=1.4, zorder=4,
            label="on the wrong side",
        )  # fmt: skip
