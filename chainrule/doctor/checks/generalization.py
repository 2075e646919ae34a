"""Faults that show on data the network was not trained on, and at the end."""

from __future__ import annotations

import math
from collections import Counter

from chainrule.doctor.checks.recurrence import lost_in_time
from chainrule.doctor.checks.wiring import TOO_COMMON, how_little, near_baseline
from chainrule.doctor.facts import Record
from chainrule.doctor.finding import Severity, Stage, Symptom, check

GAP = 0.1  # accuracy in training less that in validation
RISEN = 1.25  # validation loss by its minimum
EPOCHS = 5
IMBALANCE = 10.0
LOW_RECALL = 0.5
FRESH = 50  # steps since the look at which the training accuracy was seen
STILL_FALLING = 0.05
MOST_WEIGHTS = 10  # that are printed
FEWEST_SAMPLES, MANY_STEPS = 5, 200
LEARNED_ONE = 0.8  # loss by the first
SIGNIFICANT = 3.0  # standard errors
SETTLED, FEWEST_VALIDATED = 3, 30  # epochs that agree, samples
RELATED = 1.0  # standard errors beyond the strongest correlation that chance gives
USELESS = 0.95  # validation loss by the variance of the targets
BETTER = 0.1  # of the training loss


@check(
    "D27", "overfitting", Stage.GENERALIZATION, Severity.SERIOUS,
    "MIT 6.S191 lecture 1; Prechelt 1998, Early stopping",
)  # fmt: skip
def overfitting(r: Record) -> Symptom | None:
    known = [e for e in r.epochs if e.validation_loss is not None]
    if len(known) <= EPOCHS:
        return None
    last = known[-1]
    lowest = min(known, key=lambda e: e.validation_loss or 0.0)
    floor = lowest.validation_loss or 0.0
    recent = known[-EPOCHS:]
    if floor <= 0 or not all((e.validation_loss or 0.0) > RISEN * floor for e in recent):
        return None
    if (last.train_loss or 0.0) > (lowest.train_loss or math.inf):
        return None  # what was learned is lost for the training samples, too
    fresh = r.last is not None and r.step - r.last.step < FRESH
    seen = r.accuracy if fresh else None
    train = last.train_accuracy if last.train_accuracy is not None else seen
    if train is not None and last.validation_accuracy is not None:
        gap = train - last.validation_accuracy
        doubt = 2 * math.sqrt(0.25 / max(last.validation_samples, 1))
        if gap <= max(GAP, doubt):
            return None
        shown = f"training accuracy {train:.0%}, validation {last.validation_accuracy:.0%}"
    elif last.validation_accuracy is not None and last.validation_accuracy >= 1 - GAP:
        return None  # the gap cannot be large
    else:
        train_loss = last.train_loss if last.train_loss is not None else r.mean_loss(-20, None)
        least = floor if last.validation_accuracy is None else last.validation_loss or 0.0
        if train_loss is None or train_loss > least / 2:
            return None
        shown = f"training loss {train_loss:.3g}"
    return Symptom(
        f"{shown}; the validation loss is {last.validation_loss:.3g}, "
        f"{(last.validation_loss or 0) / floor:.2f} times its minimum after epoch "
        f"{lowest.number} (threshold: {RISEN:g} times, for {EPOCHS} epochs)",
        "the network has begun to memorize the training samples",
        f"# stop after epoch {lowest.number}: EarlyStopping(patience={EPOCHS})\n"
        "# or more data, augmentation, nn.Dropout(0.3), weight_decay=1e-2",
        remedy=("stop", lowest.number),
    )


