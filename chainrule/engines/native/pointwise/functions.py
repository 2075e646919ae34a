"""The elementary functions, and what is made of them in one step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    ceil,
    cos,
    cosh,
    erf,
    erfc,
    erfinv,
    exp,
    exp2,
    expm1,
    floor,
    log,
    log1p,
    log2,
    log10,
    round_half_even,
    sigmoid,
    sin,
    sinh,
    tan,
    tanh,
    trunc,
)  # fmt: skip
from chainrule.engines.native.pointwise.rules import FLOAT, rule
from chainrule.ops.elementwise import Exp, Exp2, Expm1, Log, Log1p, Log2, Log10, Sigmoid
from chainrule.ops.error_integrals import Erf, Erfc, Erfinv
from chainrule.ops.logarithms import Entropy, XLog1pY, XLogY
from chainrule.ops.primitive import Primitive
from chainrule.ops.rounding import Ceil, Floor, Round, Trunc
from chainrule.ops.trigonometry import (
    Arccos,
    Arccosh,
    Arcsin,
    Arcsinh,
    Arctan,
    Arctan2,
    Arctanh,
    Cos,
    Cosh,
    Hypot,
    Sin,
    Sinc,
    Sinh,
    Tan,
    Tanh,
)

#: primitive → its function, and the cost of an element in additions
FUNCTIONS: dict[type[Primitive], tuple[Callable[..., Value], int]] = {
    Floor: (floor, 2), Ceil: (ceil, 2), Round: (round_half_even, 2), Trunc: (trunc, 2),
    Exp: (exp, 10), Exp2: (exp2, 10), Expm1: (expm1, 12), Sigmoid: (sigmoid, 16),
    Log: (log, 12), Log2: (log2, 14), Log10: (log10, 14), Log1p: (log1p, 16),
    Sin: (sin, 20), Cos: (cos, 20), Tan: (tan, 30),
    Arcsin: (asin, 20), Arccos: (acos, 20), Arctan: (atan, 20), Arctan2: (atan2, 25),
    Sinh: (sinh, 20), Cosh: (cosh, 20), Tanh: (tanh, 16),
    Arcsinh: (asinh, 30), Arccosh: (acosh, 30), Arctanh: (atanh, 25),
    Erf: (erf, 18), Erfc: (erfc, 50), Erfinv: (erfinv, 60),
}  # fmt: skip


def _enter(primitive: type[Primitive], function: Callable[..., Value], cost: int) -> None:
    """The rule of a primitive that is one function."""

    @rule(primitive, FLOAT, cost)
    def apply(e: Emitter, *xs: Value, **_: Any) -> Value:
        return function(e, *xs)


for primitive, (function, cost) in FUNCTIONS.items():
    _enter(primitive, function, cost)


@rule(XLogY, FLOAT, cost=15)
def x_log_y(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return _product(e, a, b, log(e, b))


@rule(XLog1pY, FLOAT, cost=18)
def x_log1p_y(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return _product(e, a, b, log1p(e, b))


@rule(Sinc, FLOAT, cost=30)
def sinc(e: Emitter, x: Value, **_: Any) -> Value:
    angle = e.multiply(e.constant(x.kind, math.pi), x)
    zero, one = e.constant(x.kind, 0.0), e.constant(x.kind, 1.0)
    return e.select(e.compare("oeq", x, zero), one, e.divide(sin(e, angle), angle))


@rule(Entropy, FLOAT, cost=16)
def entropy(e: Emitter, x: Value, **_: Any) -> Value:
    zero = e.constant(x.kind, 0.0)
    y = e.select(e.compare("oeq", x, zero), zero, e.multiply(e.negate(x), log(e, x)))
    return e.select(e.compare("olt", x, zero), e.constant(x.kind, -math.inf), y)


def _product(e: Emitter, a: Value, b: Value, logarithm: Value) -> Value:
    """a times a logarithm of b; 0 where a is 0 and b is a number."""
    zero = e.constant(a.kind, 0.0)
    none = e.binary("and", *e.alike(e.compare("oeq", a, zero), e.compare("ord", b, b)))
    return e.select(none, zero, e.multiply(a, logarithm))


@rule(Hypot, FLOAT, cost=20)
def hypot(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    """Of floats in double, where squares do not overflow; of doubles in units of the larger."""
    a, b = [e.intrinsic("fabs", x) for x in e.alike(a, b)]
    infinite = e.constant(a.kind, math.inf)
    endless = e.binary("or", *[e.compare("oeq", x, infinite) for x in (a, b)])
    return e.select(endless, infinite, _length(e, a, b))


def _length(e: Emitter, a: Value, b: Value) -> Value:
    if a.kind == "float":
        a, b = [e.convert("fpext", x, "double") for x in (a, b)]
        square = e.add(e.multiply(a, a), e.multiply(b, b))
        return e.convert("fptrunc", e.intrinsic("sqrt", square), "float")
    above, zero = e.compare("ogt", a, b), e.constant(a.kind, 0.0)
    larger, smaller = e.select(above, a, b), e.select(above, b, a)
    ratio = e.divide(smaller, larger)
    ratio = e.select(e.compare("oeq", smaller, zero), zero, ratio)
    one = e.constant(a.kind, 1.0)
    return e.multiply(larger, e.intrinsic("sqrt", e.add(e.multiply(ratio, ratio), one)))
