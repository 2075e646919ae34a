"""Comparisons, tests, and the choice between values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.engines.native.emitter import FLOATS, Emitter, Value
from chainrule.engines.native.pointwise.rules import ANY, FLOAT, NUMBER, rule
from chainrule.ops.comparison import (
    Equal,
    Heaviside,
    IsFinite,
    IsNan,
    Less,
    LessEqual,
    NotEqual,
)
from chainrule.ops.elementwise import Relu
from chainrule.ops.extremum import Fmax, Fmin
from chainrule.ops.selection import Maximum, Minimum, Where


@rule(Equal)
def equal(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.compare("oeq" if a.kind in FLOATS else "eq", a, b)


@rule(NotEqual)
def not_equal(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.compare("une" if a.kind in FLOATS else "ne", a, b)


@rule(Less)
def less(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    return e.compare(ordering("lt", dtype), a, b)


@rule(LessEqual)
def less_equal(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    return e.compare(ordering("le", dtype), a, b)


@rule(IsNan, FLOAT)
def is_nan(e: Emitter, x: Value, **_: Any) -> Value:
    return e.compare("uno", x, x)


@rule(IsFinite, FLOAT)
def is_finite(e: Emitter, x: Value, **_: Any) -> Value:
    return e.compare("olt", e.intrinsic("fabs", x), e.constant(x.kind, math.inf))


@rule(Heaviside, ANY, cost=3)
def heaviside(e: Emitter, x: Value, b: Value, *, dtype: np.dtype) -> Value:
    zero, one = e.constant(x.kind, 0), e.constant(x.kind, 1)
    step = e.select(e.compare(ordering("gt", dtype), x, zero), one, zero)
    return e.select(equal(e, x, zero), b, step)


@rule(Where)
def where(e: Emitter, c: Value, a: Value, b: Value, **_: Any) -> Value:
    return e.select(c, a, b)


@rule(Relu, NUMBER)
def relu(e: Emitter, x: Value, *, dtype: np.dtype) -> Value:
    """0 where x ≤ 0, so that a nan stays and -0 becomes 0."""
    if dtype.kind == "u":
        return x
    zero = e.constant(x.kind, 0)
    return e.select(e.compare("ole" if x.kind in FLOATS else "sle", x, zero), zero, x)


@rule(Maximum, cost=2)
def maximum(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    return _kept_nan(e, a, _extreme(e, "gt", a, b, dtype))


@rule(Minimum, cost=2)
def minimum(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    return _kept_nan(e, a, _extreme(e, "lt", a, b, dtype))


@rule(Fmax, cost=2)
def fmax(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    return _other_than_nan(e, a, b, _extreme(e, "gt", a, b, dtype))


@rule(Fmin, cost=2)
def fmin(e: Emitter, a: Value, b: Value, *, dtype: np.dtype) -> Value:
    return _other_than_nan(e, a, b, _extreme(e, "lt", a, b, dtype))


def _extreme(e: Emitter, better: str, a: Value, b: Value, dtype: np.dtype) -> Value:
    """a where it is better, else b: where they are equal, and where one is nan."""
    return e.select(e.compare(ordering(better, dtype), a, b), a, b)


def _kept_nan(e: Emitter, a: Value, y: Value) -> Value:
    """a where it is nan, else y, which is the other's nan already."""
    return e.select(e.compare("uno", a, a), a, y) if a.kind in FLOATS else y


def _other_than_nan(e: Emitter, a: Value, b: Value, y: Value) -> Value:
    return e.select(e.compare("uno", b, b), a, y) if b.kind in FLOATS else y


def ordering(word: str, dtype: np.dtype) -> str:
    """The predicate lt, le, gt or ge for an element type; false where there is a nan."""
    return {"i": "s", "u": "u", "b": "u"}.get(dtype.kind, "o") + word
