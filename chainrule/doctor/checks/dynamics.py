"""Faults that show while training: steps too large or too small, gradients that get lost."""

from __future__ import annotations

import math
import statistics

from chainrule.doctor.checks.data import LARGE_LOSS, expected_loss
from chainrule.doctor.checks.loss import where_it_began
from chainrule.doctor.checks.wiring import near_baseline
from chainrule.doctor.facts import LEARNED, Look, Record
from chainrule.doctor.finding import Severity, Stage, Symptom, check

HUGE_UPDATE = 1.0  # ‖Δw‖ / ‖w‖ of one step; healthy: 0.0005 to 0.025
LARGE_UPDATE = 0.3  # of several looks
SMALL_UPDATE = 1e-5
USUAL_UPDATE = 0.01
BLOWS_UP = 0.1
HARDLY_FALLEN = 0.98
ENOUGH_STEPS = 20
GROWTH = 1000.0  # of the gradient norm since the first look
STILL_LARGE = 0.03  # a step that can make the loss rise
FALLS = 0.8
WARMED = 1.5  # learning rate now by that at the beginning
RISEN = 3.0  # loss by the first loss
VANISHING, TINY_GRADIENT = 1e-3, 1e-4
DEAD_UNITS = 0.5
SATURATED = 0.5
SHRUNK = 0.8
LEVELS_OUT = 0.9


@check(
    "D17", "exploding gradients", Stage.DYNAMICS, Severity.FATAL,
    "Pascanu et al. 2013, On the difficulty of training recurrent neural networks",
)  # fmt: skip
def exploding_gradients(r: Record) -> Symptom | None:
    first, last = r.first, r.last
    if first is None or last is None or last is first or too_large_a_step(r):
        return None
    a, b = first.gradient_norm, last.gradient_norm
    lost = last.nonfinite_gradients or last.nonfinite_weights
    grown = a is not None and b is not None and a > 0 and b / a > GROWTH and not r.learns
    if not lost and not grown:
        return None
    evidence = (
        where_it_began(r) or f"the gradient of {lost[0]} is not finite any more"
        if lost
        else f"the gradient's norm grew from {a:.3g} to {b:.3g} (threshold: {GROWTH:g}-fold)"
    )
    return Symptom(
        evidence,
        "each layer, or time step, multiplies the gradient by more than 1",
        "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # before optimizer.step()",
        layer=lost[0] if lost else None,
        remedy=("clip", 1.0),
    )


@check(
    "D18", "learning rate too high", Stage.DYNAMICS, Severity.FATAL,
    "MIT 6.S191 lecture 1; Smith 2017, Cyclical learning rates",
)  # fmt: skip
def learning_rate_too_high(r: Record) -> Symptom | None:
    seen = too_large_a_step(r)
    if seen is None:
        return None
    look, evidence = seen
    rate = look.learning_rate or 0.0
    better = suited(rate, look.update_ratio, 0.1)
    return Symptom(
        evidence,
        f"with lr={rate:g} a step jumps over the valley it should descend into",
        f"optimizer = …(model.parameters(), lr={better:g})  # lr_find tells more",
        step=look.step,
        remedy=("lr", better / rate if rate else 1.0),
    )


def suited(rate: float, ratio: float | None, otherwise: float) -> float:
    """A learning rate, to one digit, whose steps change weights by the usual share; where the
    ratio tells nothing, `otherwise` times the rate."""
    known = ratio is not None and math.isfinite(ratio) and ratio > 0
    factor = USUAL_UPDATE / ratio if known and ratio else otherwise
    better = rate * (min(factor, otherwise) if otherwise < 1 else factor)
    return float(f"{better:.1g}")


