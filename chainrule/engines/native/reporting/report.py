"""What became of a graph: kernels and what is in them, waits, calls of NumPy, and memory.

Everything here is read off the finished plan, when somebody asks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from chainrule import dtypes
from chainrule.engines.native.graph.nodes import Node, imported, ordered
from chainrule.engines.native.planning.fusion import CALL
from chainrule.engines.native.planning.plan import PASSES, Plan
from chainrule.engines.native.planning.regions import Function
from chainrule.engines.native.reporting.accounting import (
    Call,
    Owner,
    calls,
    computed,
    names_of,
    origin,
    owners,
    touched,
)
from chainrule.engines.native.reporting.dependence import MemoryReport, memory, waits
from chainrule.engines.native.rewrites.rewriting import rewritten
from chainrule.engines.native.running.arena import arenas
from chainrule.engines.native.running.llvm import assembly
from chainrule.ir.graph import Graph

REGISTERS, AGAIN = "registers", "computed where it is read"
MOST_NAMES = 12  # in one line


@dataclass(frozen=True)
class ValueReport:
    """A value that kernels compute, and where it lies.

    Args:
        home: AGAIN, REGISTERS, "arena", "the loop's memory", "output 3", or "input 2" (which
            is written over).
        why: why it is stored, if it is.
        equation: its place in the graph; -1 for one that the engine has added.
    """

    name: str
    operation: str
    dtype: str
    equation: int
    module: str
    line: str
    home: str
    why: str


class KernelReport:
    """One kernel: what was fused into it, and its code. `str()` shows it."""

    def __init__(self, plan: Plan, owner: Owner, calls: list[tuple[Call, Function]]) -> None:
        self._plan, self._kernel = plan, owner.kernel  # the whole plan, which has the code
        self._functions = list({call.function: f for call, f in calls}.values())
        self.name, self.kind, self.apart = owner.name, owner.kernel.kind, _apart(owner)
        self.calls = [call for call, _ in calls]
        nodes = computed(owner.kernel, owner.plan.stored)
        self.values = [_value(owner.plan, node) for node in nodes]
        self.reads = [repr(node) for node in owner.kernel.reads.values()]

    @property
    def flops(self) -> int:
        return sum(call.flops for call in self.calls)

    @property
    def title(self) -> str:
        """The operations, such as `product Relu`."""
        return " ".join(dict.fromkeys(node.name for node in self._kernel.nodes))

    @property
    def place(self) -> tuple[str, str]:
        """The module and the user's line of what it computes first."""
        return origin(self._kernel.nodes[0])

    def ir(self) -> str:
        """Its functions in LLVM's language, under comments that say what they compute."""
        parts = [f"; {line}" for line in self._lines()]
        texts = self._plan.functions.texts
        for function in self._functions:
            parts += [*_described(self._plan, function), texts[function.name]]
        return "\n".join(parts)

    def assembly(self) -> str:
        """The same in the processor's language."""
        plan = self._plan
        texts = [plan.functions.texts[function.name] for function in self._functions]
        helpers = _needed(plan.functions.helpers, "\n".join(texts))
        declared = _needed(plan.functions.declared, "\n".join([*texts, *helpers]))
        attributes = f"attributes #0 = {{ {plan.target.attributes} }}"
        return assembly("\n".join([*helpers, *texts, *declared, attributes, ""]), plan.target)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        module, line = self.place
        return {
            "name": self.name, "kind": self.kind, "title": self.title, "module": module,
            "line": line, "flops": self.flops, "apart": self.apart, "reads": self.reads,
            "calls": [asdict(call) for call in self.calls],
            "values": [asdict(value) for value in self.values],
        }  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        chunks = " + ".join(str(call.chunks) for call in self.calls)
        yield f"kernel {self.name}: {self.kind}, {chunks or 'no'} chunks{self._work()}"
        for place, values in _together(self.values, lambda v: f"{v.module or '-'}  {v.line}"):
            yield f"  {place}"
            yield f"    {_names(values)}"
        registers = [v for v in self.values if v.home == REGISTERS]
        if registers:
            yield f"  in registers only: {_listed(v.name for v in registers)}"
        stored = [v for v in self.values if v.home not in (REGISTERS, AGAIN)]
        for why, values in _together(stored, lambda v: v.why):
            shown = _listed(f"{v.name} in {v.home}" for v in values)
            yield f"  stored, as {why}: {shown}"
        if self.apart:
            yield f"  not in {self.apart}"

    def _work(self) -> str:
        times = max([call.times for call in self.calls], default=1)
        turns = f", {times} times" if times > 1 else ""
        return turns + (f", {quantity(self.flops)}FLOP" if self.flops else "")


