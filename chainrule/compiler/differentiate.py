"""Gradients through a compiled function: its backward pass is traced beside it and cut off."""

from __future__ import annotations

import time
import weakref
from typing import Any

import numpy as np

from chainrule.compiler.nonfinite import check_finite
from chainrule.compiler.pipeline import optimize
from chainrule.engines.choice import program
from chainrule.errors import GradientError
from chainrule.ir.graph import Graph, Variable
from chainrule.tensor import anomaly, tape
from chainrule.tensor.function import Context, FunctionNode, OutputNode
from chainrule.tensor.symbol import Symbol
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import Trace


class Derivative:
    """The backward half: from residuals and cotangents to the gradients of the leaves."""

    def __init__(
        self,
        forward: Graph,
        backward: Graph,
        residuals: list[Variable],
        differentiable: list[int],
        leaves: list[Tensor | int],
        retained: list[int],
        inner: set[int],
        engine: str,
    ) -> None:
        self.forward = forward
        self.residuals = residuals
        self._differentiable = differentiable  # which results of the function
        self._leaves = leaves  # tensors from outside, or positions of arguments
        self._retained = retained  # results that keep their gradient
        self._inner = inner  # results from which other results were computed
        self.traced = backward
        start = time.perf_counter()
        self.graph, self.passes = optimize(backward)
        middle = time.perf_counter()
        self.program = program(engine, self.graph)
        self.seconds = {"passes": middle - start, "engine": time.perf_counter() - middle}

    def attach(
        self, results: list[Tensor], residuals: list[np.ndarray], arguments: list[Tensor]
    ) -> list[Tensor]:
        """The results, connected to the leaves by one step on the tape."""
        ctx = Context()
        ctx.residuals = residuals  # type: ignore[attr-defined]
        inputs = [arguments[x] if isinstance(x, int) else x for x in self._leaves]
        outputs = [results[i] for i in self._differentiable]
        node = FunctionNode(ctx, self._pull, tuple(inputs), outputs)
        for number, i in enumerate(self._differentiable):
            results[i]._edge = OutputNode(node, number, "CompiledBackward")
            results[i]._requires_grad = True
        ctx.inner = [weakref.ref(results[i]._edge) for i in self._inner]  # type: ignore[attr-defined]
        for i in self._retained:
            results[i].retain_grad()
        return results

    def _pull(self, ctx: Any, *cotangents: Tensor) -> tuple[Tensor, ...]:
        if tape.creating_graph.get():
            raise GradientError(
                "CR406",
                "the gradient of a compiled function cannot be differentiated again from "
                "outside; take both derivatives inside the compiled function",
            )
        if any((y := ref()) is not None and (y.hooks or y.retained) for ref in ctx.inner):
            raise GradientError(
                "CR406",
                "a hook or retain_grad() on a result of a compiled function would miss the "
                "gradient that comes through its other results; do it inside the function",
            )
        arrays = [g._array("the gradient of a compiled function") for g in cotangents]
        if anomaly.State.enabled:
            check_finite(self.graph, [*ctx.residuals, *arrays])
        found = self.program.run([*ctx.residuals, *arrays])
        return tuple(Tensor._wrap(array) for array in found)


def differentiate(
    trace: Trace, results: list[Tensor], arguments: list[Tensor], engine: str
) -> Derivative | None:
    """Trace the backward pass from the results that require a gradient; None if none does."""
    differentiable = [
        i for i, y in enumerate(results)
        if y._edge is not None and isinstance(y._cell.array, Symbol)
        and not tape.is_freed(y._edge)
    ]  # fmt: skip
    if not differentiable:
        return None
    length = len(trace.graph.equations)
    roots, seeds = [], []
    for i in differentiable:
        symbol = results[i]._cell.array
        seed = Variable(symbol.shape, symbol.dtype)
        seeds.append(seed)
        roots.append((tape.edge_of(results[i]), Tensor._wrap(Symbol(seed, trace))))
    retained = [i for i in differentiable if results[i]._edge.retained is not None]
    inner = {i for i in differentiable if _is_inner(i, differentiable, results)}
    found = tape.backward(roots, retain_graph=False, create_graph=False, leaf_hooks=False)
    gradients = [trace.read(g).variable for g in found.values()]
    leaves = [_by_position(leaf, arguments) for leaf in found]
    graph = trace.graph
    backward = Graph([], {}, graph.equations[length:], gradients)
    forward = Graph(graph.inputs, graph.constants, graph.equations[:length], [])
    residuals = _needed_from(forward, backward, set(seeds))
    backward.inputs = [*residuals, *seeds]
    return Derivative(
        forward, backward, residuals, differentiable, leaves, retained, inner, engine
    )


def _is_inner(i: int, differentiable: list[int], results: list[Tensor]) -> bool:
    """Whether another result was computed from result `i`."""
    stack = [
        results[k]._edge for k in differentiable if results[k]._edge is not results[i]._edge
    ]
    seen = set()
    while stack:
        edge = stack.pop()
        if edge is results[i]._edge:
            return True
        if edge is not None and edge not in seen:
            seen.add(edge)
            stack += getattr(edge, "edges", ())
    return False


def _by_position(leaf: Any, arguments: list[Tensor]) -> Tensor | int:
    return next((i for i, x in enumerate(arguments) if x is leaf), leaf)


def _needed_from(forward: Graph, backward: Graph, seeds: set[Variable]) -> list[Variable]:
    """What the backward half reads of the forward half; its constants it takes along."""
    defined = {equation.output for equation in backward.equations} | seeds
    needed: dict[Variable, None] = {}
    reads = [v for equation in backward.equations for v in equation.inputs]
    for variable in (*reads, *backward.outputs):
        if variable in forward.constants:
            backward.constants[variable] = forward.constants[variable]
        elif variable not in defined:
            needed[variable] = None
    return list(needed)
