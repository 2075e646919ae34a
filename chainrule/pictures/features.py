"""Feature space: how hidden layers bend the data until a line divides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.nn.linear import Linear
from chainrule.nn.module import Module
from chainrule.pictures import canvas, given
from chainrule.pictures.boundary import (
    Limits,
    Regions,
    around,
    decision_regions,
    draw_mistakes,
    draw_regions,
)
from chainrule.pictures.canvas import Axes, Figure
from chainrule.pictures.characters import scattered
from chainrule.pictures.projection import components
from chainrule.pictures.undisturbed import (
    Model,
    as_weights,
    called,
    module_named,
    name_of,
    network_of,
    undisturbed,
)
from chainrule.printed import Printed
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

LINES = 13  # of the grid in the plane, each way


@dataclass(frozen=True, repr=False)
class Features(Printed):
    """What a hidden layer makes of points, and a plane to see it in."""

    layer: str
    values: np.ndarray  # (n, d), the features themselves
    origin: np.ndarray  # (d,), where the plane's axes meet
    axes: np.ndarray  # (2, d), its two directions, at right angles and of length 1
    names: tuple[str, str]  # of the axes
    labels: np.ndarray  # (n,)
    borders: tuple[tuple[np.ndarray, float], ...]  # (normal, offset) of the lines that decide

    @property
    def points(self) -> np.ndarray:
        """The features as seen in the plane (n, 2)."""
        return self.project(self.values)

    def project(self, values: np.ndarray) -> np.ndarray:
        """Other features (m, d) as seen in the plane (m, 2)."""
        return (values - self.origin) @ self.axes.T

    def __str__(self) -> str:
        title = f"{self.layer}: {self.names[0]} →, {self.names[1]} ↑"
        return f"{scattered(self.points, self.labels)}\n{title}"


def hidden_features(
    model: Model, points: Any, labels: Any = None, *, layer: str | Module | None = None
) -> Features:
    """The numbers of feature_space; see there.

    Example:
        >>> from chainrule import nn, zeros
        >>> model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
        >>> found = hidden_features(model, zeros(3, 2))
        >>> found.values.shape, found.points.shape
        ((3, 8), (3, 2))
    """
    network = network_of(model, "feature_space")
    x = given.vectors(points, "feature_space")
    known = given.classes(labels, len(x), "feature_space")
    name, values, readout = _reached(network, x, layer)
    names: tuple[str, str]
    borders: tuple[tuple[np.ndarray, float], ...] = ()
    if values.shape[1] == 1:
        values = np.concatenate([values, np.zeros_like(values)], 1)
        origin, axes, names = np.zeros(2), np.eye(2), ("feature 1", "")
    elif values.shape[1] == 2:
        origin, axes, names = np.zeros(2), np.eye(2), ("feature 1", "feature 2")
        borders = _borders(readout)
    elif readout is not None and len(_borders(readout)) == 1:
        origin, axes = _readout_axes(_borders(readout)[0], values)
        names = "distance from the deciding plane", "largest spread along that plane"
        borders = ((np.array([1.0, 0.0]), 0.0),)
    else:
        origin, axes, shares = components(values)
        named = [
            f"component {i + 1} ({100 * s:.0f} % of variance)" for i, s in enumerate(shares)
        ]
        names = named[0], named[1]
    return Features(name, values, origin, axes, names, known, borders)


def _reached(
    network: Module, x: np.ndarray, layer: str | Module | None
) -> tuple[str, np.ndarray, Linear | None]:
    """The layer's name, its values (n, d), and the dense layer that reads them, if known."""
    with undisturbed(network), no_grad():
        _, calls = called(network, as_weights(given.tensor_of(x), network))
        if layer is not None:
            name, module = module_named(network, layer, "feature_space")
            return f"output of {_quoted(name)}", _rows(calls.of(module), name), None
        last = [(m, h) for m, h in calls.inputs if isinstance(m, Linear)]
        if not last:
            raise ArgumentError(
                "CR842",
                "feature_space shows what the last dense layer reads, and this network has no "
                "nn.Linear; say which layer: feature_space(model, points, labels, layer=…)",
            )
        readout, values = last[-1]
        name = name_of(network, readout)
        return f"what {_quoted(name)} reads", _rows(values, name), readout


def _quoted(name: str) -> str:
    return f"layer '{name}'" if name else "the network"


def _rows(values: Any, name: str) -> np.ndarray:
    if not isinstance(values, Tensor) or values.ndim < 2:
        raise ArgumentError(
            "CR842", f"feature_space: layer '{name}' returned no features for each point"
        )
    return given.array(values.flatten(1)).astype(np.float64)


def _borders(readout: Linear | None) -> tuple[tuple[np.ndarray, float], ...]:
    """Where w · h + b = 0 for one output or the difference of two; nothing for more classes."""
    if readout is None or readout.weight.shape[0] > 2:
        return ()
    w = given.array(readout.weight).astype(np.float64)
    b = np.zeros(len(w)) if readout.bias is None else given.array(readout.bias)
    normal, offset = (w[1] - w[0], b[1] - b[0]) if len(w) == 2 else (w[0], b[0])
    return ((normal, float(offset)),) if np.linalg.norm(normal) else ()