class Report:
    """What the native engine made of a graph: `str()` for people, `as_dict()` for programs."""

    def __init__(
        self, graph: Graph, plan: Plan, seconds: dict[str, float], from_disk: bool
    ) -> None:
        """seconds: of each phase; from_disk: whether the program was made before."""
        self._graph, self._plan = graph, plan
        self.seconds, self.from_disk = dict(seconds), from_disk
        found: dict[int, list[tuple[Call, Function]]] = {}
        for call, function in calls(plan):
            found.setdefault(id(function.kernel), []).append((call, function))
        self.kernels = [
            KernelReport(plan, o, found.get(id(o.kernel), [])) for o in owners(plan)
        ]
        self.waits = list(waits(plan))
        self.memory = memory(plan)
        self.arenas = arenas.held
        self.functions = len(plan.functions.texts)

    @property
    def reference_calls(self) -> list[KernelReport]:
        """What NumPy computes."""
        return [kernel for kernel in self.kernels if kernel.kind == CALL]

    def kernel(self, name: int | str) -> KernelReport:
        """The kernel of that number; of a loop's body such as "3.0".

        Raises: KeyError where there is none.
        """
        return {kernel.name: kernel for kernel in self.kernels}[str(name)]

    def stages(self) -> dict[str, str]:
        """The graph as text after each rewrite of this engine, by its name."""
        found = {}
        _, outputs = imported(self._graph)
        for name, rules in PASSES:
            outputs = rewritten(outputs, rules)
            found[name] = "\n".join(_line(node) for node in ordered(outputs))
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "seconds": self.seconds,
            "from_disk": self.from_disk,
            "functions": self.functions,
            "kernels": [kernel.as_dict() for kernel in self.kernels],
            "waits": [asdict(wait) for wait in self.waits],
            "reference_calls": [_reason_of_call(kernel) for kernel in self.reference_calls],
            "memory": asdict(self.memory),
            "arenas": self.arenas,
        }

    def text(self, most: int = 40) -> str:
        """At most so many kernels and waits."""
        return "\n".join(self._lines(most))

    def __str__(self) -> str:
        return self.text()

    def _lines(self, most: int) -> Iterator[str]:
        times = ", ".join(f"{name} {1e3 * s:.1f}" for name, s in self.seconds.items())
        source = "from the disk cache" if self.from_disk else "compiled by LLVM"
        yield f"native, {source}; ms: {times}"
        calls = sum(len(kernel.calls) for kernel in self.kernels)
        yield f"{len(self.kernels)} kernels, {calls} calls of {self.functions} functions"
        for kernel in self.kernels[:most]:
            yield str(kernel)
        yield from _rest(len(self.kernels) - most, "kernels")
        yield f"{len(self.waits)} waits"
        yield from (f"  region {w.region}: {w.why}" for w in self.waits[:most])
        yield from _rest(len(self.waits) - most, "waits")
        yield f"{len(self.reference_calls)} calls of NumPy"
        yield from (f"  {_reason_of_call(k)}" for k in self.reference_calls[:most])
        yield from memory_lines(self.memory)
        size, count = quantity(sum(self.arenas)), len(self.arenas)
        yield f"arenas that all programs of this process share: {count}, {size}B"


def _rest(count: int, what: str) -> Iterator[str]:
    if count > 0:
        yield f"  … and {count} more {what}; as_dict() has them all"


