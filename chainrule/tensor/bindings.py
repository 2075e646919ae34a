"""Where the inputs of a traced graph are found at each call, and where outputs go back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from chainrule.ir.graph import Variable
from chainrule.tensor.symbol import Symbol

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor
    from chainrule.tensor.trace import Trace


class Binding:
    """Where an input of the graph is found at each call, and its value in the trace now."""

    rank = 2  # in which order the inputs of a graph are: arguments, states, all others
    tensor: Tensor
    first: Symbol
    now: Symbol

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        raise NotImplementedError

    @property
    def written(self) -> bool:
        return self.now is not self.first

    def release(self) -> None:
        """Drop what only the trace needed."""
        del self.first, self.now


class State(Binding):
    """A tensor met from outside: a parameter, a buffer, an optimizer's moment."""

    rank = 1

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        return self.tensor._cell.array


class Argument(Binding):
    """A tensor handed to the compiled function, known by its position."""

    rank = 0

    def __init__(self, tensor: Tensor, position: int) -> None:
        self.tensor = tensor
        self.position = position

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        return arguments[self.position]._cell.array

    def release(self) -> None:
        super().release()
        del self.tensor


class Number(Binding):
    """A number that Python code changes between calls, such as a learning rate."""

    def __init__(self, find: Callable[[], float]) -> None:
        self.find = find
        self._last: tuple[float, np.ndarray] | None = None

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        """The same array as long as the number is the same object. Nobody may write to it,
        as a function may return it."""
        value, last = self.find(), self._last
        if last is not None and last[0] is value:
            return last[1]
        array = np.array(value, np.float64)
        array.flags.writeable = False
        if type(value) in (float, int):  # others may change and be the same object
            self._last = value, array
        return array


class Grad(Binding):
    """The gradient that a tensor has when the function is called."""

    def __init__(self, slot: GradSlot) -> None:
        self._position = slot.position
        self._owner = slot.tensor if slot.position is None else None

    def read(self, arguments: list[Tensor]) -> np.ndarray:
        owner = self._owner if self._position is None else arguments[self._position]
        assert owner is not None and owner._grad is not None
        return owner._grad._cell.array


class Places:
    """Where the arrays of all inputs are found, and where new ones go back.

    Args: bindings: in the order of their rank.

    Notes: the cells of states are kept; a guard sees to it that they are still those of the
    tensors.
    """

    def __init__(self, bindings: list[Binding]) -> None:
        arguments = [b for b in bindings if isinstance(b, Argument)]
        states = [b for b in bindings if isinstance(b, State)]
        self._arguments = [b.position for b in arguments]
        self._cells = [b.tensor._cell for b in states]
        self._others = bindings[len(arguments) + len(states) :]
        self._written_arguments = [b.position for b in arguments if b.written]
        self._written_cells = [b.tensor._cell for b in states if b.written]

    def read(self, arguments: list[Tensor]) -> list[np.ndarray]:
        """The inputs. Nothing here keeps hold of an array that a tensor holds."""
        return (
            [arguments[i]._cell.array for i in self._arguments]
            + [cell.array for cell in self._cells]
            + [binding.read(arguments) for binding in self._others]
        )

    def write(self, values: Iterator[np.ndarray], arguments: list[Tensor]) -> None:
        """Put the next of `values` where they belong."""
        for i in self._written_arguments:
            arguments[i]._cell.array = next(values)
        for cell, array in zip(self._written_cells, values):
            cell.array = array


class GradSlot:
    """`tensor.grad` during a trace: what was there before, or what has replaced it."""

    def __init__(self, tensor: Tensor, trace: Trace) -> None:
        self.tensor = tensor
        self.is_outside = trace.is_from_outside(tensor)
        self.position = trace.argument_position(tensor)
        self._trace = trace
        self._touched = False
        self.dropped_first = False  # before anything was computed
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
        if not self._touched and value is None and not self._trace.graph.equations:
            self.dropped_first = True
        self._touched = True
        self._held = value

    @property
    def is_none(self) -> bool:
        """Whether there is no gradient now, as far as the function has looked."""
        return self._touched and self._held is None

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