def _readout_axes(
    border: tuple[np.ndarray, float], values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The normal of the deciding plane, and the direction along it with the largest spread."""
    normal, offset = border
    length = float(np.linalg.norm(normal))
    across = normal / length
    origin = values.mean(0)
    origin = origin - (origin @ across + offset / length) * across  # lies on the plane
    flat = values - origin
    flat = flat - np.outer(flat @ across, across)
    along = components(flat)[1][0]
    along = along - (along @ across) * across
    return origin, np.stack([across, along / (np.linalg.norm(along) or 1.0)])


def feature_space(
    model: Model,
    points: Any,
    labels: Any = None,
    *,
    layer: str | Module | None = None,
    classes: Sequence[str] | None = None,
    features: tuple[str, str] = ("feature x₁", "feature x₂"),
) -> Figure:
    """The data as the last layer of a classifier gets to see it, next to the data as it is.

    Hidden layers bend the plane until classes that no line divides can be divided by one: the
    grid of the plane is drawn into the feature space, with the deciding line.

    Shapes:  points (n, d), labels (n,); the plane itself is drawn only for d = 2
    Args:
        layer: a name or module, whose output is shown; by default what the last nn.Linear
            reads.
        classes: names for the legend.
        features: names of the axes of the plane.

    Raises: ShapeError (CR841) for the points; ArgumentError (CR842) for a layer that is not
        there; ArgumentTypeError (CR845) for what is no module.
    Notes:   two features are shown as they are. Of more, for two classes: the distance from
        the deciding plane and the direction along it in which the data spreads most; for more
        classes the two principal components.
    Source:  the lecture on hidden layers; Olah 2014, "Neural Networks, Manifolds, and Topology"
    """
    found = hidden_features(model, points, labels, layer=layer)
    x = given.vectors(points, "feature_space")
    names = given.class_names(classes, found.labels)
    wrong = np.zeros(len(x), bool)
    with canvas.drawing():
        if x.shape[1] != 2:
            made, right = canvas.panel(None, 6.0, 5.0)
        else:
            made, ((left, right),) = canvas.panels(1, 2, 5.2, 4.7)
            regions = decision_regions(model, x, labels)
            wrong = regions.predicted != regions.labels
            _draw_plane(left, regions, names, features)
            _draw_grid(right, network_of(model, "feature_space"), found, regions.limits, layer)
        _draw_features(right, found, names)
        draw_mistakes(right, found.points[wrong])
        canvas.legend(right)
    return made


def _draw_plane(
    axes: Axes, regions: Regions, names: Sequence[str], features: tuple[str, str]
) -> None:
    draw_regions(axes, regions)
    for line in _grid(regions.limits):
        axes.plot(*line.T, color=canvas.INK, linewidth=0.5, alpha=0.35)
    canvas.scatter_classes(axes, regions.points, regions.labels, names)
    draw_mistakes(axes, regions.points[regions.predicted != regions.labels])
    axes.set(xlabel=features[0], ylabel=features[1], title="The data as it is")


def _grid(limits: Limits) -> list[np.ndarray]:
    """Lines of 60 points in the plane."""
    left, right, bottom, top = limits
    u, v = np.linspace(left, right, 60), np.linspace(bottom, top, 60)
    across = [np.stack([u, np.full(60, y)], 1) for y in np.linspace(bottom, top, LINES)]
    up = [np.stack([np.full(60, x), v], 1) for x in np.linspace(left, right, LINES)]
    return across + up


def _draw_grid(
    axes: Axes, network: Module, found: Features, limits: Limits, layer: str | Module | None
) -> None:
    """The grid of the plane, where the hidden layers put it."""
    lines = _grid(limits)
    _, values, _ = _reached(network, np.concatenate(lines), layer)
    if values.shape[1] == 1:
        values = np.concatenate([values, np.zeros_like(values)], 1)
    for line in np.split(found.project(values), len(lines)):
        axes.plot(*line.T, color=canvas.INK, linewidth=0.5, alpha=0.35)


def _draw_features(axes: Axes, found: Features, names: Sequence[str]) -> None:
    points = found.points
    canvas.scatter_classes(axes, points, found.labels, names)
    left, right, bottom, top = around(points)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    for (a, b), offset in found.borders:
        across, up = np.array([left, right]), np.array([bottom, top])
        if abs(b) > abs(a):
            up = -(a * across + offset) / b
        else:
            across = -(b * up + offset) / a
        axes.plot(across, up, color=canvas.INK, linewidth=1.6, label="line that decides")
    axes.set(xlabel=found.names[0], ylabel=found.names[1])
    axes.set_title(f"In feature space: {found.layer}")
    axes.set(xlim=(left, right), ylim=(bottom, top))
