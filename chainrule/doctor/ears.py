"""What a watch hears with: observers that hold it weakly and do not mix up threads.

A model that is watched holds its watch, by hooks; all else only refers to it. So a watch that
nobody closed ends with its model.
"""

from __future__ import annotations

import math
import threading
import weakref
from typing import TYPE_CHECKING, Any

from chainrule import observers
from chainrule.doctor.evaluations import changed_by_mode
from chainrule.doctor.inside import Inside
from chainrule.doctor.module_calls import first_tensor
from chainrule.doctor.shadow import takes_no_notice
from chainrule.doctor.training_call import CompiledCall, arrays_in, tensors_in
from chainrule.tensor.tensor import Tensor

if TYPE_CHECKING:
    from chainrule.doctor.watch import Watch


class Ear(observers.Observer):
    """Hears of losses, backward passes and modules in the thread that trains the model."""

    def __init__(self, watch: Watch) -> None:
        self._watch = weakref.ref(watch, self._stop)
        self.thread = 0  # in which the model was called last

    def _stop(self, _: Any = None) -> None:
        for heard in (observers.present, observers.close):
            if self in heard:
                heard.remove(self)

    def listen(self) -> None:
        """Hear of losses and backward passes from now on."""
        observers.present.append(self)

    def come_close(self) -> None:
        """Hear of modules too."""
        if self not in observers.close:
            observers.close.append(self)

    def step_back(self) -> None:
        """Hear of modules no more."""
        if self in observers.close:
            observers.close.remove(self)

    def stop(self) -> None:
        """Hear nothing more."""
        self._stop()

    def _here(self) -> Watch | None:
        """The watch, if it is concerned."""
        watch = self._watch()
        if self.thread != threading.get_ident() or takes_no_notice(watch):
            return None
        if watch is not None:
            watch.wake()
        return watch

    def loss_computed(self, name: str, arguments: tuple[Any, ...], loss: Any) -> None:
        if (watch := self._here()) is not None:
            watch.loss_computed(name, arguments, loss)

    def loss_traced(self, name: str, arguments: tuple[Any, ...], loss: Any) -> None:
        if (watch := self._here()) is not None:
            watch.loss_traced(name, arguments, loss)

    def backward_begins(self, root: Any) -> None:
        if (watch := self._here()) is not None:
            watch.backward_begins(root)

    def backward_traced(self, root: Any) -> None:
        if (watch := self._here()) is not None:
            watch.backward_traced(root)

    def backward_ends(self, root: Any) -> None:
        if (watch := self._here()) is not None:
            watch.backward_ends(root)

    def module_begins(self, module: Any, arguments: tuple[Any, ...]) -> None:
        if (watch := self._here()) is not None:
            watch.module_begins(module, arguments)

    def module_ends(self, module: Any, output: Any) -> None:
        if (watch := self._here()) is not None:
            watch.module_ends(module, output)


class Calls(observers.Observer):
    """The calls of a compiled function in which the model is called or an optimizer steps."""

    def __init__(self, watch: Watch) -> None:
        self._watch = weakref.ref(watch)
        self._quiet = watch.quiet
        self._may_pass = False  # quietly
        self._is_step = False  # or an evaluation
        self._passing: CompiledCall | None = None  # the call that does, while it runs
        self._call: CompiledCall | None = None  # any other, while it runs
        self.training: bool | None = None  # with gradients; None: the model is not called
        self.optimizers: list[weakref.ref[Any]] = []  # that step in it
        self.computes_loss = False  # without gradients
        self.backwards = 0  # backward passes in it
        self.inside = Inside(watch.model)
        self._in_training_mode: list[str] | None = None  # modules in an evaluation

    def is_of(self, watch: Any) -> bool:
        """Whether it is this watch that follows the calls."""
        return self._watch() is watch

    def _heard(self) -> Watch | None:
        """The watch, if it is there and concerned; it knows of the steps before this."""
        watch = self._watch()
        if watch is None or not watch.is_open or takes_no_notice(watch):
            return None
        watch.wake()
        return watch

    def recorded(self, recording: Any) -> None:
        self.inside.recorded(recording)
        if (watch := self._heard()) is not None:
            watch.recorded(self)

    def call_begins(
        self, compiled: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Any]
    ) -> None:
        if compiled.takes_numbers:
            tensors = tensors_in((args, kwargs))
        call = CompiledCall(compiled.function, args, kwargs, tensors)
        quiet = self._quiet
        if (
            self._may_pass
            and quiet.left > 0
            and quiet.room > 0
            and not observers.is_unobserved()
        ):
            quiet.left -= self._is_step
            quiet.add(self, call)
            self._passing = call
            return
        self._passing = self._call = None
        if (watch := self._heard()) is not None:
            with watch.schedule.hearing:
                self._begins(watch, call)

    def _begins(self, watch: Watch, call: CompiledCall) -> None:
        self._call = call
        if self.training:
            watch.compiled_begins(call, self)
        elif self.training is not None:
            if self._in_training_mode is None:
                self._in_training_mode = changed_by_mode(watch.model, training=True)
            watch.evaluation_begins(call.arrays, self._in_training_mode)
        for optimizer in self._present():
            watch.update_begins(optimizer, call)

    def call_ends(self, result: Any) -> None:
        loss = _number(result)
        if (call := self._passing) is not None:
            call.loss, call.ended = loss, True
            if not self._is_step:
                call.results = arrays_in(result)
                self._quiet.room -= sum([array.nbytes for array in call.results])
            elif loss is not None and not math.isfinite(loss):
                self._heard()
            return
        call, self._call = self._call, None
        if call is not None and (watch := self._heard()) is not None:
            with watch.schedule.hearing:
                self._ends(watch, call, result, loss)

    def _ends(self, watch: Watch, call: CompiledCall, result: Any, loss: float | None) -> None:
        if self.training:
            watch.compiled_ends(self)
            if loss is not None:
                watch.note_loss(loss)
        elif self.computes_loss:
            watch.evaluation_ends(arrays_in(result), call.arrays[-1:])
        optimizers = self._present()
        for optimizer in optimizers:
            watch.update_ends(optimizer)
            watch.step_done(optimizer)
        self._is_step = bool(self.training and optimizers)
        if self._is_step:
            self._may_pass = watch.lets_pass()
        elif not self.training and self.computes_loss:
            self._may_pass = watch.lets_evaluations_pass

    def pass_on(self, watch: Watch, calls: list[CompiledCall]) -> None:
        """Tell the watch of calls that passed quietly, one after the other."""
        if not self._is_step:
            for call in calls:
                self._pass_evaluation_on(watch, call)
            return
        watch.kept.add(*calls)
        watch.steps_passed(self._present(), [call.loss for call in calls if call.ended])

    def _pass_evaluation_on(self, watch: Watch, call: CompiledCall) -> None:
        watch.evaluation_begins(call.arrays, self._in_training_mode or [])
        if call.ended:
            watch.evaluation_ends(call.results, call.arrays[-1:])

    def _present(self) -> list[Any]:
        return [found for known in self.optimizers if (found := known()) is not None]


def _number(result: Any) -> float | None:
    """The first tensor that a function returns, if that is one number."""
    loss = result if isinstance(result, Tensor) else first_tensor(result)
    if loss is None or (array := loss._cell.array).size != 1:
        return None
    return float(array.item())
