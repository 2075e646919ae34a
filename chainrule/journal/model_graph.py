"""A model as the graph that TensorBoard draws: nodes for operations, boxes for modules."""

from __future__ import annotations

from typing import Any

from chainrule.compiler.rollback import Rollback
from chainrule.compiler.structure import flatten
from chainrule.errors import ArgumentTypeError
from chainrule.ir.graph import Graph, Variable
from chainrule.journal.graph_def import graph_def, node, unused
from chainrule.tensor.bindings import Argument
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import Trace, active


class NamedTrace(Trace):
    """A trace whose equations say in which module, by its path, they were asked for."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        root = type(model).__name__
        self._paths = {
            id(module): "/".join([root, *name.split(".")] if name else [root])
            for name, module in model.named_modules()
        }

    def _source(self) -> str:
        return self._paths.get(id(self.modules[-1]), "") if self.modules else ""


def model_graph(model: Any, inputs: Any) -> tuple[bytes, Graph]:
    """A call of the model as a GraphDef, and as chainrule's own graph.

    Raises: TraceError for a model that cannot be traced; ArgumentTypeError (CR851) without
    tensors to call it with.

    Notes: the call is traced, so no numbers are computed; the model and the random numbers are
    as before.
    """
    args = tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)
    if not any(isinstance(x, Tensor) for x in args):
        raise ArgumentTypeError(
            "CR851", "add_graph needs the inputs of a call of the model: a tensor, or a tuple"
        )
    trace = NamedTrace(model)
    before = Rollback(model, args)
    try:
        stand_ins = [x.detach() if isinstance(x, Tensor) else x for x in args]
        for position, x in enumerate(stand_ins):
            if isinstance(x, Tensor):
                trace.bind_argument(x, position)
        with no_grad(), active(trace):
            results: list[Tensor] = []
            flatten(model(*stand_ins), results)
            trace.graph.outputs = [trace.read(x).variable for x in results]
        names = _names(model, trace)
    finally:
        before.undo()
        trace.release()
    return _graph_def(trace.graph, names), trace.graph


def _names(model: Any, trace: NamedTrace) -> dict[Variable, str]:
    """The inputs' names: those of arguments, parameters and buffers."""
    root = type(model).__name__
    known = {
        id(x._cell): f"{root}/{name.replace('.', '/')}"
        for pairs in (model.named_parameters(), model.named_buffers())
        for name, x in pairs
    }
    found: dict[Variable, str] = {}
    for binding, variable in zip(trace.bindings, trace.graph.inputs, strict=True):
        if isinstance(binding, Argument):
            found[variable] = f"input/{binding.position}"
            continue
        held = getattr(binding, "tensor", None)
        name = None if held is None else known.get(id(held._cell))
        found[variable] = name or f"state/{len(found)}"
    return found


def _graph_def(graph: Graph, names: dict[Variable, str]) -> bytes:
    nodes = [
        _node(name, "Placeholder" if name.startswith("input/") else "Variable", [], variable)
        for variable, name in names.items()
    ]
    used: dict[str, int] = {}

    def name_of(variable: Variable, scope: str) -> str:
        if variable not in graph.constants:
            return names[variable]
        name = unused(f"{scope}constant", used)  # one for each use, beside it
        nodes.append(_node(name, "Const", [], variable))
        return name

    for equation in graph.equations:
        scope = f"{equation.source}/" if equation.source else ""
        inputs = [name_of(variable, scope) for variable in equation.inputs]
        kind = equation.primitive.__name__
        names[equation.output] = name = unused(scope + kind, used)
        nodes.append(_node(name, kind, inputs, equation.output, equation.params))
    for place, variable in enumerate(graph.outputs):
        given = name_of(variable, "output/")
        nodes.append(_node(f"output/{place}", "Identity", [given], variable))
    return graph_def(nodes)


def _node(
    name: str,
    kind: str,
    inputs: list[str],
    variable: Variable,
    params: dict[str, Any] | None = None,
) -> bytes:
    return node(name, kind, inputs, variable.shape, str(variable.dtype), params)
