"""check_data: what is wrong with data before a model sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chainrule.doctor.finding import Finding, Severity
from chainrule.doctor.tools.data_checks import (
    inputs_are_scaled,
    inputs_vary,
    numbers_are_finite,
    rows_are_different,
    samples_are_alike,
    splits_are_apart,
)
from chainrule.doctor.tools.drawing import finite_or_text
from chainrule.doctor.tools.reading_data import blocks, source_of
from chainrule.doctor.tools.restoring import restored
from chainrule.doctor.tools.stepping import is_iterator
from chainrule.doctor.tools.survey import Survey
from chainrule.doctor.tools.target_checks import samples_are_shuffled, targets_fit
from chainrule.errors import ArgumentError
from chainrule.printed import Printed
from chainrule.tensor.grad_mode import no_grad

ORDER = [Severity.FATAL, Severity.SERIOUS, Severity.NOTE]
MOST_CLASSES = 12  # that are counted in the text


@dataclass(frozen=True, repr=False)
class DataReport(Printed):
    """What `check_data` saw: `print` it, or take `as_dict()`.

    Args:
        findings: the gravest first; none where nothing is wrong.
        samples, total: how many were read, and how many there are where that is known.
        statistics: shape, type, mean, spread and range of each input and of the targets.
        classes: how many samples each class has, where targets are classes.
    """

    findings: tuple[Finding, ...]
    samples: int
    total: int | None
    batches: int
    statistics: dict[str, dict[str, Any]]
    classes: dict[float, int]

    def __bool__(self) -> bool:
        """Whether something is wrong; notes do not count."""
        return any(each.severity != Severity.NOTE for each in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; a finding as the journal has it."""
        numbers = {
            name: {k: finite_or_text(v) for k, v in values.items()}
            for name, values in self.statistics.items()
        }
        return {
            "samples": self.samples, "total": self.total, "batches": self.batches,
            "statistics": numbers,
            "classes": {f"{value:g}": count for value, count in self.classes.items()},
            "findings": [each.as_dict() for each in self.findings],
        }  # fmt: skip

    def __str__(self) -> str:
        lines = [*self._read(), *self._values()]
        if not self.findings:
            return "\n".join([*lines, "nothing wrong was found"])
        for each in self.findings:
            lines += [
                "",
                f"{each.code}  {each.title}  [{each.severity}]",
                f"  evidence   {each.evidence}",
                f"  cause      {each.cause}",
                "  change     " + each.change.replace("\n", "\n" + " " * 13),
            ]
        return "\n".join(lines)

    def _read(self) -> Iterator[str]:
        if self.total is not None and self.samples < self.total:
            yield (
                f"looked at {self.samples:,} of {self.total:,} samples; what follows holds for "
                "these (samples= and seconds= set the limits)"
            )
        elif self.total is None:
            yield f"looked at {self.samples:,} samples in {self.batches} batches"
        else:
            yield f"looked at all {self.samples:,} samples"

    def _values(self) -> Iterator[str]:
        for name, v in self.statistics.items():
            yield (
                f"  {name}: {v['dtype']} {v['shape']}, mean {v['mean']:.4g}, standard "
                f"deviation {v['std']:.4g}, from {v['low']:.4g} to {v['high']:.4g}"
            )
        if self.classes:
            some = sorted(self.classes.items())[:MOST_CLASSES]
            more = " …" if len(self.classes) > MOST_CLASSES else ""
            yield "  classes: " + ", ".join(f"{value:g}: {n}" for value, n in some) + more


def check_data(
    data: Any,
    validation: Any = None,
    *,
    samples: int = 10_000,
    seconds: float = 20.0,
) -> DataReport:
    """Look through data for what spoils a training, and say where it is and what to do.

    Looked for: numbers that are not finite; constant features; features of unlike scale,
    unscaled or normalized twice; targets out of range, far from 0 or unbalanced; copies, also
    with other labels; samples that are not shuffled; batches of unlike shapes or types; and
    validation samples that are in the training data or on another scale.

    Args:
        data: a DataLoader, a dataset, a tuple of arrays (inputs, targets), or an iterable
            such as a list of batches. A batch is inputs and targets; or a dict with a key
            such as "targets" or "label".
        validation: the same for validation.
        samples: at most so many are read of each: the first ones of a loader or iterable,
            evenly spread ones of a dataset.
        seconds: after which reading stops.

    Raises: DataError (CR830) where there are no samples; ArgumentTypeError (CR839) for what
        holds none; ArgumentError (CR835) for a limit below 1. What a dataset raises comes
        through as it is.

    Notes: loaders, datasets and random streams are left as they were; only an iterator is used
        up. Samples are numbered by their position in a dataset, and as they come from a loader.
        Memory is a few numbers for each feature and some 200 bytes for each sample.

    Example:
        >>> import chainrule as cr
        >>> x, y = 300 * cr.rand(90, 4), cr.arange(90) // 30
        >>> loader = cr.utils.data.DataLoader(cr.utils.data.TensorDataset(x, y), batch_size=10)
        >>> for found in check_data(loader).findings:
        ...     print(found.code, found.title)
        D12 inputs not normalized
        D24 samples are not shuffled
    """
    if samples < 1 or seconds <= 0:
        raise ArgumentError(
            "CR835", f"check_data: limits are above 0, got samples={samples}, seconds={seconds}"
        )
    kept = [x for x in (data, validation) if not is_iterator(x)]
    with restored(*kept), no_grad():
        survey, is_loader = _surveyed(data, samples, seconds)
        other = None if validation is None else _surveyed(validation, samples, seconds)[0]
    found = sorted(_findings(survey, other, is_loader), key=lambda f: ORDER.index(f.severity))
    classes = dict(survey.classes) if survey.are_classes else {}
    return DataReport(
        tuple(found), survey.samples, survey.total, survey.batches, survey.statistics(), classes
    )


def _surveyed(data: Any, samples: int, seconds: float) -> tuple[Survey, bool]:
    source = source_of(data, samples)
    survey = Survey(total=source.total)
    for block in blocks(source, samples, seconds):
        survey.add(block)
    return survey, source.is_loader


def _findings(survey: Survey, other: Survey | None, is_loader: bool) -> Iterator[Finding]:
    yield from numbers_are_finite(survey)
    yield from samples_are_alike(survey)
    yield from inputs_vary(survey)
    yield from inputs_are_scaled(survey)
    yield from targets_fit(survey)
    yield from rows_are_different(survey)
    yield from samples_are_shuffled(survey, is_loader)
    if other is not None:
        for each in numbers_are_finite(other):
            each.evidence = f"in the validation data, {each.evidence}"
            yield each
        yield from splits_are_apart(survey, other)