@check(
    "D32", "a class that is never recognized", Stage.GENERALIZATION, Severity.SERIOUS,
    "He & Garcia 2009, Learning from imbalanced data",
)  # fmt: skip
def imbalance(r: Record) -> Symptom | None:
    if not r.loss.per_sample or r.loss.weighted or r.adversarial:
        return None
    if r.is_of_symbols:
        return None  # a rare one is hardly ever the likeliest
    counts = _counts(r)
    if len(counts) < 2:
        return None
    rare = min(counts, key=lambda c: counts[c])
    ratio = max(counts.values()) / counts[rare]
    if not _is_rare(counts, rare):
        return None
    recall, others = _recall_of(r, rare)
    if recall is None or recall >= LOW_RECALL * min(1.0, 2 * others):
        return None
    return Symptom(
        f"class {rare} is {ratio:.3g} times rarer than the commonest (threshold: "
        f"{IMBALANCE:g}) and {recall:.0%} of it are recognized (threshold: {LOW_RECALL:.0%})",
        "always to answer with the common classes costs little, so that is what is learned",
        _weighted(r.loss.name, counts),
        remedy=("class weights",),
    )


def _counts(r: Record) -> Counter[int]:
    """How often each class was seen; few batches were looked at, in which a class that is rare
    may hardly be, so that those of the validation count, too, unless they lie otherwise."""
    counts = r.data.class_counts
    supports = Counter(r.epochs[-1].supports) if r.epochs else Counter()
    if len(counts) < 2:
        return counts + supports
    rare = min(counts, key=lambda c: counts[c])
    alike = max(counts.values()) > IMBALANCE * counts[rare]
    return counts + supports if alike and not _is_rare(counts, rare) else counts


def _is_rare(counts: Counter[int], rare: int) -> bool:
    """Whether a class is far rarer than the commonest, and not by chance."""
    by_chance = counts[rare] + 2 * math.sqrt(counts[rare])
    return max(counts.values()) > IMBALANCE * by_chance


def _weighted(loss: str, counts: Counter[int]) -> str:
    """Code that gives each class the same say."""
    weights = [sum(counts.values()) / len(counts) / counts[c] for c in sorted(counts)]
    if loss == "binary_cross_entropy_with_logits":
        return (
            f"loss = F.{loss}(outputs, targets, "
            f"pos_weight=torch.tensor({weights[-1] / weights[0]:.3g}))"
        )
    if loss == "cross_entropy" and len(weights) <= MOST_WEIGHTS:
        numbers = ", ".join(f"{weight:.3g}" for weight in weights)
        return f"loss = F.cross_entropy(outputs, targets, weight=torch.tensor([{numbers}]))"
    return (
        "sampler = WeightedRandomSampler(1 / counts[labels], len(labels))\n"
        "loader = DataLoader(dataset, sampler=sampler)"
    )


