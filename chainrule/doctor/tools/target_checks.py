"""Checks of the targets and of the order in which samples come."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.doctor.finding import Finding, Severity
from chainrule.doctor.tools.data_checks import finding
from chainrule.doctor.tools.survey import Survey

UNBALANCED = 10.0  # the commonest class over the rarest
MIXED = 0.5  # classes in a batch, over those that chance would put there
SORTED = 6.0  # variance of the batches' means, over that of means of shuffled samples
FEWEST = 4  # batches, and samples in each, that show an order
FAR, WIDE = 3.0, 20.0  # mean² over variance, and standard deviation of targets
IGNORED = -100  # a label that losses leave out


def targets_fit(survey: Survey) -> Iterator[Finding]:
    """Labels that are no 0 … K-1, targets that are constant or far from 0."""
    if survey.targets is None or survey.samples < 2:
        return
    overall = survey.targets.overall()
    if overall["low"] == overall["high"]:
        yield finding(
            "D32", "one target only", Severity.FATAL,
            f"all targets of {survey.samples} samples are {overall['low']:g}",
            "There is nothing to tell apart.",
            "look at how the labels are read, or read more of the data",
            "He & Garcia 2009, Learning from Imbalanced Data", "targets",
        )  # fmt: skip
    elif survey.are_classes:
        yield from _labels(survey)
        yield from _balance(survey)
    elif survey.targets.dtype.kind == "f":
        yield from _regression(survey)


def _labels(survey: Survey) -> Iterator[Finding]:
    values = sorted(v for v in survey.classes if np.isfinite(v) and v != IGNORED)
    shown = ", ".join(f"{v:g}" for v in values[:12]) + (" …" if len(values) > 12 else "")
    if values and values[0] < 0:
        yield finding(
            "D07", "negative labels", Severity.SERIOUS, f"the labels are {shown}",
            "Cross-entropy takes classes 0 … K-1, and binary cross-entropy 0 and 1; with -1 "
            "its loss falls below 0 without end. Only margin losses want -1 and 1.",
            "targets = (targets + 1) / 2   # -1 and 1 become 0 and 1" if values == [-1, 1] else
            "names, targets = np.unique(labels, return_inverse=True)",
            "Goodfellow et al. 2016, §6.2.2", "targets",
        )  # fmt: skip
    elif values and values[0] > 0:
        yield finding(
            "D07", "labels that do not begin with 0", Severity.SERIOUS,
            f"the labels are {shown}",
            "K classes are 0 … K-1; the model has an output that never is right, and K itself "
            "is out of range.",
            "targets = targets - 1" if values[0] == 1 else
            "names, targets = np.unique(labels, return_inverse=True)",
            "Goodfellow et al. 2016, §6.2.2", "targets",
        )  # fmt: skip
    elif len(values) > 1 and values[-1] + 1 > len(values) and _complete(survey):
        yield finding(
            "D07", "labels with gaps", Severity.NOTE,
            f"the labels are {shown}: {len(values)} classes, the largest is {values[-1]:g}",
            "Outputs for the missing classes cost parameters and are never right.",
            "names, targets = np.unique(labels, return_inverse=True)",
            "Goodfellow et al. 2016, §6.2.2", "targets",
        )  # fmt: skip


def _complete(survey: Survey) -> bool:
    """Whether all of the data was read."""
    return survey.total is None or survey.samples >= survey.total


def _balance(survey: Survey) -> Iterator[Finding]:
    counts = {v: n for v, n in survey.classes.items() if v != IGNORED}
    often, rare = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    ratio = counts[often] / counts[rare]
    if ratio > UNBALANCED:
        weights = survey.samples / len(counts)
        some = ", ".join(f"{weights / counts[v]:.2g}" for v in sorted(counts)[:10])
        yield finding(
            "D32", "unbalanced classes", Severity.SERIOUS,
            f"class {often:g} has {counts[often]} samples, class {rare:g} {counts[rare]}: "
            f"{ratio:.3g} times as many (healthy: up to {UNBALANCED:g}); always answering "
            f"{often:g} is right in {counts[often] / survey.samples:.1%}",
            "A model that never answers the rare class has a low loss and a high accuracy.",
            f"CrossEntropyLoss(weight=chainrule.tensor([{some}]))   # and look at the recall "
            "of each class; or draw with WeightedRandomSampler",
            "He & Garcia 2009, Learning from Imbalanced Data", "targets",
        )  # fmt: skip


def _regression(survey: Survey) -> Iterator[Finding]:
    assert survey.targets is not None
    mean, std, *_ = survey.targets.features()
    worst = int(np.argmax(np.maximum(std / WIDE, mean**2 / np.maximum(std**2, 1e-30) / FAR)))
    m, s = float(mean.ravel()[worst]), float(std.ravel()[worst])
    far = m * m / s**2 if s else 0.0
    if s > WIDE or (far > FAR and abs(m) > 1):
        yield finding(
            "D14", "targets not normalized", Severity.SERIOUS,
            f"the targets have mean {m:.4g} and standard deviation {s:.4g} (healthy: up to "
            f"{WIDE:g}, and mean² up to {FAR:g} times the variance)",
            "The first gradients are as large as the targets, and the last layer has to learn "
            "the mean before anything else.",
            f"targets = (targets - {m:.6g}) / {s:.6g}   # and back for predictions",
            "Ben Braiek & Khomh 2022, TheDeepChecker", "targets",
        )  # fmt: skip


def samples_are_shuffled(survey: Survey, is_loader: bool) -> Iterator[Finding]:
    """Batches with fewer classes, or more alike targets, than chance would give."""
    batches = [b for b in survey.per_batch if b[0] >= FEWEST]
    if len(batches) < FEWEST or survey.targets is None:
        return
    evidence = _classes(survey, batches) if survey.are_classes else _means(survey, batches)
    if evidence:
        yield finding(
            "D24", "samples are not shuffled",
            Severity.SERIOUS if is_loader else Severity.NOTE, evidence,
            "Each batch pulls the weights towards its own classes and lets go of the others."
            if is_loader else
            "They lie in the order of their targets; a loader has to mix them.",
            "DataLoader(dataset, batch_size=…, shuffle=True)",
            "Bengio 2012, Practical Recommendations for Gradient-Based Training, §3.1", None,
        )  # fmt: skip


def _classes(survey: Survey, batches: list[tuple[int, int, float]]) -> str:
    """Few classes in each batch, seen from what chance would put there."""
    shares = np.array(list(survey.classes.values())) / sum(survey.classes.values())
    expected = [float((1 - (1 - shares) ** size).sum()) for size, _, _ in batches]
    found = float(np.mean([seen for _, seen, _ in batches]))
    mixed = found / float(np.mean(expected))
    if len(shares) < 2 or mixed >= MIXED:
        return ""
    return (
        f"a batch has {found:.2g} of {len(shares)} classes on average, where shuffled samples "
        f"would give {np.mean(expected):.2g} (healthy: above {MIXED:.0%} of that)"
    )


def _means(survey: Survey, batches: list[tuple[int, int, float]]) -> str:
    """Targets within a batch that are more alike than those of different batches."""
    assert survey.targets is not None
    variance = float(np.mean(survey.targets.std**2))
    sizes = np.array([size for size, _, _ in batches])
    means = np.array([mean for _, _, mean in batches])
    if len(batches) < 2 * FEWEST or not variance:
        return ""
    ratio = float(np.average((means - means.mean()) ** 2 * sizes) / variance)
    if not ratio > SORTED:
        return ""
    return (
        f"the means of the batches' targets vary {ratio:.3g} times as much as those of "
        f"shuffled samples (healthy: up to {SORTED:g} times)"
    )
