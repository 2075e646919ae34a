"""From symptoms to the cause: the earliest stage at which something is wrong."""

from __future__ import annotations

import dataclasses

from chainrule.doctor import checks as checks
from chainrule.doctor.facts import Record
from chainrule.doctor.finding import CHECKS, Finding, Severity


def symptoms(record: Record) -> tuple[list[Finding], list[Finding]]:
    """What all checks see: faults, the earliest stage first, and notes."""
    found = [finding for check in CHECKS if (finding := check(record)) is not None]
    found.sort(key=lambda finding: (finding.stage, finding.code))
    faults = [finding for finding in found if finding.severity is not Severity.NOTE]
    return faults, [finding for finding in found if finding.severity is Severity.NOTE]


def is_suspicious(record: Record, known: int) -> bool:
    """Whether the last look shows what is told of if it is seen once more.

    Args: known: the number of symptoms up to now.
    """
    again = dataclasses.replace(record, looks=[*record.looks, *record.looks[-1:]])
    return sum(map(len, symptoms(again))) > known


def add_causes(known: list[Finding], faults: list[Finding]) -> list[Finding]:
    """Put new causes among the known ones, the first cause first; returns the new ones.

    A fault at a later stage than a known one, or at the same stage but seen later, is a
    consequence of that, and is listed under it.
    """
    new = []
    for fault in faults:
        cause = next((f for f in known if f.stage <= fault.stage), None)
        if cause is None:
            new.append(fault)
            known.insert(0, fault)
        elif fault.title != cause.title and fault.title not in cause.consequences:
            cause.consequences.append(fault.title)
    for follower in known[1:]:
        if new and follower.title not in known[0].consequences:
            known[0].consequences.append(follower.title)
    return new
