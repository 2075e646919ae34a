"""Activation functions and their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import nn
from chainrule.errors import ArgumentError, ShapeError
from chainrule.pictures import canvas
from chainrule.pictures.canvas import Axes, Figure
from chainrule.pictures.characters import curves
from chainrule.printed import Printed
from chainrule.tensor.creation import from_numpy
from chainrule.tensor.grad_mode import enable_grad
from chainrule.tensor.gradient import grad
from chainrule.tensor.tensor import Tensor

#: those of the lectures, and those of the networks of today
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "ReLU": nn.ReLU, "LeakyReLU": nn.LeakyReLU,
    "ELU": nn.ELU, "GELU": nn.GELU, "SiLU": nn.SiLU, "Softplus": nn.Softplus,
}  # fmt: skip

Functions = Sequence[str | Callable[..., Any]] | Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, repr=False)
class Activation(Printed):
    """An activation function and its derivative; print() draws both in a terminal."""

    name: str
    x: np.ndarray
    y: np.ndarray
    slope: np.ndarray  # dy/dx

    def __str__(self) -> str:
        return curves({f"{self.name} f": self.y, f"{self.name} f′": self.slope})


def activation_curves(
    functions: Functions | None = None,
    span: tuple[float, float] = (-5.0, 5.0),
    count: int = 400,
) -> list[Activation]:
    """The numbers of activation_functions; see there.

    Example:
        >>> (sigmoid,) = activation_curves(["Sigmoid"], (-1.0, 1.0), 3)
        >>> sigmoid.slope.round(4).tolist()
        [0.1966, 0.25, 0.1966]
    """
    low, high = span
    if not (low < high and np.isfinite([low, high]).all()) or count < 2:
        raise ArgumentError("CR848", f"span goes from low to high, got {span}, {count} points")
    return [
        _curve(name, function, np.linspace(low, high, count))
        for name, function in _named(functions).items()
    ]


def _named(functions: Functions | None) -> dict[str, Callable[..., Any]]:
    if functions is None:
        return {name: make() for name, make in ACTIVATIONS.items()}
    if isinstance(functions, Mapping):
        return dict(functions)
    found: dict[str, Callable[..., Any]] = {}
    for each in functions:
        if not isinstance(each, str):
            found[getattr(each, "__name__", None) or type(each).__name__] = each
        elif isinstance(kind := getattr(nn, each, None), type) and issubclass(kind, nn.Module):
            found[each] = kind()
        else:
            raise ArgumentError(
                "CR848",
                f"there is no activation nn.{each}; some are {', '.join(ACTIVATIONS)}, or give "
                "the function itself",
            )
    return found


def _curve(name: str, function: Callable[..., Any], x: np.ndarray) -> Activation:
    """f(x) and f'(x): each f(xᵢ) depends on xᵢ only, so ∂ Σ f / ∂xᵢ = f'(xᵢ)."""
    place = from_numpy(x.copy()).requires_grad_()
    with enable_grad():
        y = function(place)
        if not isinstance(y, Tensor) or y.shape != place.shape:
            raise ShapeError(
                "CR841",
                f"activation_functions draws functions of one number; {name} made of shape "
                f"{tuple(x.shape)} {tuple(getattr(y, 'shape', ())) or type(y).__name__}",
            )
        slope = grad(y.sum(), place, allow_unused=True)[0] if y.requires_grad else None
    slopes = np.zeros_like(x) if slope is None else slope.numpy()
    return Activation(name, x, y.detach().numpy(), slopes)


def activation_functions(
    functions: Functions | None = None, *, span: tuple[float, float] = (-5.0, 5.0)
) -> Figure:
    """Activation functions, each with its derivative, as computed by automatic differentiation.

    Args:
        functions: names of layers of chainrule.nn, or functions, or both by name in a dict; by
            default the eight that are used most.
        span: from which input to which.

    Raises: ArgumentError (CR848) for an unknown name; ShapeError (CR841) for a function that
        does not work on each number by itself, such as a softmax.
    Source: the lecture on activation functions; Goodfellow et al. 2016, §6.3
    """
    found = activation_curves(functions, span)
    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    with canvas.drawing():
        made, grid = canvas.panels(rows, columns, 2.9, 2.6, sharex=True, sharey=True)
        for axes, curve in zip(grid.flat, found):
            _draw(axes, curve)
        for axes in list(grid.flat)[len(found) :]:
            axes.set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel("output")
        for axes in grid[-1]:
            axes.set_xlabel("input x")
        handles, names = grid[0, 0].get_legend_handles_labels()
        made.legend(handles, names, loc="outside upper right", ncols=2)
        low = min(min(c.y.min(), c.slope.min()) for c in found)
        high = max(max(c.y.max(), c.slope.max()) for c in found)
        grid[0, 0].set_ylim(max(low, -2.2) - 0.15, min(high, 3.0) + 0.15)
    return made


def _draw(axes: Axes, curve: Activation) -> None:
    axes.axhline(0, color="#999999", linewidth=0.7)
    axes.axvline(0, color="#999999", linewidth=0.7)
    axes.plot(curve.x, curve.y, color=canvas.colour(0), label="f(x)")
    axes.plot(
        curve.x,
        _broken(curve),
        color=canvas.colour(1),
        linestyle="--",
        label="derivative f′(x)",
    )
    axes.grid(True)
    axes.set_title(f"{curve.name}")
    axes.annotate(
        f"largest slope {curve.slope.max():.2f}", (0.03, 0.93), xycoords="axes fraction",
        fontsize=8.5, color="#444444",
    )  # fmt: skip


def _broken(curve: Activation) -> np.ndarray:
    """The derivative with a gap where it jumps, so that no line pretends to be there."""
    slope = curve.slope.astype(np.float64).copy()
    jumps = np.abs(np.diff(slope))
    usual = np.abs(np.diff(slope[np.isfinite(slope)])).mean() if len(slope) > 2 else 0.0
    slope[1:][jumps > max(0.25, 20 * usual)] = np.nan
    return slope
