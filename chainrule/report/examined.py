"""What the doctor saw and found, from the trainer into the journal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chainrule.doctor.facts import Look
from chainrule.doctor.notebook import Entries
from chainrule.journal import Journal

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer


class Examined:
    """Follows the doctor of a trainer: each look is written once, a finding when it changes."""

    def __init__(self) -> None:
        self._step = -1  # of the last look that was written
        self._entries = Entries()

    def follow(self, trainer: Trainer, journal: Journal) -> None:
        """Write what is new; nothing where no doctor looks on."""
        watch = None if trainer.doctor is None else trainer.doctor.watch
        if watch is None:
            return
        new = [look for looks in watch.seen for look in _after(looks, self._step)]
        for look in sorted(new, key=lambda look: look.step):
            self._step = look.step
            self._entries.look(journal, look)
        self._entries.findings(journal, watch.findings)

    def end(self, trainer: Trainer, journal: Journal) -> None:
        """Write what is left, and what looking has cost."""
        self.follow(trainer, journal)
        watch = None if trainer.doctor is None else trainer.doctor.watch
        if watch is not None:
            record = watch.record
            counts = {"looks": len(record.looks), "glances": len(record.glances)}
            doctor = {**counts, "share of time": round(watch.share, 4)}
            journal.write("run", doctor=doctor)


def _after(looks: list[Look], step: int) -> Iterable[Look]:
    """Those behind a step; nearly always there are none, which is told by the last."""
    return (
        (look for look in looks if look.step > step) if looks and looks[-1].step > step else ()
    )
