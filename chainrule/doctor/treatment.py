"""What a watch does about findings: it tries their changes, and makes those that last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.compiler.rollback import Rollback
from chainrule.doctor.alarm import FIRST_LOSSES
from chainrule.doctor.finding import Finding, Severity
from chainrule.doctor.probes import Probes
from chainrule.doctor.remedies import LASTING, REMEDIES, Scene
from chainrule.doctor.remembering import RememberingMethods
from chainrule.doctor.shadow import put_back
from chainrule.doctor.trial import Trial


class TreatmentMethods(RememberingMethods):
    """What a watch offers for that."""

    findings: list[Finding]
    _alarmed: bool
    diagnose: Callable[[], list[Finding]]
    _looks: Callable[..., Any]

    @property
    def untried(self) -> bool:
        """Whether there are findings whose change could be tried and was not."""
        return any(
            f.remedy is not None and f.verified is None and not f.trial for f in self.findings
        )

    def verify(self) -> list[Finding]:
        """Try the changes of findings that were not tried yet, on steps that are kept.

        Notes: runs up to 100 steps for each; weights, optimizer and random numbers are
            afterwards what they were.
        """
        losses = [loss for _, loss in self.record.losses[:FIRST_LOSSES]]
        self.probe()
        start = self._start or self._note_state()
        trial = Trial(self.model, self.optimizers, start, self.kept.calls, losses)
        with self.schedule.trying:
            tried = [f for f in self.findings if f.verified is None and trial.verify(f)]
        if self.notebook is not None:
            self.notebook.findings(self.findings)
        return tried

    def probe(self) -> None:
        """Make the experiments that there is a reason for, and go through the checks again."""
        calls, start = list(self.kept.calls), self._start or self._note_state()
        tried = False
        with self._looks(self.schedule.trying):
            tried = Probes(self.record, self.model, self.optimizers, start, calls).run()
        if tried:
            self.diagnose()

    def apply(self, finding: Finding, change: Callable[[], None] | None = None) -> bool:
        """Make the change of a finding, with the weights from before the fault; whether that
        can be done to a training that runs.

        Args: change: makes it where the loop has a place for it, such as a setting that is
            saved; None changes the optimizer, whose state_dict() has all but a clip.
        """
        start, state = self._start, self._state
        if finding.remedy is None or finding.remedy[0] not in LASTING:
            return False
        if start is None or state is None:
            return False
        early = finding.severity is Severity.FATAL or finding.step < self._noted
        go_back(start if early else state, self.optimizers)
        if change is None:
            scene = Scene(self.model, self.optimizers, [])
            REMEDIES[finding.remedy[0]](scene, *finding.remedy[1:])
        else:
            change()
        finding.applied = True
        self.forget()
        return True

    def forget(self) -> None:
        """What was seen so far does not count any more."""
        self.record.looks.clear()
        self.record.losses.clear()
        self._alarmed = False
        self._note_state()


def go_back(state: Rollback, optimizers: list[Any]) -> None:
    """Restore weights and what optimizers remember; their settings and hooks stay."""
    settings = [[without_tensors(g) for g in o.param_groups] for o in optimizers]
    hooks = [dict(o._step_pre_hooks or {}) for o in optimizers]
    put_back(state)
    for optimizer, groups, own in zip(optimizers, settings, hooks, strict=True):
        for group, content in zip(optimizer.param_groups, groups, strict=True):
            group.update(content)
        if own:
            optimizer._step_pre_hooks.clear()
            optimizer._step_pre_hooks.update(own)


def without_tensors(group: dict[str, Any]) -> dict[str, Any]:
    """The settings of a parameter group."""
    return {name: value for name, value in group.items() if name != "params"}
