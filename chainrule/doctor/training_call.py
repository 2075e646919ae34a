"""Steps of a training that can be run again: by a trial of a remedy, or to find a NaN."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from chainrule.compiler.structure import map_leaves
from chainrule.doctor import measures
from chainrule.doctor.facts import Record
from chainrule.nn import functional
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class CompiledCall:
    """A call of a compiled function.

    Args: tensors: those among its arguments, each once.
    """

    __slots__ = (
        "args", "arrays", "bytes", "ended", "function", "kwargs", "loss", "results", "tensors"
    )  # fmt: skip

    can_run = True

    def __init__(
        self,
        function: Callable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[Tensor],
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.tensors = tensors
        self.arrays = arrays = [tensor._cell.array for tensor in tensors]
        self.bytes = sum([array.nbytes for array in arrays])  # of the inputs and targets
        self.ended = False
        self.loss: float | None = None  # what it returned, if that is one number
        self.results: list[np.ndarray] = []  # of an evaluation

    def run(self) -> Tensor | None:
        """Run it; the loss, if that is what it returns first."""
        args, kwargs = _holding((self.args, self.kwargs), self.tensors, self.arrays)
        found = tensors_in(self.function(*args, **kwargs))
        return found[0] if found and found[0].numel() == 1 else None

    @property
    def data(self) -> list[np.ndarray]:
        """Inputs and targets."""
        return self.arrays

    @property
    def input(self) -> Tensor:
        return self.tensors[0]

    @property
    def target(self) -> Tensor:
        return self.tensors[-1]

    def with_arrays(self, arrays: list[np.ndarray]) -> CompiledCall:
        """The call with other numbers in its tensors."""
        args, kwargs = _replaced((self.args, self.kwargs), self.tensors, arrays)
        return CompiledCall(self.function, args, kwargs, tensors_in((args, kwargs)))


class EagerCall:
    """A call of the model in an eager loop, and what the loss function was given."""

    function = None

    def __init__(self, model: Module, args: tuple[Any, ...]) -> None:
        self.model = model
        self.args = args
        tensors = tensors_in(args)
        self.given = [tensor._cell.array for tensor in tensors]
        self._from_outside = [x._cell.array for x in tensors if x._edge is None]
        self.bytes = sum(array.nbytes for array in self.given)
        #: the loss function and its arguments, of which the first, the outputs, is only a
        #: shape; None where the loss is another formula, which cannot be repeated
        self.loss: tuple[str, tuple[Any, ...]] | None = None
        self._minimized: Tensor | None = None

    def note_loss(self, name: str, arguments: tuple[Any, ...], loss: Tensor) -> None:
        """A loss function was called."""
        outputs, *others = arguments
        if isinstance(outputs, Tensor) and others and isinstance(others[0], Tensor):
            self.loss = name, (tuple(outputs.shape), others[0].detach(), *others[1:])
            self._minimized = loss

    def note_backward(self, root: Tensor) -> None:
        """What is minimized; where it is more than the loss times a number, it is forgotten."""
        if self._minimized is not None and not _is_multiple(root, self._minimized):
            self.loss = None
        self._minimized = None

    @property
    def can_run(self) -> bool:
        return self.loss is not None

    def loss_of(
        self,
        names: dict[str, str],
        change: Callable[[Tensor], Tensor],
        options: dict[str, Any],
    ) -> Tensor:
        """Forward pass and loss, with another loss function, targets or options."""
        assert self.loss is not None
        name, (shape, target, *rest) = self.loss
        loss = getattr(functional, names.get(name, name))
        args = _holding(self.args, tensors_in(self.args), self.given)
        outputs = _shaped(self.model(*args), shape)
        known = inspect.signature(getattr(functional, name)).parameters
        takes = inspect.signature(loss).parameters
        given = dict(zip(list(known)[2:], rest, strict=False)) | options
        return loss(outputs, change(target), **{k: v for k, v in given.items() if k in takes})

    @property
    def input(self) -> Tensor:
        return tensors_in(self.args)[0]

    @property
    def target(self) -> Tensor:
        assert self.loss is not None
        return self.loss[1][1]

    @property
    def data(self) -> list[np.ndarray]:
        """Inputs and targets, without what another part of the model has made."""
        targets = [self.target._cell.array] if self.can_run else []
        return [*self._from_outside, *targets]

    @property
    def arrays(self) -> list[np.ndarray]:
        return [self.given[0], self.target._cell.array]

    def with_arrays(self, arrays: list[np.ndarray]) -> EagerCall:
        """The call with other inputs and targets."""
        assert self.loss is not None
        inputs, targets = map(Tensor._wrap, arrays)
        made = copy.copy(self)
        made.args = (inputs, *self.args[1:])
        made.given = [arrays[0], *self.given[1:]]
        made.loss = self.loss[0], (self.loss[1][0], targets, *self.loss[1][2:])
        return made


TrainingCall = CompiledCall | EagerCall


def tensors_in(thing: Any) -> list[Tensor]:
    """The tensors with numbers in containers, each once."""
    found: dict[int, Tensor] = {}
    _collect((thing,), found)
    return list(found.values())


def arrays_in(thing: Any) -> list[np.ndarray]:
    """Their arrays."""
    return [tensor._cell.array for tensor in tensors_in(thing)]


def _collect(container: Iterable[Any], found: dict[int, Tensor]) -> None:
    for part in container:
        if isinstance(part, Tensor):
            found.setdefault(id(part), part)
        elif isinstance(part, (tuple, list, dict)):
            _collect(part.values() if isinstance(part, dict) else part, found)


def _holding(thing: Any, tensors: list[Tensor], arrays: list[np.ndarray]) -> Any:
    """Containers with these tensors, with the arrays that they held once."""
    if all(x._cell.array is array for x, array in zip(tensors, arrays, strict=True)):
        return thing
    return _replaced(thing, tensors, arrays)


def _is_multiple(root: Tensor, loss: Tensor) -> bool:
    """Whether a tensor is a loss with nothing but numbers between."""
    node = root._edge
    while node is not None and node is not loss._edge and not isinstance(node, Tensor):
        edges = [edge for edge in node.edges if edge is not None]
        node = edges[0] if len(edges) == 1 else None
    return node is not None and node is loss._edge


def _shaped(outputs: Any, shape: tuple[int, ...]) -> Tensor:
    """Outputs as the program gave them to its loss, where only axes were merged or dropped."""
    if not isinstance(outputs, Tensor):
        raise NotImplementedError("the model returns more than one tensor")
    if tuple(outputs.shape) == shape:
        return outputs
    lengths = [[n for n in each if n != 1] for each in (outputs.shape, shape)]
    merged = bool(shape) and math.prod(shape) == outputs.numel()
    if lengths[0] == lengths[1] or (merged and shape[-1] == outputs.shape[-1]):
        return outputs.reshape(shape)
    raise NotImplementedError("the program changes the outputs before the loss sees them")


def _replaced(thing: Any, tensors: list[Tensor], arrays: list[np.ndarray]) -> Any:
    """Containers with these tensors, with others in their places that hold the arrays."""
    others = {id(x): Tensor._wrap(array) for x, array in zip(tensors, arrays, strict=True)}
    return map_leaves(thing, lambda part: others.get(id(part), part))


def see_arrays(record: Record, call: TrainingCall) -> None:
    """Note NaN and infinities among the numbers that a step was given."""
    for array in call.data:
        if array.dtype.kind == "f" and array.ndim and not np.isfinite(array).all():
            data, bad = record.data, ~np.isfinite(array.reshape(len(array), -1))
            data.inputs = measures.spread(array)
            data.bad_rows = np.flatnonzero(bad.any(axis=1))[:20].tolist()
            data.bad_columns = np.flatnonzero(bad.any(axis=0))[:20].tolist()
            data.bad_step = record.step
            return