def too_large_a_step(r: Record) -> tuple[Look, str] | None:
    """The look at which steps were seen to be too large, and how."""
    known = [
        (look, look.update_ratio)
        for look in r.looks
        if look.update_ratio is not None and math.isfinite(look.update_ratio)
    ]
    begin, now = r.mean_loss(0, 1), r.mean_loss(-10, None)
    falls = begin is not None and now is not None and now < FALLS * begin
    for look, ratio in known:
        if ratio > HUGE_UPDATE and len(r.losses) > 2 and not falls:
            return look, (
                f"one step changed the weights by {ratio:.3g} of their size (healthy: 0.0005 "
                "to 0.025)"
            )
    recent = [ratio for _, ratio in known[-3:]]
    if len(recent) > 1 and not falls and statistics.median(recent) > LARGE_UPDATE:
        return known[-1][0], (
            f"steps change the weights by {statistics.median(recent):.2g} of their size "
            f"(threshold: {LARGE_UPDATE:g})"
        )
    if known and known[0][0] is r.first and known[0][1] > BLOWS_UP and _blown_up(r):
        return known[0][0], (
            f"the first step changed the weights by {known[0][1]:.2g} of their size "
            f"(threshold: {BLOWS_UP:g}), and later ones until they were no numbers any more"
        )
    large = any(ratio > STILL_LARGE for _, ratio in known)
    return None if r.last is None or not large else _risen(r, r.last)


def _blown_up(r: Record) -> bool:
    """Whether a training that began soundly lost its weights within a few steps."""
    if r.last is None or not (r.last.nonfinite_weights or r.last.nonfinite_gradients):
        return False
    expected = expected_loss(r) if r.loss.known else None
    begin = r.first.loss if r.first is not None else None
    return begin is not None and expected is not None and begin <= LARGE_LOSS * expected


def _risen(r: Record, last: Look) -> tuple[Look, str] | None:
    """A loss that is far above where it began, with weights that are still finite."""
    begin, now = r.mean_loss(0, 3), r.mean_loss(-3, None)
    if begin is None or now is None or begin <= 0 or len(r.losses) < 10:
        return None
    if not r.loss.known or r.adversarial or r.loss.negated:
        return None  # other formulas need not fall: that of policy gradients is no measure
    if now > RISEN * begin:
        return last, f"the loss rose from {begin:.3g} to {now:.3g} (threshold: {RISEN:g}-fold)"
    return None


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
    trained = r.first is not None and (r.first.accuracy or 0) > (r.baseline or 1) + LEARNED
    still = r.fallen is None or r.fallen > HARDLY_FALLEN
    if not 0 < ratio < SMALL_UPDATE or not still or vanishing(r) or trained:
        return None
    rate = rates[-1] or 0.0
    better = suited(rate, ratio, 100.0)
    return Symptom(
        f"a step changes the weights by {ratio:.2g} of their size (threshold: "
        f"{SMALL_UPDATE:g}, healthy: about 0.001), and the loss stays where it was",
        f"with lr={rate:g} the weights hardly move",
        f"optimizer = …(model.parameters(), lr={better:g})  # lr_find tells more",
        remedy=("lr", better / rate if rate else 1.0),
    )


@check(
    "D20", "vanishing gradients", Stage.DYNAMICS, Severity.FATAL,
    "Hochreiter 1991; Glorot & Bengio 2010",
)  # fmt: skip
def vanishing_gradients(r: Record) -> Symptom | None:
    found = vanishing(r)
    if found is None:
        return None
    name, first, last = found
    return Symptom(
        f"the gradient of {name} has norm {first:.2g}, that of the last layer {last:.2g} "
        f"(threshold: a ratio of {VANISHING:g})",
        "each layer multiplies the gradient by less than 1: nothing arrives at the first ones",
        "# nn.ReLU() in place of nn.Sigmoid(), nn.BatchNorm1d between, x + block(x) around\n"
        "nn.init.kaiming_uniform_(layer.weight, nonlinearity='relu')",
        layer=name,
        remedy=("relu for sigmoid",),
    )


def vanishing(r: Record) -> tuple[str, float, float] | None:
    """The first layer and the norms of the first and last gradient, if the first is lost."""
    looks = r.looks[-2:]
    if len(looks) < 2 or any(len(look.gradients) < 3 for look in looks):
        return None
    for look in looks:
        (name, first), (_, last) = look.gradients[0], look.gradients[-1]
        dead = any(layer.dead_share >= DEAD_UNITS for layer in look.layers.values())
        if not (0 <= first < VANISHING * last and first < TINY_GRADIENT) or dead:
            return None
        if look.layers[name].kind.startswith("Embedding") or look.layers[name].alike_units:
            return None
    return name, first, last


