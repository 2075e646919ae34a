"""The steps of a reduction: what it begins with, one more element, the end over the lanes."""

from __future__ import annotations

import math

import numpy as np

from chainrule import dtypes
from chainrule.engines.native.code.emission import Emission
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.graph.nodes import Node
from chainrule.ops.extremum import Amax, Amin
from chainrule.ops.reduction import All, AnyTrue, Product, Sum


def neutral(emission: Emission, node: Node, dtype: np.dtype) -> Value:
    """What changes nothing: 0 of a sum, 1 of a product, -∞ of a maximum."""
    op = node.op
    if op in (Sum, AnyTrue):
        return emission.number(0, dtype if op is Sum else np.dtype(bool))
    if op in (Product, All):
        return emission.number(1, dtype if op is Product else np.dtype(bool))
    sign = -1 if op is Amax else 1
    if dtype.kind == "f" or dtype in dtypes.HALVES:
        return emission.number(sign * math.inf, dtype)
    if dtype.kind == "b":
        return emission.number(op is Amin, dtype)
    limits = np.iinfo(dtype)
    return emission.number(limits.min if op is Amax else limits.max, dtype)


def combined(e: Emitter, node: Node, total: Value, value: Value) -> Value:
    """One more element."""
    if node.op is Sum:
        return e.binary("or", total, value) if value.kind == "i1" else e.add(total, value)
    if node.op is Product:
        return e.multiply(total, value)
    if node.op in (All, AnyTrue):
        if value.kind != "i1":
            zero = e.constant(value.kind, 0, value.lanes)
            value = e.compare("une" if value.kind in ("float", "double") else "ne", value, zero)
        return e.binary("and" if node.op is All else "or", total, value)
    largest = node.op is Amax
    if value.kind == "i1":
        return e.binary("or" if largest else "and", total, value)
    return extreme(e, total, value, "gt" if largest else "lt", node.dtype.kind == "u")


def extreme(e: Emitter, a: Value, b: Value, word: str, unsigned: bool) -> Value:
    """The larger ("gt") or smaller ("lt") of two; NaN if one is."""
    if a.kind in ("float", "double"):
        better = e.binary("or", e.compare(f"o{word}", b, a), e.compare("uno", b, b))
    else:
        better = e.compare(("u" if unsigned else "s") + word, b, a)
    return e.select(better, b, a)


def across(e: Emitter, node: Node, total: Value) -> Value:
    """The lanes of a vector combined: halves with halves, until one is left."""
    lanes = total.lanes
    while lanes > 1:
        lanes //= 2
        total = combined(e, node, e.part(total, 0, lanes), e.part(total, lanes, lanes))
    return total
