"""The doctor in a Trainer: it looks on, says what is wrong, and may mend it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from chainrule.compiler.rollback import Rollback
from chainrule.doctor import Finding, Watch
from chainrule.doctor.facts import Epoch
from chainrule.errors import ArgumentError
from chainrule.train.batches import samples_of
from chainrule.train.callback import Callback

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer

CHOICES = (False, True, "fix")
FEWEST_STEPS = 16  # before a remedy is tried: a trial needs batches
PROBATION = 50  # steps after which a change that was made has to have helped
LAST = 10  # losses whose mean is compared
SCHEDULED = ("initial_lr", "max_lr", "min_lr")  # what schedulers keep in parameter groups


@dataclass
class Mended:
    """A change that was made, and what the training was before it."""

    finding: Finding
    before: Rollback
    settings: dict[str, float]  # those of the trainer that had been mended before
    clip_norm: float | None
    loss: float  # may be NaN
    step: int


class Examining(Callback):
    """Watches the training of a Trainer.

    Args: fix: apply a remedy that was tried and helped, from the state before the fault.

    Notes: `findings` are what the doctor found, the cause first; `watch` is the doctor itself,
        from the first step on. A change after which the loss is not lower than before is taken
        back.
    """

    def __init__(self, fix: bool) -> None:
        self.fix = fix
        self.watch: Watch | None = None
        self._mended: Mended | None = None  # on probation
        self._losses: list[float] = []  # the latest

    @property
    def findings(self) -> list[Finding]:
        """What was found, the cause first."""
        return [] if self.watch is None else self.watch.findings

    def training_begins(self, trainer: Trainer) -> None:
        """Begin to look on."""
        self._mended, self._losses = None, []
        self.watch = Watch(
            trainer.model,
            [trainer.optimizer],
            tell=lambda finding: trainer.say(finding.line()),
            step=trainer.step,
            sees_evaluations=False,
        )

    def step_ends(self, trainer: Trainer) -> None:
        """Try the remedies of new findings, once there are batches to try them on."""
        watch = self.watch
        assert watch is not None
        if self.fix:
            self._losses = [*self._losses[1 - LAST :], trainer.loss]
            self._judge(trainer)
        if not watch.findings or trainer.step - watch.schedule.first < FEWEST_STEPS:
            return
        if not watch.untried:
            return
        for finding in watch.verify():
            how = "verified" if finding.verified else "tried"
            trainer.say(f"{finding.code} {how}: {finding.trial}")
            if self.fix and finding.verified and self._mended is None:
                self._mend(trainer, watch, finding)

    def _mend(self, trainer: Trainer, watch: Watch, finding: Finding) -> None:
        """Make a change that helped in a trial."""
        parts = trainer.model, trainer.optimizer, trainer.scheduler
        settings = dict(trainer.mended), trainer.clip_norm
        self._mended = Mended(finding, Rollback(*parts), *settings, self._level, trainer.step)
        kind, *numbers = finding.remedy or ("",)
        clips = partial(set_clip_norm, trainer, *numbers) if kind == "clip" else None
        if not watch.apply(finding, clips):
            self._mended = None
            return
        if kind == "lr" and trainer.scheduler is not None:
            scale_schedule(trainer.scheduler, numbers[0])
        trainer.say(f"{finding.code} mended: {finding.change.splitlines()[0]}")

    def _judge(self, trainer: Trainer) -> None:
        """Whether a change that was made has helped; if not, take it back."""
        mended = self._mended
        if mended is None:
            return
        failed = not math.isfinite(trainer.loss)
        if not failed and trainer.step < mended.step + PROBATION:
            return
        self._mended = None
        helped = not failed and (self._level < mended.loss or math.isnan(mended.loss))
        if helped:
            return
        mended.before.undo()
        trainer.mended, trainer.clip_norm = mended.settings, mended.clip_norm
        mended.finding.applied = False
        mended.finding.trial += "; in the training itself it did not help, and was taken back"
        assert self.watch is not None
        self.watch.forget()
        now, before = f"{self._level:.4g}", f"{mended.loss:.4g}"
        trainer.say(
            f"{mended.finding.code} taken back: loss {now} with the change, {before} before"
        )

    @property
    def _level(self) -> float:
        """The mean of the latest losses; NaN if one of them is not finite."""
        level = sum(self._losses) / max(1, len(self._losses))
        return level if math.isfinite(level) else math.nan

    def epoch_ends(self, trainer: Trainer) -> None:
        """Compare training with validation."""
        assert self.watch is not None
        with self.watch.schedule.hearing:
            is_last = trainer.epoch >= trainer.epochs or trainer.stopped
            scores = trainer.history[-1]
            epoch = self._epoch(trainer, scores, is_last, self.watch)
            if is_last:
                self.watch.last_look()
            self.watch.record.epochs.append(epoch)
            self.watch.review()
            if applied := [f.as_dict() for f in self.findings if f.applied]:
                scores["doctor"] = applied

    def _epoch(
        self, trainer: Trainer, scores: dict[str, Any], is_last: bool, watch: Watch
    ) -> Epoch:
        """What there is to know of the epoch that ended; of its classes, only if that is
        looked at now."""
        epoch = Epoch(
            trainer.epoch,
            train_loss=scores["train_loss"],
            validation_loss=scores.get("validation_loss"),
            validation_accuracy=scores.get("validation_accuracy"),
            validation_samples=samples_of(trainer.validation),
        )
        is_reviewed = is_last or watch.schedule.is_review_due
        if not is_reviewed and epoch.validation_accuracy is not None:
            return epoch
        if (seen := watch.validated(with_classes=is_reviewed)) is not None:
            epoch.recalls, epoch.supports = seen.recalls, seen.supports
            if epoch.validation_accuracy is None:
                epoch.validation_accuracy = seen.validation_accuracy
        return epoch

    def training_ends(self, trainer: Trainer) -> None:
        """A last look at the whole."""
        watch = self.watch
        assert watch is not None
        watch.record.ended = True
        watch.record.stopped_early = trainer.stopped
        watch.probe()
        watch.diagnose()
        looks = _count(len(watch.record.looks), "look")
        if glances := len(watch.record.glances):
            looks += f" and {_count(glances, 'glance')}"
        trainer.say(
            f"doctor: {_count(len(self.findings), 'finding')}; {looks} took "
            f"{watch.schedule.taken:.2g} s, {watch.share:.1%} of the time"
        )

    def close(self, trainer: Trainer) -> None:
        """Look no more."""
        if self.watch is not None:
            self.watch.close()


def set_clip_norm(trainer: Trainer, norm: float) -> None:
    """Make a trainer clip, from now on and in every training that goes on from this one."""
    trainer.clip_norm = norm if trainer.clip_norm is None else min(norm, trainer.clip_norm)
    trainer.mended["clip_norm"] = trainer.clip_norm


def scale_schedule(scheduler: Any, factor: float) -> None:
    """Make a scheduler go on with another learning rate."""
    if hasattr(scheduler, "base_lrs"):
        scheduler.base_lrs = [rate * factor for rate in scheduler.base_lrs]
    for group in scheduler.optimizer.param_groups:
        for name in SCHEDULED:
            if name in group:
                group[name] = group[name] * factor


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'s' * (number != 1)}"


def examining(doctor: Any) -> Examining | None:
    """The doctor that a Trainer's option asks for.

    Raises: ArgumentError (CR808) for anything but True, False and "fix".
    """
    if not any(doctor is choice or doctor == choice for choice in CHOICES):
        raise ArgumentError("CR808", f'doctor is True, False or "fix", got {doctor!r}')
    return Examining(doctor == "fix") if doctor else None
