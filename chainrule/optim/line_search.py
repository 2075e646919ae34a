"""How far to go along a direction: the search for a step that meets Wolfe's conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from chainrule.tensor.tensor import Tensor

SUFFICIENT = 1e-4  # c₁: the share of the promised decrease that is asked for
CURVATURE = 0.9  # c₂: the share of the slope that may be left


class Point(NamedTuple):
    """A point x + t d on the line."""

    t: float
    value: float  # f(x + t d)
    gradient: Tensor  # ∇f(x + t d)
    slope: float  # ∇f(x + t d) · d


class WolfeSearch:
    """Finds a step t with  f(x + t d) ≤ f(x) + c₁ t s  and  |∇f(x + t d) · d| ≤ c₂ |s|,
    where s < 0 is the slope at x.

    Args:
        evaluate: t → the point there
        start: the point t = 0
        reach: the largest element of |d|
        tolerance: the shortest move that is worth a value
        limit: how many more values may be computed after the first

    Source: Nocedal and Wright 2006, Algorithms 3.5 and 3.6
    """

    def __init__(
        self,
        evaluate: Callable[[float], Point],
        start: Point,
        reach: float,
        tolerance: float,
        limit: int,
    ) -> None:
        self.evaluate = evaluate
        self.start = start
        self.reach = reach
        self.tolerance = tolerance
        self.limit = limit
        self.rounds = 0

    @property
    def evaluations(self) -> int:
        """How many values have been computed."""
        return self.rounds + 1

    def run(self, t: float) -> Point:
        """The best point found, beginning with the step `t`."""
        before, now = self.start, self.evaluate(t)
        while self.rounds < self.limit:
            if self._too_high(now) or (self.rounds > 1 and now.value >= before.value):
                return self._zoom([before, now])
            if self._flat(now):
                return now
            if now.slope >= 0:
                return self._zoom([before, now])
            bounds = now.t + 0.01 * (now.t - before.t), now.t * 10
            before, now = now, self._next(cubic_minimum(before, now, bounds))
        return self.start if self.start.value <= now.value else now

    def _zoom(self, bracket: list[Point]) -> Point:
        """The lower end of the bracket, which is narrowed until the conditions hold there."""
        low = _lower(bracket)
        stuck = False
        while self.rounds < self.limit:
            ends = sorted(point.t for point in bracket)
            if (ends[1] - ends[0]) * self.reach < self.tolerance:
                break
            t = cubic_minimum(bracket[0], bracket[1], (ends[0], ends[1]))
            t, stuck = _away_from_the_ends(t, ends[0], ends[1], stuck)
            now = self._next(t)
            if self._too_high(now) or now.value >= bracket[low].value:
                bracket[1 - low] = now
                low = _lower(bracket)
                continue
            done = self._flat(now)
            if not done and now.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
                bracket[1 - low] = bracket[low]
            bracket[low] = now
            if done:
                break
        return bracket[low]

    def _next(self, t: float) -> Point:
        self.rounds += 1
        return self.evaluate(t)

    def _too_high(self, point: Point) -> bool:
        promised = self.start.value + SUFFICIENT * point.t * self.start.slope
        return point.value > promised

    def _flat(self, point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * self.start.slope


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through two points with these slopes is lowest; the middle of the
    bounds if it has no minimum."""
    low, high = bounds
    left, right = (a, b) if a.t <= b.t else (b, a)
    width = right.t - left.t
    if width:
        d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
        square = d1 * d1 - a.slope * b.slope
        if square >= 0:
            d2 = math.sqrt(square)
            bottom = right.slope - left.slope + 2 * d2
            if bottom:
                t = right.t - width * ((right.slope + d2 - d1) / bottom)
                return min(max(t, low), high)
    return (low + high) / 2


def _lower(bracket: list[Point]) -> int:
    return 0 if bracket[0].value <= bracket[1].value else 1


def _away_from_the_ends(t: float, left: float, right: float, stuck: bool) -> tuple[float, bool]:
    """t, moved inside when it came close to an end twice; and whether it came close once."""
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if not (stuck or t >= right or t <= left):
        return t, True
    nearer_right = abs(t - right) < abs(t - left)
    return (right - margin if nearer_right else left + margin), False
