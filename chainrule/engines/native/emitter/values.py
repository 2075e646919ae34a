"""What code is written with: values, and the types that they have.

Types are LLVM's scalar types: half, bfloat, float, double, i1, i8, i16, i32, i64, ptr.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from chainrule.engines.native.emitter.affine import Var

FLOATS = ("half", "bfloat", "float", "double")
BITS = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64,
        "half": 16, "bfloat": 16, "float": 32, "double": 64}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """What an instruction gives, a parameter, or a constant."""

    name: str  # as it stands in the code: %7, 3, 0x3FF0000000000000
    kind: str  # the scalar type
    lanes: int  # 1 for a scalar
    level: int  # how many loops lie around its definition
    number: int | float | None = None  # of a constant

    @property
    def type(self) -> str:
        return vector_type(self.kind, self.lanes)


def vector_type(kind: str, lanes: int) -> str:
    """`float`, or `<16 x float>`."""
    return kind if lanes == 1 else f"<{lanes} x {kind}>"


def literal(kind: str, number: int | float) -> str:
    """A number as LLVM reads it; floats as the bits of a double, which are exact."""
    if kind == "half":
        return f"0xH{struct.pack('>e', number).hex()}"
    if kind == "bfloat":
        return f"0xR{struct.pack('>f', number)[:2].hex()}"
    if kind == "float":
        (rounded,) = struct.unpack("<f", struct.pack("<f", number))
        return f"0x{struct.pack('>d', rounded).hex().upper()}"
    if kind == "double":
        return f"0x{struct.pack('>d', number).hex().upper()}"
    if kind == "i1":
        return "true" if number else "false"
    return str(int(number))


@dataclass(slots=True)
class Scope:
    """The body of a loop while it is written: its lines, and what is known in it."""

    block: str  # the label of the block that is being written
    lines: list[str] = field(default_factory=list)
    known: dict[str, Value] = field(default_factory=dict)
    innermost: bool = True  # whether no loop has been written into it


@dataclass(frozen=True, slots=True)
class Slot:
    """A variable in the code, which LLVM keeps in a register."""

    name: str
    kind: str
    lanes: int


def suffix(kind: str) -> str:
    """The type as it stands in the names of LLVM's functions."""
    return {"half": "f16", "bfloat": "bf16", "float": "f32", "double": "f64"}.get(kind, kind)


def by_level(term: tuple[Var, int]) -> tuple[int, str]:
    """A key that puts the terms of the outer loops first."""
    var, _ = term
    return var.value.level, var.name
