"""Elementwise primitives as code: `lower` looks up the rule of a primitive and applies it."""

from chainrule.engines.native.pointwise import (  # noqa: F401  each enters its rules
    arithmetic,
    bitwise,
    comparison,
    conversion,
    division,
    divisors,
    float_parts,
    functions,
    powers,
)
from chainrule.engines.native.pointwise.kinds import (
    KINDS,
    computed,
    narrow,
    rounded,
    widen,
)
from chainrule.engines.native.pointwise.rules import (
    RULES,
    Rule,
    Unsupported,
    cost,
    has_rule,
    lower,
)

__all__ = [
    "KINDS",
    "RULES",
    "Rule",
    "Unsupported",
    "computed",
    "cost",
    "has_rule",
    "lower",
    "narrow",
    "rounded",
    "widen",
]
