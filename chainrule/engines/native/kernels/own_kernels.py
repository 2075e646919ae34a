"""Operations with a kernel of their own kind: neither loops over elements nor products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chainrule.engines.native.code.places import Places
from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.graph.views import is_zero
from chainrule.engines.native.kernels import sorting
from chainrule.engines.native.kernels.lines import (
    FirstNonzeroCode,
    LatestCode,
    PositionCode,
    RunningCode,
)
from chainrule.engines.native.kernels.philox import RandomCode
from chainrule.engines.native.kernels.scattering import AlongAxisCode, SlicesCode
from chainrule.engines.native.kernels.sorting import ArgsortCode, SearchCode, TopCode
from chainrule.ops.cumulative import Cumprod, Cumsum, Logcumsumexp
from chainrule.ops.extremum import Argmax, Argmin, LaterMax, LaterMin
from chainrule.ops.indexing import IndexAdd, IndexPut, Scatter, ScatterAdd
from chainrule.ops.nonzero import FirstNonzero
from chainrule.ops.random import RandomBits, RandomUniform
from chainrule.ops.scattering import ScatterAmax, ScatterAmin, ScatterMultiply
from chainrule.ops.search import SearchSorted
from chainrule.ops.sorting import Argsort, TopPositions


class KernelCode(Protocol):
    """Writes the function of one node; known after `write`: its number of chunks."""

    chunks: int

    def write(self, name: str) -> Emitter: ...


#: operation → what is made of the node, the places, the lanes, and whether there is fma
CODES: dict[object, Callable[[Node, Places, int, bool], KernelCode]] = {
    RandomBits: RandomCode, RandomUniform: RandomCode,
    IndexAdd: SlicesCode, IndexPut: SlicesCode,
    Scatter: AlongAxisCode, ScatterAdd: AlongAxisCode, ScatterMultiply: AlongAxisCode,
    ScatterAmax: AlongAxisCode, ScatterAmin: AlongAxisCode,
    Cumsum: RunningCode, Cumprod: RunningCode, Logcumsumexp: RunningCode,
    LaterMax: LatestCode, LaterMin: LatestCode, Argmax: PositionCode, Argmin: PositionCode,
    Argsort: ArgsortCode, TopPositions: TopCode, SearchSorted: SearchCode,
    FirstNonzero: FirstNonzeroCode,
}  # fmt: skip

#: what a node must be for it
ONLY_IF: dict[object, Callable[[Node], bool]] = {
    Argsort: sorting.fits, TopPositions: sorting.is_few,
    Argmax: lambda node: node.inputs[0].size > 0, Argmin: lambda node: node.inputs[0].size > 0,
    SearchSorted: lambda node: node.inputs[0].size > 0,
}  # fmt: skip

#: whose first input need not be read where it is zero everywhere
ONTO = (IndexAdd, IndexPut, Scatter, ScatterAdd, ScatterMultiply, ScatterAmax, ScatterAmin)


def has_own_kernel(node: Node) -> bool:
    if node.op not in CODES or not node.size:
        return False
    return node.op not in ONLY_IF or ONLY_IF[node.op](node)


def operands(node: Node) -> tuple[Node, ...]:
    """The inputs that are read from memory where a node is computed by itself."""
    if node.op in ONTO and has_own_kernel(node) and is_zero(node.inputs[0]):
        return node.inputs[1:]
    return node.inputs
