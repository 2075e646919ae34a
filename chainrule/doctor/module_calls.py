"""The modules that one step of training calls, and which steps of the tape are theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chainrule.doctor.moves import is_normalization
from chainrule.nn.module import Module
from chainrule.tensor import tape
from chainrule.tensor.tensor import Tensor


@dataclass(slots=True)
class Call:
    """A module that was called, and which steps of the tape it made."""

    path: str
    module: Module
    first: int
    is_outer: bool  # not called by another one
    last: int = 0
    inputs: tuple[int, ...] = ()  # ids of the tensors that went in
    output: int = 0  # id of the tensor that came out
    result: Tensor | None = None

    @property
    def kind(self) -> str:
        """The class of the module."""
        return type(self.module).__name__


class ModuleCalls:
    """The calls of the modules of a model, in the order in which they begin.

    Notes: it holds what went in and came out, so that ids stay theirs.
    """

    def __init__(self, model: Module) -> None:
        self._model = id(model)
        self._paths = {id(module): path for path, module in model.named_modules()}
        self._calls: list[Call] = []
        self._open: list[Call] = []
        self._held: list[Any] = []

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def begins(self, module: Module, arguments: tuple[Any, ...]) -> Call | None:
        """A module is called; None where it is no part of the model."""
        if id(module) not in self._paths:
            return None
        call = Call(self._paths[id(module)], module, next(tape.numbers), not self._open)
        call.inputs = tuple(id(x) for x in arguments if isinstance(x, Tensor))
        self._held += arguments
        self._calls.append(call)
        self._open.append(call)
        return call

    def ends(self, module: Module, output: Any) -> Call | None:
        """It returned; the call, if there is a tensor in what it returned."""
        while self._open and id(module) in self._paths:
            call = self._open.pop()
            if call.module is module:
                break
        else:
            return None
        call.last = next(tape.numbers)
        y = call.result = first_tensor(output)
        if y is None:
            return None
        call.output = id(y)
        self._held.append(y)
        return call

    def forget(self) -> None:
        """The step is over: hold nothing of it."""
        self._calls.clear()
        self._open.clear()
        self._held.clear()

    @property
    def running(self) -> Module | None:
        """The outermost module that was called and has not returned."""
        return self._open[0].module if self._open else None

    @property
    def output(self) -> Tensor | None:
        """What the model returned, or the part of it that was called last."""
        made = self._made()
        return made[-1] if made else None

    def _made(self) -> list[Tensor]:
        """What the calls from outside have returned."""
        return [c.result for c in self._calls if c.is_outer and c.result is not None]

    def parted(self, nodes: Iterable[Any]) -> tuple[list[Any], list[Any]]:
        """The steps of the tape that are the model's, and those that came after it."""
        last = max((call.last for call in self._calls if call.is_outer), default=0)
        inner: list[Any] = []
        outer: list[Any] = []
        for node in nodes:
            (inner if node.number <= last else outer).append(node)
        return inner, outer

    def is_whole(self, module: Module) -> bool:
        """Whether a module is the model, or made of others."""
        return id(module) == self._model or bool(module._modules)

    def is_from_within(self, arguments: tuple[Any, ...]) -> bool:
        """Whether what comes in is what another part has made, such as an encoder."""
        x = first_tensor(arguments)
        made = self._made()
        if x is None or not made:
            return False
        return x._edge is not None or any(x._cell.array is y._cell.array for y in made)

    def is_perhaps_cut(self, arguments: tuple[Any, ...]) -> bool:
        """Whether what comes in may be what a module has returned, without its history."""
        return any(
            isinstance(x, Tensor) and not x.requires_grad and x.dtype.is_floating_point
            for x in arguments
        ) and any(c.result is not None and c.result.requires_grad for c in self._calls)

    def feeding(self, number: int) -> Call | None:
        """The layer with parameters that was called last before a step of the tape; a
        recurrent layer holds its activations itself."""
        best: Call | None = None
        for call in self._calls:
            if call.module._modules or not call.module._parameters:
                continue
            if call.first < number and (best is None or call.first > best.first):
                best = call
        return best

    def repeated(self) -> dict[str, list[Call]]:
        """The calls of each layer with parameters that returned a tensor."""
        found: dict[str, list[Call]] = {}
        for call in self._calls:
            if call.result is not None and call.module._parameters:
                found.setdefault(call.path, []).append(call)
        return found

    def notes(self) -> Iterator[tuple[str, str, str]]:
        """Neighbours that do not go well together: a layer, what of it, and the other one."""
        made_by = {c.output: c for c in self._calls if not c.module._modules}
        for call in self._calls:
            before = next((made_by[i] for i in call.inputs if i in made_by), None)
            if before is None or not call.kind.startswith("BatchNorm"):
                continue
            if getattr(before.module, "bias", None) is not None:
                yield before.path, "its bias is undone by {}", call.path
            if before.kind.startswith("Dropout"):
                yield before.path, "it upsets the statistics of {}", call.path

    @property
    def are_normalized(self) -> bool:
        """Whether there is a normalization among them."""
        return any(is_normalization(call.module) for call in self._calls)


def first_tensor(thing: Any) -> Tensor | None:
    """The first tensor of what a module takes or gives."""
    if isinstance(thing, Tensor):
        return thing
    parts = thing.values() if isinstance(thing, dict) else thing
    if isinstance(thing, (tuple, list, dict)):
        return next((t for part in parts if (t := first_tensor(part)) is not None), None)
    return None
