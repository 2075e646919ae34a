"""Functions that a module holds once, for the elementary functions too long to repeat."""

from __future__ import annotations

import functools
from collections.abc import Callable

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.mathematics.floats import converted

Formula = Callable[..., Value]  # of an emitter and values of one kind


def outlined(*kinds: str) -> Callable[[Formula], Formula]:
    """A formula that is called, not repeated, for these kinds of numbers.

        @outlined("double")
        def exp(e, x): …

    Notes: the text of the function depends on its name, the kind, the number of lanes and
    `e.fused` alone, so that one module never holds two that differ.
    """

    def decorate(formula: Formula) -> Formula:
        @functools.wraps(formula)
        def call(e: Emitter, *operands: Value) -> Value:
            inputs = e.alike(*operands)
            if inputs[0].kind not in kinds:
                return formula(e, *inputs)
            return _called(e, formula, inputs)

        return call

    return decorate


def in_double(formula: Formula) -> Formula:
    """A formula for double, used for float as well: widened, computed, rounded."""

    @functools.wraps(formula)
    def call(e: Emitter, *operands: Value) -> Value:
        wide = [converted(e, x, "double") for x in operands]
        return converted(e, formula(e, *wide), operands[0].kind)

    return call


def _called(e: Emitter, formula: Formula, inputs: list[Value]) -> Value:
    kind, lanes = inputs[0].kind, inputs[0].lanes
    room = formula.__module__.rpartition(".")[2]
    name = f"{room}.{formula.__name__}.{kind}.{lanes}"
    if name not in e.helpers:
        _define(e, name, formula, inputs)
    value = e.call(name, kind, lanes, *inputs)
    del e.declared[name]  # it is defined, in the helpers
    return value


def _define(e: Emitter, name: str, formula: Formula, inputs: list[Value]) -> None:
    inner = Emitter(name, [], e.lanes, fused=e.fused)
    parameters = [Value(f"%x{i}", given.kind, given.lanes, 0) for i, given in enumerate(inputs)]
    result = formula(inner, *parameters)
    names = ", ".join(f"{p.type} {p.name}" for p in parameters)
    lines = [
        f"define internal {result.type} @{name}({names}) #0 {{",
        "entry:",
        *inner.slots,
        *inner.scopes[0].lines,
        f"ret {result.type} {result.name}",
        "}",
    ]
    e.helpers.update(inner.helpers)
    e.helpers[name] = "\n".join(lines)
    e.declared.update(inner.declared)
