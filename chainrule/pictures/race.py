"""Optimizers racing down one surface, all from the same place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chainrule import optim
from chainrule.errors import ArgumentError, ShapeError
from chainrule.nn.parameter import Parameter
from chainrule.pictures import canvas
from chainrule.pictures.boundary import Limits
from chainrule.pictures.canvas import Axes, Figure
from chainrule.pictures.characters import curves, number
from chainrule.printed import Printed
from chainrule.tensor.creation import from_numpy, tensor
from chainrule.tensor.grad_mode import enable_grad, no_grad
from chainrule.tensor.tensor import Tensor

Makers = Mapping[str, Callable[[list[Any]], Any]]  # from parameters to an optimizer


@dataclass(frozen=True)
class TestSurface:
    """A function of two numbers that is hard to descend, in its own way."""

    name: str
    formula: str
    function: Callable[[Tensor, Tensor], Tensor]  # of x and y, element by element
    start: tuple[float, float]
    limits: Limits
    minima: tuple[tuple[float, float], ...]
    rates: Mapping[str, float]  # learning rates that suit it, by optimizer
    steps: int = 200  # after which one sees how they differ
    __test__ = False  # no test, whatever its name says


def _rates(sgd: float, momentum: float, rmsprop: float, adagrad: float, adam: float) -> dict:
    return {
        "SGD": sgd, "Momentum": momentum, "RMSprop": rmsprop, "Adagrad": adagrad, "Adam": adam
    }  # fmt: skip


ROOT = 2**0.5
NOTHING = 1e-12  # a difference that is rounding

#: Sources: Rosenbrock 1960; Beale 1958; Himmelblau 1972, "Applied Nonlinear Programming"
SURFACES = {
    each.name: each
    for each in (
        TestSurface(
            "rosenbrock", "(1 − x)² + 100 (y − x²)²",
            lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
            (-1.2, 1.8), (-2.0, 2.0, -0.8, 3.0), ((1.0, 1.0),),
            _rates(1e-3, 4e-4, 0.02, 0.3, 0.05), 800,
        ),
        TestSurface(
            "beale", "(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²",
            lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2
            + (2.625 - x + x * y**3) ** 2,
            (1.0, 1.6), (-0.5, 4.2, -1.7, 2.0), ((3.0, 0.5),),
            _rates(0.01, 0.0015, 0.02, 0.4, 0.08),
        ),
        TestSurface(
            "saddle", "x² − y² + y⁴ / 4",
            lambda x, y: x**2 - y**2 + y**4 / 4,
            (-1.6, 0.02), (-2.0, 2.0, -1.2, 2.2), ((0.0, ROOT), (0.0, -ROOT)),
            _rates(0.05, 0.03, 0.02, 0.2, 0.05),
        ),
        TestSurface(
            "valley", "x² / 20 + y²",
            lambda x, y: x**2 / 20 + y**2,
            (-7.0, 2.0), (-8.0, 3.0, -3.0, 3.0), ((0.0, 0.0),),
            _rates(0.9, 0.1, 0.1, 1.0, 0.4),
        ),
        TestSurface(
            "himmelblau", "(x² + y − 11)² + (x + y² − 7)²",
            lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
            (-0.5, -1.0), (-5.0, 5.0, -5.0, 5.0),
            ((3.0, 2.0), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848127)),
            _rates(0.01, 0.003, 0.02, 0.8, 0.2),
        ),
    )
}  # fmt: skip

MAKERS: dict[str, Callable[..., Any]] = {
    "SGD": optim.SGD,
    "Momentum": partial(optim.SGD, momentum=0.9),
    "RMSprop": optim.RMSprop,
    "Adagrad": optim.Adagrad,
    "Adam": optim.Adam,
}


@dataclass(frozen=True, repr=False)
class Race(Printed):
    """Where each optimizer went; print() draws its values in a terminal."""

    surface: TestSurface
    paths: dict[str, np.ndarray]  # by optimizer (steps + 1, 2)
    values: dict[str, np.ndarray]  # (steps + 1,); not finite where it diverged

    def __str__(self) -> str:
        return curves({name: np.log10(self._gaps(name)) for name in self.values})

    @property
    def least(self) -> float:
        """The value at the minima; or the least that was found, where none is known."""
        known = [_at(self.surface.function, *place) for place in self.surface.minima]
        found = [v[np.isfinite(v)].min() for v in self.values.values() if np.isfinite(v).any()]
        return float(min(known or found or [0.0]))

    def _gaps(self, name: str) -> np.ndarray:
        """How far above the minimum, at least 1e-12."""
        return np.maximum(self.values[name] - self.least, NOTHING)


def optimizer_paths(
    surface: str | TestSurface | Callable[[Tensor, Tensor], Tensor] = "rosenbrock",
    optimizers: Makers | None = None,
    *,
    start: tuple[float, float] | None = None,
    limits: Limits | None = None,
    steps: int | None = None,
) -> Race:
    """The numbers of optimizer_race; see there.

    Example:
        >>> race = optimizer_paths("valley", steps=3)
        >>> race.paths["SGD"].round(3).tolist()
        [[-7.0, 2.0], [-6.37, -1.6], [-5.797, 1.28], [-5.275, -1.024]]
    """
    where = _surface(surface, start, limits)
    steps = where.steps if steps is None else steps
    if steps < 1:
        raise ArgumentError("CR848", f"optimizer_race: steps is at least 1, got {steps}")
    makers = optimizers or {
        name: partial(make, lr=where.rates[name]) for name, make in MAKERS.items()
    }
    begin = start or where.start
    paths, values = {}, {}
    for name, make in makers.items():
        paths[name], values[name] = _descend(where, make, begin, steps)
    return Race(where, paths, values)


def _surface(
    surface: str | TestSurface | Callable[[Tensor, Tensor], Tensor],
    start: tuple[float, float] | None,
    limits: Limits | None,
) -> TestSurface:
    if isinstance(surface, TestSurface):
        return surface
    if isinstance(surface, str):
        if surface not in SURFACES:
            raise ArgumentError(
                "CR848", f"there is no surface {surface!r}; there are {', '.join(SURFACES)}"
            )
        return SURFACES[surface]
    x, y = start or (-1.0, 1.0)
    size = max(abs(x), abs(y), 1.0) * 1.5
    name = getattr(surface, "__name__", "").replace("<lambda>", "f(x, y)") or "f(x, y)"
    rates = _rates(0.01, 0.003, 0.02, 0.3, 0.1)
    return TestSurface(
        name, "", surface, (x, y), limits or (-size, size, -size, size), (), rates
    )


def _at(function: Callable[[Tensor, Tensor], Tensor], x: float, y: float) -> float:
    with no_grad():
        return function(tensor(np.float64(x)), tensor(np.float64(y))).item()


def _descend(
    surface: TestSurface,
    make: Callable[[list[Any]], Any],
    start: tuple[float, float],
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The places of one optimizer and the values there; what comes after infinity is NaN."""
    place = Parameter(tensor(np.array(start, np.float64)))
    optimizer = make([place])
    path, values = np.full((steps + 1, 2), np.nan), np.full(steps + 1, np.nan)
    for step in range(steps + 1):
        with enable_grad():
            value = surface.function(place[0], place[1])
        _check(value)
        path[step], values[step] = place.detach().numpy(), value.item()
        if not (np.isfinite(values[step]) and np.isfinite(path[step]).all()):
            break
        if step < steps:
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    return path, values


