"""Faults that show while training: a network that stands still, or shrinks to nothing."""

from __future__ import annotations

import statistics

from chainrule.doctor.checks.data import expected_loss
from chainrule.doctor.checks.dynamics import ENOUGH_STEPS, suited
from chainrule.doctor.checks.signals import died, saturated, vanishing
from chainrule.doctor.checks.wiring import near_baseline
from chainrule.doctor.facts import LEARNED, Record
from chainrule.doctor.finding import Severity, Stage, Symptom, check

SMALL_UPDATE, LATER_UPDATE = 1e-5, 1e-4  # the second where many of them did nothing
MANY_STEPS = 100
HARDLY_FALLEN = 0.98
WARMED = 1.5  # learning rate now by that at the beginning
PULL = 0.5  # weight decay by gradient, which are equal where weights have come to rest
SHRUNK, GONE = 0.8, 0.1  # weights by what they were
LEVELS_OUT = 0.9


@check(
    "D19", "learning rate too low", Stage.DYNAMICS, Severity.SERIOUS,
    "Karpathy 2019, A recipe for training neural networks",
)  # fmt: skip
def learning_rate_too_low(r: Record) -> Symptom | None:
    ratios = [look.update_ratio for look in r.looks if look.update_ratio is not None]
    rates = [look.learning_rate for look in r.looks]
    if (
        len(ratios) < 2
        or r.step < ENOUGH_STEPS
        or not all(rates)
        or r.wiring.stale_steps
        or not r.loss.known
    ):
        return None
    if rates[-1] > WARMED * rates[0]:  # type: ignore[operator]
        return None  # it is still rising
    ratio = statistics.median(ratios)
    still = r.fallen is None or r.fallen > HARDLY_FALLEN
    small = SMALL_UPDATE if r.step < MANY_STEPS else LATER_UPDATE
    if not 0 < ratio < small or not still or _trained_before(r):
        return None
    if vanishing(r) or saturated(r) or died(r):
        return None  # for which no rate would be high enough
    rate = rates[-1] or 0.0
    better = suited(rate, ratio, 100.0)
    return Symptom(
        f"a step changes the weights by {ratio:.2g} of their size (threshold: {small:g}, "
        f"healthy: about 0.001), and in {r.step} steps the loss stays where it was",
        f"with lr={rate:g} the weights hardly move",
        f"optimizer = …(model.parameters(), lr={better:g})  # lr_find tells more",
        remedy=("lr", better / rate if rate else 1.0),
    )


def _trained_before(r: Record) -> bool:
    """Whether the network knew something when the training began."""
    if r.first is None:
        return False
    if r.first.accuracy is not None and r.baseline is not None:
        return r.first.accuracy > r.baseline + LEARNED
    expected = expected_loss(r) if r.loss.known else None
    return expected is not None and r.first.loss is not None and r.first.loss < expected / 2


@check(
    "D28", "regularized until nothing is left", Stage.DYNAMICS, Severity.SERIOUS,
    "Goodfellow et al. 2016, section 7.1.1",
)  # fmt: skip
def over_regularized(r: Record) -> Symptom | None:
    if r.first is None or r.last is None or r.last is r.first:
        return None
    kept = [
        layer.weight_norm / r.first.layers[name].weight_norm  # type: ignore[operator]
        for name, layer in r.last.layers.items()
        if layer.weight_norm is not None and (r.first.layers[name].weight_norm or 0.0) > 0
    ]
    if not r.last.weight_decay:
        return _penalized(r, statistics.median(kept)) if kept else None
    ratios = [x.decay_ratio for x in r.last.layers.values() if x.decay_ratio is not None]
    if not kept or not ratios or statistics.median(kept) > SHRUNK:
        return None
    if statistics.median(ratios) <= PULL and statistics.median(kept) > GONE:
        return None  # gradients of few samples are noisy: nothing else makes weights vanish
    if not near_baseline(r) and (r.fallen or 0.0) <= LEVELS_OUT:
        return None
    decay = r.last.weight_decay
    return Symptom(
        f"weight decay pulls {statistics.median(ratios):.2g} times as hard as the gradient "
        f"(threshold: {PULL:g}); the weights have {statistics.median(kept):.0%} of their "
        "first size",
        f"with weight_decay={decay:g} the penalty, not the data, decides where weights go",
        f"optimizer = …(model.parameters(), lr=…, weight_decay={min(decay / 100, 1e-4):g})",
        remedy=("weight_decay", min(decay / 100, 1e-4)),
    )


def _penalized(r: Record, kept: float) -> Symptom | None:
    """Weights that vanish, though the optimizer has no weight decay.

    Args: kept: their size by that at first.
    """
    accuracy = None if r.last is None else r.last.accuracy
    if kept > GONE or r.step < MANY_STEPS or accuracy is None or r.baseline is None:
        return None
    if r.adversarial or accuracy - r.baseline > r.doubt:
        return None
    return Symptom(
        f"the weights have {kept:.1%} of their first size (threshold: {GONE:.0%}), and the "
        f"accuracy in training is {accuracy:.0%}, that of the commonest class {r.baseline:.0%}",
        "a penalty in the loss, not the data, decides where weights go",
        "loss = F.cross_entropy(outputs, targets) + 1e-4 * penalty  # or weight_decay=1e-4",
    )
