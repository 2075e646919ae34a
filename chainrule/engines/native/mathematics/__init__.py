"""The elementary functions as formulas of an emitter: `exp(e, x)` writes the code of eˣ.

They work for the kinds float and double and for any number of lanes, call no library, and
follow NumPy at zeros, infinities and nan. float16 and bfloat16 are widened before. The short
ones stand in the code itself; the others are functions that a module holds once (outline).
"""

from chainrule.engines.native.mathematics.error_function import erf, erfc, erfinv
from chainrule.engines.native.mathematics.exponential import exp, exp2, expm1, sigmoid, tanh
from chainrule.engines.native.mathematics.hyperbolic import acosh, asinh, atanh, cosh, sinh
from chainrule.engines.native.mathematics.inverse_trigonometry import acos, asin, atan, atan2
from chainrule.engines.native.mathematics.logarithm import log, log1p, log2, log10
from chainrule.engines.native.mathematics.power import pow
from chainrule.engines.native.mathematics.rounding import (
    ceil,
    floor,
    round_half_even,
    trunc,
)
from chainrule.engines.native.mathematics.trigonometry import cos, sin, tan

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "cos",
    "cosh",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "log",
    "log1p",
    "log2",
    "log10",
    "pow",
    "round_half_even",
    "sigmoid",
    "sin",
    "sinh",
    "tan",
    "tanh",
    "trunc",
]
