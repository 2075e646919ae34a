"""The table of lowering rules: a primitive, the element types it is lowered for, and its cost.

    @rule(Sqrt, FLOAT, cost=6)
    def sqrt(e, x, *, dtype):
        return e.intrinsic("sqrt", x)

A rule writes the code of one element, or of a vector of them, into an emitter. Its meaning is
that of the primitive's `forward`. Float16 and bfloat16 are floats here: the caller widens what
is loaded (kinds.widen) and rounds what a rule gives (kinds.rounded).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.dtypes import BFLOAT16
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.ops.primitive import Primitive

FLOAT, WHOLE, BOOL = "f", "iu", "b"  # NumPy's letters of element types
NUMBER, BITS, ANY = FLOAT + WHOLE, WHOLE + BOOL, FLOAT + WHOLE + BOOL


Numbers = Sequence[float | None]  # what operands are known to be


class Unsupported(Exception):
    """No code for a primitive with these element types or operands: its `forward` is called."""


def _always(dtype: np.dtype, numbers: Numbers) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """How a primitive becomes code."""

    function: Callable[..., Value]
    types: str  # the letters of the element types it is for
    cost: int  # of an element, in additions
    when: Callable[[np.dtype, Numbers], bool]  # what else it needs


RULES: dict[type[Primitive], Rule] = {}


def rule(
    primitive: type[Primitive], types: str = ANY, cost: int = 1,
    when: Callable[[np.dtype, Numbers], bool] = _always,
) -> Callable:  # fmt: skip
    """Enter the function below into the table."""

    def enter(function: Callable[..., Value]) -> Callable[..., Value]:
        RULES[primitive] = Rule(function, types, cost, when)
        return function

    return enter


def has_rule(primitive: type[Primitive], dtypes: Sequence[np.dtype], numbers: Numbers) -> bool:
    """Whether `lower` can write the code.

    Args:
        dtypes: the element types of the operands.
        numbers: the operands that are constants, and None for the others.
    """
    found = RULES.get(primitive)
    if found is None or letter(dtypes[-1]) not in found.types:
        return False
    return found.when(dtypes[-1], numbers)


def lower(
    e: Emitter, primitive: type[Primitive], values: Sequence[Value],
    dtypes: Sequence[np.dtype], params: dict[str, Any],
) -> Value:  # fmt: skip
    """The code of an elementwise primitive.

    Args:
        values: the operands; those of float16 and bfloat16 widened to float.
        dtypes: their element types as the graph has them.

    Raises: Unsupported where has_rule says no.
    """
    if not has_rule(primitive, dtypes, [value.number for value in values]):
        raise Unsupported(f"{primitive.__name__} of {', '.join(map(str, dtypes))}")
    return RULES[primitive].function(e, *values, dtype=dtypes[-1], **params)


def cost(primitive: type[Primitive]) -> int:
    """What an element costs, in additions; of a primitive without a rule a large number."""
    found = RULES.get(primitive)
    return 1000 if found is None else found.cost


def letter(dtype: np.dtype) -> str:
    """f for floats, i for signed integers, u for unsigned ones, b for booleans."""
    return FLOAT if dtype == BFLOAT16 else dtype.kind
