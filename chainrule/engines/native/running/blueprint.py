"""A plan as plain data: what a program is made of, to be kept on the disk.

functions   name, chunks, and for each argument: which memory, at what offset, moving by how
            much on every turn of a loop
regions     functions that may run at the same time, or a primitive that NumPy computes
memory      where each piece of memory comes from
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chainrule.ir.graph import Graph

SIZE = 8  # bytes of a number that says how long a part is


class Seen(NamedTuple):
    """Where the value of an equation lies, and from when on to when.

    Args:
        equation: its place in the graph.
        home, number: "arena" (number: the offset) or "output" (number: which).
        first, last: it is complete after the first of these regions, and there after the last.
        shape, order: the array, and the order of its axes in memory, [] if it is row-major.
    """

    equation: int
    home: str
    number: int
    first: int
    last: int
    shape: list[int]
    order: list[int]


@dataclass(frozen=True)
class Blueprint:
    """What runs in what order on what memory.

    Args:
        memory: (home, number): "arena" (number: the offset), "input", "output", "constant"
            (number: which of the graph's) or "status".
        functions: (name, chunks, arguments); an argument is (memory, offset, stride), the
            offset and the stride in bytes.
        regions: the numbers of the functions; (-1,) is the next of `calls`.
        loops: (first region, the one after the last, how often).
        guard: the region before which all checks must have passed, -1 if there is none.
        taken: (output, input whose memory it takes).
        values: what of the graph can be seen, see `Seen`.
    """

    arena: int
    memory: list[tuple[str, int]]
    functions: list[tuple[str, int, list[tuple[int, int, int]]]]
    regions: list[list[int]]
    loops: list[tuple[int, int, int]]
    guard: int
    taken: list[tuple[int, int]]
    values: list[Seen]

    def text(self) -> str:
        return json.dumps(vars(self))

    @staticmethod
    def read(text: str) -> Blueprint:
        found = json.loads(text)
        return Blueprint(**found | {"values": [Seen(*value) for value in found["values"]]})


def packed(blueprint: Blueprint, objects: list[bytes]) -> bytes:
    """A blueprint and the machine code of its functions in one piece."""
    parts = [blueprint.text().encode(), *objects]
    return b"".join([len(part).to_bytes(SIZE, "little") + part for part in parts])


def unpacked(data: bytes) -> tuple[Blueprint, list[bytes]]:
    """What was packed."""
    parts, at = [], 0
    while at < len(data):
        start = at + SIZE
        at = start + int.from_bytes(data[at:start], "little")
        parts.append(data[start:at])
    return Blueprint.read(parts[0].decode()), parts[1:]


def constants_of(graph: Graph) -> Iterator[np.ndarray]:
    """The constants of a graph, and of the bodies of its loops."""
    yield from graph.constants.values()
    for equation in graph.equations:
        for body in equation.bodies():
            yield from constants_of(body)
