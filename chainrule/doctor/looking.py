"""How a watch comes to its looks: when one begins, what becomes of it, what it may cost."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.compiler.rollback import Rollback
from chainrule.doctor.accounts import Account
from chainrule.doctor.checks.generalization import teaches_nothing
from chainrule.doctor.checks.wiring import MOST_STALE
from chainrule.doctor.ears import Calls, Ear
from chainrule.doctor.facts import Look
from chainrule.doctor.glance import Glance, is_alarming, is_lost
from chainrule.doctor.guarded import Guarded
from chainrule.doctor.inside import Inside
from chainrule.doctor.look import StepLook
from chainrule.doctor.reasoning import is_suspicious
from chainrule.doctor.remembering import RememberingMethods
from chainrule.doctor.shadow import Enough, run_shadow, shadow_of
from chainrule.doctor.training_call import CompiledCall
from chainrule.doctor.wiring import StaleGradients, read_wiring
from chainrule.ir.graph import Variable

MOST_LOOKS = 400
NOTED = 32  # steps, at least, from one state that is noted to the next
LATEST = 10  # losses whose mean counts
CLEARLY, LEAST = 3.0, 0.2  # standard errors, and share of the loss, by which it has fallen
GAINED = 0.8  # of the first loss, below which there is something to lose


class LookingMethods(RememberingMethods):
    """What a watch does for that."""

    diagnose: Callable[[], Any]
    _ear: Ear
    _stale: StaleGradients
    _steps: dict[int, int]
    _updates: list[CompiledCall]
    _shadowing: bool
    _is_fresh: bool
    _is_enough: bool
    _is_past: bool
    _is_cleared: bool
    _seen: set[int]
    _count_stale: Callable[..., None]
    _unfinished: bool
    _mistakes: list[str]
    _lowest: float
    _symptoms: int

    # -- beginning and end --------------------------------------------------------------------

    def _is_due(self, is_extra: bool, is_inside: bool = False) -> bool:
        return self.schedule.is_due(self.record.step, is_extra, self._is_learning, is_inside)

    def _judge_losses(self) -> None:
        """See whether the loss has fallen, and risen again, whenever so many more are known."""
        known = len(self.record.losses) // LATEST
        if self._judged[0] != known:
            self._judged = known, self._has_fallen()
            if self._is_worse():
                self.schedule.alarm(self.record.step)

    def _is_learning(self) -> bool:
        """Whether the loss has fallen clearly."""
        return self._judged[1]

    def _has_fallen(self) -> bool:
        """Whether the loss has fallen, and by more than it goes up and down."""
        losses = self.record.losses
        if len(losses) < 2 * LATEST:
            return False
        first, spread_first = _mean_and_variance([loss for _, loss in losses[:LATEST]])
        last, spread_last = _mean_and_variance([loss for _, loss in losses[-LATEST:]])
        noise = ((spread_first + spread_last) / LATEST) ** 0.5
        fall = first - last
        return fall > CLEARLY * noise and fall > LEAST * abs(first)

    def _is_worse(self) -> bool:
        """Whether half of what the loss had fallen by is lost again."""
        first, last = self.record.mean_loss(0, LATEST), self.record.mean_loss(-LATEST, None)
        few = len(self.record.losses) < 2 * LATEST
        if first is None or last is None or few or self.record.adversarial:
            return False
        self._lowest = min(last, self._lowest)
        return self._lowest < GAINED * first and last > (first + self._lowest) / 2

    def _begin_look(self) -> Rollback | None:
        """Returns: the state before the look, if it was noted: not every few steps."""
        step = self.record.step
        is_noted = self._start is None or step - self._noted >= NOTED
        state = self._note_state() if is_noted else None
        read_wiring(self.record.wiring, self.model, self.optimizers)
        self._looking = StepLook(self.model, self.record, self.optimizers)
        self._stale.find_probes()
        self._glance = None
        self.schedule.begins(step)
        self._ear.come_close()
        return state

    def _drop_look(self) -> None:
        """What was looked at did not end."""
        self._looking, self._unfinished = None, False
        self._ear.step_back()

    def _end_look(self) -> None:
        looking = self._looking
        if looking is None or not looking.is_over:
            return
        self._drop_look()
        add(self.record.looks, looking.finish())
        self.schedule.ends()
        if not self._shadowing:  # what is told then would be taken back
            self._tell_of_look()

    def _tell_of_look(self) -> None:
        if self.notebook is not None:
            self.notebook.look(self.record.looks[-1])
        self.diagnose()
        if self._is_followed():
            self.schedule.follow()

    def _is_followed(self) -> bool:
        """Whether the last look shows what is told of if it is seen once more."""
        if 0 < self.record.wiring.stale_steps <= MOST_STALE:
            return True
        return self.schedule.may_follow and is_suspicious(self.record, self._symptoms)

    def _looks(self, account: Account | None = None) -> Guarded:
        """Inside, time counts, as that of looks or of this account, and an error is not one of
        the training."""
        return Guarded(self, account or self.schedule.looking)

    def failed(self, error: BaseException) -> bool:
        """An error in such a block; whether the training goes on, without the doctor."""
        self._drop_look()
        self._glance = None
        if not isinstance(error, Exception):
            return False
        self.schedule.is_over = True
        self._mistakes.append(f"{type(error).__name__}: {error}")
        return True

    def tell_mistakes(self) -> None:
        """Warn of those errors, where warnings are shown."""
        while self._mistakes and not self._shadowing:
            warnings.warn(
                f"the doctor stopped looking, and the training goes on without it: "
                f"{self._mistakes.pop()}",
                stacklevel=3,
            )

    # -- compiled steps -----------------------------------------------------------------------

    def _look_at_compiled(self, call: CompiledCall, follower: Calls) -> None:
        """Look at a call of a compiled function that is about to run, if it is time to.

        Notes: what is the same at every call is seen when the forward pass is run once more,
            eagerly. All later looks are taken from inside the step itself, where that shows
            enough. Gradients and weights are seen at the step in any case, if it makes the
            gradients in one backward pass and leaves them.
        """
        self._updates.clear()
        self._judge_losses()
        is_fresh, self._is_fresh, state = self._is_fresh, False, None
        if self._looking is None and not self.schedule.is_near(self.record.step):
            self._begin_glance(follower)
            return
        is_plain, is_inside = follower.backwards == 1 and not self._is_cleared, False
        with self._looks():
            is_inside = is_plain and follower.inside.covers_a_look
        if self._looking is None and is_fresh and self._is_due(True, is_inside):
            with self._looks():
                state = self._begin_look()
                self._seen.clear()
        looking = self._looking
        if looking is None:
            self._begin_glance(follower)
        elif id(call.function) not in self._seen:
            self._seen.add(id(call.function))
            absent = self._stale.absent()
            if is_inside and follower.inside.may_clear <= absent:
                self._look_inside(follower.inside, looking)
                return
            self._is_enough = is_plain
            self.shadow(call.function, call.args, call.kwargs, state)
            if self._looking is looking and looking.fixed is not None:
                follower.inside.learn(looking.fixed, absent, self._stale.seen_cleared)

    def _look_inside(self, inside: Inside, looking: StepLook) -> None:
        """Look at the step itself while it runs."""
        self._stale.backward_begins()
        self._stale.are_cleared(inside.clears)

        def see(variable: Variable, value: Callable[[], np.ndarray]) -> None:
            if self._looking is looking:
                with self._looks():
                    inside.see(looking, variable, value())

        with self._looks():
            inside.begins(looking)
            inside.show(see)

    def _begin_glance(self, follower: Calls) -> None:
        """Glance at the step, if it is time to: at its layers, where they can be seen."""
        step, last = self.record.step, self.record.last
        if self._glance is not None or last is None or last.step == step:
            return
        if step == self.schedule.first + 1 and self._may_pile_up(follower):
            self.schedule.suspects(step)
        if not self.schedule.is_glance_due(step):
            return
        with self._looks(self.schedule.glancing):
            glance = self._glance = Glance(self.model, self.optimizers, step)

            def see(variable: Variable, value: Callable[[], np.ndarray]) -> None:
                if self._glance is glance and follower.inside.is_of_layer(variable):
                    with self._looks(self.schedule.glancing):
                        follower.inside.see_layers(glance.look, variable, value())

            follower.inside.show(see)

    def _may_pile_up(self, follower: Calls) -> bool:
        """Whether there are gradients that may never be cleared."""
        return bool(self._steps.keys() - follower.inside.clears - self._stale.absent())

    def _perhaps_enough(self) -> None:
        """In a shadow, before its backward pass: end it if nothing more is to be seen there."""
        more = self._looking is not None and self._looking.waits_for_backward
        if self._shadowing and self._is_enough and not more:
            self._is_past = True
            raise Enough

    def shadow(
        self,
        function: Callable,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        state: Rollback | None = None,
    ) -> None:
        """Run a function eagerly and look at it, and put back all that it changed.

        Args: state: model and optimizers as they are now, if that is known.
        """
        last = self.record.last
        with self._looks():
            self._shadowing = True
            try:
                roots = self.model, self.optimizers
                with shadow_of(self):
                    run_shadow(function, args, kwargs or {}, *roots, beyond=state)
            except Enough:
                pass
            except Exception:  # the compiled run raises it, if it is real
                self._drop_look()
            except BaseException:
                self._drop_look()
                raise
            finally:
                self._shadowing = self._unfinished = False
                self._is_enough = self._is_past = False
            if self.record.last is not last:
                self._tell_of_look()

    def update_begins(self, optimizer: Any, call: CompiledCall) -> None:
        """A compiled function is called in which an optimizer steps."""
        is_whole = bool(self.kept.calls) and self.kept.calls[-1] is call
        if not is_whole:
            self._updates.append(call)
        self._note_first_state()
        looking = self._looking
        if looking is None and self._glance is not None:
            with self._looks(self.schedule.glancing):
                self._glance.step_begins(optimizer, is_whole)
        elif looking is not None and looking.waits_for(optimizer):
            with self._looks():
                self._count_stale(optimizer, shadowed=True)
                looking.step_begins(optimizer, has_gradients=not is_whole)
                if not is_whole:
                    looking.backward_ends(None)

    def update_ends(self, optimizer: Any) -> None:
        """The function has returned."""
        if self._looking is not None:
            with self._looks():
                self._look_after(optimizer, self._looking)
            return
        glance, last = self._glance, self.record.last
        if glance is None or last is None:
            return
        with self._looks(self.schedule.glancing):
            glance.step_ends(optimizer)
            if glance.is_over:
                self._glance = None
                add(self.record.glances, glance.look)
                if self.notebook is not None:
                    self.notebook.look(glance.look)
                is_alarm = is_alarming(glance.look, last) or self._is_worse()
                self.schedule.glanced_at(glance.look.step, is_alarm, is_lost(glance.look, last))

    def _look_after(self, optimizer: Any, looking: StepLook) -> None:
        """Look at gradients and weights after a compiled step."""
        is_whole = not self._updates
        looking.step_ends(optimizer)
        if is_whole and looking.look.gradient_norm is not None:
            looking.backward_ends(None)
        self._end_look()
        if looking.look.gradient_norm is None and not self._is_cleared:
            self._is_cleared = True  # the next look sees them in a whole shadow
            self.schedule.hasten(self.record.step + 1)

    def last_look(self) -> None:
        """Look at what a training with compiled steps has come to, if there is time."""
        calls = list(self.kept.calls)[-len(self.optimizers) :]
        compiled = [call for call in calls if isinstance(call, CompiledCall)]
        self._judge_losses()
        is_useless = teaches_nothing(self.record)
        must = is_useless or self._is_worse() or not self._is_learning()
        if not compiled or not self.schedule.is_due_at_end(self.record.step, must):
            return
        self._drop_look()
        steps = [*compiled, *self._updates]

        def whole() -> None:
            for call in steps:
                call.run()

        with self._looks():
            self.shadow(whole, state=self._begin_look())
        self._drop_look()


def _mean_and_variance(numbers: list[float]) -> tuple[float, float]:
    """Without arrays, which take longer for so few."""
    mean = sum(numbers) / len(numbers)
    deviations = [number - mean for number in numbers]
    return mean, sum([d * d for d in deviations]) / len(numbers)


def add(looks: list[Look], look: Look) -> None:
    """One more look; of very many, every second of the earlier ones goes, but the first."""
    looks.append(look)
    if len(looks) > MOST_LOOKS:
        del looks[1 : MOST_LOOKS // 2 : 2]
