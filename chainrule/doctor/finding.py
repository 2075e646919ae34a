"""What the doctor says: findings, in the order in which causes are looked for."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from chainrule.doctor.facts import Record


class Stage(enum.IntEnum):
    """Where a fault lies. One wears the dress of another: the earliest is the cause."""

    DATA = 1
    WIRING = 2
    LOSS = 3
    INITIALIZATION = 4
    FIT = 5
    DYNAMICS = 6
    GENERALIZATION = 7


class Severity(enum.StrEnum):
    """How much it matters."""

    FATAL = "fatal"  # the training cannot succeed
    SERIOUS = "serious"  # it ends clearly worse than it could
    NOTE = "note"  # worth knowing


@dataclass(slots=True)
class Symptom:
    """What a check has seen.

    Args:
        evidence: the numbers, against their threshold.
        cause: why it happens, in one sentence.
        change: what to write instead, as code.
        layer: the module or parameter, where there is one.
        step: at which step it was seen; None for the latest.
        severity: where it differs from that of the check.
        remedy: the change as a kind and numbers, for a trial: ("lr", 0.1), ("clip", 1.0), …
        otherwise: all of the change, where the remedy is the part of it that comes first.
    """

    evidence: str
    cause: str
    change: str
    layer: str | None = None
    step: int | None = None
    severity: Severity | None = None
    remedy: tuple[Any, ...] | None = None
    otherwise: tuple[Any, ...] | None = None


@dataclass(slots=True)
class Finding:
    """One cause, with its evidence and what to do about it."""

    code: str  # of `chainrule explain`
    title: str
    stage: Stage
    severity: Severity
    step: int
    evidence: str
    cause: str
    change: str
    source: str
    layer: str | None = None
    where: str = ""  # the same, as a person is told of it
    remedy: tuple[Any, ...] | None = None
    otherwise: tuple[Any, ...] | None = None  # to be tried where that does not help
    verified: bool | None = None  # whether a trial of the change helped; None: not tried
    trial: str = ""  # what the trial showed
    applied: bool = False  # the change was made, by doctor="fix"
    consequences: list[str] = field(default_factory=list)  # titles of what follows from it

    def line(self) -> str:
        """One line for the terminal."""
        return f"{self.code} {self.title}{self._in} (step {self.step}): {self.evidence}"

    @property
    def _in(self) -> str:
        place = self.where or self.layer
        return f" in {place}" if place else ""

    def as_dict(self) -> dict[str, Any]:
        """For the journal."""
        content = asdict(self)
        for own in ("remedy", "otherwise"):
            content.pop(own)
        return content | {"stage": self.stage.name.lower(), "severity": str(self.severity)}

    def __str__(self) -> str:
        lines = [
            f"{self.code}  {self.title}{self._in}  [{self.severity}, step {self.step}]",
            f"  evidence   {self.evidence}",
            f"  cause      {self.cause}",
            *_block("change", self.change),
        ]
        if self.trial:
            lines.append(f"  {'verified' if self.verified else 'tried':<10} {self.trial}")
        if self.consequences:
            lines.append(f"  follows    {'; '.join(self.consequences)}")
        lines.append(f"  read       {self.source}; chainrule explain {self.code}")
        return "\n".join(lines)


def _block(name: str, text: str) -> list[str]:
    first, *others = text.splitlines() or [""]
    return [f"  {name:<10} {first}", *[f"  {'':<10} {line}" for line in others]]


@dataclass(frozen=True, slots=True)
class Check:
    """A pure function from a Record to a Symptom or nothing, and what it stands for."""

    function: Callable[[Record], Symptom | None]
    code: str
    title: str
    stage: Stage
    severity: Severity
    source: str

    def __call__(self, record: Record) -> Finding | None:
        symptom = self.function(record)
        if symptom is None:
            return None
        return Finding(
            self.code,
            self.title,
            self.stage,
            symptom.severity or self.severity,
            record.step if symptom.step is None else symptom.step,
            symptom.evidence,
            symptom.cause,
            symptom.change,
            self.source,
            symptom.layer,
            record.called(symptom.layer) if symptom.layer else "",
            symptom.remedy,
            symptom.otherwise,
        )


#: all checks; a fault that shows in two ways has two under one code
CHECKS: list[Check] = []


def check(
    code: str, title: str, stage: Stage, severity: Severity, source: str
) -> Callable[[Callable[[Record], Symptom | None]], Check]:
    """A decorator that makes a function a check."""

    def decorate(function: Callable[[Record], Symptom | None]) -> Check:
        made = Check(function, code, title, stage, severity, source)
        CHECKS.append(made)
        return made

    return decorate


def spelled(path: str) -> str:
    """A module as a program names it: model.net[0] for net.0."""
    parts = path.split(".") if path else []
    return "model" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)
