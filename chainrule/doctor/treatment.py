"""What a watch does about findings: it tries their changes, and makes those that last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.compiler.rollback import Rollback
from chainrule.doctor.alarm import FIRST_LOSSES
from chainrule.doctor.facts import Record
from chainrule.doctor.finding import Finding, Severity
from chainrule.doctor.kept_calls import KeptCalls
from chainrule.doctor.notebook import Notebook
from chainrule.doctor.probes import Probes
from chainrule.doctor.remedies import LASTING, REMEDIES, Scene
from chainrule.doctor.schedule import Schedule
from chainrule.doctor.shadow import put_back
from chainrule.doctor.trial import Trial
from chainrule.nn.module import Module


class TreatmentMethods:
    """What a watch offers for that."""

    model: Module
    optimizers: list[Any]
    record: Record
    findings: list[Finding]
    schedule: Schedule
    kept: KeptCalls
    notebook: Notebook | None
    _start: Rollback
    _known: tuple[int, Rollback]
    _alarmed: bool
    diagnose: Callable[[], list[Finding]]

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
        trial = Trial(self.model, self.optimizers, self._start, self.kept.calls, losses)
        with self.schedule.trying():
            tried = [f for f in self.findings if f.verified is None and trial.verify(f)]
        if self.notebook is not None:
            self.notebook.findings(self.findings)
        return tried

    def probe(self) -> None:
        """Make the experiments that there is a reason for, and go through the checks again."""
        calls = list(self.kept.calls)
        with self.schedule.trying():
            tried = Probes(self.record, self.model, self.optimizers, self._start, calls).run()
        if tried:
            self.diagnose()

    def apply(self, finding: Finding, change: Callable[[], None] | None = None) -> bool:
        """Make the change of a finding, with the weights from before the fault; whether that
        can be done to a training that runs.

        Args: change: makes it where the loop has a place for it, such as a setting that is
            saved; None changes the optimizer, whose state_dict() has all but a clip.
        """
        if finding.remedy is None or finding.remedy[0] not in LASTING:
            return False
        step, state = self._known
        early = finding.severity is Severity.FATAL or finding.step < step
        go_back(self._start if early else state, self.optimizers)
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
        self._known = self.record.step, Rollback(self.model, self.optimizers)


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
