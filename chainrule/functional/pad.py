"""Borders around the last axes of a tensor."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import ArgumentError
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.tensor import Tensor


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """The input inside a border.

    Args:
        pad: (before, after) of the last axis, then of the one before it, and so on; a
            negative number cuts.
        mode: "constant" (`value`, or 0), "reflect" (mirrored at the first and last element,
            which is not repeated), "replicate" (the first and last element again and again)
            or "circular" (the axis from its other end).
    Raises: ArgumentError (CR520) for a pad that does not fit.

    Example:
        >>> import chainrule as cr
        >>> pad(cr.tensor([[1.0, 2.0, 3.0]]), (1, 2), mode="circular")
        tensor([[3., 1., 2., 3., 1., 2.]])
    """
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad) - 1, 2)][::-1]
    if len(pad) % 2 or len(pairs) > input.ndim:
        raise ArgumentError(
            "CR520",
            f"pad={tuple(pad)} for an input {tuple(input.shape)}: expected two numbers for "
            "each padded axis, (before, after), the last axis first",
        )
    if mode == "constant":
        untouched = [(0, 0)] * (input.ndim - len(pairs))
        for size, (before, after) in zip(input.shape[len(untouched) :], pairs, strict=True):
            _kept(size, max(-before, 0), max(-after, 0))
        return input.pad_constant(untouched + pairs, 0 if value is None else value)
    if value:
        raise ArgumentError(
            "CR520", f"pad with mode={mode!r} takes its numbers from the input, not a value"
        )
    for dim, (before, after) in enumerate(pairs, input.ndim - len(pairs)):
        input = _continued(input, dim, before, after, mode)
    return input


def _continued(x: Tensor, dim: int, before: int, after: int, mode: str) -> Tensor:
    """x with elements of its own in front of an axis and behind it."""
    cut = max(-before, 0), max(-after, 0)
    before, after = max(before, 0), max(after, 0)
    if mode == "circular":  # what is cut away does not come back at the other end
        x, cut = _cut(x, dim, *cut), (0, 0)
    _check_border(x.shape[dim], before, after, mode)
    if before or after:
        x = cat(_parts(x, dim, before, after, mode), dim)
    return _cut(x, dim, *cut)


def _parts(x: Tensor, dim: int, before: int, after: int, mode: str) -> list[Tensor]:
    """What goes in front of an axis, x, and what goes behind it."""
    size = x.shape[dim]
    if mode == "reflect":
        first, last = x.narrow(dim, 1, before), x.narrow(dim, size - 1 - after, after)
        parts = [first.flip(dim), x, last.flip(dim)]
    elif mode == "circular":
        parts = [x.narrow(dim, size - before, before), x, x.narrow(dim, 0, after)]
    else:
        first, last = x.narrow(dim, 0, 1), x.narrow(dim, size - 1, 1)
        parts = [_repeated(first, dim, before), x, _repeated(last, dim, after)]
    return [part for part in parts if part.shape[dim]]


def _cut(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    """x without some elements at the ends of an axis."""
    if before == after == 0:
        return x
    return x.narrow(dim, before, _kept(x.shape[dim], before, after))


def _kept(size: int, before: int, after: int) -> int:
    """How many elements of an axis stay when some are cut away."""
    if size < before + after:
        raise ArgumentError(
            "CR520",
            f"padding ({-before}, {-after}) cuts more away than the {size} elements of an axis",
        )
    return size - before - after


def _repeated(element: Tensor, dim: int, times: int) -> Tensor:
    shape = list(element.shape)
    shape[dim] = times
    return element.expand(shape)


def _check_border(size: int, before: int, after: int, mode: str) -> None:
    limits = {"reflect": size - 1, "circular": size, "replicate": float("inf") if size else 0}
    if mode not in limits:
        raise ArgumentError(
            "CR520", f"pad has no mode {mode!r}; choose from constant, {', '.join(limits)}"
        )
    if max(before, after) > max(limits[mode], 0):
        raise ArgumentError(
            "CR520",
            f"{mode} padding ({before}, {after}) of an axis of size {size}: it takes elements "
            f"of the axis itself, so that 0 to {limits[mode]} are possible",
        )