def _check(value: Any) -> None:
    if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
        raise ShapeError(
            "CR841",
            "optimizer_race descends a function of two numbers, x and y, made of tensor "
            f"operations; it returned {getattr(value, 'shape', type(value).__name__)}",
        )


def heights(surface: TestSurface, limits: Limits, count: int = 220) -> tuple[np.ndarray, ...]:
    """x (count,), y (count,), and the surface over them (count, count)."""
    x, y = np.linspace(*limits[:2], count), np.linspace(*limits[2:], count)
    u, v = np.meshgrid(x, y)
    with no_grad():
        z = surface.function(from_numpy(u.copy()), from_numpy(v.copy()))
    if tuple(z.shape) != u.shape:
        raise ShapeError(
            "CR841",
            f"the surface must work element by element: for x and y of shape {u.shape} it "
            f"returned {tuple(z.shape)}",
        )
    return x, y, z.numpy()


def optimizer_race(
    surface: str | TestSurface | Callable[[Tensor, Tensor], Tensor] = "rosenbrock",
    optimizers: Makers | None = None,
    *,
    start: tuple[float, float] | None = None,
    limits: Limits | None = None,
    steps: int | None = None,
) -> Figure:
    """The paths of several optimizers over one surface, and how fast each comes down.

    Args:
        surface: "rosenbrock", "beale", "saddle", "valley", "himmelblau", or any function of two
            tensors x and y that works element by element.
        optimizers: by name, functions from a list of parameters to an optimizer; by default
            SGD, with momentum, RMSprop, Adagrad and Adam, with learning rates that suit.
        start: where all begin.
        limits: left, right, bottom, top of the map.
        steps: that each one makes; by default as many as show how they differ.

    Raises: ArgumentError (CR848) for an unknown surface; ShapeError (CR841) for a function that
        does not return one number for each x and y.
    Source: the lecture on optimization; Goodfellow et al. 2016, §8

    Example:
        >>> from chainrule import optim
        >>> race = optimizer_paths("beale", {"Adam": lambda p: optim.Adam(p, lr=0.1)}, steps=5)
        >>> len(race.paths["Adam"])
        6
    """
    race = optimizer_paths(surface, optimizers, start=start, limits=limits, steps=steps)
    with canvas.drawing():
        made, ((left, right),) = canvas.panels(1, 2, 5.4, 4.7)
        _draw_map(left, race, limits or race.surface.limits)
        _draw_values(right, race)
        left.set_title(f"{race.surface.name.capitalize()}: the darker, the lower")
        right.set_title("How fast each comes down")
    return made


