"""The graph as the native engine sees it: nodes that know their users.

Most nodes are equations of the graph as they are. A few operations exist only here: products
in their general form (`PRODUCT`), loops over time (`LOOP`), windows whose largest element is
taken (`WINDOW_MAX`) or gets a gradient (`WINDOW_SPREAD`), and what stands for the inputs and
constants of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.ir.graph import Graph, Variable
from chainrule.ops.creation import Full
from chainrule.ops.movement import Expand
from chainrule.ops.primitive import Primitive

Shape = tuple[int, ...]
#: where an axis is read or written: multiples of letters, ((letter, factor), …), and a constant
Form = tuple[tuple[tuple[str, int], ...], int]
TABLE = "table"  # the parameter of a constant whose numbers stand in the code
INPUT, CONSTANT, PRODUCT, LOOP = "input", "constant", "product", "loop"
WINDOW_MAX, WINDOW_SPREAD = "window_max", "window_spread"


@dataclass(slots=True, eq=False)
class Node:
    """One value: an operation on other values."""

    op: Any  # a primitive's class, or one of the names above
    inputs: tuple[Node, ...]
    shape: Shape
    dtype: np.dtype
    params: dict[str, Any] = field(default_factory=dict)
    source: str = ""  # the module and the user's line
    array: np.ndarray | None = None  # of a constant
    equation: int = -1  # the place in the graph of the equation it comes from
    users: list[Node] = field(default_factory=list)
    number: int = 0  # the place in the order of the nodes

    @property
    def size(self) -> int:
        n = 1
        for d in self.shape:
            n *= d
        return n

    @property
    def bytes(self) -> int:
        """The memory that it takes; never none, so that it has an address."""
        return max(1, self.size) * self.dtype.itemsize

    @property
    def name(self) -> str:
        return self.op if isinstance(self.op, str) else self.op.__name__

    def with_inputs(self, inputs: Iterable[Node]) -> Node:
        """The same operation of other nodes."""
        return Node(self.op, tuple(inputs), self.shape, self.dtype, self.params, self.source,
                    self.array, self.equation)  # fmt: skip

    def __repr__(self) -> str:
        return f"%{self.number} {self.name}{list(self.shape)}"


@dataclass(frozen=True)
class Part:
    """A sum over letters, y[…] = Σ a[…] b[…], as in `einsum`.

    Args:
        sizes: of the letters; those that are not in y are summed over.
        a, b, y: the form of each axis.

    Notes: a product has one part, or several that write different elements of its result.
    """

    sizes: tuple[tuple[str, int], ...]
    a: tuple[Form, ...]
    b: tuple[Form, ...]
    y: tuple[Form, ...]


class Builder:
    """Makes new nodes of primitives: shape and type follow from the primitive's rules."""

    def __init__(self, source: str = "", equation: int = -1) -> None:
        self.source, self.equation = source, equation

    def __call__(self, primitive: type[Primitive], *inputs: Node, **params: Any) -> Node:
        shape = primitive.shape(*[x.shape for x in inputs], **params)
        dtype = primitive.dtype(*[x.dtype for x in inputs], **params)
        return Node(primitive, inputs, tuple(shape), dtype, params, self.source,
                    equation=self.equation)  # fmt: skip

    def number(self, value: float, dtype: np.dtype) -> Node:
        return Node(CONSTANT, (), (), dtype, array=np.asarray(value, dtype))

    def node(
        self, op: Any, inputs: Iterable[Node], shape: Shape, dtype: np.dtype, **params: Any
    ) -> Node:
        """An operation of this engine, or a primitive with another type than usual."""
        return Node(op, tuple(inputs), shape, dtype, params, self.source,
                    equation=self.equation)  # fmt: skip


def imported(graph: Graph) -> tuple[list[Node], list[Node]]:
    """The inputs and the outputs of a graph as nodes."""
    known: dict[Variable, Node] = {}
    inputs = []
    for position, variable in enumerate(graph.inputs):
        params = {"position": position}
        inputs.append(Node(INPUT, (), variable.shape, variable.dtype, params))
        known[variable] = inputs[-1]
    for variable, array in graph.constants.items():
        known[variable] = Node(CONSTANT, (), variable.shape, variable.dtype, array=array)
    for place, equation in enumerate(graph.equations):
        output = equation.output
        if equation.primitive is Full:
            value = dtypes.cast(np.asarray(equation.params["value"]), output.dtype)
            number = Node(CONSTANT, (), (), output.dtype, array=value)
            known[output] = Builder()(Expand, number, shape=output.shape)
            continue
        known[output] = Node(
            equation.primitive, tuple(known[v] for v in equation.inputs), output.shape,
            output.dtype, equation.params, equation.source, equation=place,
        )  # fmt: skip
    return inputs, [known[v] for v in graph.outputs]


def ordered(outputs: Iterable[Node]) -> list[Node]:
    """All nodes that the outputs need, each after its inputs; numbered, with their users."""
    order: list[Node] = []
    seen: set[int] = set()
    stack = [(node, False) for node in reversed(list(outputs))]
    while stack:
        node, complete = stack.pop()
        if complete:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            node.users = []
            stack.append((node, True))
            stack += [(x, False) for x in reversed(node.inputs) if id(x) not in seen]
    for number, node in enumerate(order):
        node.number = number
        for x in node.inputs:
            x.users.append(node)
    return order