def quantity(number: float) -> str:
    """1234567 → `1.23 M`, to be followed by the unit."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {prefix}"
    return f"{number:.3g} "


def _apart(owner: Owner) -> str:
    """Why it did not join another kernel, called by that kernel's name."""
    loop = owner.name.removesuffix(str(owner.kernel.place))
    return owner.kernel.apart.replace("kernel ", f"kernel {loop}", 1)


def _value(plan: Plan, node: Node) -> ValueReport:
    module, line = origin(node)
    home = _home(plan, node)
    why = "" if home in (REGISTERS, AGAIN) else plan.stored.why[id(node)]
    dtype = dtypes.OF_NUMPY[node.dtype].name
    return ValueReport(repr(node), node.name, dtype, node.equation, module, line, home, why)


def _home(plan: Plan, node: Node) -> str:
    if id(node) not in plan.stored:
        return AGAIN
    if id(node) in plan.local:
        return REGISTERS
    buffer = plan.buffers[id(node)]
    if buffer.home in ("arena", "part"):
        return {"arena": "arena", "part": "the loop's memory"}[buffer.home]
    return f"{buffer.home} {buffer.number}"


def _together(
    values: Iterable[ValueReport], key: Callable[[ValueReport], str]
) -> Iterable[tuple[str, list[ValueReport]]]:
    """Values that share a key, in the order of the first ones."""
    groups: dict[str, list[ValueReport]] = {}
    for value in values:
        groups.setdefault(key(value), []).append(value)
    return groups.items()


def _names(values: list[ValueReport]) -> str:
    """The operations, and the values that stay, by name; of many only how often each comes."""
    shown = [v.operation if v.home == AGAIN else v.name for v in values]
    if len(shown) <= MOST_NAMES:
        return ", ".join(shown)
    counts = Counter(v.operation for v in values)
    return ", ".join(name if n == 1 else f"{n} {name}" for name, n in counts.items())


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _line(node: Node) -> str:
    inputs = ", ".join(f"%{x.number}" for x in node.inputs)
    params = "".join(f"; {k}={v}" for k, v in node.params.items() if not isinstance(v, Graph))
    return f"{node!r} {dtypes.OF_NUMPY[node.dtype].name} ({inputs}{params})"


def _reason_of_call(kernel: KernelReport) -> str:
    module, line = kernel.place
    return f"kernel {kernel.name}: there is no native code for {kernel.title}  {module}  {line}"


def _described(plan: Plan, function: Function) -> Iterator[str]:
    """Comments that say what the parameters are in the first call."""
    reads, writes = touched(function)
    names = names_of(plan)
    for parameter, buffer in zip(function.parameters, function.buffers, strict=True):
        verbs = [v for v, bs in (("reads", reads), ("writes", writes)) if buffer in bs]
        what = names.get(id(buffer), buffer.label or buffer.home)
        yield f"; %{parameter}: {' and '.join(verbs) or 'passes on'} {what}"


def _needed(known: dict[str, str], text: str) -> list[str]:
    """The functions that a text calls, with those that they call."""
    found: dict[str, str] = {}
    waiting = [text]
    while waiting:
        now = waiting.pop()
        for name, body in known.items():
            if name not in found and re.search(rf"@{re.escape(name)}(?![\w.])", now):
                found[name] = body
                waiting.append(body)
    return list(found.values())


def memory_lines(memory: MemoryReport) -> Iterator[str]:
    """The report as text."""
    yield (
        f"arena {quantity(memory.arena)}B for {quantity(memory.separate)}B of values; peak "
        f"{quantity(memory.peak)}B at kernel {memory.kernel}, equation {memory.equation}  "
        f"{memory.module}  {memory.line}"
    )
    for name, size, module, line in memory.largest:
        yield f"  {quantity(size)}B  {name}  {module}  {line}"
    pairs = ", ".join(f"{o} over {i}" for o, i in memory.in_place.items())
    yield f"outputs written over inputs: {pairs or 'none'}"
    reasons: dict[str, list[str]] = {}
    for output, why in memory.kept.items():
        reasons.setdefault(why, []).append(str(output))
    for why, outputs in reasons.items():
        yield f"  not {_listed(outputs)}: {why}"
