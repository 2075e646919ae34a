"""Instructions without effects, and where they are written.

An instruction without effects goes into the outermost loop in which its operands are known, and
is written once only: loop-invariant code and common subexpressions need no optimizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chainrule.engines.native.emitter.values import (
    BITS,
    FLOATS,
    Scope,
    Value,
    literal,
    suffix,
    vector_type,
)

Count = int  # the name is taken below by a method
FEW = 16  # vector registers
# Nothing at all for the processor; it keeps LLVM from reading far ahead, for which the
# registers would not suffice.
FENCE = 'call void asm sideeffect "", "~{memory}"()'


class Instructions:
    """A function being written; `lanes` is the width of its vectors.

    Args:
        fused: whether the processor has fma.
        registers: for vectors, that the processor has.
    """

    def __init__(
        self, name: str, parameters: Sequence[str], lanes: Count, *,
        fused: bool = True, registers: Count = 2 * FEW,
    ) -> None:  # fmt: skip
        self.name, self.lanes = name, lanes
        self.fused = fused  # whether the processor has fma
        self.crowded = registers <= FEW
        self.wide: dict[str, Count] = {}  # name of a vector → registers, where they are few
        self.far_constants = False  # whether functions read them where they use them
        self.has_functions = False
        self._inside = False  # of a function with far constants
        self._fences = 0  # before such functions
        self.parameters = list(parameters)
        self.slots: list[str] = []
        self.scopes = [Scope("entry")]
        self.declared: dict[str, str] = {}  # function → declaration
        self.helpers: dict[str, str] = {}  # name → text of a function that this one calls
        self._count = 0
        self.pointers: dict[str, Value] = {}
        self.origins: dict[str, frozenset[str]] = {}  # address → the parameters it is made of
        self.loads: set[str] = set()  # the parameters through which the function reads
        self.stores: set[str] = set()  # and those through which it writes
        for parameter in self.parameters:
            self._know(parameter)
        self.chunk = Value("%chunk", "i64", 1, 0)
        self.scratch = Value("%scratch", "ptr", 1, 0)

    # -- values ----------------------------------------------------------------------------

    def constant(self, kind: str, number: Count | float, lanes: Count = 1) -> Value:
        text = literal(kind, number)
        name = text if lanes == 1 else f"splat ({kind} {text})"
        return Value(name, kind, lanes, 0, number)

    def int(self, number: Count) -> Value:
        return self.constant("i64", number)

    def as_value(self, number: Count | Value) -> Value:
        """A number, or what holds one, as a value."""
        return number if isinstance(number, Value) else self.int(number)

    def fresh(self, prefix: str = "") -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    @property
    def level(self) -> Count:
        return len(self.scopes) - 1

    def pure(self, text: str, kind: str, lanes: Count, *operands: Value) -> Value:
        """An instruction without effects, in the outermost loop that knows its operands."""
        level = max((o.level for o in operands), default=0)
        scope = self.scopes[level]
        if (found := scope.known.get(text)) is not None:
            return found
        value = self._made("%t", kind, lanes, level)
        scope.lines.append(f"{value.name} = {text}")
        scope.known[text] = value
        if kind == "ptr":
            self.origins[value.name] = self._origin(operands)
        return value

    def _made(self, prefix: str, kind: str, lanes: Count, level: Count) -> Value:
        """A new value, or what stands for a variable."""
        value = Value(self.fresh(prefix), kind, lanes, level)
        if self.crowded and lanes > 1:
            self.wide[value.name] = max(1, lanes * BITS.get(kind, 64) // (32 * self.lanes))
        return value

    def _origin(self, operands: Sequence[Value]) -> frozenset[str]:
        """The parameters that an address is made of; none for what is no parameter."""
        known = [self.origins[o.name] for o in operands if o.name in self.origins]
        return known[0] if len(known) == 1 else frozenset().union(*known)

    def here(self, text: str, kind: str, lanes: Count) -> Value:
        """An instruction that must stand where it is written."""
        value = self._made("%t", kind, lanes, self.level)
        self.effect(f"{value.name} = {text}")
        return value

    def effect(self, text: str) -> None:
        self.scopes[-1].lines.append(text)

    def effect_at(self, level: Count, text: str) -> None:
        """An instruction with an effect, at an outer level, whose scope is still open."""
        self.scopes[level].lines.append(text)

    def pointer(self, name: str) -> Value:
        """A parameter of the function; a new one, if there is none of that name."""
        if name not in self.pointers:
            self.parameters.append(name)
            self._know(name)
        return self.pointers[name]

    def _know(self, parameter: str) -> None:
        self.pointers[parameter] = Value(f"%{parameter}", "ptr", 1, 0)
        self.origins[f"%{parameter}"] = frozenset({parameter})

    def widened(self, value: Value, lanes: Count) -> Value:
        """A scalar in every lane."""
        if value.lanes == lanes:
            return value
        if value.number is not None:
            return self.constant(value.kind, value.number, lanes)
        kind, vector = value.kind, vector_type(value.kind, lanes)
        one = self.pure(
            f"insertelement {vector} poison, {kind} {value.name}, i64 0", kind, lanes, value
        )
        zeros = vector_type("i32", lanes)
        return self.pure(
            f"shufflevector {vector} {one.name}, {vector} poison, {zeros} zeroinitializer",
            kind, lanes, one,
        )  # fmt: skip

    def alike(self, *values: Value) -> list[Value]:
        """All as vectors, if one of them is."""
        lanes = max(v.lanes for v in values)
        if self._inside and lanes > 1 and any(v.level == self.level for v in values):
            values = tuple(self._from_memory(v, lanes) for v in values)
        return [self.widened(v, lanes) for v in values]

    # -- constants in memory ---------------------------------------------------------------

    def fence(self) -> None:
        """Nothing that is read below is read above."""
        self.effect(FENCE)

    @contextmanager
    def function(self) -> Iterator[None]:
        """An elementary function; with far constants, they are read where they are used.

        Notes: LLVM takes as many constants as it can into registers before the loop, and puts
        numbers on the stack for that in the loop.
        """
        self.has_functions = True
        if not self.far_constants:
            yield
            return
        self.fence()
        self._fences += 1
        self._inside = True
        try:
            yield
        finally:
            self._inside = False

    def _from_memory(self, value: Value, lanes: Count) -> Value:
        """A constant as it lies in memory that LLVM takes for variable; others as they are."""
        if value.kind not in FLOATS or not value.number:
            return value
        number, type_ = literal(value.kind, value.number), vector_type(value.kind, lanes)
        name = f"number.{value.kind}.{number}.{lanes}"
        self.helpers[name] = f"@{name} = private global {type_} splat ({value.kind} {number})"
        key, known = f"{name} {self._fences}", self.scopes[-1].known
        if key not in known:
            known[key] = self.here(f"load {type_}, ptr @{name}", value.kind, lanes)
        return known[key]

    # -- arithmetic ------------------------------------------------------------------------

    def binary(self, operation: str, a: Value, b: Value) -> Value:
        """`fadd`, `mul nsw`, `and`, … on two values of one kind."""
        a, b = self.alike(a, b)
        return self.pure(f"{operation} {a.type} {a.name}, {b.name}", a.kind, a.lanes, a, b)

    def add(self, a: Value, b: Value) -> Value:
        if a.kind not in FLOATS:
            return self._whole("add nsw", a, b, 0)
        return self.binary("fadd", a, b)

    def subtract(self, a: Value, b: Value) -> Value:
        if a.kind not in FLOATS and b.number == 0:
            return a
        return self.binary("fsub" if a.kind in FLOATS else "sub", a, b)

    def multiply(self, a: Value, b: Value) -> Value:
        if a.kind not in FLOATS:
            return self._whole("mul nsw", a, b, 1)
        return self.binary("fmul", a, b)

    def _whole(self, operation: str, a: Value, b: Value, neutral: Count) -> Value:
        """Integers for positions: folded where they are constants."""
        if a.number is not None and b.number is not None and a.lanes == b.lanes == 1:
            both = int(a.number), int(b.number)
            return self.constant(a.kind, both[0] * both[1] if neutral else sum(both))
        if b.number == neutral and a.lanes >= b.lanes:
            return a
        if a.number == neutral and b.lanes >= a.lanes:
            return b
        return self.binary(operation if a.kind == "i64" else operation.split()[0], a, b)

    def divide(self, a: Value, b: Value) -> Value:
        return self.binary("fdiv", a, b)

    def negate(self, a: Value) -> Value:
        if a.kind in FLOATS:
            return self.pure(f"fneg {a.type} {a.name}", a.kind, a.lanes, a)
        return self.subtract(self.constant(a.kind, 0), a)

    def compare(self, predicate: str, a: Value, b: Value) -> Value:
        """`olt`, `uno`, … of floats; `slt`, `eq`, `ult`, … of integers."""
        a, b = self.alike(a, b)
        word = "fcmp" if a.kind in FLOATS else "icmp"
        return self.pure(f"{word} {predicate} {a.type} {a.name}, {b.name}", "i1", a.lanes, a, b)

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        condition, a, b = self.alike(condition, a, b)
        text = f"select {condition.type} {condition.name}, {a.type} {a.name}, {b.type} {b.name}"
        return self.pure(text, a.kind, a.lanes, condition, a, b)

    def convert(self, operation: str, a: Value, kind: str) -> Value:
        """`fpext`, `sitofp`, `zext`, `bitcast`, …"""
        text = f"{operation} {a.type} {a.name} to {vector_type(kind, a.lanes)}"
        return self.pure(text, kind, a.lanes, a)

    def both(self, a: Value | None, b: Value | None) -> Value | None:
        """The conjunction of two conditions, either of which may be absent."""
        if a is None or b is None:
            return b if a is None else a
        return self.binary("and", a, b)

    # -- functions -------------------------------------------------------------------------

    def intrinsic(self, name: str, *operands: Value, kind: str | None = None) -> Value:
        """One of LLVM's functions named by its type, such as `fma`, `sqrt`, `fabs`."""
        operands = tuple(self.alike(*operands))
        first = operands[0]
        kind = kind or first.kind
        short = suffix(first.kind)
        lanes = "" if first.lanes == 1 else f"v{first.lanes}"
        function = f"llvm.{name}.{lanes}{short}"
        return self.call(function, kind, first.lanes, *operands)

    def call(self, function: str, kind: str, lanes: Count, *operands: Value) -> Value:
        """A function without effects."""
        result = vector_type(kind, lanes)
        types = ", ".join(o.type for o in operands)
        self.declared[function] = f"declare {result} @{function}({types})"
        arguments = ", ".join(f"{o.type} {o.name}" for o in operands)
        return self.pure(f"call {result} @{function}({arguments})", kind, lanes, *operands)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a b + c, rounded once where the processor can."""
        if not self.fused:
            return self.add(self.multiply(a, b), c)
        return self.intrinsic("fma", a, b, c)

    # -- lanes -----------------------------------------------------------------------------

    def part(self, value: Value, start: Count, lanes: Count) -> Value:
        """Some neighbouring lanes."""
        if lanes == 1:
            text = f"extractelement {value.type} {value.name}, i64 {start}"
            return self.pure(text, value.kind, 1, value)
        places = ", ".join(f"i32 {start + i}" for i in range(lanes))
        text = (
            f"shufflevector {value.type} {value.name}, {value.type} poison, "
            f"<{lanes} x i32> <{places}>"
        )
        return self.pure(text, value.kind, lanes, value)

    def counting(self, kind: str, lanes: Count) -> Value:
        """0, 1, 2, … in the lanes."""
        if lanes == 1:
            return self.constant(kind, 0)
        numbers = ", ".join(f"{kind} {literal(kind, i)}" for i in range(lanes))
        return Value(f"<{numbers}>", kind, lanes, 0)
