"""The tape: how each tensor was made, and the chain rule that walks it backwards."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from chainrule import settings
from chainrule.errors import GradientError
from chainrule.ops.primitive import INDEX, PARAM, SHAPE, SHAPES, TENSOR, Y
from chainrule.tensor import anomaly, trace
from chainrule.tensor.symbol import user_line

if TYPE_CHECKING:
    from chainrule.ops.primitive import Params, Primitive, Rule
    from chainrule.tensor.tensor import Tensor


#: what a cotangent is sent to: the node that made a tensor, or the leaf tensor itself
Edge = Any

numbers = itertools.count()  # later nodes have larger ones
#: a gradient is being recorded for derivatives of higher order
creating_graph: ContextVar[bool] = ContextVar("creating_graph", default=False)


class Walkable:
    """What programs see of a step: where the cotangents of its inputs go."""

    __slots__ = ()
    edges: Any

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """For each input a step, the end at a leaf, or None."""
        leaf = [e is not None and not hasattr(e, "pull") for e in self.edges]
        ends = [AccumulateGrad(e) if x else e for e, x in zip(self.edges, leaf, strict=True)]
        return tuple((end, 0) for end in ends)


class Node(Walkable):
    """One step: the primitive, where its inputs came from, what was saved."""

    __slots__ = (
        "__weakref__", "edges", "hooks", "number", "params", "primitive", "retained", "rules",
        "saved", "shapes", "trace",
    )  # fmt: skip

    def __init__(
        self,
        primitive: type[Primitive],
        inputs: tuple[Tensor, ...],
        values: tuple,
        params: Params,
        y: Any,
    ) -> None:
        self.primitive = primitive
        self.rules = primitive.rules_for(len(inputs)) if primitive.rest else primitive.rules
        self.params = params
        self.number = next(numbers)
        self.trace = trace.current.get()
        self.shapes = [value.shape for value in values]
        self.hooks: dict[int, Callable] | None = None
        self.retained: Any = None
        self.edges: list[Edge] = []
        self.saved: dict[int, Any] | None
        self.saved = saved = {}
        for x, rule in zip(inputs, self.rules, strict=True):
            if rule is None or not x._requires_grad:
                self.edges.append(None)
                continue
            self.edges.append(x if x._edge is None else x._edge)
            for position in rule.keeps:
                saved[position] = y if position == Y else values[position]
        if anomaly.State.enabled:
            anomaly.note(self)

    def name(self) -> str:
        return f"{self.primitive.__name__}Backward0"

    def pull(self, g: Tensor) -> list[Tensor | None]:
        """The cotangent of each input, from the cotangent of the output."""
        if self.saved is None:
            raise GradientError(
                "CR301",
                f"the values saved for the gradient of {self.primitive.__name__} are freed "
                "already: backward ran through here before. For a second pass over the same "
                "graph call backward(retain_graph=True) the first time",
            )
        cotangents: list[Tensor | None] = []
        for i, (edge, rule) in enumerate(zip(self.edges, self.rules, strict=True)):
            if edge is None or rule is None:
                cotangents.append(None)
            else:
                cotangents.append(self._pull_one(i, rule, g))
        return cotangents

    def _pull_one(self, i: int, rule: Rule, g: Tensor) -> Tensor:
        cotangent = rule.function(g, *[self._fetch(need, g, i) for need in rule.needs])
        shape = self.shapes[i]
        if cotangent is None or cotangent._cell.array.shape == shape:
            return cotangent
        return cotangent.sum_to_size(shape)

    def _fetch(self, need: tuple[int, Any], g: Tensor, i: int) -> Any:
        """What the rule of input i asked for by name."""
        kind, key = need
        if kind == TENSOR:
            return self._saved_tensor(key, g)
        if kind == PARAM:
            return self.params[key]
        if kind == SHAPE:
            return self.shapes[key]
        fixed = len(self.primitive.inputs)
        if kind == INDEX:
            return i - fixed
        if kind == SHAPES:
            return self.shapes[fixed:]
        return [self._saved_tensor(position, g) for position in range(fixed, len(self.edges))]

    def _saved_tensor(self, position: int, g: Tensor) -> Tensor:
        """A saved value, connected to the graph while a gradient of a gradient is recorded."""
        assert self.saved is not None
        edge: Edge = None
        if creating_graph.get():
            edge = self if position == Y else self.edges[position]
        return g._wrap(self.saved[position], edge)

    @property
    def freed(self) -> bool:
        return self.saved is None

    def release(self) -> None:
        """Forget what was saved; the graph behind stays only as long as somebody holds it."""
        self.saved = None


class AccumulateGrad:
    """The end of the graph at a leaf: here its cotangent is added to `variable.grad`."""

    next_functions = ()

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    def name(self) -> str:
        return "AccumulateGrad"


def backward(
    roots: Iterable[tuple[Edge, Tensor]],
    *,
    retain_graph: bool,
    create_graph: bool,
    targets: list[Edge] | None = None,
    leaf_hooks: bool = True,
) -> dict[Edge, Tensor]:
    """Walk the graph from `roots`, each with its cotangent, latest node first.

    Returns the cotangent of every leaf, or of every edge in `targets`.
    A node's cotangent is complete when it is reached: all that use its value came later.
    """
    walk = _Walk(targets)
    for edge, g in roots:
        walk.send(edge, g)
    grad_token = settings.grad_enabled.set(create_graph)
    graph_token = creating_graph.set(create_graph)
    try:
        while walk.heap:
            node, g = walk.next()
            cotangents = node.pull(g)
            if anomaly.State.enabled:
                anomaly.check(node, cotangents)
            for edge, cotangent in zip(node.edges, cotangents, strict=True):
                if cotangent is not None:
                    walk.send(edge, cotangent)
            if not retain_graph:
                node.release()
        return walk.finish(leaf_hooks)
    finally:
        creating_graph.reset(graph_token)
        settings.grad_enabled.reset(grad_token)


class _Walk:
    """Cotangents on their way: summed per edge, nodes handed out latest first."""

    def __init__(self, targets: list[Edge] | None) -> None:
        self.pending: dict[Edge, Tensor] = {}
        self.heap: list[tuple[int, Edge]] = []
        self.targets: set[Edge] | None = None if targets is None else set(targets)
        self.found: dict[Edge, Tensor] = {}
        self.useful: dict[Edge, bool] = {}

    def send(self, edge: Edge, g: Tensor) -> None:
        if self.targets is not None and not self._leads_to_target(edge):
            return
        if edge in self.pending:
            self.pending[edge] = self.pending[edge] + g
            return
        self.pending[edge] = g
        if hasattr(edge, "pull"):
            heapq.heappush(self.heap, (-edge.number, edge))

    def next(self) -> tuple[Edge, Tensor]:
        _, node = heapq.heappop(self.heap)
        if node.trace is not trace.current.get():
            raise GradientError(
                "CR302",
                "backward goes from a compiled function into a graph recorded outside it"
                f"{user_line()}. Compute the whole loss inside the function, or detach "
                "the tensor that comes from outside",
            )
        g = self.pending.pop(node)
        if node.hooks:
            g = run_hooks(node.hooks, g)
        if node.retained is not None and (tensor := node.retained()) is not None:
            tensor.grad = g
        if self.targets is not None and node in self.targets:
            self.found[node] = g
        return node, g

    def finish(self, leaf_hooks: bool) -> dict[Edge, Tensor]:
        """The cotangents of the leaves, after their hooks."""
        for leaf, g in self.pending.items():
            if self.targets is None or leaf in self.targets:
                self.found[leaf] = run_hooks(leaf._hooks, g) if leaf_hooks else g
        return self.found

    def _leads_to_target(self, edge: Edge) -> bool:
        """Whether a target lies at or behind `edge`; depth first, without recursion."""
        assert self.targets is not None
        stack = [edge]
        while stack:
            top = stack[-1]
            if top in self.useful:
                stack.pop()
                continue
            behind = [e for e in getattr(top, "edges", ()) if e is not None]
            waiting = [e for e in behind if e not in self.useful]
            if top in self.targets or not waiting:
                hit = top in self.targets or any(self.useful[e] for e in behind)
                self.useful[stack.pop()] = hit
            else:
                stack += waiting
        return self.useful[edge]


def is_freed(edge: Edge) -> bool:
    """Whether backward has passed through the history behind `edge` and freed it."""
    stack, seen = [edge], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if getattr(node, "freed", False):
            return True
        stack += [behind for behind in getattr(node, "edges", ()) if behind is not None]
    return False


def edge_of(tensor: Tensor) -> Edge:
    """Where the cotangent of a tensor goes: to what made it, or to itself if it is a leaf."""
    return tensor if tensor._edge is None else tensor._edge


def run_hooks(hooks: dict[int, Callable] | None, g: Tensor) -> Tensor:
    """Each hook sees the cotangent and may return another."""
    for hook in tuple((hooks or {}).values()):
        replaced = hook(g)
        g = g if replaced is None else replaced
    return g
