"""The learning rate: too small, right, too large, on one loss."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import optim
from chainrule.errors import ArgumentError, ShapeError
from chainrule.nn.module import Module
from chainrule.nn.parameter import Parameter
from chainrule.pictures import canvas
from chainrule.pictures.canvas import Axes, Figure
from chainrule.pictures.characters import curves, number
from chainrule.pictures.undisturbed import Model, network_of, undisturbed
from chainrule.printed import Printed
from chainrule.tensor.creation import from_numpy, tensor
from chainrule.tensor.grad_mode import enable_grad, no_grad
from chainrule.tensor.tensor import Tensor
from chainrule.train.where_possible import CompiledWherePossible

SMALL, RIGHT, LARGE = "too small", "right", "too large"
LEFT = 0.05  # the share of the possible descent that a right rate may leave undone
SLACK = 1.5  # how much more than the start a loss is, that has risen


@dataclass(frozen=True, repr=False)
class Runs(Printed):
    """The losses at several learning rates, and what to say about each rate."""

    rates: tuple[float, ...]
    losses: np.ndarray  # (rates, steps + 1); not finite after it diverged
    places: np.ndarray | None = None  # (rates, steps + 1), of a loss of one weight

    @property
    def verdicts(self) -> tuple[str, ...]:
        """For each rate "too small", "right" or "too large".

        Right is what gets within 5 % of the lowest loss that any rate reaches; of the others,
        what is smaller than a right rate is too small, and what is larger, too large.
        """
        start = self.losses[:, 0]
        final = np.where(np.isfinite(self.losses[:, -1]), self.losses[:, -1], np.inf)
        least = float(min(final.min(), start.min()))
        near = final <= least + LEFT * (start - least)
        if not (near & (final < start)).any():
            rising = final > start
            return tuple(LARGE if up else SMALL for up in rising)
        best = float(np.array(self.rates)[int(final.argmin())])
        return tuple(
            RIGHT if close else SMALL if rate < best else LARGE
            for close, rate in zip(near, self.rates)
        )

    def __str__(self) -> str:
        named = zip(self.rates, self.verdicts, self.losses)
        return curves({f"η = {number(rate)}, {verdict}": y for rate, verdict, y in named})


def descent(
    loss: Callable[[Tensor], Tensor] | None = None,
    rates: Sequence[float] = (0.02, 0.3, 1.03),
    *,
    start: float = -2.0,
    steps: int = 12,
) -> Runs:
    """Gradient descent on a loss of one weight, x² by default:  x ← x - η f'(x).

    Example:
        >>> descent(rates=[0.25], start=1.0, steps=3).places.tolist()
        [[1.0, 0.5, 0.25, 0.125]]
    """
    _check(rates, steps)
    function = loss or _square
    places = np.full((len(rates), steps + 1), np.nan)
    losses = places.copy()
    for row, rate in enumerate(rates):
        x = Parameter(tensor(np.float64(start)))
        optimizer = optim.SGD([x], lr=rate)
        for step in range(steps + 1):
            with enable_grad():
                value = function(x)
            if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
                raise ShapeError(
                    "CR841", "learning_rates descends a function of one number, made of tensor "
                    f"operations; it returned {getattr(value, 'shape', type(value).__name__)}",
                )  # fmt: skip
            places[row, step], losses[row, step] = x.item(), value.item()
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    return Runs(tuple(map(float, rates)), losses, places)


def _square(x: Tensor) -> Tensor:
    return x**2


def _check(rates: Sequence[float], steps: int) -> None:
    if not len(rates) or not all(rate > 0 for rate in rates) or steps < 1:
        raise ArgumentError(
            "CR848",
            f"learning rates are above 0 and steps at least 1, got {list(rates)}, {steps}",
        )


def learning_rates(
    loss: Callable[[Tensor], Tensor] | None = None,
    rates: Sequence[float] = (0.02, 0.3, 1.03),
    *,
    start: float = -2.0,
    steps: int = 12,
) -> Figure:
    """Gradient descent on a loss of one weight with rates too small, right and too large.

    Too small creeps; right arrives; too large jumps over the minimum, ever farther.

    Args:
        loss: a function of one number; by default x², for which every rate above 1 diverges.
        rates: the learning rates, one panel for each.
        start: the weight at the beginning.
        steps: of each descent.

    Raises: ArgumentError (CR848) for rates that are not above 0; ShapeError (CR841).
    Source: the lecture on gradient descent; Goodfellow et al. 2016, §4.3
    """
    runs = descent(loss, rates, start=start, steps=steps)
    function = loss or _square
    with canvas.drawing():
        made, (row,) = canvas.panels(1, len(runs.rates) + 1, 3.3, 3.5)
        for position, axes in enumerate(row[:-1]):
            _draw_descent(axes, function, runs, position, abs(start))
        _draw_losses(row[-1], runs)
        canvas.legend(row[-1])
    return made


def _draw_descent(
    axes: Axes, function: Callable[[Tensor], Tensor], runs: Runs, position: int, size: float
) -> None:
    """The loss as a curve, and the steps on it."""
    places = runs.places
    assert places is not None
    known = places[position][np.isfinite(places[position])]
    reach = max(1.25 * size, float(np.abs(known).max()) * 1.08)
    x = np.linspace(-reach, reach, 300)
    with no_grad():
        y = np.array([function(place).item() for place in from_numpy(x)])
    shade = canvas.colour(position)
    axes.plot(x, y, color="#777777", linewidth=1.4)
    axes.plot(
        places[position], runs.losses[position], color=shade, linewidth=1.1, marker="o",
        markersize=5, markeredgecolor="white", markeredgewidth=0.5,
    )  # fmt: skip
    axes.plot(
        places[position, 0], runs.losses[position, 0], "o", color="white",
        markeredgecolor="black", markersize=7, zorder=4,
    )  # fmt: skip
    axes.set(xlabel="weight x", ylabel="loss" if position == 0 else "")
    axes.set_title(f"η = {number(runs.rates[position])}: {runs.verdicts[position]}")


def _draw_losses(axes: Axes, runs: Runs) -> None:
    for position, (rate, verdict, y) in enumerate(zip(runs.rates, runs.verdicts, runs.losses)):
        ends = np.flatnonzero(~np.isfinite(y))
        note = f", not finite at step {ends[0]}" if len(ends) else ""
        axes.plot(
            y, color=canvas.colour(position), linestyle=canvas.dash(position),
            marker=canvas.marker(position), markevery=max(1, len(y) // 8), markersize=5,
            label=f"η = {number(rate)}, {verdict}{note}",
        )  # fmt: skip
    known = runs.losses[np.isfinite(runs.losses)]
    if known.size and known.min() > 0:
        axes.set_yscale("log")
        canvas.plain_logarithms(axes.yaxis)
    axes.xaxis.set_major_locator(canvas.matplotlib("ticker").MaxNLocator(integer=True))
    axes.grid(True)
    axes.set(xlabel="step", ylabel="loss", title="Loss by step")


def training_runs(
    model: Model,
    loss_function: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    targets: Tensor,
    rates: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0),
    *,
    steps: int = 50,
    optimizer: Callable[..., Any] = optim.SGD,
) -> Runs:
    """The numbers of learning_rate_curves; see there.

    Example:
        >>> from chainrule import nn, ones
        >>> line = nn.Linear(1, 1)
        >>> rates = 1e-4, 0.2, 9.0
        >>> training_runs(line, nn.MSELoss(), ones(4, 1), ones(4, 1), rates, steps=9).verdicts
        ('too small', 'right', 'too large')
    """
    _check(rates, steps)
    network = network_of(model, "learning_rate_curves")
    losses = np.full((len(rates), steps + 1), np.nan)
    with undisturbed(network):
        for row, rate in enumerate(rates):
            losses[row] = _train(
                network, loss_function, inputs, targets, optimizer, rate, steps
            )
    return Runs(tuple(map(float, rates)), losses)


def _train(
    network: Module,
    loss_function: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    targets: Tensor,
    make: Callable[..., Any],
    rate: float,
    steps: int,
) -> np.ndarray:
    """The losses of a copy of the network before each step, and after the last."""
    twin = copy.deepcopy(network).train()
    optimizer = make([p for p in twin.parameters() if p.requires_grad], lr=rate)

    def one_step(parts: Any, x: Tensor, y: Tensor) -> Tensor:
        learner, update = parts
        loss = loss_function(learner(x), y)
        update.zero_grad()
        loss.backward()
        update.step()
        return loss

    compiled = CompiledWherePossible(one_step, None, "the training", [], set())
    losses = np.full(steps + 1, np.nan)
    with enable_grad():
        for step in range(steps + 1):
            losses[step] = compiled((twin, optimizer), inputs, targets).item()
            if not np.isfinite(losses[step]):
                break
    return losses


def learning_rate_curves(
    model: Model,
    loss_function: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    targets: Tensor,
    rates: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0),
    *,
    steps: int = 50,
    optimizer: Callable[..., Any] = optim.SGD,
    axes: Axes | None = None,
) -> Figure:
    """The loss of one model trained at several learning rates, from the same weights.

    Args:
        inputs, targets: one batch, on which each copy of the model is trained.
        rates: the learning rates.
        steps: of each training.
        optimizer: makes an optimizer of parameters and lr.
        axes: where to draw; by default in a new figure.

    Raises: ArgumentError (CR848) for rates that are not above 0; ArgumentTypeError (CR845).
    Notes:   copies are trained: the model stays as it is.
    """
    runs = training_runs(
        model, loss_function, inputs, targets, rates, steps=steps, optimizer=optimizer
    )
    with canvas.drawing():
        made, axes = canvas.panel(axes, 7.6, 4.4)
        _draw_losses(axes, runs)
        axes.set_title("One model, several learning rates η")
        canvas.legend(axes, "upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    return made