def _recall_of(r: Record, rare: int) -> tuple[float | None, float]:
    """How much of a class, and of the others, is recognized; None where it is too early or
    too little was seen to say."""
    epoch = r.epochs[-1] if r.epochs else None
    if epoch is not None and epoch.recalls:
        known = epoch.supports.get(rare, 0) >= FEWEST_SAMPLES and len(r.epochs) >= 3
        found, seen = [epoch.recalls], epoch.recalls.get(rare) if known else None
    else:
        found = [look.recalls for look in r.looks[len(r.looks) // 2 :]]
        shares = [recalls[rare] for recalls in found if rare in recalls]
        settled = r.step >= MANY_STEPS and len(shares) >= FEWEST_SAMPLES
        seen = sum(shares) / len(shares) if settled else None
    others = [share for recalls in found for c, share in recalls.items() if c != rare]
    return seen, sum(others) / len(others) if others else 0.0


@check(
    "D26", "labels do not belong to their inputs", Stage.FIT, Severity.FATAL,
    "Zhang et al. 2017, Understanding deep learning requires rethinking generalization",
)  # fmt: skip
def misaligned(r: Record) -> Symptom | None:
    one, gain = r.trials.get("one batch"), r.trials.get("true labels")
    if one is None or gain is None or not one < LEARNED_ONE or not gain < SIGNIFICANT:
        return None
    if not teaches_nothing(r) or r.trials.get("a feature tells", 0.0) > RELATED:
        return None
    if lost_in_time(r) is not None or r.trials.get("a neighbour tells", 0.0) > SIGNIFICANT:
        return None  # where nothing arrives, labels could tell nothing
    factor = r.trials.get("times the rate", 1.0)
    rate = f" with {factor:g} times the learning rate" if factor > 1 else ""
    return Symptom(
        f"one batch can be learned{rate} (its loss falls to {one:.0%}, threshold: "
        f"{LEARNED_ONE:.0%}), but not all: {_how_little(r)}; with shuffled labels it goes as "
        f"well ({gain:.1f} standard errors, threshold: {SIGNIFICANT:g}), and neither a feature "
        "by itself nor the nearest other sample tells anything about them",
        "inputs and labels were sorted or shuffled apart, so that nothing but memorizing helps",
        "order = torch.randperm(len(inputs))\ninputs, labels = inputs[order], labels[order]",
    )


def teaches_nothing(r: Record) -> bool:
    """Whether what is learned, if anything, is of no use for data that was not trained on."""
    return near_baseline(r) or (not r.data.are_ids and _validates_at_baseline(r))


def _validates_at_baseline(r: Record) -> bool:
    latest = r.epochs[-SETTLED:]
    if len(latest) < SETTLED or min(e.validation_samples for e in latest) < FEWEST_VALIDATED:
        return False
    scores = [e.validation_accuracy for e in latest if e.validation_accuracy is not None]
    if len(scores) == SETTLED and r.baseline is not None:
        doubt = 2 * math.sqrt(0.25 / latest[-1].validation_samples)
        return r.baseline < TOO_COMMON and sum(scores) / SETTLED - r.baseline < doubt
    losses = [e.validation_loss for e in latest if e.validation_loss is not None]
    y = r.data.targets
    if y is None or r.loss.name != "mse_loss" or not r.loss.known or len(losses) < SETTLED:
        return False
    return min(losses) > USELESS * y.std**2


def _how_little(r: Record) -> str:
    if near_baseline(r):
        return how_little(r)
    last, y = r.epochs[-1], r.data.targets
    if last.validation_accuracy is not None:
        return (
            f"after {r.step} steps the accuracy in validation is {last.validation_accuracy:.0%}"
            f", that of the commonest class {r.baseline:.0%}"
        )
    return (
        f"after {r.step} steps the validation loss is {last.validation_loss:.3g}, the "
        f"variance of the targets {0.0 if y is None else y.std**2:.3g}"
    )


@check(
    "D33", "a plateau that a lower learning rate leaves", Stage.GENERALIZATION, Severity.NOTE,
    "MIT 6.S191 lecture 1; He et al. 2016, section 3.4",
)  # fmt: skip
def plateau(r: Record) -> Symptom | None:
    lower, as_it_was = r.trials.get("a tenth of the rate"), r.trials.get("the same rate")
    if lower is None or as_it_was is None or not as_it_was > 0:
        return None
    gain = 1 - lower / as_it_was
    if gain <= BETTER:
        return None
    return Symptom(
        f"from here on, a tenth of the learning rate gives a training loss of {lower:.3g}, the "
        f"same rate {as_it_was:.3g} (threshold: {BETTER:.0%} less)",
        "steps of this size jump to and fro above a minimum that smaller ones reach",
        "scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1)",
    )


@check(
    "D34", "still learning at the end", Stage.GENERALIZATION, Severity.NOTE,
    "Cao et al. 2022, DeepFD",
)  # fmt: skip
def too_few_epochs(r: Record) -> Symptom | None:
    known = [e.train_loss for e in r.epochs if e.train_loss is not None]
    if not r.ended or len(known) < 3 or not known[-2]:
        return None
    fall = 1 - known[-1] / known[-2]
    if fall <= STILL_FALLING or r.stopped_early:
        return None
    return Symptom(
        f"the loss still fell by {fall:.0%} in the last epoch (threshold: {STILL_FALLING:.0%})",
        "training ended before it had led anywhere",
        f"trainer = Trainer(…, epochs={2 * len(r.epochs)})",
    )
