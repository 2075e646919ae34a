"""The tree of a model's modules, with what was seen of each while it ran."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.doctor.tools.arithmetic import work_of
from chainrule.doctor.tools.observing import Onlooker
from chainrule.nn.module import Module
from chainrule.tensor.tape import Node
from chainrule.tensor.tensor import Tensor


@dataclass
class Part:
    """A module of the tree; figures are its own, without those of the modules in it."""

    name: str
    module: Module
    parameters: int = 0
    trainable: int = 0
    children: list[Part] = field(default_factory=list)
    same_as: str = ""  # the path under which a shared module stands already
    calls: int = 0
    inputs: Any = None
    outputs: Any = None
    flops: int = 0
    multiply_adds: int = 0
    activation_bytes: int = 0
    seconds: float = 0.0

    def all(self) -> Iterator[Part]:
        """This part and all in it."""
        yield self
        for child in self.children:
            yield from child.all()

    def total(self, figure: str) -> Any:
        """A figure with those of all parts inside."""
        return sum(getattr(part, figure) for part in self.all())


def tree(model: Module) -> Part:
    """The registered modules; a shared module or parameter counts where it stands first."""
    return _grown("", "", model, {}, set())


def _grown(name: str, path: str, module: Module, known: dict[int, str], seen: set[int]) -> Part:
    part = Part(name, module)
    if id(module) in known:
        part.same_as = known[id(module)] or "the model"
        return part
    known[id(module)] = path
    for parameter in module.parameters(recurse=False):
        if id(parameter) not in seen:
            seen.add(id(parameter))
            part.parameters += parameter.numel()
            part.trainable += parameter.numel() if parameter.requires_grad else 0
    for key, child in module._adopt().items():
        if child is not None:
            inner = f"{path}.{key}" if path else key
            part.children.append(_grown(key, inner, child, known, seen))
    return part


class Walk(Onlooker):
    """An observer that knows in which part of a tree the run is."""

    def __init__(self, root: Part) -> None:
        self.root = root
        self.stack: list[Part] = [root]
        self._first = {id(p.module): p for p in root.all() if not p.same_as}

    def module_begins(self, module: Module, arguments: tuple[Any, ...]) -> None:
        here = self.stack[-1]
        own = (p for p in here.children if p.module is module and not p.same_as)
        self.stack.append(next(own, None) or self._first.get(id(module), here))
        self.begins(self.stack[-1], arguments)

    def module_ends(self, module: Module, output: Any) -> None:
        part = self.stack.pop()
        while part.module is not module and id(module) in self._first:
            part = self.stack.pop()  # of a module that raised, which its caller survived
        self.ends(part, output)

    def begins(self, part: Part, arguments: tuple[Any, ...]) -> None:
        """A call of a part."""

    def ends(self, part: Part, output: Any) -> None:
        """It has returned."""


class Counting(Walk):
    """Fills a tree with shapes, work, and bytes held for backward."""

    def __init__(self, root: Part) -> None:
        super().__init__(root)
        self.made: dict[int, Part] = {}  # by id of an array's memory

    def begins(self, part: Part, arguments: tuple[Any, ...]) -> None:
        part.calls += 1
        if part.calls == 1:
            given = [shapes_of(x) for x in arguments]
            part.inputs = given[0] if len(given) == 1 else given

    def ends(self, part: Part, output: Any) -> None:
        part.outputs = shapes_of(output) if part.outputs is None else part.outputs

    def computed(self, primitive: Any, inputs: tuple, params: Any, y: Any) -> None:
        part = self.stack[-1]
        work = work_of(primitive, inputs, params, y)
        part.flops += work.flops
        part.multiply_adds += work.multiply_adds
        memory = id(owner(y))
        if all(id(owner(x)) != memory for x in inputs):
            self.made[memory] = part

    def keep(self, result: Any) -> None:
        """Note the bytes that the tape of a result holds for backward, where they were made."""
        for array in kept_arrays(result).values():
            part = self.made.get(id(array))
            if part is not None:
                part.activation_bytes += array.nbytes


class Timing(Walk):
    """Measures the seconds of each part, without those of the parts called inside."""

    def __init__(self, root: Part) -> None:
        super().__init__(root)
        self.seconds = {id(part): 0.0 for part in root.all()}
        self._clocks: list[float] = []  # when each call in progress began

    def begins(self, part: Part, arguments: tuple[Any, ...]) -> None:
        self._clocks.append(time.perf_counter())

    def ends(self, part: Part, output: Any) -> None:
        took = time.perf_counter() - self._clocks.pop()
        self.seconds[id(part)] += took
        if len(self.stack) > 1:
            self.seconds[id(self.stack[-1])] -= took


def shapes_of(value: Any) -> Any:
    """The shapes of the tensors in a value, in lists and dicts as it has them."""
    if isinstance(value, (Tensor, np.ndarray)):
        return list(value.shape)
    if isinstance(value, dict):
        return {str(key): shapes_of(x) for key, x in value.items()}
    if isinstance(value, (tuple, list)):
        return [shapes_of(x) for x in value]
    return None


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in a value, its containers and its attributes' containers."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (dict, tuple, list)):
        for x in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(x)


def kept_arrays(result: Any) -> dict[int, np.ndarray]:
    """What the tape behind a result holds for backward: memory by id, each once."""
    found: dict[int, np.ndarray] = {}
    seen: set[int] = set()
    waiting = [x._edge for x in tensors_in(result) if x._edge is not None]
    while waiting:
        edge = waiting.pop()
        if id(edge) in seen or not hasattr(edge, "edges"):
            continue
        seen.add(id(edge))
        waiting += [e for e in edge.edges if e is not None]
        saved = edge.saved if isinstance(edge, Node) else None
        for array in (saved or {}).values():
            whole = owner(array)
            found[id(whole)] = whole
    return found


def owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory this one shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
