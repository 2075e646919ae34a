"""The trace of a loop's body: what it reads from outside becomes one of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule import settings
from chainrule.ir.graph import Variable
from chainrule.ops.primitive import Params, Primitive
from chainrule.tensor import tape
from chainrule.tensor.symbol import Symbol
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import Trace

if TYPE_CHECKING:
    from chainrule.tensor.bindings import GradSlot
    from chainrule.tensor.guards import Guard


class NotRepeatable(Exception):
    """A step of a loop does what a graph run again and again would not do."""


class BodyTrace(Trace):
    """One step of a loop being written down, inside another trace.

    `hides`: parts of it have no history (detach, no_grad, a Function), of which the graph
    knows nothing; a derivative of the graph would be another one.
    """

    def __init__(self, outer: Trace | None = None) -> None:
        super().__init__()
        self.outer = outer
        self.hides = False
        self.fixed: list[Tensor] = []  # tensors from outside, the same in all steps
        self._lifted: dict[tuple, Symbol] = {}
        if outer is not None:
            self.made, self.modules = outer.made, outer.modules

    def new_input(self, shape: Sequence[int], dtype: np.dtype) -> Tensor:
        """A tensor that stands for an input of the body."""
        return Tensor._wrap(self._new_symbol(tuple(shape), dtype))

    def _new_symbol(self, shape: tuple[int, ...], dtype: np.dtype) -> Symbol:
        variable = Variable(shape, dtype)
        self.graph.inputs.append(variable)
        return Symbol(variable, self)

    def finish(self, outputs: Sequence[Tensor]) -> None:
        """Name the results of the step."""
        self.graph.outputs = [self.read(y).variable for y in outputs]

    def emit(self, primitive: type[Primitive], inputs: tuple, params: Params) -> Symbol:
        self.hides |= not settings.grad_enabled.get()
        return super().emit(primitive, inputs, params)

    def read(self, tensor: Tensor) -> Symbol:
        """The symbol of a tensor; one from outside becomes an input of the body.

        Two tensors with the same numbers are one input only if they have one history.
        """
        if self._is_own(tensor):
            return tensor._cell.array
        if self.outer is None:
            raise NotRepeatable
        held = self.outer.read(tensor)
        edge = tape.edge_of(tensor) if tensor._requires_grad else None
        key = held.variable, edge
        if key not in self._lifted:
            self._lifted[key] = self._new_symbol(held.shape, held.dtype)
            self.fixed.append(tensor)
        return self._lifted[key]

    def _is_own(self, tensor: Tensor) -> bool:
        held = tensor._cell.array
        return isinstance(held, Symbol) and held.trace is self

    def alias(self, tensor: Tensor, twin: Tensor) -> None:
        if self._is_own(tensor):
            self.hides = True
        else:
            self._around().alias(tensor, twin)

    def write(self, tensor: Tensor, symbol: Symbol, keeps_history: bool = False) -> None:
        if not self._is_own(tensor):
            raise NotRepeatable
        super().write(tensor, symbol, keeps_history)

    def number(self, read: Callable[[], float]) -> Symbol:
        return self.read(Tensor._wrap(self._around().number(read)))

    def grad_slot(self, tensor: Tensor) -> GradSlot:
        raise NotRepeatable

    def require(self, guard: Guard) -> None:
        self._around().require(guard)

    def _around(self) -> Trace:
        if self.outer is None:
            raise NotRepeatable
        return self.outer
