"""What a watch hears with: observers that hold it weakly and do not mix up threads.

A model that is watched holds its watch, by hooks; all else only refers to it. So a watch that
nobody closed ends with its model.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from chainrule import observers
from chainrule.doctor.inside import Inside
from chainrule.doctor.module_calls import first_tensor
from chainrule.doctor.shadow import takes_no_notice
from chainrule.doctor.training_call import CompiledCall, tensors_in
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


class _Follower(observers.Observer):
    """Hears of the calls of a compiled function, for a watch that may be gone."""

    def __init__(self, watch: Watch) -> None:
        self._watch = weakref.ref(watch)

    def watch(self) -> Watch | None:
        """The watch, if it is there and concerned."""
        watch = self._watch()
        if watch is None or not watch.is_open or takes_no_notice(watch):
            return None
        return watch


class Calls(_Follower):
    """The calls of a compiled function in which the model is called."""

    def __init__(self, watch: Watch, training: bool) -> None:
        super().__init__(watch)
        self.training = training
        self.computes_loss = False  # without gradients
        self.backwards = 0  # backward passes in it
        self.inside = Inside(watch.model)
        self._targets: list[Tensor] = []  # of an evaluation: its last argument

    def recorded(self, recording: Any) -> None:
        self.inside.recorded(recording)
        if (watch := self.watch()) is not None:
            watch.recorded(self)

    def call_begins(self, compiled: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if (watch := self.watch()) is None:
            return
        call = CompiledCall(compiled.function, args, kwargs)
        if self.training:
            watch.compiled_begins(call, self)
        else:
            self._targets = call.tensors[-1:]
            watch.evaluation_begins(call)

    def call_ends(self, result: Any) -> None:
        if (watch := self.watch()) is None:
            return
        if not self.training:
            if self.computes_loss:
                watch.evaluation_ends(tensors_in(result), self._targets)
            return
        watch.compiled_ends(self)
        loss = first_tensor(result)
        if loss is not None and loss._cell.array.size == 1:
            watch.note_loss(float(loss._cell.array.reshape(-1)[0]))


class Steps(_Follower):
    """The calls of a compiled function in which an optimizer steps."""

    def __init__(self, watch: Watch, optimizer: Any) -> None:
        super().__init__(watch)
        self.optimizer = weakref.ref(optimizer)

    def call_begins(self, compiled: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        watch, optimizer = self.watch(), self.optimizer()
        if watch is not None and optimizer is not None:
            watch.update_begins(optimizer, compiled.function, args, kwargs)

    def call_ends(self, result: Any) -> None:
        watch, optimizer = self.watch(), self.optimizer()
        if watch is not None and optimizer is not None:
            watch.update_ends(optimizer)
            watch.step_done(optimizer)
