"""What a watch remembers: facts, the latest steps, and the state before some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.compiler.rollback import Rollback
from chainrule.doctor.facts import Look, Record
from chainrule.doctor.kept_calls import KeptCalls
from chainrule.doctor.quiet import QuietSteps
from chainrule.doctor.schedule import Schedule
from chainrule.nn.module import Module

if TYPE_CHECKING:
    from chainrule.doctor.glance import Glance
    from chainrule.doctor.look import StepLook
    from chainrule.doctor.notebook import Notebook


class RememberingMethods:
    """What a watch does for that."""

    model: Module
    optimizers: list[Any]
    schedule: Schedule
    notebook: Notebook | None
    quiet: QuietSteps
    _record: Record
    _kept: KeptCalls
    _looking: StepLook | None
    _glance: Glance | None
    _start: Rollback | None  # the state before the first step
    _state: Rollback | None  # that before another one
    _noted: int  # its number
    _judged: tuple[int, bool]  # how many losses were known, and whether they had fallen

    @property
    def record(self) -> Record:
        """The facts, up to now."""
        self._catch_up()
        return self._record

    @property
    def seen(self) -> tuple[list[Look], list[Look]]:
        """The looks and the glances, for those who ask at every step: it is not taken note of
        steps that passed, at which nobody looked."""
        return self._record.looks, self._record.glances

    @property
    def kept(self) -> KeptCalls:
        """The latest steps."""
        self._catch_up()
        return self._kept

    @property
    def _idle(self) -> list[Any]:
        """The optimizers that have not made a step yet."""
        raise NotImplementedError

    def lets_pass(self) -> bool:
        """Whether steps like the last one may pass; as long as nothing is due."""
        is_busy = self._looking is not None or self._glance is not None
        if is_busy or self._idle or self.notebook is not None or not self.model.training:
            return False
        self.quiet.left = self.schedule.pause(self._record.step, self._judged[1])
        return True

    def wake(self) -> None:
        """Something happens: the next step does not pass quietly."""
        self.quiet.left = 0
        self._catch_up()

    def _catch_up(self) -> None:
        """Take note of the steps that passed."""
        if self.quiet.calls:
            with self.schedule.hearing:
                for follower, calls in self.quiet.take():
                    follower.pass_on(self, calls)  # type: ignore[arg-type]

    def _note_state(self) -> Rollback:
        """Note the state of model and optimizers now, before a step; at the first one, that is
        where the training began."""
        self._noted, self._state = self.record.step, Rollback(self.model, self.optimizers)
        self._start = self._start or self._state
        return self._state

    def _note_first_state(self) -> None:
        """The same, if it was never done."""
        if self._start is None:
            self._note_state()
