"""How many registers a loop needs: those of the vectors that are alive at the same time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate

NAME = re.compile(r"%[\w.]+")
CONSTANT = re.compile(r"splat \((?:float|double) 0x\w*[1-9A-F]\w*\)")


def most_alive(lines: Sequence[str], wide: Mapping[str, int]) -> int:
    """The most registers that are taken at a time in a loop that has no loop inside.

    Args:
        lines: of the loop's body.
        wide: the registers of each vector, by its name.

    Notes: what was made outside, and a variable, is there all the time. Constants do not count,
    as any instruction can read them from memory.

    Example:
        >>> body = ["%a = load …", "%b = fmul %a, %a", "%c = fadd %b, %total", "store %c"]
        >>> most_alive(body, {"%total": 1, "%a": 1, "%b": 1, "%c": 1})
        2
    """
    last = {name: at for at, line in enumerate(lines) for name in NAME.findall(line)}
    made = {line.partition(" = ")[0]: at for at, line in enumerate(lines)}
    outside = sum(wide.get(name, 0) for name in last if name not in made)
    changes = [0] * len(lines)
    for name, at in made.items():
        changes[at] += wide.get(name, 0)
        changes[last.get(name, at)] -= wide.get(name, 0)
    return outside + max(accumulate(changes), default=0)


def constants(lines: Sequence[str], times: int) -> int:
    """How many vectors of constants other than zero a loop reads, each so often at least."""
    found = Counter(name for line in lines for name in CONSTANT.findall(line))
    return sum(count >= times for count in found.values())
