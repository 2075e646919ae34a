"""What a watch does while a function is compiled that calls its model."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from chainrule import settings
from chainrule.doctor.ears import Calls, Ear
from chainrule.doctor.look import StepLook
from chainrule.doctor.roots import Roots
from chainrule.doctor.wiring import StaleGradients
from chainrule.nn.module import Module
from chainrule.tensor import trace
from chainrule.tensor.tensor import Tensor


class TracingMethods:
    """That: it notes what there will be to see in each call."""

    _ear: Ear
    _looking: StepLook | None
    _looks: Callable[..., Any]
    _roots: Roots
    _stale: StaleGradients
    _steps: dict[int, int]

    def _follow(self, writing: trace.Trace, training: bool) -> None:
        """The model is called in a function that is compiled: see each call of that."""
        follower = self._follower(writing)
        if follower.training is None:
            follower.training = training
            if training:
                self._ear.come_close()

    def _follow_update(self, writing: trace.Trace, optimizer: Any) -> None:
        """An optimizer steps in a function that is compiled: see each step."""
        self._follower(writing).optimizers.append(weakref.ref(optimizer))

    def _follower(self, writing: trace.Trace) -> Calls:
        """Who follows the function that is being compiled, for this watch."""
        if not (known := self._followers()):
            known = [Calls(self)]  # type: ignore[arg-type]
            writing.observers += known
        return known[0]

    def _followers(self) -> list[Calls]:
        """The same, if it is followed."""
        writing = trace.current.get()
        known = [] if writing is None else writing.observers
        return [each for each in known if isinstance(each, Calls) and each.is_of(self)]

    def _trace_module(self, module: Module, arguments: tuple[Any, ...]) -> None:
        """A module is called, perhaps in such a function."""
        for follower in self._followers():
            if settings.grad_enabled.get():
                with self._looks():
                    follower.inside.module_begins(module, arguments)

    def _trace_output(self, module: Module, output: Any) -> None:
        """It returned."""
        for follower in self._followers():
            if settings.grad_enabled.get():
                with self._looks():
                    follower.inside.module_ends(module, output)

    def loss_traced(self, name: str, arguments: tuple[Any, ...], loss: Tensor) -> None:
        """A function that is being compiled calls a loss function."""
        for follower in self._followers():
            follower.computes_loss = True
            if settings.grad_enabled.get():
                with self._looks():
                    follower.inside.loss_traced(name, arguments, loss)

    def backward_traced(self, root: Tensor) -> None:
        """A function that is being compiled begins a backward pass."""
        writing = trace.current.get()
        for follower in self._followers():
            follower.backwards += 1
            with self._looks():
                if writing is not None and root.requires_grad:
                    self._roots.begins(root)
                    clears = self._stale.dropped(writing)
                    follower.inside.backward_traced(root, clears, set(self._steps))

    def recorded(self, follower: Calls) -> None:
        """It is compiled."""
        if self._looking is None:
            self._ear.step_back()
