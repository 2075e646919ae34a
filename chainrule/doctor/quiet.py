"""Steps that nobody looks at: kept as they are, until somebody asks what happened.

Between two compiled steps the processor's caches are full of what the steps needed, and every
object of the doctor's that is touched has to come from memory: thirty microseconds a step, for
what takes six in a row. So the steps between two looks leave nothing but their call and its
loss here, and are taken note of together; the evaluations of a Trainer, which says when one is
over, leave their results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.doctor.training_call import CompiledCall

if TYPE_CHECKING:
    from chainrule.doctor.ears import Calls


MOST_WAITING = 1 << 24  # bytes of calls that were not taken note of


class QuietSteps:
    """The steps that a watch has not taken note of yet.

    Attributes:
        left: how many may still pass before the watch must be asked.
        room: for how many bytes.
        calls: those that did, one after the other, with who heard them.
    """

    __slots__ = "calls", "left", "room"

    def __init__(self) -> None:
        self.left, self.room = 0, MOST_WAITING
        self.calls: list[tuple[Calls, list[CompiledCall]]] = []

    def add(self, follower: Calls, call: CompiledCall) -> None:
        """One more passes."""
        self.room -= call.bytes
        if self.calls and self.calls[-1][0] is follower:
            self.calls[-1][1].append(call)
        else:
            self.calls.append((follower, [call]))

    def take(self) -> list[tuple[Calls, list[CompiledCall]]]:
        """Those that passed; from now on they are known."""
        passed, self.calls, self.room = self.calls, [], MOST_WAITING
        return passed
