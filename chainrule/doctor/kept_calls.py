"""The latest steps of a training, kept so that a trial can run them again."""

from __future__ import annotations

from collections import deque

from chainrule.doctor.training_call import TrainingCall

MOST_CALLS, MOST_BYTES = 256, 1 << 26


class KeptCalls:
    """The latest calls, as many as there is room for; always the last one."""

    def __init__(self) -> None:
        self.calls: deque[TrainingCall] = deque()
        self._bytes = 0

    def add(self, *calls: TrainingCall) -> None:
        """Keep calls, and let older ones go."""
        self.calls.extend(calls)
        self._bytes += sum([call.bytes for call in calls])
        while len(self.calls) > 1 and (
            self._bytes > MOST_BYTES or len(self.calls) > MOST_CALLS
        ):
            self._bytes -= self.calls.popleft().bytes

    def clear(self) -> None:
        """Forget all."""
        self.calls.clear()
        self._bytes = 0
