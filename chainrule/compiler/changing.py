"""Plain numbers among the arguments of a compiled function that differ from call to call.

They become inputs of the graph. Constants of it they would be otherwise, and every value would
ask for a recording of its own.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from chainrule.compiler.structure import map_leaves
from chainrule.tensor.changing_number import ChangingNumber
from chainrule.tensor.tensor import Tensor

INTEGERS = np.iinfo(np.int64)


class ChangingNumbers:
    """Which of the numbers of a function's calls differ, as far as it is known.

    Attributes:
        places: their places among all plain numbers of a call.
    """

    def __init__(self) -> None:
        self.places: frozenset[int] = frozenset()
        self._recorded: list[Any] = []  # the numbers of the call recorded last
        self._is_wanted = True

    def lifted(self, call: Any) -> Any:
        """The call with these numbers as tensors."""
        if not self.places:
            return call
        numbers = itertools.count()

        def lift(part: Any) -> Any:
            if not _is_number(part) or next(numbers) not in self.places:
                return part
            dtype = np.float64 if type(part) is float else np.int64
            return ChangingNumber(Tensor._wrap(np.array(part, dtype)))

        return map_leaves(call, lift)

    def learn(self, call: Any) -> None:
        """Compare a call that is about to be recorded with the one recorded before it."""
        before, now = self._recorded, _numbers(call)
        self._recorded = now
        if self._is_wanted and [type(x) for x in before] == [type(x) for x in now]:
            pairs = enumerate(zip(before, now, strict=True))
            self.places |= {i for i, (x, y) in pairs if x != y}

    def give_up(self) -> None:
        """Record each value for itself from now on."""
        self.places, self._is_wanted = frozenset(), False


def _is_number(part: Any) -> bool:
    return type(part) is float or (type(part) is int and INTEGERS.min <= part <= INTEGERS.max)


def _numbers(call: Any) -> list[Any]:
    found: list[Any] = []

    def note(part: Any) -> Any:
        if _is_number(part):
            found.append(part)
        return part

    map_leaves(call, note)
    return found
