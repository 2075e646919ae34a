"""`watch`: a doctor that looks on while a loop trains a model, eagerly or compiled.

Now and then one step is looked at from near (look.py). An eager step is measured while it
runs. Of a compiled one nothing can be seen from outside; it is first run once more, eagerly,
on the same numbers, and everything that this changed is put back: so the graph that trains is
the same with a doctor and without, bit for bit.

Looks are made so rarely that the doctor takes no more than two percent of the time
(schedule.py).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule import observers, settings
from chainrule.compiler.rollback import Rollback
from chainrule.doctor.alarm import AlarmMethods
from chainrule.doctor.checks.wiring import MOST_STALE
from chainrule.doctor.ears import Calls, Ear, Steps
from chainrule.doctor.evaluations import Evaluations, changed_by_mode
from chainrule.doctor.facts import Record
from chainrule.doctor.finding import Finding
from chainrule.doctor.kept_calls import KeptCalls
from chainrule.doctor.look import StepLook
from chainrule.doctor.notebook import Notebook
from chainrule.doctor.reasoning import add_causes, symptoms
from chainrule.doctor.roots import Roots
from chainrule.doctor.schedule import Schedule
from chainrule.doctor.shadow import run_shadow
from chainrule.doctor.training_call import CompiledCall, EagerCall
from chainrule.doctor.treatment import TreatmentMethods
from chainrule.doctor.wiring import StaleGradients, check, read_wiring
from chainrule.nn.module import Module
from chainrule.tensor import trace
from chainrule.tensor.tensor import Tensor

MOST_LOOKS = 400
LEARNING = 0.8  # of the first loss: the training does something right


class Watch(TreatmentMethods, AlarmMethods, observers.Observer):
    """Looks on while a model is trained, and says what is wrong.

    Args:
        model: what is trained.
        optimizers: those that move its parameters.
        tell: called with each new finding; None prints it.
        step: the number of the next step, of a training that goes on.
        sees_evaluations: take epochs from passes without gradients that compute a loss.
        notebook: where to write down what is seen.

    Raises: ArgumentError for optimizers that move nothing (CR860) or a model that is no module
        (CR861).

    Notes: `findings` are all so far, the cause first, and `notes` what is merely worth
        knowing; `record` holds the facts they rest on; `share` the part of the time that
        looking took. `close()`, or leaving a `with` block, ends it.
    """

    def __init__(
        self,
        model: Module,
        optimizers: Iterable[Any],
        tell: Callable[[Finding], None] | None = None,
        *,
        step: int = 0,
        sees_evaluations: bool = True,
        notebook: Notebook | None = None,
    ) -> None:
        self.model = model
        self.optimizers = list(optimizers)
        check(model, self.optimizers)
        self.tell = tell or print
        self.notebook = notebook
        self.record = Record(type(model).__name__)
        self.record.optimizer = ", ".join(type(o).__name__ for o in self.optimizers)
        self.record.step = step
        self.record.adversarial = len(self.optimizers) > 1
        self.findings: list[Finding] = []
        self.notes: list[Finding] = []
        self.schedule = Schedule(step)
        self.kept = KeptCalls()
        self._backwards = 0  # since the last step
        self._called = False  # the model, since the last step
        self._inside = False  # a call of the model that is looked at
        self._alarmed = False  # a loss was not finite
        self._looking: StepLook | None = None
        self._shadowing = False
        self._mistakes: list[str] = []  # of the doctor, not yet told
        self._unfinished = False  # an optimizer's step that is looked at
        self._sees_evaluations = sees_evaluations
        self._steps = dict.fromkeys(map(id, self.optimizers), step)
        self._stale = StaleGradients(self.optimizers)
        self._evaluations = Evaluations(self.record)
        self._roots = Roots(self.record, model, self.optimizers)
        read_wiring(self.record.wiring, model, self.optimizers)
        self._ear = Ear(self)
        self._handles = [model.register_forward_pre_hook(observers.Hook(self._forward_begins))]
        for optimizer in self.optimizers:
            before, after = observers.Hook(self._step_begins), observers.Hook(self._step_ends)
            self._handles.append(optimizer.register_step_pre_hook(before))
            self._handles.append(optimizer.register_step_post_hook(after))
        if notebook is not None:
            notebook.begin(model, self.record)
        self._start = Rollback(model, self.optimizers)
        self._known = step, self._start  # a step, and the state before it
        self._ear.listen()

    # -- what a user calls ------------------------------------------------------------------

    @property
    def share(self) -> float:
        """The part of the time since the watch began that the doctor took."""
        return self.schedule.share

    @property
    def is_open(self) -> bool:
        """Whether it still looks on."""
        return bool(self._handles)

    @property
    def is_looking(self) -> bool:
        """Whether it looks at the step that runs."""
        return self._looking is not None

    def diagnose(self) -> list[Finding]:
        """Go through all checks now; new findings are told, each once."""
        faults, self.notes = symptoms(self.record)
        for finding in add_causes(self.findings, faults):
            self.tell(finding)
        if self.notebook is not None:
            self.notebook.findings(self.findings)
        return self.findings

    def close(self) -> None:
        """Stop looking; findings and record stay."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._drop_look()
        self._ear.stop()
        self.kept.clear()
        if self.notebook is not None:
            self.notebook.close(self.record.step)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is None:
            self.record.ended = True
            self.diagnose()
        self.close()

    # -- an eager step ----------------------------------------------------------------------

    def _forward_begins(self, model: Module, args: tuple[Any, ...]) -> None:
        if observers.is_unobserved():
            return
        self._ear.thread = threading.get_ident()
        writing = trace.current.get()
        if writing is not None:
            self._follow(writing)
        elif settings.grad_enabled.get():
            self._training_begins(model, args)
        else:
            self._evaluations.forward(model, args)

    def _training_begins(self, model: Module, args: tuple[Any, ...]) -> None:
        self._note_mode()
        self._called = True
        if not self._shadowing:
            self._step_follows()
            self.kept.add(EagerCall(model, args))
            if self._inside or self._unfinished:  # what was looked at raised an error
                self._drop_look()
            if self._looking is None and self._is_due(is_extra=False):
                with self._looks():
                    self._begin_look()

    def _step_follows(self) -> None:
        """Training goes on: an evaluation is over."""
        if self._evaluations.end(self.kept.calls):
            with self._looks():
                self.diagnose()

    def _note_mode(self) -> None:
        """Note a training step in evaluation mode, where modes make a difference."""
        if not self.model.training:
            wiring = self.record.wiring
            wiring.steps_in_evaluation += 1
            wiring.evaluation_in_training = changed_by_mode(self.model, training=False)

    def module_begins(self, module: Module, arguments: tuple[Any, ...]) -> None:
        """A module is called, while a step is looked at."""
        if self._looking is not None and settings.grad_enabled.get():
            self._inside = self._inside or module is self.model
            with self._looks():
                self._looking.module_begins(module, arguments)

    def module_ends(self, module: Module, output: Any) -> None:
        """It returned."""
        if self._looking is not None and settings.grad_enabled.get():
            self._inside = self._inside and module is not self.model
            with self._looks():
                self._looking.module_ends(module, output)

    def loss_computed(self, name: str, arguments: tuple[Any, ...], loss: Tensor) -> None:
        """A loss function was called."""
        if not settings.grad_enabled.get():
            if self._sees_evaluations:
                self._evaluations.loss(name, arguments, loss)
            return
        if not self._shadowing and self._called and self.kept.calls:
            call = self.kept.calls[-1]
            if isinstance(call, EagerCall):
                call.note_loss(name, arguments, loss)
        if self._looking is not None:
            self._looking.loss_computed(name, arguments, loss)

    def backward_begins(self, root: Tensor) -> None:
        """A backward pass, of this training if the model was called before it."""
        if not self._called:
            return
        if not self._roots.begins(root):
            self.diagnose()  # backward is about to refuse
        self._stale.backward_begins()
        if self._looking is not None:
            with self._looks():
                self._looking.backward_begins(root)
        array = root._cell.array
        if self._shadowing or not isinstance(array, np.ndarray):
            return
        self._backwards += 1
        if self.kept.calls and isinstance(call := self.kept.calls[-1], EagerCall):
            call.note_backward(root)
        if array.size == 1:
            self.note_loss(float(array.reshape(-1)[0]))

    def backward_ends(self, root: Tensor) -> None:
        """Its gradients are there."""
        if self._looking is not None and self._called:
            with self._looks():
                self._looking.backward_ends(root)

    def _step_begins(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if observers.is_unobserved():
            return
        writing = trace.current.get()
        if writing is not None:
            writing.observers.append(Steps(self, optimizer))
            return
        self._count_stale(optimizer)
        if self._looking is not None:
            self._unfinished = True
            with self._looks():
                self._looking.step_begins(optimizer)

    def _step_ends(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if trace.current.get() is not None or observers.is_unobserved():
            return
        self._unfinished = False
        if self._looking is not None:
            with self._looks():
                self._looking.step_ends(optimizer)
                self._end_look()
        if not self._shadowing:
            wiring = self.record.wiring
            wiring.backwards = max(wiring.backwards, self._backwards)
            self._backwards, self._called = 0, False
            self.step_done(optimizer)

    def step_done(self, optimizer: Any) -> None:
        """Count the steps."""
        self._steps[id(optimizer)] = self._steps.get(id(optimizer), 0) + 1
        self.record.step = max(self._steps.values())

    # -- a compiled step --------------------------------------------------------------------

    def _follow(self, writing: trace.Trace) -> None:
        """The model is called in a function that is compiled: see each call of that."""
        if not any(isinstance(o, Calls) and o.watch() is self for o in writing.observers):
            writing.observers.append(Calls(self, settings.grad_enabled.get()))

    def compiled_begins(self, call: CompiledCall) -> None:
        """A compiled function is called that calls the model."""
        if observers.is_unobserved():
            return
        self._ear.thread = threading.get_ident()
        self._called = True
        self._step_follows()
        self.kept.add(call)
        if self._looking is None and self._is_due(is_extra=True):
            with self._looks():
                self._begin_look()
                self.shadow(call.function, call.args, call.kwargs, self._known[1])

    def shadow(
        self,
        function: Callable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        state: Rollback | None = None,
    ) -> None:
        """Run a function eagerly and look at it, and put back all that it changed.

        Args: state: model and optimizers as they are now, if that is known.
        """
        last = self.record.looks[-1] if self.record.looks else None
        with self._looks():
            self._shadowing = True
            try:
                roots = self.model, self.optimizers
                run_shadow(function, args, kwargs, *roots, beyond=state)
            except Exception:  # the compiled run raises it, if it is real
                self._drop_look()
            except BaseException:
                self._drop_look()
                raise
            finally:
                self._shadowing = self._inside = self._unfinished = False
            if self.record.looks and self.record.looks[-1] is not last:
                self._tell_of_look()

    def _count_stale(self, optimizer: Any) -> None:
        """Count steps with gradients that were not cleared; between shadows all are alike."""
        looks, step = self.record.looks, self.record.step
        passed = max(1, step - looks[-1].step) if looks and self._shadowing else 1
        is_first = self._steps.get(id(optimizer), 0) == 0
        wiring = self.record.wiring
        seen = self._shadowing or self._backwards > 0  # backward passes were
        stale = self._stale.step_begins(optimizer) and seen and not is_first
        wiring.stale_steps = wiring.stale_steps + passed if stale else 0

    @contextmanager
    def _looks(self) -> Iterator[None]:
        """Inside, time counts, and an error is not one of the training."""
        with self.schedule.looking():
            try:
                yield
            except Exception as error:
                self._drop_look()
                self.schedule.give_up()
                self._mistakes.append(f"{type(error).__name__}: {error}")
        while self._mistakes and not self._shadowing:  # where warnings are not shown
            warnings.warn(
                f"the doctor stopped looking, and the training goes on without it: "
                f"{self._mistakes.pop()}",
                stacklevel=2,
            )

    # -- looks ------------------------------------------------------------------------------

    def _is_due(self, is_extra: bool) -> bool:
        return self.schedule.is_due(self.record.step, is_extra, self._is_learning)

    def _is_learning(self) -> bool:
        """Whether the loss has fallen clearly."""
        first, last = self.record.mean_loss(0, 1), self.record.mean_loss(-10, None)
        return first is not None and last is not None and last < LEARNING * first

    def _begin_look(self) -> None:
        step = self.record.step
        self._known = step, Rollback(self.model, self.optimizers)
        read_wiring(self.record.wiring, self.model, self.optimizers)
        self._looking = StepLook(self.model, self.record, self.optimizers)
        self._stale.find_probes()
        self._inside = False
        self.schedule.begins(step)
        self._ear.come_close()

    def _drop_look(self) -> None:
        """What was looked at did not end."""
        self._looking, self._inside, self._unfinished = None, False, False
        self._ear.step_back()

    def _end_look(self) -> None:
        looking = self._looking
        if looking is None:
            return
        self._drop_look()
        looks = self.record.looks
        looks.append(looking.finish())
        if len(looks) > MOST_LOOKS:
            del looks[1 : MOST_LOOKS // 2 : 2]
        self.schedule.ends(0 < self.record.wiring.stale_steps <= MOST_STALE)
        if not self._shadowing:  # what is told then would be taken back
            self._tell_of_look()

    def _tell_of_look(self) -> None:
        if self.notebook is not None:
            self.notebook.look(self.record.looks[-1])
        self.diagnose()
