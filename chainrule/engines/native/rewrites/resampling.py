"""Resampling as a weighted sum of looked-up elements: positions and weights are constants."""

from __future__ import annotations

import numpy as np

from chainrule.engines.native.graph.nodes import CONSTANT, TABLE, Builder, Node
from chainrule.engines.native.rewrites.rewriting import Rule, narrowed, widened
from chainrule.ops.arithmetic import Add, Multiply
from chainrule.ops.indexing import Index
from chainrule.ops.resampling import Resample, ResampleTranspose
from chainrule.ops.resampling_kernels import Table, table, transposed_table

MOST_TERMS = 16


def resample(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """y[i] = Σ_t w[t, i] x[p[t, i]]"""
    return _sum(b, node, inputs, table(node.params["how"]))


def resample_transpose(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    return _sum(b, node, inputs, transposed_table(node.params["how"]))


def _sum(b: Builder, node: Node, inputs: tuple[Node, ...], terms: Table) -> Node | None:
    positions, weights = terms
    if not 0 < len(positions) <= MOST_TERMS or not node.size:
        return None
    axis, total = node.params["axis"], None
    (x,) = widened(b, inputs)
    trailing = (-1, *[1] * (len(x.shape) - 1 - axis))
    for at, weight in zip(positions, weights, strict=True):
        term = b(Index, x, _constant(at), axes=(axis,))
        if (weight != 1).any():
            term = b(Multiply, term, _constant(weight.astype(x.dtype).reshape(trailing)))
        total = term if total is None else b(Add, total, term)
    assert total is not None
    return narrowed(b, total, node.dtype)


def _constant(array: np.ndarray) -> Node:
    numbers = np.ascontiguousarray(array)
    return Node(CONSTANT, (), array.shape, array.dtype, {TABLE: True}, array=numbers)


RESAMPLING: dict[object, Rule] = {Resample: resample, ResampleTranspose: resample_transpose}
