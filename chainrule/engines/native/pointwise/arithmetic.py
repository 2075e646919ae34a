"""Sums, products and quotients; integers wrap around."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.engines.native.emitter import FLOATS, Emitter, Value
from chainrule.engines.native.pointwise.rules import FLOAT, NUMBER, rule
from chainrule.ops.arithmetic import Add, Divide, Multiply, Subtract
from chainrule.ops.conversion import Copy
from chainrule.ops.elementwise import Absolute, Negate, Sign, Sqrt
from chainrule.ops.update import AddProduct, AddQuotient, Lerp


@rule(Copy, cost=0)
def copy(e: Emitter, x: Value, **_: Any) -> Value:
    return x


@rule(Add)
def add(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.binary(_word(a, "fadd", "add", "or"), a, b)


@rule(Subtract, NUMBER)
def subtract(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.binary(_word(a, "fsub", "sub"), a, b)


@rule(Multiply)
def multiply(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.binary(_word(a, "fmul", "mul", "and"), a, b)


@rule(Divide, FLOAT, cost=6)
def divide(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    return e.divide(a, b)


@rule(Sqrt, FLOAT, cost=6)
def sqrt(e: Emitter, x: Value, **_: Any) -> Value:
    return e.intrinsic("sqrt", x)


@rule(Negate, NUMBER)
def negate(e: Emitter, x: Value, **_: Any) -> Value:
    return e.negate(x)


@rule(Absolute, NUMBER)
def absolute(e: Emitter, x: Value, *, dtype: np.dtype) -> Value:
    if x.kind in FLOATS:
        return e.intrinsic("fabs", x)
    return x if dtype.kind == "u" else e.select(_below_zero(e, x), e.negate(x), x)


@rule(Sign, cost=3)
def sign(e: Emitter, x: Value, *, dtype: np.dtype) -> Value:
    if dtype.kind == "b":
        return x
    zero, one, minus = [e.constant(x.kind, n) for n in (0, 1, -1)]
    if x.kind not in FLOATS:
        above = e.select(e.compare("ne", x, zero), one, zero)
        return above if dtype.kind == "u" else e.select(_below_zero(e, x), minus, above)
    negative = e.select(e.compare("olt", x, zero), minus, zero)
    y = e.select(e.compare("ogt", x, zero), one, negative)
    return e.select(e.compare("uno", x, x), x, y)


@rule(AddProduct, NUMBER, cost=3)
def add_product(e: Emitter, x: Value, a: Value, b: Value, v: Value, **_: Any) -> Value:
    return add(e, multiply(e, multiply(e, a, b), v), x)


@rule(AddQuotient, FLOAT, cost=8)
def add_quotient(e: Emitter, x: Value, a: Value, b: Value, v: Value, **_: Any) -> Value:
    return e.add(e.multiply(e.divide(a, b), v), x)


@rule(Lerp, FLOAT, cost=6)
def lerp(e: Emitter, a: Value, b: Value, w: Value, **_: Any) -> Value:
    """From the nearer end; a weight that is a constant says which."""
    rest = e.subtract(e.constant(w.kind, 1.0), w)
    if w.number is not None:
        return _from_start(e, a, b, w) if w.number < 0.5 else _from_start(e, b, a, rest)
    early = e.compare("olt", w, e.constant(w.kind, 0.5))
    return e.select(early, _from_start(e, a, b, w), _from_start(e, b, a, rest))


def _from_start(e: Emitter, a: Value, b: Value, w: Value) -> Value:
    return e.add(e.multiply(e.subtract(b, a), w), a)


def _below_zero(e: Emitter, x: Value) -> Value:
    return e.compare("slt", x, e.constant(x.kind, 0))


def _word(x: Value, of_floats: str, of_integers: str, of_booleans: str = "") -> str:
    """The instruction for a kind."""
    if x.kind in FLOATS:
        return of_floats
    return of_booleans if x.kind == "i1" else of_integers
