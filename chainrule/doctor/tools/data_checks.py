"""Checks of the inputs and their rows; each gives findings from a survey."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.doctor.finding import Finding, Severity, Stage
from chainrule.doctor.tools.columns import Columns
from chainrule.doctor.tools.survey import Survey

LARGE = 20.0  # |x| of inputs that are not scaled
UNLIKE = 100.0  # ratio of the features' scales
TINY = 0.02  # standard deviation of inputs that were normalized twice
FEW_COPIES = 0.05  # share of rows that come again
OVERLAP = 0.01  # share of validation rows that are in the training data
SHIFT = 1.0  # standard deviations between training and validation
TABLE, MANY = 50, 0.2  # features of a table; share that is many of more
MOST = 5  # names in a line

STANDARDISE = (
    "mean, std = train_inputs.mean(0), train_inputs.std(0)\n"
    "inputs = (inputs - mean) / (std + 1e-8)   # with the training data's numbers, everywhere"
)


def finding(
    code: str, title: str, severity: Severity, evidence: str, cause: str, change: str,
    source: str, layer: str | None = None,
) -> Finding:  # fmt: skip
    """A finding about data, which is before the first step."""
    return Finding(code, title, Stage.DATA, severity, 0, evidence, cause, change, source, layer)


def numbers_are_finite(survey: Survey) -> Iterator[Finding]:
    """NaN or infinity among inputs or targets."""
    parts = dict(survey.columns) | ({"targets": survey.targets} if survey.targets else {})
    for name, columns in parts.items():
        if columns.bad:
            places = [str(columns.place(c)) for c in sorted(columns.bad_columns)[:MOST]]
            where = f", in column {', '.join(places)}" if columns.shape else ""
            rows = ", ".join(map(str, columns.bad_rows))
            yield finding(
                "D11", "numbers that are not finite", Severity.FATAL,
                f"{name}: {columns.bad} numbers are NaN or infinite, in sample {rows}"
                f"{' and others' if len(columns.bad_rows) == MOST else ''}{where}",
                "One NaN makes the loss NaN, and the first step every weight.",
                "keep = inputs.isfinite().all(1) & targets.isfinite()   # or fill in the mean\n"
                "inputs, targets = inputs[keep], targets[keep]",
                "Karpathy 2019, A Recipe for Training Neural Networks", name,
            )  # fmt: skip


def samples_are_alike(survey: Survey) -> Iterator[Finding]:
    """Batches whose samples differ in shape or type."""
    for name, kinds in survey.kinds.items():
        if len(kinds) < 2:
            continue
        shown = ", ".join(
            f"{dtype} {list(shape)} from batch {batch}"
            for (shape, dtype), batch in list(kinds.items())[:MOST]
        )
        types = len({dtype for _, dtype in kinds}) > 1
        ranks = len({len(shape) for shape, _ in kinds}) > 1
        yield finding(
            "D08", "batches of different forms",
            Severity.SERIOUS if types or ranks else Severity.NOTE,
            f"{name}: {shown}",
            "Every form is compiled for by itself, and shapes that broadcast compute "
            "something that was not meant.",
            "pad sequences to a few lengths, convert in the dataset: x.to(chainrule.float32)",
            "Goodfellow et al. 2016, §8.1.3", name,
        )  # fmt: skip


def inputs_vary(survey: Survey) -> Iterator[Finding]:
    """Features that are the same in all samples."""
    if survey.samples < 2:
        return
    for name, columns in survey.columns.items():
        _, std, low, high, _ = columns.features()
        constant = np.flatnonzero((low == high) & (std == 0))
        if not constant.size:
            continue
        everything = constant.size == std.size
        if std.size > TABLE and constant.size <= MANY * std.size:
            continue  # a few pixels that are always background
        shown = ", ".join(f"{i} (always {low[i]:.4g})" for i in constant[:MOST])
        yield finding(
            "D12", "constant features", Severity.FATAL if everything else Severity.NOTE,
            f"{name}: {constant.size} of {std.size} features never change: {shown}"
            + (" …" if constant.size > MOST else ""),
            "All samples look the same to the model." if everything else
            "They tell nothing, and dividing by their standard deviation gives NaN.",
            "keep = inputs.std(0) > 0\ninputs = inputs[:, keep]",
            "Goodfellow et al. 2016, §12.2.1.1", name,
        )  # fmt: skip


def inputs_are_scaled(survey: Survey) -> Iterator[Finding]:
    """Inputs that are far from mean 0 and variance 1, or normalized twice."""
    for name, columns in survey.columns.items():
        if columns.dtype.kind != "f":
            if columns.dtype == np.uint8 and len(columns.shape) >= 2:
                yield _bytes(name)
            continue
        overall = columns.overall()
        largest = max(abs(overall["low"]), abs(overall["high"]))
        ratio, narrow, wide = _scales(columns)
        if largest > LARGE or ratio > UNLIKE:
            yield _unscaled(name, columns, largest, ratio, narrow, wide)
        elif 0 < overall["std"] < TINY and overall["low"] < overall["high"]:
            yield finding(
                "D13", "inputs normalized twice", Severity.SERIOUS,
                f"{name}: the standard deviation is {overall['std']:.2g} (healthy: above "
                f"{TINY:g}), numbers go from {overall['low']:.3g} to {overall['high']:.3g}",
                "So small inputs hardly move the first layer; dividing by 255 twice does that.",
                "take one of the two divisions away, or standardise:\n" + STANDARDISE,
                "Ben Braiek & Khomh 2022, TheDeepChecker", name,
            )  # fmt: skip


def _bytes(name: str) -> Finding:
    return finding(
        "D12", "pixels as whole numbers", Severity.NOTE, f"{name}: uint8, from 0 to 255",
        "Layers compute with fractions, and learn best from small ones.",
        "inputs = inputs.float() / 255", "LeCun et al. 1998, Efficient BackProp, §4.3", name,
    )  # fmt: skip


def _scales(columns: Columns) -> tuple[float, int, int]:
    """The ratio of the largest to the smallest reach of features, and which these are.

    Notes: the reach is the largest absolute value. Unlike the standard deviation it is not
        small for what is rare, such as ink in the corner of a picture.
    """
    _, std, low, high, whole = columns.features()
    reach = np.maximum(np.abs(low), np.abs(high))
    usable = np.flatnonzero((std > 0) & ~(whole & (reach <= LARGE)))
    if usable.size < 2:
        return 1.0, 0, 0
    narrow, wide = usable[np.argmin(reach[usable])], usable[np.argmax(reach[usable])]
    return float(reach[wide] / reach[narrow]), int(narrow), int(wide)


def _unscaled(
    name: str, columns: Columns, largest: float, ratio: float, narrow: int, wide: int
) -> Finding:
    evidence = f"{name}: numbers up to {largest:.4g} (healthy: below {LARGE:g})"
    if ratio > UNLIKE:
        evidence += (
            f"; feature {wide} reaches {ratio:.3g} times as far from 0 as feature {narrow} "
            f"(healthy: below {UNLIKE:g})"
        )
    pixels = len(columns.shape) >= 2 and columns.overall()["low"] >= 0 and 200 < largest <= 255
    return finding(
        "D12", "inputs not normalized", Severity.SERIOUS, evidence,
        "Large inputs saturate or kill units of the first layer, and no learning rate suits "
        "features of different scales.",
        "inputs = inputs / 255" if pixels else STANDARDISE,
        "LeCun et al. 1998, Efficient BackProp, §4.3", name,
    )  # fmt: skip


def rows_are_different(survey: Survey) -> Iterator[Finding]:
    """Samples that come more than once, above all with different targets."""
    share = len(survey.repeated) / max(survey.samples, 1)
    if not survey.repeated or _is_coarse(survey):
        return
    if len(survey.contradicting) > max(1, 0.01 * survey.samples) and survey.are_classes:
        pairs = ", ".join(f"{a} and {b}" for a, b in survey.contradicting[:MOST])
        yield finding(
            "D26", "equal inputs with different labels", Severity.SERIOUS,
            f"{len(survey.contradicting)} of {survey.samples} samples repeat an earlier one "
            f"with another label: samples {pairs}",
            "Nothing can predict both; inputs and labels may be out of step.",
            "order = chainrule.randperm(len(inputs))\n"
            "inputs, targets = inputs[order], targets[order]   # one order for both",
            "Northcutt et al. 2021, Pervasive Label Errors in Test Sets", None,
        )  # fmt: skip
    else:
        pairs = ", ".join(f"{a} and {b}" for a, b in survey.repeated[:MOST])
        yield finding(
            "D25", "duplicate samples",
            Severity.SERIOUS if share > FEW_COPIES else Severity.NOTE,
            f"{len(survey.repeated)} of {survey.samples} samples ({share:.1%}) repeat an "
            f"earlier one: samples {pairs}",
            "Copies weigh more than other samples, and a random split puts them on both sides.",
            "inputs, first = np.unique(inputs, axis=0, return_index=True)\n"
            "targets = targets[first]   # before splitting",
            "Deepchecks, Data Duplicates", None,
        )  # fmt: skip


def _is_coarse(survey: Survey) -> bool:
    """Whether inputs are a few whole numbers, which repeat by themselves."""
    widths = [c.count.size for c in survey.columns.values()]
    return sum(widths) <= 20 and all(c.whole.all() for c in survey.columns.values())


def splits_are_apart(survey: Survey, validation: Survey) -> Iterator[Finding]:
    """Validation samples that are training samples, or of another scale."""
    shared = [place for row, (place, _) in validation.seen.items() if row in survey.seen]
    share = len(shared) / max(len(validation.seen), 1)
    own = len(survey.repeated) / max(survey.samples, 1)
    if share > OVERLAP and not _is_coarse(survey):
        partly = survey.total is not None and survey.samples < survey.total
        yield finding(
            "D25", "validation samples in the training data",
            Severity.SERIOUS if own < share / 2 else Severity.NOTE,
            f"{len(shared)} of {len(validation.seen)} different validation samples "
            f"({share:.1%}) are in the training data{', as far as read' if partly else ''} "
            f"(healthy: up to {OVERLAP:.0%}): {', '.join(map(str, shared[:MOST]))}",
            "The score on them measures memory, not what was learned.",
            "train, validation = chainrule.data.random_split(dataset, [0.8, 0.2])   # once, "
            "after removing copies",
            "Kapoor & Narayanan 2023, Leakage and the reproducibility crisis", None,
        )  # fmt: skip
    yield from _shifted(survey, validation)


def _shifted(survey: Survey, validation: Survey) -> Iterator[Finding]:
    for name, columns in survey.columns.items():
        other = validation.columns.get(name)
        if other is None or other.shape != columns.shape or columns.dtype.kind != "f":
            continue
        a, b = columns.overall(), other.overall()
        ratio = b["std"] / a["std"] if a["std"] else 1.0
        if abs(a["mean"] - b["mean"]) > SHIFT * a["std"] or not 1 / 3 < ratio < 3:
            yield finding(
                "D12", "validation data on another scale", Severity.SERIOUS,
                f"{name}: training has mean {a['mean']:.3g} and standard deviation "
                f"{a['std']:.3g}, validation {b['mean']:.3g} and {b['std']:.3g}",
                "What was done to the training inputs was not done to these, or otherwise.",
                STANDARDISE, "LeCun et al. 1998, Efficient BackProp, §4.3", name,
            )  # fmt: skip
