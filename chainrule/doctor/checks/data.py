"""Faults of the data: what no training can mend."""

from __future__ import annotations

import math

from chainrule.doctor.facts import Record, Spread
from chainrule.doctor.finding import Severity, Stage, Symptom, check

LARGE_INPUT, USUAL_INPUT = 20.0, 8.0  # magnitude; healthy inputs stay below the second
LARGE_RATIO = 100.0  # of the scales of two features, of which one is large
SWAMPED = 0.1  # ‖Δw‖ / ‖w‖ of the layer that takes the inputs, in the first step
GREW = 10.0  # inputs by those of the first step
TINY_STD, TINY_INPUT = 0.02, 0.1
LARGE_LOSS = 3.0  # first loss, by that of a network that knows nothing
DEAD_OR_SATURATED = 0.5
REGRESSION = ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss")
FAR_MEAN = 9.0  # squared mean of the targets by their variance
LARGE_TARGET_STD = 20.0
FEWEST_TARGETS = 32
FAR_TARGETS = 10.0  # mean, or standard deviation
STEPS_TO_LEARN, HARDLY = 20, 0.9
SHIFT, SCALE = 0.5, 2.0  # of validation inputs, by the standard deviation of the others
SIGNIFICANT = 4.0  # standard deviations
FEW_CLASSES = 0.7  # classes in a batch, by what shuffling gives
OVERLAP = 0.01
MOST_REPEATED = 3


@check(
    "D11", "not a number in the data", Stage.DATA, Severity.FATAL,
    "Schoop et al. 2021, UMLAUT",
)  # fmt: skip
def nonfinite_data(r: Record) -> Symptom | None:
    bad = 0 if r.data.inputs is None else r.data.inputs.nonfinite
    if not bad and not r.data.bad_targets:
        return None
    if not bad:
        evidence = f"{r.data.bad_targets} targets are NaN or infinite (allowed: 0)"
        change = "keep = torch.isfinite(targets); inputs, targets = inputs[keep], targets[keep]"
    else:
        rows, columns = _named(r.data.bad_rows), _named(r.data.bad_columns)
        evidence = (
            f"{bad} of {r.data.inputs.count if r.data.inputs else 0} inputs of a batch are NaN "
            f"or infinite (allowed: 0), in rows {rows} and columns {columns}"
        )
        change = "keep = torch.isfinite(inputs).all(dim=1); inputs = inputs[keep]  # or fill in"
    return Symptom(
        evidence,
        "one such number makes the loss, every gradient and then every weight NaN",
        change,
        step=r.data.bad_step,
    )


def _named(numbers: list[int], most: int = 5) -> str:
    return ", ".join(map(str, numbers[:most])) + ", …" * (len(numbers) > most)


@check(
    "D12", "inputs not normalized", Stage.DATA, Severity.SERIOUS,
    "LeCun et al. 1998, Efficient BackProp, section 4.3",
)  # fmt: skip
def inputs_not_normalized(r: Record) -> Symptom | None:
    x, ratio = r.data.inputs, r.data.feature_ratio or 1.0
    least = LARGE_INPUT if ratio <= LARGE_RATIO else USUAL_INPUT
    if x is None or r.data.are_ids or x.largest <= least:
        return None  # features that hardly vary, such as the edge of an image, do no harm
    effect = _effect_of_scale(r)
    if effect is None:
        return None
    return Symptom(
        f"inputs reach {x.largest:.4g} (healthy: up to {LARGE_INPUT:g}), and the scales of "
        f"features differ {ratio:.3g}-fold (up to {LARGE_RATIO:g}); {effect}",
        "large features drown the others, and drive units to where they no longer learn",
        "mean, std = train.mean(0), train.std(0) + 1e-8\n"
        "inputs = (inputs - mean) / std  # also for validation and test",
        remedy=("standardize inputs",),
    )


def _effect_of_scale(r: Record) -> str | None:
    """What the scale does, at the first step or where it came later; without an effect it is
    harmless."""
    look, x, began = r.first, r.data.inputs, r.data.first_inputs
    if look is None or x is None:
        return None
    if began is not None and 0 < GREW * began.largest < x.largest and not r.learns:
        return f"those of the first step reached {began.largest:.4g}"
    expected = expected_loss(r) if r.loss.known else None
    if look.loss is not None and expected and not look.loss <= LARGE_LOSS * expected:
        return f"the first loss is {look.loss:.4g}, that of knowing nothing {expected:.3g}"
    for name, layer in look.layers.items():
        share = max(layer.dead_share, 0.0 if layer.is_output else layer.saturated or 0.0)
        if share >= DEAD_OR_SATURATED:
            what = f"{share:.0%} of the units after {r.called(name)}"
            return f"{what} are dead or saturated from the start"
    name, taking = next(iter(look.layers.items()), ("", None))
    if taking is not None and (taking.update_ratio or 0.0) > SWAMPED and not r.learns:
        by = f"{taking.update_ratio:.0%}"
        return f"the first step changed the weights of {r.called(name)} by {by}"
    return None


