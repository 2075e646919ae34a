"""Directions in the space of all weights, and the path of a training through it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.nn.module import Module
from chainrule.nn.transposed_convolution import TransposedConvolution
from chainrule.pictures.given import array
from chainrule.pictures.undisturbed import Model, network_of
from chainrule.train.callback import Callback

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer

Direction = dict[str, np.ndarray]  # an array for each parameter, by name
STRAIGHT = 1e-9  # the share of the variance across it, up to which a path is a straight line


class WeightPath(Callback):
    """Keeps the weights of a training, for the path of the optimizer in loss_landscape.

    A callback of a Trainer; in a loop of one's own, call keep(model) after each step.

    Args: every: steps from one point of the path to the next.

    Raises: ArgumentError (CR848) if every is less than 1.

    Example:
        >>> from chainrule import nn
        >>> path, model = WeightPath(), nn.Linear(2, 1)
        >>> path.keep(model)
        >>> len(path)
        1
    """

    def __init__(self, every: int = 1) -> None:
        if every < 1:
            raise ArgumentError("CR848", f"WeightPath: every is at least 1, got {every}")
        self.every = every
        self.points: list[Direction] = []

    def keep(self, model: Model) -> None:
        """Add what the weights are now."""
        self.points.append(position(network_of(model, "WeightPath")))

    # -- callbacks ---------------------------------------------------------------------------

    def training_begins(self, trainer: Trainer) -> None:
        """The first point is where the training starts."""
        if not self.points:
            self.keep(trainer.model)

    def step_ends(self, trainer: Trainer) -> None:
        """Every so many steps one more."""
        if trainer.step % self.every == 0:
            self.keep(trainer.model)

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Any:
        return iter(self.points)


def position(network: Module) -> Direction:
    """Copies of all weights."""
    return {name: array(p).copy() for name, p in network.named_parameters()}


def filter_normalized(network: Module, source: np.random.Generator) -> Direction:
    """A random direction whose filters are as long as those of the network.

        d ← d ‖w‖ / ‖d‖  for each filter: the weights of one output channel or unit

    Notes: biases and scales, which have one axis only, do not move.
    Source: Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets", §4
    """
    return {
        name: _like_filters(array(p), source, axis)
        for (name, p), axis in zip(network.named_parameters(), _filter_axes(network))
    }


def _filter_axes(network: Module) -> list[int]:
    """Along which axis the filters of each parameter lie."""
    turned = {
        id(module._parameters.get("weight"))
        for module in network.modules()
        if isinstance(module, TransposedConvolution)
    }
    return [1 if id(p) in turned else 0 for p in network.parameters()]


def _like_filters(w: np.ndarray, source: np.random.Generator, axis: int) -> np.ndarray:
    if w.ndim <= 1:
        return np.zeros_like(w)
    others = tuple(i for i in range(w.ndim) if i != axis)
    d = source.standard_normal(w.shape)
    wanted, got = (np.sqrt((v.astype(float) ** 2).sum(others, keepdims=True)) for v in (w, d))
    return (d * (wanted / np.where(got > 0, got, 1))).astype(w.dtype)


def one_weight(network: Module, name: str, index: Sequence[int]) -> Direction:
    """The direction along which a single weight grows.

    Raises: ArgumentError (CR844) for a weight that the network does not have.
    """
    here = position(network)
    if name not in here:
        raise ArgumentError(
            "CR844", f"there is no parameter {name!r}; there are {', '.join(here) or 'none'}"
        )
    shape = here[name].shape
    if len(index) != len(shape) or not all(-n <= i < n for i, n in zip(index, shape)):
        raise ArgumentError(
            "CR844", f"parameter {name!r} has shape {shape}, there is no weight {tuple(index)}"
        )
    found = {each: np.zeros_like(w) for each, w in here.items()}
    found[name][tuple(index)] = 1
    return found


def path_steps(path: Iterable[Mapping[str, Any]], here: Direction) -> list[Direction]:
    """The points of a path as seen from here.

    Raises: ArgumentError (CR844) for fewer than two points, or another network's.
    """
    points = list(path)
    if len(points) < 2:
        raise ArgumentError(
            "CR844",
            f"a path has at least two points, this one has {len(points)}; let a WeightPath "
            "keep the weights of the training: Trainer(…, callbacks=[path])",
        )
    for point in points:
        for name, w in here.items():
            if name not in point or tuple(np.shape(point[name])) != w.shape:
                raise ArgumentError(
                    "CR844", f"the path is another network's: parameter {name!r} does not fit"
                )
    return [
        {name: np.asarray(array(point[name]), w.dtype) - w for name, w in here.items()}
        for point in points
    ]


def inner(a: Direction, b: Direction) -> float:
    """The inner product over all weights."""
    return float(sum(np.vdot(a[name].astype(np.float64), b[name]) for name in a))


def principal(
    steps: Sequence[Direction], spare: Direction
) -> tuple[Direction, Direction, np.ndarray]:
    """The two directions of length 1 in which a path spreads most, and their shares of its
    variance; of a straight path the second is the part of `spare` at right angles to it.

        C = steps - mean,  C Cᵀ = U Λ Uᵀ,  directions: Cᵀ u / √λ,  shares: λ / Σ λ

    Raises: ArgumentError (CR844) for a path that stays where it is.
    Source: Li et al. 2018, §7
    """
    rows = {name: np.stack([step[name].ravel() for step in steps]) for name in steps[0]}
    centred = {name: (x - x.mean(0)).astype(np.float64) for name, x in rows.items()}
    values, vectors = np.linalg.eigh(sum(x @ x.T for x in centred.values()))
    if not values[-1] > 0:
        raise ArgumentError("CR844", "the path of the training stays at one place")
    shares = np.maximum(values[::-1][:2], 0) / np.maximum(values, 0).sum()

    def direction(k: int) -> Direction:
        u = vectors[:, -1 - k] / np.sqrt(values[-1 - k])
        return {name: (u @ x).reshape(steps[0][name].shape) for name, x in centred.items()}

    first = direction(0)
    if shares[1] > STRAIGHT:
        return first, direction(1), shares
    along = inner(spare, first)
    rest = {name: spare[name] - along * first[name] for name in first}
    length = inner(rest, rest) ** 0.5 or 1.0
    return first, {name: d / length for name, d in rest.items()}, shares


def coordinates(steps: Sequence[Direction], first: Direction, second: Direction) -> np.ndarray:
    """Where the points of a path are in the plane of two directions (steps, 2).

    Each is projected at right angles: (a, b) with the least ‖step - a first - b second‖.
    """
    gram = np.array([[inner(u, v) for v in (first, second)] for u in (first, second)])
    products = np.array([[inner(step, d) for d in (first, second)] for step in steps])
    return products @ np.linalg.pinv(gram)
