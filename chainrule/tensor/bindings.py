"""Where the inputs of a traced graph are found at each call, and where outputs go back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from chainrule.ir.graph import Variable
from chainrule.tensor.symbol import Symbol

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor
    from chainrule.tensor.trace import Trace


class Binding:
    """Where an input of the graph is found at each call, and its value in the trace now."""

    tensor: Tensor
    first: Symbol
    now: Symbol

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        raise NotImplementedError

    def write(self, array: np.ndarray, arguments: list[Tensor]) -> None:
        raise NotImplementedError

    @property
    def written(self) -> bool:
        return self.now is not self.first

    def release(self) -> None:
        """Drop what only the trace needed."""
        del self.first, self.now


class State(Binding):
    """A tensor met from outside: a parameter, a buffer, an optimizer's moment."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        return self.tensor._cell.array

    def write(self, array: np.ndarray, arguments: list[Tensor]) -> None:
        self.tensor._cell.array = array


class Argument(Binding):
    """A tensor handed to the compiled function, known by its position."""

    def __init__(self, tensor: Tensor, position: int) -> None:
        self.tensor = tensor
        self.position = position

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        return arguments[self.position]._cell.array

    def write(self, array: np.ndarray, arguments: list[Tensor]) -> None:
        arguments[self.position]._cell.array = array

    def release(self) -> None:
        super().release()
        del self.tensor


class Number(Binding):
    """A number that Python code changes between calls, such as a learning rate."""

    def __init__(self, find: Callable[[], float]) -> None:
        self.find = find

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        return np.asarray(self.find(), np.float64)


class Grad(Binding):
    """The gradient that a tensor has when the function is called."""

    def __init__(self, slot: GradSlot) -> None:
        self._position = slot.position
        self._owner = slot.tensor if slot.position is None else None

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        owner = self._owner if self._position is None else arguments[self._position]
        assert owner is not None and owner._grad is not None
        return owner._grad._cell.array


class GradSlot:
    """`tensor.grad` during a trace: what was there before, or what has replaced it."""

    def __init__(self, tensor: Tensor, trace: Trace) -> None:
        self.tensor = tensor
        self.is_outside = not isinstance(tensor._cell.array, Symbol)
        self.position = trace.argument_position(tensor)
        self._trace = trace
        self._touched = False
        self._before: tuple[Tensor | None, Symbol | None] | None = None
        self._held: Tensor | None = None

    @property
    def held(self) -> Tensor | None:
        """The gradient now. Reading what was there before makes its presence a guard."""
        if not self._touched:
            self._held = self._load()
            self._touched = True
        return self._held

    @held.setter
    def held(self, value: Tensor | None) -> None:
        self._touched = True
        self._held = value

    def _load(self) -> Tensor | None:
        tensor = self.tensor
        if self.is_outside and self.position is None:
            self._trace.guard(lambda: tensor._grad is not None, "the presence of a gradient")
        if tensor._grad is None:
            self._before = (None, None)
            return None
        binding = Grad(self)
        self._trace.add_input(binding, tensor._grad._cell.array)
        self._before = (tensor._wrap(binding.now), binding.now)
        return self._before[0]

    @property
    def written(self) -> bool:
        """Whether the gradient is another object than before, or was changed in place."""
        if self._before is None:
            return self._touched
        before, symbol = self._before
        return self._held is not before or (
            before is not None and before._cell.array is not symbol
        )

    @property
    def variable(self) -> Variable | None:
        """The gradient's variable at the end of the trace; None if there is none."""
        return None if self._held is None else self._trace.read(self._held).variable
