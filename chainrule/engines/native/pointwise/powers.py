"""Powers. Those of integers are exact; forward refuses negative ones, so code is made only for
exponents that are known, or cannot be negative."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.engines.native.emitter import BITS, FLOATS, Emitter, Value
from chainrule.engines.native.mathematics import pow
from chainrule.engines.native.pointwise.rules import NUMBER, Numbers, rule
from chainrule.ops.arithmetic import Power


def _cannot_be_negative(dtype: np.dtype, numbers: Numbers) -> bool:
    exponent = numbers[-1]
    return dtype.kind != "i" or (exponent is not None and exponent >= 0)


@rule(Power, NUMBER, 60, _cannot_be_negative)
def power(e: Emitter, a: Value, b: Value, **_: Any) -> Value:
    """A few products, where they say as much as the power of a float."""
    if a.kind not in FLOATS:
        return _whole_power(e, a, b)
    one = e.constant(a.kind, 1.0, a.lanes)
    if b.number == 0:
        return one
    if b.number == -1:
        return e.divide(one, a)
    if b.number not in (1, 2, 3, 4):
        return pow(e, a, b)
    square = e.multiply(a, a)
    return [a, square, e.multiply(square, a), e.multiply(square, square)][int(b.number) - 1]


def _whole_power(e: Emitter, a: Value, b: Value) -> Value:
    """aᵇ by squaring, one step for each bit of b."""
    a, b = e.alike(a, b)
    y, one, zero = [e.constant(a.kind, n, a.lanes) for n in (1, 1, 0)]
    for bit in range(BITS[b.kind] if b.number is None else int(b.number).bit_length()):
        chosen = e.compare("ne", e.binary("and", b, e.constant(b.kind, 1 << bit)), zero)
        y = e.binary("mul", y, e.select(chosen, a, one))
        a = e.binary("mul", a, a)
    return y
