"""Thinning: which steps are written, so that a long training does not drown its journal."""

from __future__ import annotations

import math
from dataclasses import dataclass

WHOLE = 2_000  # steps that are written until their number has doubled


@dataclass(frozen=True)
class Moment:
    """One step."""

    step: int
    loss: float
    rate: float


class Thinning:
    """Passes on all of the first 4,000 steps, and 2,000 more each time their number doubles.

    Notes: of each stretch of later steps those with the lowest and the highest loss are passed
        on, and a loss that is not finite as soon as it appears: no peak is lost.

    Example:
        >>> thinning = Thinning()
        >>> sum(len(thinning.add(Moment(s, 1 / s, 0.1))) for s in range(1, 100_001))
        13122
    """

    def __init__(self) -> None:
        self._waiting: list[Moment] = []
        self._was_finite = True

    def add(self, moment: Moment) -> list[Moment]:
        """One more step; those that are to be written now."""
        self._waiting.append(moment)
        was_finite, self._was_finite = self._was_finite, math.isfinite(moment.loss)
        stretch = max(1, 2 * (2 ** int(math.log2(max(1.0, moment.step / WHOLE)))))
        lost = was_finite and not self._was_finite
        if moment.step <= WHOLE or lost or len(self._waiting) >= stretch:
            return self.rest()
        return []

    def rest(self) -> list[Moment]:
        """What of the last, unfinished stretch is to be written."""
        waiting, self._waiting = self._waiting, []
        finite = [moment for moment in waiting if math.isfinite(moment.loss)]
        kept = [moment for moment in waiting if not math.isfinite(moment.loss)][:1]
        if finite:
            kept += [min(finite, key=_loss), max(finite, key=_loss)]
        return sorted({moment.step: moment for moment in kept}.values(), key=_step)


def _loss(moment: Moment) -> float:
    return moment.loss


def _step(moment: Moment) -> int:
    return moment.step