def _draw_map(axes: Axes, race: Race, limits: Limits) -> None:
    x, y, z = heights(race.surface, limits)
    gap = np.log10(np.maximum(z - np.nanmin(z), 0) + 1e-3 * (np.nanmax(z) - np.nanmin(z)))
    axes.contourf(x, y, gap, 24, cmap="Greys_r", alpha=0.55)
    axes.contour(x, y, gap, 12, colors="#777777", linewidths=0.5, linestyles="solid")
    for position, path in enumerate(race.paths.values()):
        axes.plot(*path.T, color="white", linewidth=3.2, zorder=2)
        axes.plot(
            *path.T, color=canvas.colour(position), linewidth=1.8, zorder=3,
            marker=canvas.marker(position), markevery=max(1, len(path) // 12), markersize=5,
        )  # fmt: skip
    axes.plot(
        *next(iter(race.paths.values()))[0], "o", color="white", markeredgecolor="black",
        markersize=9, zorder=4, label="start",
    )  # fmt: skip
    for number_, place in enumerate(race.surface.minima):
        axes.plot(
            *place, marker="*", markersize=14, color="#E69F00", markeredgecolor="black",
            linestyle="none", zorder=4, label="minimum" if number_ == 0 else None,
        )  # fmt: skip
    if race.surface.formula:
        axes.annotate(
            f"f(x, y) = {race.surface.formula}", (0.02, 0.02), xycoords="axes fraction",
            fontsize=8, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )  # fmt: skip
    axes.set(xlim=limits[:2], ylim=limits[2:], xlabel="x", ylabel="y")
    canvas.legend(axes)


def _draw_values(axes: Axes, race: Race) -> None:
    for position, name in enumerate(race.values):
        gaps = race._gaps(name)
        ends = np.flatnonzero(~np.isfinite(race.values[name]))
        last = number(gaps[-1]) if gaps[-1] > NOTHING else f"below {NOTHING}"
        far = f", diverged at step {ends[0]}" if len(ends) else f", in the end {last}"
        axes.plot(
            gaps, color=canvas.colour(position), marker=canvas.marker(position),
            markevery=max(1, len(gaps) // 12), markersize=5, label=name + far,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.grid(True)
    axes.set(xlabel="step", ylabel="f(x, y) − its minimum")
    canvas.legend(axes)


def surfaces() -> Sequence[str]:
    """The names of the surfaces that are built in."""
    return tuple(SURFACES)