def expected_loss(r: Record) -> float | None:
    """The loss of a network that knows nothing but has healthy outputs."""
    if r.loss.name in ("cross_entropy", "nll_loss") and r.classes:
        return math.log(r.classes)
    if r.loss.name.startswith("binary_cross_entropy"):
        return math.log(2)
    y = r.data.targets
    return None if y is None else error_of(r.loss.name, y.std**2 + y.mean**2) or None


def error_of(loss: str, square: float) -> float | None:
    """About the mean of a regression loss, of errors with that mean square."""
    if loss == "mse_loss":
        return square
    if loss not in REGRESSION:
        return None
    return math.sqrt(square) if loss == "l1_loss" else min(square / 2, math.sqrt(square))


@check(
    "D13", "inputs normalized twice", Stage.DATA, Severity.SERIOUS,
    "Braiek & Khomh 2023, TheDeepChecker",
)  # fmt: skip
def inputs_too_small(r: Record) -> Symptom | None:
    x = r.data.inputs
    if x is None or r.data.are_ids or x.count < 2 or not 0 < x.std < TINY_STD:
        return None
    if x.largest > TINY_INPUT or r.step < STEPS_TO_LEARN or (r.fallen or 1.0) < HARDLY:
        return None  # a normalization may undo it
    return Symptom(
        f"the standard deviation of the inputs is {x.std:.2g} (healthy: above {TINY_STD:g}), "
        f"and after {r.step} steps nothing is learned",
        "inputs this small barely differ for the network; were they divided twice?",
        "inputs = images / 255  # once, not also in a transform",
        remedy=("standardize inputs",),
    )


@check(
    "D14", "targets not normalized", Stage.DATA, Severity.SERIOUS,
    "Braiek & Khomh 2023, TheDeepChecker",
)  # fmt: skip
def targets_not_normalized(r: Record) -> Symptom | None:
    y = r.data.targets
    if y is None or r.loss.name not in REGRESSION or y.std == 0 or y.count < FEWEST_TARGETS:
        return None
    if max(abs(y.mean), y.std) <= FAR_TARGETS:
        return None  # outputs get there in a few steps
    begin = r.data.first_targets.get(r.loss.name)
    if begin is not None and max(abs(begin.mean), begin.std) <= FAR_TARGETS:
        return None  # the network itself made them large, such as values it estimates
    if y.mean**2 / y.std**2 <= FAR_MEAN and y.std <= LARGE_TARGET_STD:
        return None
    effect = _effect_of_targets(r, y)
    if effect is None:
        return None
    return Symptom(
        f"targets have mean {y.mean:.4g} and standard deviation {y.std:.4g} (healthy: about 0 "
        f"and 1); {effect}",
        "the outputs begin near 0, so that the first errors, and gradients, are huge",
        "mean, std = train_targets.mean(), train_targets.std()\n"
        "targets = (targets - mean) / std  # and outputs * std + mean to read a prediction",
        remedy=("standardize targets",),
    )


def _effect_of_targets(r: Record, y: Spread) -> str | None:
    look, best = r.first, error_of(r.loss.name, y.std**2)
    if look is not None and look.loss is not None and r.loss.known and best:
        times = look.loss / best
        if not times <= 2:
            return (
                f"the first loss is {times:.3g} times that of always answering their mean "
                "(healthy: about 1)"
            )
    if r.last is not None and (r.last.nonfinite_weights or (r.last.update_ratio or 0) > 0.1):
        return "the weights explode"
    from_the_start = look is not None and best is not None and (look.loss or 0.0) > best / 2
    slow = r.step >= STEPS_TO_LEARN and (r.fallen or 0.0) > HARDLY
    if from_the_start and slow and y.std > LARGE_TARGET_STD:
        return f"after {r.step} steps the loss has hardly fallen: the outputs have far to go"
    return None


@check(
    "D24", "batches are not shuffled", Stage.DATA, Severity.SERIOUS,
    "Goodfellow et al. 2016, section 8.1.3",
)  # fmt: skip
def not_shuffled(r: Record) -> Symptom | None:
    if len(r.data.class_counts) < 2 or r.adversarial or not r.loss.per_sample:
        return None  # the pixels of an image, or the words of a text, come together
    found = (_few_classes(r, seen) for seen in (r.data.batch_classes, r.data.latest_classes))
    return next((symptom for symptom in found if symptom is not None), None)


