"""Composite primitives in terms of sums and elementwise operations."""

from __future__ import annotations

import math

from chainrule.engines.native.graph.nodes import Builder, Node
from chainrule.engines.native.rewrites.rewriting import Rule, narrowed, widened
from chainrule.ops.arithmetic import Add, Divide, Multiply, Subtract
from chainrule.ops.elementwise import Sqrt
from chainrule.ops.movement import Reshape
from chainrule.ops.normalization import Moments, Standardize, StandardizeCotangent
from chainrule.ops.reduction import Sum
from chainrule.ops.slicing import Concatenate


def standardize(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node:
    """y = (x - μ) s"""
    (x,) = widened(b, inputs)
    centred, scale = _centred_and_scale(b, x, **node.params)
    return narrowed(b, b(Multiply, centred, scale), node.dtype)


def standardize_cotangent(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node:
    """s (g - mean(g) - y mean(g y))"""
    g, x = widened(b, inputs)
    axes = node.params["axes"]
    centred, scale = _centred_and_scale(b, x, **node.params)
    y = b(Multiply, centred, scale)
    slope = _mean(b, b(Multiply, g, y), axes)
    left = b(Subtract, b(Subtract, g, _mean(b, g, axes)), b(Multiply, y, slope))
    return narrowed(b, b(Multiply, left, scale), node.dtype)


def moments(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node:
    """The mean above the variance."""
    (x,) = widened(b, inputs)
    axes = node.params["axes"]
    mean = _mean(b, x, axes)
    centred = b(Subtract, x, mean)
    variance = _mean(b, b(Multiply, centred, centred), axes)
    parts = [b(Reshape, m, shape=(1, *node.shape[1:])) for m in (mean, variance)]
    return narrowed(b, b(Concatenate, *parts, axis=0), node.dtype)


def _centred_and_scale(
    b: Builder, x: Node, axes: tuple[int, ...], eps: float
) -> tuple[Node, Node]:
    """x - μ and s = 1 / √(σ² + ε)"""
    centred = b(Subtract, x, _mean(b, x, axes))
    variance = _mean(b, b(Multiply, centred, centred), axes)
    root = b(Sqrt, b(Add, variance, b.number(eps, x.dtype)))
    return centred, b(Divide, b.number(1, x.dtype), root)


def _mean(b: Builder, x: Node, axes: tuple[int, ...]) -> Node:
    count = math.prod([x.shape[i] for i in axes])
    total = b(Sum, x, axes=axes, keepdim=True)
    return b(Divide, total, b.number(count, x.dtype))


DECOMPOSITIONS: dict[object, Rule] = {
    Standardize: standardize,
    StandardizeCotangent: standardize_cotangent,
    Moments: moments,
}
