"""`watch`: a doctor that looks on while a loop trains a model, eagerly or compiled.

Now and then one step is looked at from near (look.py), while it runs. A compiled one shows its
layers and losses from inside (inside.py), gradients and weights afterwards. Where that is not
enough, its forward pass is first run once more, eagerly, on the same numbers, and everything
that this changed is put back (shadow.py). In any case the graph that trains is the same with a
doctor and without, bit for bit.

Looks are made so rarely that they take no more than two percent of the time (schedule.py), and
compiled steps between them pass quietly (quiet.py).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from chainrule import observers, settings
from chainrule.compiler.rollback import Rollback
from chainrule.doctor.alarm import AlarmMethods
from chainrule.doctor.checks.wiring import MOST_UNUSED
from chainrule.doctor.ears import Calls, Ear
from chainrule.doctor.evaluations import Evaluations, changed_by_mode
from chainrule.doctor.facts import Epoch, Record
from chainrule.doctor.finding import Finding
from chainrule.doctor.glance import Glance
from chainrule.doctor.kept_calls import KeptCalls
from chainrule.doctor.look import StepLook
from chainrule.doctor.looking import LookingMethods
from chainrule.doctor.notebook import Notebook
from chainrule.doctor.quiet import QuietSteps
from chainrule.doctor.reasoning import add_causes, symptoms
from chainrule.doctor.roots import Roots
from chainrule.doctor.schedule import Schedule
from chainrule.doctor.shadow import takes_no_notice
from chainrule.doctor.tracing import TracingMethods
from chainrule.doctor.training_call import CompiledCall, EagerCall
from chainrule.doctor.treatment import TreatmentMethods
from chainrule.doctor.wiring import StaleGradients, check, entrances, read_wiring
from chainrule.nn.module import Module
from chainrule.printed import show
from chainrule.tensor import trace
from chainrule.tensor.tensor import Tensor


class Watch(LookingMethods, TracingMethods, TreatmentMethods, AlarmMethods, observers.Observer):
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
        self.tell = tell or show
        self.notebook = notebook
        self.quiet = QuietSteps()
        self._record = Record(", ".join(type(m).__name__ for m in entrances(model)))
        self.record.optimizer = ", ".join(type(o).__name__ for o in self.optimizers)
        self.record.step = step
        self.record.adversarial = len(self.optimizers) > 1
        self.findings: list[Finding] = []
        self.notes: list[Finding] = []
        self._symptoms = 0  # at the last review, findings and consequences
        self.schedule = Schedule(step)
        self._kept = KeptCalls()
        self._backwards = 0  # since the last step
        self._called = False  # the model, since the last step
        self._was_called = False  # ever
        self._alarmed = False  # a loss was not finite
        self._start: Rollback | None = None  # the state before the first step
        self._state: Rollback | None = None  # that before another one
        self._noted = step  # its number
        self._lowest = math.inf  # level of the loss
        self._judged = -1, False  # whether it has fallen, and when that was judged
        self._looking: StepLook | None = None
        self._glance: Glance | None = None
        self._updates: list[CompiledCall] = []  # that followed the last kept call
        self._shadowing = False
        self._is_fresh = True  # no compiled function was called since the last step
        self._is_enough = False  # the forward pass of a shadow
        self._is_past = False  # what was to be seen of a shadow; what follows does not count
        self._is_cleared = False  # compiled functions leave no gradients
        self._seen: set[int] = set()  # compiled functions, by id, in the look that goes on
        self._mistakes: list[str] = []  # of the doctor, not yet told
        self._unfinished = False  # an optimizer's step that is looked at
        self._steps = dict.fromkeys(map(id, self.optimizers), step)
        self._stale = StaleGradients(self.optimizers)
        self._evaluations = Evaluations(self.record, sees_evaluations)
        self._roots = Roots(self.record, model, self.optimizers)
        read_wiring(self.record.wiring, model, self.optimizers)
        self._ear = Ear(self)
        self._handles: list[Any] = []
        self._enter_by(entrances(model))
        for optimizer in self.optimizers:
            before, after = observers.Hook(self._step_begins), observers.Hook(self._step_ends)
            self._handles.append(optimizer.register_step_pre_hook(before))
            self._handles.append(optimizer.register_step_post_hook(after))
        if notebook is not None:
            notebook.begin(model, self.record)
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

    def diagnose(self) -> list[Finding]:
        """Go through all checks now; new findings are told, each once."""
        self._catch_up()
        new: list[Finding] = []
        if self.schedule.is_over:
            return self.findings
        with self._looks(), self.schedule.reviewing():
            self._roots.look_around()
            self._evaluations.end(self.kept.calls)
            faults, self.notes = symptoms(self.record)
            self._symptoms = len(faults) + len(self.notes)
            new = add_causes(self.findings, faults)
        for finding in new:
            self.tell(finding)
        if self.notebook is not None:
            self.notebook.findings(self.findings)
        return self.findings

    def review(self) -> None:
        """The same after an evaluation, unless these follow each other too closely."""
        if self.schedule.is_review_due:
            self.diagnose()
            self.quiet.left = 0
        else:
            self._evaluations.end(self.kept.calls)

    def validated(self, with_classes: bool = True) -> Epoch | None:
        """What was seen of the evaluation that just ended, see Evaluations.seen."""
        self._catch_up()
        return self._evaluations.seen(with_classes)

    def close(self) -> None:
        """Stop looking; findings and record stay."""
        self.wake()
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
            self.last_look()
            self.record.ended = True
            self.diagnose()
        self.close()

    # -- an eager step ----------------------------------------------------------------------

    def _enter_by(self, modules: list[Module]) -> None:
        """Hear of the calls of these modules: the model, or the parts that are called."""
        self._is_one = modules == [self.model]
        hook = observers.Hook(self._forward_begins)
        self._handles += [module.register_forward_pre_hook(hook) for module in modules]

    def _forward_begins(self, module: Module, args: tuple[Any, ...]) -> None:
        if takes_no_notice(self):
            return
        self.wake()
        self._ear.thread = threading.get_ident()
        self._was_called = True
        writing = trace.current.get()
        if writing is not None:
            self._follow(writing, settings.grad_enabled.get())
        elif settings.grad_enabled.get():
            self._training_begins(module, args)
        else:
            with self._looks(self.schedule.hearing):
                self._evaluations.forward(module, args)

    def _training_begins(self, module: Module, args: tuple[Any, ...]) -> None:
        self._called = True
        if not self._shadowing:
            self._note_mode(module)
            self._step_follows()
            self.kept.add(EagerCall(module, args))
            looking = self._looking
            if looking and (self._unfinished or looking.running is module):
                self._drop_look()  # what was looked at raised an error
            self._judge_losses()
            if self._looking is None and self._is_due(is_extra=False):
                with self._looks():
                    self._begin_look()

    def _step_follows(self) -> None:
        """Training goes on: an evaluation is over."""
        if self._evaluations.end(self.kept.calls):
            with self._looks():
                self.review()

    def _note_mode(self, module: Module) -> None:
        """Note a training step in evaluation mode, where modes make a difference."""
        if not module.training:
            wiring = self.record.wiring
            wiring.steps_in_evaluation += 1
            wiring.evaluation_in_training = changed_by_mode(module, training=False)

    def module_begins(self, module: Module, arguments: tuple[Any, ...]) -> None:
        """A module is called, while a step is looked at or traced."""
        self._trace_module(module, arguments)
        if self._looking is not None and settings.grad_enabled.get():
            with self._looks():
                self._looking.module_begins(module, arguments)

    def module_ends(self, module: Module, output: Any) -> None:
        """It returned."""
        self._trace_output(module, output)
        if self._looking is not None and settings.grad_enabled.get():
            with self._looks():
                self._looking.module_ends(module, output)

    def loss_computed(self, name: str, arguments: tuple[Any, ...], loss: Tensor) -> None:
        """A loss function was called."""
        if not settings.grad_enabled.get():
            with self._looks(self.schedule.hearing):
                self._evaluations.loss(name, arguments, loss)
            return
        if not self._shadowing and self._called and self.kept.calls:
            call = self.kept.calls[-1]
            if isinstance(call, EagerCall) and self._is_one:
                call.note_loss(name, arguments, loss)
        if self._looking is not None:
            with self._looks():
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
            self._perhaps_enough()
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
        if self._called and not self._shadowing:
            self._note_unused(self._stale.backward_ends(self._idle))
        if self._looking is not None and self._called:
            with self._looks():
                self._looking.backward_ends(root)

    @property
    def _idle(self) -> list[Any]:
        """The optimizers that have not made a step yet."""
        return [o for o in self.optimizers if self._steps[id(o)] == self.schedule.first]

    def _note_unused(self, times: int) -> None:
        """Note how often gradients were made and cleared that idle optimizers did not use."""
        self.record.wiring.unused = times
        if times == MOST_UNUSED:
            self.diagnose()

    def _step_begins(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if takes_no_notice(self) or self._is_past:
            return
        self.wake()
        writing = trace.current.get()
        if writing is not None:
            if not self._was_called:  # parts of the model are, or its methods
                self._follow(writing, training=True)
            self._follow_update(writing, optimizer)
            return
        self._note_first_state()
        self._count_stale(optimizer, shadowed=self._shadowing)
        has_closure = any(map(callable, (*args, *kwargs.values())))  # which calls the model
        if self._looking is not None:
            self._unfinished = not has_closure
            with self._looks():
                self._looking.step_begins(optimizer, has_gradients=not has_closure)
        if not self._was_called and self._is_one and not has_closure:
            self._enter_by(list(self.model.children()))

    def _step_ends(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        unseen = takes_no_notice(self) or self._is_past
        if trace.current.get() is not None or unseen:
            return
        self.wake()
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

    # -- a compiled step --------------------------------------------------------------------

    def evaluation_begins(self, given: list[np.ndarray], in_training_mode: list[str]) -> None:
        """A compiled function is called that calls the model, without gradients."""
        with self._looks(self.schedule.hearing):
            self._evaluations.begins(self.model, given, in_training_mode)

    @property
    def lets_evaluations_pass(self) -> bool:
        """Whether evaluations may pass quietly: where somebody says when they are over."""
        return not self._evaluations.makes_epochs

    def evaluation_ends(self, results: list[np.ndarray], targets: list[np.ndarray]) -> None:
        """It computed a loss, and returned."""
        with self._looks(self.schedule.hearing):
            self._evaluations.results(results, targets)

    def compiled_begins(self, call: CompiledCall, follower: Calls) -> None:
        """A compiled function is called that calls the model."""
        self._ear.thread = threading.get_ident()
        self._called = True
        self._note_mode(self.model)
        self._step_follows()
        self.kept.add(call)
        if follower.backwards and any(id(o) in follower.inside.clears for o in self._idle):
            self._note_unused(self.record.wiring.unused + 1)
        self._look_at_compiled(call, follower)

    def compiled_ends(self, follower: Calls) -> None:
        """It has returned."""
        if self._looking is not None:
            with self._looks():
                if not follower.inside.ends(self._looking):
                    self._drop_look()  # the call that was looked at raised an error

    def _count_stale(self, optimizer: Any, shadowed: bool) -> None:
        """Count steps with gradients that were not cleared; between shadows all are alike."""
        looks, step = self.record.looks, self.record.step
        passed = max(1, step - looks[-1].step) if looks and shadowed else 1
        is_first = self._steps.get(id(optimizer), 0) == 0
        wiring = self.record.wiring
        seen = shadowed or self._backwards > 0  # backward passes were
        stale = self._stale.step_begins(optimizer) and seen and not is_first
        wiring.stale_steps = wiring.stale_steps + passed if stale else 0
