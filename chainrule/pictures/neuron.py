"""A single neuron: the line at which it changes its mind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.nn.linear import Linear
from chainrule.nn.module import Module
from chainrule.pictures import canvas, given
from chainrule.pictures.boundary import Limits, around
from chainrule.pictures.canvas import Axes, Figure
from chainrule.pictures.characters import number, scattered
from chainrule.pictures.undisturbed import Model, network_of
from chainrule.printed import Printed


@dataclass(frozen=True, repr=False)
class Line(Printed):
    """The line  w · x + b = 0  of a neuron."""

    normal: np.ndarray  # (2,), the weights w: at right angles to the line
    offset: float  # the bias b

    @property
    def distance(self) -> float:
        """How far the origin is from the line, along w:  b / ‖w‖, below 0 on its far side."""
        length = float(np.linalg.norm(self.normal))
        return self.offset / length if length else float("nan")

    @property
    def foot(self) -> np.ndarray:
        """The point of the line nearest to the origin:  -b w / ‖w‖²."""
        return -self.offset * self.normal / (self.normal @ self.normal)

    def value(self, points: np.ndarray) -> np.ndarray:
        """w · x + b of points (n, 2)."""
        return points @ self.normal + self.offset

    def __str__(self) -> str:
        (a, b), c = self.normal, self.offset
        first = "−" if a < 0 else ""
        second, third = ("+" if v >= 0 else "−" for v in (b, c))
        return (
            f"{first}{_times(abs(a))}x₁ {second} {_times(abs(b))}x₂ "
            f"{third} {number(abs(c))} = 0"
        )


def _times(factor: float) -> str:
    """A factor before a variable; 1 is not written."""
    return "" if number(factor) == "1" else f"{number(factor)} "


def neuron_lines(neuron: Model | tuple[Any, Any]) -> list[Line]:
    """The line of each neuron of a dense layer with two inputs; see neuron_line.

    Example:
        >>> from chainrule import tensor
        >>> print(neuron_lines((tensor([3.0, -4.0]), 10.0))[0])
        3 x₁ − 4 x₂ + 10 = 0
    """
    if isinstance(neuron, tuple):
        w, b = (np.asarray(given.array(part), np.float64) for part in neuron)
    else:
        w, b = _weights(network_of(neuron, "neuron_line"))
    w, b = np.atleast_2d(w), np.atleast_1d(b)
    if w.shape != (len(b), 2) or b.ndim != 1:
        raise ShapeError(
            "CR841",
            f"neuron_line draws neurons with two inputs: weights (2,) or (neurons, 2) and a "
            f"bias for each, got {w.shape} and {b.shape}",
        )
    return [Line(normal, float(offset)) for normal, offset in zip(w, b)]


def _weights(network: Module) -> tuple[np.ndarray, np.ndarray]:
    """Weights and biases of the first dense layer."""
    for module in network.modules():
        if isinstance(module, Linear):
            w = given.array(module.weight).astype(np.float64)
            b = None if module.bias is None else given.array(module.bias).astype(np.float64)
            return w, np.zeros(len(w)) if b is None else b
    raise ArgumentError("CR842", "neuron_line draws the first nn.Linear, and here is none")


def neuron_line(
    neuron: Model | tuple[Any, Any],
    points: Any = None,
    labels: Any = None,
    *,
    classes: Sequence[str] | None = None,
    features: tuple[str, str] = ("input x₁", "input x₂"),
    limits: Limits | None = None,
    axes: Axes | None = None,
) -> Figure:
    """The line  w₁ x₁ + w₂ x₂ + b = 0  of a neuron, with its weights as an arrow.

    The neuron answers with more than 0 on the side the arrow points to. The bias moves the
    line, the weights turn it. Of a layer, all neurons are drawn.

    Args:
        neuron: a module, whose first nn.Linear is drawn; or weights and bias, as a pair.
        points, labels: data (n, 2) and classes (n,) to draw with it.
        classes: names for the legend.
        features: names of the axes.
        limits: left, right, bottom, top.
        axes: where to draw; by default in a new figure.

    Raises: ShapeError (CR841) for neurons that do not have two inputs, or points.
    Source: the lecture on the perceptron; Rosenblatt 1958
    """
    lines = neuron_lines(neuron)
    x = np.zeros((0, 2)) if points is None else given.plane(points, "neuron_line")
    known = given.classes(labels, len(x), "neuron_line")
    limits = limits or _limits(lines, x)
    with canvas.drawing():
        made, axes = canvas.panel(axes, 5.6, 5.2)
        for position, line in enumerate(lines):
            _draw(axes, line, limits, position, alone=len(lines) == 1)
        canvas.scatter_classes(axes, x, known, given.class_names(classes, known))
        axes.axhline(0, color="#bbbbbb", linewidth=0.7, zorder=0)
        axes.axvline(0, color="#bbbbbb", linewidth=0.7, zorder=0)
        axes.set(xlim=limits[:2], ylim=limits[2:], aspect="equal")
        axes.set(xlabel=features[0], ylabel=features[1])
        many = f"The lines of {len(lines)} neurons"
        axes.set_title(f"One neuron: {lines[0]}" if len(lines) == 1 else many)
        canvas.legend(axes)
    return made


def _limits(lines: Sequence[Line], x: np.ndarray) -> Limits:
    """A square around the points, or around the origin and where the lines pass by it."""
    feet = [line.foot for line in lines if line.normal.any()]
    left, right, bottom, top = around(x if len(x) else np.array([np.zeros(2), *feet]))
    half = max(right - left, top - bottom, 1e-2 if len(x) else 2.0) / 2 * 1.15
    u, v = (left + right) / 2, (bottom + top) / 2
    return u - half, u + half, v - half, v + half


def _draw(axes: Axes, line: Line, limits: Limits, position: int, alone: bool) -> None:
    """The line, its positive side, and its weights as an arrow."""
    if not line.normal.any():
        return
    left, right, bottom, top = limits
    size = max(right - left, top - bottom)
    across = line.normal / np.linalg.norm(line.normal)
    along = np.array([-across[1], across[0]])
    middle = np.array([left + right, bottom + top]) / 2
    foot = middle - line.value(middle) / np.linalg.norm(line.normal) * across  # on the line
    ends = foot + np.outer([-3 * size, 3 * size], along)
    shade = canvas.colour(position)
    name = "w · x + b = 0" if alone else f"neuron {position}"
    axes.plot(*ends.T, color=shade, linestyle=canvas.dash(position), label=name, zorder=2)
    if alone:
        corners = np.concatenate([ends, ends[::-1] + 6 * size * across])
        axes.fill(*corners.T, color=shade, alpha=0.10, linewidth=0, label="w · x + b > 0")
    tip = foot + (0.16 if alone else 0.08) * size * across
    axes.annotate(
        "", tip, foot, arrowprops={"arrowstyle": "-|>", "color": shade, "lw": 1.8}, zorder=4
    )
    if alone:
        place = tip + 0.03 * size * across
        axes.text(*place, "w", color=shade, weight="bold", ha="center", va="center")


def neuron_text(neuron: Model | tuple[Any, Any], points: Any, labels: Any = None) -> str:
    """The line of a neuron and points, in characters, for a terminal."""
    (line, *_) = neuron_lines(neuron)
    x = given.plane(points, "neuron_line")
    limits = _limits([line], x)
    u, v = np.linspace(*limits[:2], 200), np.linspace(*limits[2:], 200)
    side = line.value(np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)) > 0
    known = given.classes(labels, len(x), "neuron_line")
    return f"{scattered(x, known, limits, side.reshape(200, 200).astype(int))}\n{line}"
