"""Checks of values: operations, so that a compiled function makes them at every call."""

from __future__ import annotations

from chainrule.errors import ArgumentError, AxisError
from chainrule.ops.primitive import Primitive


class InRange(Primitive):
    """x itself, if all its numbers are from 0 to limit - 1.

    Args:    what: the function that asks; of: what the numbers are; among: what they count.
    Raises:  AxisError (CR512), in forward.
    """

    widens_halves = False

    def forward(x, *, limit, what, of, among):
        if not x.size or (x.min() >= 0 and x.max() < limit):
            return x
        wrong = x[(x < 0) | (x >= limit)]
        repair = f"{of}s start at 0" if wrong.min() == limit else f"are these the right {of}s?"
        raise AxisError(
            "CR512",
            f"{what}: {of} {wrong.flat[0]} is out of range; with {limit} {among} the {of}s are "
            f"0 to {limit - 1} ({wrong.size} of {x.size} are not; {repair})",
        )

    def shape(x, *, limit, what, of, among):
        return x


class Probabilities(Primitive):
    """x itself, if all its numbers are from 0 to 1.

    Args:    what: the function that asks; of: what x is to it; repair: what to do otherwise.
    Raises:  ArgumentError (CR517), in forward.
    """

    def forward(x, *, what, of, repair):
        if not x.size or 0 <= x.min() <= x.max() <= 1:
            return x
        raise ArgumentError(
            "CR517",
            f"{what} takes probabilities from 0 to 1; the {of} goes from "
            f"{x.min():.4g} to {x.max():.4g}: {repair}",
        )

    def shape(x, *, what, of, repair):
        return x

    def vjp_x(g):
        return g
