"""What a watch does with steps and losses: it counts and keeps them, and looks into the first
loss that is no number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from chainrule.doctor.first_nonfinite import locate
from chainrule.doctor.remembering import RememberingMethods
from chainrule.doctor.training_call import see_arrays

if TYPE_CHECKING:
    from chainrule.doctor.finding import Finding

MOST_LOSSES = 20_000
FIRST_LOSSES = 100  # that are kept for comparison with a trial


class AlarmMethods(RememberingMethods):
    """What a watch offers for that."""

    _alarmed: bool
    _is_fresh: bool
    _steps: dict[int, int]

    def diagnose(self) -> list[Finding]:
        """Go through all checks."""
        raise NotImplementedError

    def step_done(self, optimizer: Any) -> None:
        """Count the steps."""
        self._is_fresh = True
        self._steps[id(optimizer)] = self._steps.get(id(optimizer), 0) + 1
        self.record.step = max(self._steps.values())

    def steps_passed(self, optimizers: list[Any], losses: list[float | None]) -> None:
        """Steps of these optimizers were made, with these losses; only the last of them may be
        no number."""
        record, steps = self._record, self._steps
        for loss in losses[:-1]:
            if loss is not None:
                record.losses.append((record.step, loss))
            for optimizer in optimizers:
                steps[id(optimizer)] += 1
            record.step = max(steps.values())
        for loss in losses[-1:]:
            if loss is not None:
                self.note_loss(loss)
            for optimizer in optimizers:
                self.step_done(optimizer)

    def note_loss(self, loss: float) -> None:
        """The loss of a step; the first that is not finite is looked into at once."""
        record = self.record
        losses = record.losses
        losses.append((record.step, loss))
        if self.notebook is not None:
            self.notebook.loss(record.step, loss, self.optimizers[0].param_groups[0])
        if len(losses) > MOST_LOSSES:
            del losses[FIRST_LOSSES : MOST_LOSSES // 2 : 2]
        if not math.isfinite(loss) and not self._alarmed:
            self._alarmed = True
            with self.schedule.trying:
                self._look_at_data()

    def _look_at_data(self) -> None:
        """Whether NaN went into the step whose loss is the first that is not finite."""
        if self.kept.calls:
            see_arrays(self.record, self.kept.calls[-1])
            if self.record.data.bad_step is None:
                self._locate()
        self.schedule.hasten(self.record.step)  # and look at the next step
        self.diagnose()

    def _locate(self) -> None:
        """Find the first number that is not finite, by running kept steps again."""
        step, state = self._noted, self._state
        since = self.record.step + 1 - step
        if state is None or since > len(self.kept.calls) or self.record.wiring.backwards > 1:
            return
        calls = list(self.kept.calls)[-since:]
        try:
            found = locate(self.model, self.optimizers, state, step, calls)
        except Exception:  # the program's own code, run where it was not meant to be
            return
        self.record.nonfinite = found or self.record.nonfinite
