"""Steps that nobody looks at: kept as they are, until somebody asks what happened.

Between two compiled steps the processor's caches are full of what the steps needed, and every
object of the doctor's that is touched has to come from memory: thirty microseconds a step, for
what takes six in a row. So the steps between two looks leave nothing but their call and its
loss here, and are taken note of together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.doctor.training_call import CompiledCall

if TYPE_CHECKING:
    from chainrule.doctor.ears import Calls


class QuietSteps:
    """The steps that a watch has not taken note of yet.

    Attributes:
        left: how many may still pass before the watch must be asked.
        calls: those that did, each with who heard it.
    """

    __slots__ = "calls", "left"

    def __init__(self) -> None:
        self.left = 0
        self.calls: list[tuple[Calls, CompiledCall]] = []

    def take(self) -> list[tuple[Calls, CompiledCall]]:
        """Those that passed; from now on they are known."""
        calls, self.calls = self.calls, []
        return calls
