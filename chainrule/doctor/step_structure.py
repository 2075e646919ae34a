"""What the tape of one step shows: activations, structure, and shapes that were blown up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.doctor.measures import readable
from chainrule.nn.parameter import Parameter
from chainrule.tensor import tape
from chainrule.tensor.tensor import Tensor

#: what multiplies with weights
CONTRACTIONS = {"MatMul", "Convolution", "ConvolutionInput"}
#: linear in each input by itself: with one input that depends on data, linear
LINEAR = CONTRACTIONS | {
    "Add", "AddProduct", "Subtract", "Negate", "Multiply", "Divide", "Sum", "Reshape",
    "Permute", "Expand", "Flip", "Slice", "SliceInto", "Pad", "Concatenate", "Copy", "Convert",
    "Index", "IndexAdd", "IndexPut", "Gather", "Unfold", "Fold", "WindowSum", "Resample",
    "Where", "Moments", "Standardize", "Cumsum",
}  # fmt: skip
#: linear also in two inputs that depend on data
SUMS = {"Add", "Subtract", "Concatenate", "SliceInto"}
#: what makes a total of losses out of them
TOTALS = {"Add", "AddProduct", "Concatenate"}
SCALING = TOTALS | {"Multiply", "Divide", "Negate", "Reshape", "Sum", "Mean", "Copy", "Convert"}
MOST_STEPS = 300
#: the loops of recurrent layers
WALKS = ("SimpleWalkBackward", "LSTMWalkBackward", "GRUWalkBackward")
SHAPE_ONLY = {"Reshape", "Permute", "Slice", "Convert", "Copy", "Expand"}


def nodes_behind(root: Tensor) -> list[Any]:
    """The steps that made a tensor, the first one first."""
    seen: set[int] = set()
    found, stack = [], [root._edge]
    while stack:
        node = stack.pop()
        if node is None or isinstance(node, Tensor) or id(node) in seen:
            continue
        seen.add(id(node))
        found.append(node)
        stack += node.edges
    return sorted(found, key=lambda node: node.number)


def name_of(node: Any) -> str:
    """The primitive of a step, or the name of a function with its own derivative."""
    primitive = getattr(node, "primitive", None)
    return node.name() if primitive is None else primitive.__name__


def count_nonlinear(nodes: list[Any]) -> tuple[int, int]:
    """How many products with weights there are, and how many nonlinear steps among them."""
    depends: set[int] = set()  # steps that depend on such a product
    contractions = nonlinear = 0
    for node in nodes:
        name = name_of(node)
        inner = sum(id(edge) in depends for edge in node.edges)
        product = name in CONTRACTIONS
        if product or inner:
            depends.add(id(node))
        if product and inner < 2:
            contractions += 1
        elif inner and (name not in LINEAR or (inner > 1 and name not in SUMS)):
            nonlinear += 1
    return contractions, nonlinear


def activations(nodes: list[Any]) -> Iterator[tuple[Any, str, np.ndarray]]:
    """The steps that are activations with flat parts, and their results; gates, which are
    multiplied with something else, are meant to be open or shut."""
    gates = {
        id(edge)
        for node in nodes
        if name_of(node) == "Multiply" and all(edge is not None for edge in node.edges)
        for edge in node.edges
        if not isinstance(edge, Tensor) and name_of(edge) != "Relu"
    }
    for node in nodes:
        if id(node) in gates:
            continue
        if (of_times := _at_all_times(node)) is not None:
            yield node, *of_times
            continue
        name = name_of(node)
        saved = getattr(node, "saved", None)
        if name in ("Relu", "Sigmoid", "Tanh") and saved and tape.Y in saved:
            yield node, name, readable(saved[tape.Y])


def _at_all_times(node: Any) -> tuple[str, np.ndarray] | None:
    """The activations of a recurrent layer, or what goes into the gates of one."""
    name, context = name_of(node), getattr(node, "ctx", None)
    if context is None or name not in WALKS:
        return None
    tensors = context.saved_tensors
    saved: list[Any] = [None if x is None else readable(x._cell.array) for x in tensors]
    if name == "SimpleWalkBackward":
        return ("Relu" if context.step.__name__ == "relu_step" else "Tanh"), saved[2]
    if name == "LSTMWalkBackward":
        return "Gates", saved[6]
    x, _, _, h, p = saved
    return "Gates", (x + p)[..., : 2 * h.shape[-1]]


def last_activation(output: Tensor) -> str:
    """The activation that made a tensor, looking through changes of shape."""
    node = output._edge
    while node is not None and not isinstance(node, Tensor):
        name = name_of(node)
        if name not in SHAPE_ONLY:
            return name
        node = next((edge for edge in node.edges if edge is not None), None)
    return ""


def is_tempered(output: Tensor) -> bool:
    """Whether a tensor is another one times a single number, looking through changes of
    shape."""
    node = output._edge
    while node is not None and not isinstance(node, Tensor) and name_of(node) in SHAPE_ONLY:
        node = next((edge for edge in node.edges if edge is not None), None)
    if node is None or isinstance(node, Tensor) or name_of(node) not in ("Multiply", "Divide"):
        return False
    return any(math.prod(shape) == 1 for shape in node.shapes)


def others_in(nodes: list[Any], own: set[int]) -> list[Parameter]:
    """The parameters that the steps use other than these, by their ids."""
    leaves = (edge for node in nodes for edge in node.edges if isinstance(edge, Parameter))
    return list({id(leaf): leaf for leaf in leaves if id(leaf) not in own}.values())


def made_of(root: Tensor, losses: list[Any]) -> list[int]:
    """Of which of the losses a tensor is a multiple or a sum, by their places; empty if
    anything else is part of it."""
    ends = {id(loss._edge): i for i, loss in enumerate(losses) if loss._edge is not None}
    found, stack, steps = [], [root._edge], 0
    while stack and steps < MOST_STEPS:
        node, steps = stack.pop(), steps + 1
        if id(node) in ends:
            found.append(ends[id(node)])
            continue
        edges = [edge for edge in getattr(node, "edges", ()) if edge is not None]
        name = "" if not edges else name_of(node)
        if not edges or name not in SCALING or (len(edges) > 1 and name not in TOTALS):
            return []
        stack += edges
    return [] if stack else sorted(found)


def comes_from(tensor: Tensor, output: Tensor) -> bool:
    """Whether a tensor is another one, perhaps in another shape."""
    node = tensor._edge
    while node is not None and not isinstance(node, Tensor):
        if node is output._edge:
            return True
        edges = [edge for edge in node.edges if edge is not None]
        if name_of(node) not in SHAPE_ONLY or len(edges) != 1:
            return False
        node = edges[0]
    return tensor is output


def blown_up(nodes: list[Any]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Shapes (n, 1) and (n,) that were combined, outputs with targets: each sample with each,
    (n, n). Where both are outputs, all pairs are meant."""
    for node in nodes:
        if (
            len(getattr(node, "shapes", ())) == 2
            and sum(edge is not None for edge in node.edges) == 1
        ):
            a, b = map(tuple, node.shapes)
            column, row = (a, b) if len(a) == 2 else (b, a)
            if len(row) == 1 and row[0] > 1 and column == (*row, 1):
                return a, b
    return None
