"""Composite primitives in terms of sums and elementwise operations."""

from __future__ import annotations

import math
from collections.abc import Callable

from chainrule.engines.native.graph.nodes import Builder, Node
from chainrule.engines.native.rewrites.rewriting import Rule, narrowed, widened
from chainrule.ops.arithmetic import Add, Divide, Multiply, Subtract
from chainrule.ops.elementwise import Sqrt
from chainrule.ops.movement import Expand, Reshape
from chainrule.ops.normalization import Moments, Standardize, StandardizeCotangent
from chainrule.ops.reduction import Sum
from chainrule.ops.slicing import Concatenate

Mean = Callable[[Node], Node]


def standardize(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node:
    """y = (x - μ) s"""
    (x,) = widened(b, inputs)
    x, mean = _without_groups(b, x, node.params["axes"])
    centred, scale = _centred_and_scale(b, x, mean, node.params["eps"])
    y = b(Reshape, b(Multiply, centred, scale), shape=node.shape)
    return narrowed(b, y, node.dtype)


def standardize_cotangent(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node:
    """s (g - mean(g) - y mean(g y))"""
    g, x = widened(b, inputs)
    x, mean = _without_groups(b, x, node.params["axes"])
    g = b(Reshape, g, shape=x.shape)
    centred, scale = _centred_and_scale(b, x, mean, node.params["eps"])
    y = b(Multiply, centred, scale)
    slope = mean(b(Multiply, g, y))
    left = b(Subtract, b(Subtract, g, mean(g)), b(Multiply, y, slope))
    return narrowed(b, b(Reshape, b(Multiply, left, scale), shape=node.shape), node.dtype)


def moments(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node:
    """The mean above the variance."""
    (x,) = widened(b, inputs)
    axes = node.params["axes"]
    mean = _mean(b, x, axes)
    centred = b(Subtract, x, mean)
    variance = _mean(b, b(Multiply, centred, centred), axes)
    parts = [b(Reshape, m, shape=(1, *node.shape[1:])) for m in (mean, variance)]
    return narrowed(b, b(Concatenate, *parts, axis=0), node.dtype)


def _centred_and_scale(b: Builder, x: Node, mean: Mean, eps: float) -> tuple[Node, Node]:
    """x - μ and s = 1 / √(σ² + ε)"""
    centred = b(Subtract, x, mean(x))
    variance = mean(b(Multiply, centred, centred))
    root = b(Sqrt, b(Add, variance, b.number(eps, x.dtype)))
    return centred, b(Divide, b.number(1, x.dtype), root)


def _without_groups(b: Builder, x: Node, axes: tuple[int, ...]) -> tuple[Node, Mean]:
    """What is normalized, and its mean: an image instead of the groups of its channels.

    Notes: in memory an image has its channels last, and a group is a few of many that lie side
    by side. So there are means of channels first, in whole vectors, and then of groups.
    """
    image = x.inputs[0] if x.op is Reshape else x
    if len(x.shape) != 3 or axes != (2,) or len(image.shape) < 3 or image is x:
        return x, lambda t: _mean(b, t, axes)
    (n, groups, _), channels = x.shape, image.shape[1]
    if n != image.shape[0] or channels % groups or math.prod(image.shape[2:]) == 1:
        return x, lambda t: _mean(b, t, axes)
    return image, lambda t: _mean_of_groups(b, t, groups)


def _mean_of_groups(b: Builder, x: Node, groups: int) -> Node:
    """For each channel the mean over its group and all places."""
    n, channels = x.shape[:2]
    each = b(Sum, x, axes=tuple(range(2, len(x.shape))), keepdim=True)
    grouped = b(Reshape, each, shape=(n, groups, channels // groups))
    total = b(Expand, b(Sum, grouped, axes=(2,), keepdim=True), shape=grouped.shape)
    count = math.prod(x.shape[1:]) // groups
    return b(Divide, b(Reshape, total, shape=each.shape), b.number(count, x.dtype))


def _mean(b: Builder, x: Node, axes: tuple[int, ...]) -> Node:
    count = math.prod([x.shape[i] for i in axes])
    total = b(Sum, x, axes=axes, keepdim=True)
    return b(Divide, total, b.number(count, x.dtype))


DECOMPOSITIONS: dict[object, Rule] = {
    Standardize: standardize,
    StandardizeCotangent: standardize_cotangent,
    Moments: moments,
}