@check(
    "D21", "ReLU units died", Stage.DYNAMICS, Severity.SERIOUS,
    "Lu et al. 2019, Dying ReLU and initialization",
)  # fmt: skip
def died(r: Record) -> Symptom | None:
    if len(r.looks) < 3 or r.data.largest_batch < 16:
        return None
    before, now = r.looks[-2], r.looks[-1]
    for name, layer in now.layers.items():
        earlier = before.layers.get(name)
        share = min(layer.dead_share, earlier.dead_share if earlier else 0.0)
        if share >= DEAD_UNITS:
            return Symptom(
                f"{share:.0%} of the units after {name} are 0 for every sample (threshold: "
                f"{DEAD_UNITS:.0%})",
                "a step pushed them below 0, where ReLU has no gradient to bring them back",
                "# a lower learning rate, or nn.LeakyReLU(0.01) in place of nn.ReLU()",
                layer=name,
                severity=Severity.NOTE if r.learns else None,
                remedy=("lr", 0.1),
            )
    return None


@check(
    "D22", "saturated units", Stage.DYNAMICS, Severity.SERIOUS,
    "Glorot & Bengio 2010, Understanding the difficulty of training deep networks",
)  # fmt: skip
def saturated(r: Record) -> Symptom | None:
    high: dict[str, float | None] = {}
    for look in r.looks[-2:]:
        high = {
            name: layer.saturated
            for name, layer in look.layers.items()
            if not layer.is_output and (layer.saturated or 0.0) > SATURATED
        }
        if not high:
            return None
    if len(r.looks) < 2 or not high:
        return None
    name, share = next(iter(high.items()))
    return Symptom(
        f"{share:.0%} of the activations after {name} lie where the function is flat "
        f"(threshold: {SATURATED:.0%})",
        "sums this large come from large inputs or weights; there is no gradient left",
        f"nn.init.xavier_uniform_(model.{name}.weight)  # and standardize the inputs",
        layer=name,
        severity=Severity.NOTE if r.learns and not _saturated_at_first(r, name) else None,
        remedy=("initialize",),
    )


def _saturated_at_first(r: Record, name: str) -> bool:
    layer = r.first.layers.get(name) if r.first is not None else None
    return layer is not None and (layer.saturated or 0.0) > SATURATED


@check(
    "D28", "regularized until nothing is left", Stage.DYNAMICS, Severity.SERIOUS,
    "Goodfellow et al. 2016, section 7.1.1",
)  # fmt: skip
def over_regularized(r: Record) -> Symptom | None:
    if r.first is None or r.last is None or r.last is r.first or not r.last.weight_decay:
        return None
    kept = [
        layer.weight_norm / r.first.layers[name].weight_norm  # type: ignore[operator]
        for name, layer in r.last.layers.items()
        if layer.weight_norm is not None and (r.first.layers[name].weight_norm or 0.0) > 0
    ]
    ratios = [x.decay_ratio for x in r.last.layers.values() if x.decay_ratio is not None]
    if not kept or not ratios or statistics.median(ratios) <= 1:
        return None
    poor = near_baseline(r) or (r.fallen or 0.0) > LEVELS_OUT
    if statistics.median(kept) > SHRUNK or not poor:
        return None
    decay = r.last.weight_decay
    return Symptom(
        f"weight decay pulls {statistics.median(ratios):.2g} times as hard as the gradient "
        f"(threshold: 1); the weights have {statistics.median(kept):.0%} of their first size",
        f"with weight_decay={decay:g} the penalty, not the data, decides where weights go",
        f"optimizer = …(model.parameters(), lr=…, weight_decay={min(decay / 100, 1e-4):g})",
        remedy=("weight_decay", min(decay / 100, 1e-4)),
    )