def _few_classes(r: Record, batches: list[tuple[int, int]]) -> Symptom | None:
    """What there is to say where steps see fewer classes than shuffled ones would.

    Args: batches: classes and labels of each step.
    """
    if len(batches) < 2:
        return None
    total = sum(r.data.class_counts.values())
    shares = [count / total for count in r.data.class_counts.values()]
    expected = sum(
        sum(1 - (1 - share) ** labels for share in shares) for _, labels in batches
    ) / len(batches)
    found = sum(classes for classes, _ in batches) / len(batches)
    variance = sum(
        sum((1 - share) ** labels * (1 - (1 - share) ** labels) for share in shares)
        for _, labels in batches
    ) / len(batches)
    chance = SIGNIFICANT * math.sqrt(variance / len(batches))
    if found >= FEW_CLASSES * expected or expected - found < chance:
        return None
    return Symptom(
        f"a step sees {found:.1f} classes on average; shuffled it would see {expected:.1f} "
        f"(threshold: {FEW_CLASSES:.0%} of that)",
        "batches of few classes pull the weights now to one class, now to another",
        "loader = DataLoader(dataset, batch_size, shuffle=True)",
        remedy=("shuffle",),
    )


@check(
    "D25", "validation data was trained on", Stage.DATA, Severity.SERIOUS,
    "Kapoor & Narayanan 2023, Leakage and the reproducibility crisis",
)  # fmt: skip
def overlap(r: Record) -> Symptom | None:
    if r.data.overlap is None or r.data.overlap <= OVERLAP:
        return None
    if r.data.validated_on_training:
        return Symptom(
            "all samples of the evaluation are those of the training (a share of "
            f"{r.data.overlap:.0%}, threshold: {OVERLAP:.0%})",
            "scores on the data that is trained on say nothing of new data",
            "train, validation = random_split(dataset, [0.9, 0.1])",
            severity=Severity.NOTE,
        )
    return Symptom(
        f"{r.data.overlap:.1%} of the validation samples are among the training samples "
        f"(threshold: {OVERLAP:.0%})",
        "the validation scores say how much was memorized, not what was learned",
        "train, validation = random_split(dataset, [0.9, 0.1])  # before any augmentation",
    )


@check(
    "D36", "the same augmentation in every epoch", Stage.DATA, Severity.NOTE,
    "NumPy's notes on parallel random number generation",
)  # fmt: skip
def repeated_augmentation(r: Record) -> Symptom | None:
    if r.data.repeated_batches < MOST_REPEATED:
        return None
    return Symptom(
        f"{r.data.repeated_batches} batches came again sample for sample (threshold: "
        f"{MOST_REPEATED})",
        "neither the order nor the augmentation of the samples changes: random numbers start "
        "from one seed in every epoch, or are drawn once, before the training",
        "loader = DataLoader(dataset, batch_size, shuffle=True)  # and no manual_seed in the "
        "loop\n# draw random numbers in __getitem__",
    )


@check(
    "D35", "validation inputs lie elsewhere than training inputs", Stage.DATA, Severity.NOTE,
    "Touvron et al. 2019, Fixing the train-test resolution discrepancy",
)  # fmt: skip
def shifted(r: Record) -> Symptom | None:
    x, v = r.data.all_inputs, r.data.validation_inputs
    if x is None or v is None or r.data.are_ids or not x.std or not v.std:
        return None
    shift, scale = abs(x.mean - v.mean) / x.std, max(x.std / v.std, v.std / x.std)
    if shift <= SHIFT and scale <= SCALE:
        return None
    last = r.epochs[-1] if r.epochs else None
    worse = (
        last is not None
        and last.validation_loss is not None
        and last.train_loss is not None
        and last.train_loss > 0
        and last.validation_loss > SCALE * last.train_loss
    )
    return Symptom(
        f"training inputs have mean {x.mean:.3g} and standard deviation {x.std:.3g}, those of "
        f"validation {v.mean:.3g} and {v.std:.3g} (threshold: a shift by {SHIFT:g}, a factor "
        f"of {SCALE:g})",
        "augmentation, or a step of preparation, is only made to one of them",
        "# the same normalization for both; milder augmentation\n"
        "validation = (validation - train_mean) / train_std",
        severity=Severity.SERIOUS if worse else Severity.NOTE,
    )
