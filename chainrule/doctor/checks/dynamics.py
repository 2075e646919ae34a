"""Faults that show while training: steps that are too large, and gradients that explode."""

from __future__ import annotations

import math
import statistics

from chainrule.doctor.checks.data import LARGE_LOSS, expected_loss
from chainrule.doctor.checks.initialization import (
    EXPLODING,
    GROWS,
    begins_badly,
    explodes_through_time,
)
from chainrule.doctor.checks.loss import where_it_began
from chainrule.doctor.facts import Look, Record
from chainrule.doctor.finding import Severity, Stage, Symptom, check, spelled

HUGE_UPDATE = 1.0  # ‖Δw‖ / ‖w‖ of one step; healthy: 0.0005 to 0.025
LARGE_UPDATE = 0.3  # of several looks
USUAL_UPDATE = 0.01
BLOWS_UP = 0.1
GROWN = 10.0  # size of the weights by that at first
ENOUGH_STEPS = 20
GROWTH = 1000.0  # of the gradient norm since the first look
STILL_LARGE = 0.03  # a step that can make the loss rise
FALLS = 0.8
RISEN = 3.0  # loss by the first loss
AROUND = 3  # losses before and after a step
RECURRENT = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")


@check(
    "D17", "exploding gradients", Stage.DYNAMICS, Severity.FATAL,
    "Pascanu et al. 2013, On the difficulty of training recurrent neural networks",
)  # fmt: skip
def exploding_gradients(r: Record) -> Symptom | None:
    if (symptom := _through_time(r)) is not None:
        return symptom
    first, last = r.first, r.last
    if first is None or last is None or last is first or too_large_a_step(r):
        return None
    a, b = first.gradient_norm, last.gradient_norm
    lost = _lost(r)
    grown = a is not None and b is not None and a > 0 and b / a > GROWTH and not r.learns
    if not lost and not grown:
        return None
    evidence = (
        where_it_began(r) or f"the gradient of {r.called(lost[0])} is not finite any more"
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


def _through_time(r: Record) -> Symptom | None:
    found = explodes_through_time(r)
    if found is None:
        return None
    name, times = found
    stuck = len(r.looks) > 2 and r.step >= ENOUGH_STEPS and not r.learns
    if not begins_badly(r) and not stuck and _large_steps(r) is None and not _lost(r):
        return None  # as long as it learns, a steep beginning does no harm
    recurrent = r.first is not None and r.first.layers[name].kind in RECURRENT
    which = "'weight_hh' in name" if recurrent else "weight.ndim > 1"
    return Symptom(
        f"on the way back through time, from the last step to the first, the gradient of "
        f"{r.called(name)} grows {times:.3g}-fold (threshold: "
        f"{GROWS if begins_badly(r) else EXPLODING:g}-fold)",
        "each time step multiplies the gradient by the same weights, which are too large",
        "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # before optimizer.step()\n"
        "# and where the outputs explode, too, before the training:\n"
        f"for name, weight in {spelled(name)}.named_parameters():\n"
        f"    if {which}:\n"
        "        nn.init.orthogonal_(weight)",
        layer=name,
        remedy=("clip", 1.0),
        otherwise=("recurrent", name, 1.0),
    )


def _lost(r: Record) -> list[str]:
    """The parameters that are no numbers any more, or whose gradients are not."""
    return [] if r.last is None else r.last.nonfinite_gradients or r.last.nonfinite_weights


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
    """The look at which steps were seen to be too large, and how; not where it is gradients
    that make them so."""
    return None if explodes_through_time(r) else _large_steps(r)


def _large_steps(r: Record) -> tuple[Look, str] | None:
    known = [
        (look, look.update_ratio)
        for look in r.looks
        if look.update_ratio is not None and math.isfinite(look.update_ratio)
    ]
    begin, now = r.mean_loss(0, 1), r.mean_loss(-10, None)
    falls = begin is not None and now is not None and now < FALLS * begin
    if not r.loss.known and r.last is not None and r.last.gradient_norm == 0:
        falls = False  # where nothing moves any more, a formula may be small for any reason
    for look, ratio in known:
        if ratio > HUGE_UPDATE and r.step > 2 and (not falls or _leapt(r, look)):
            return look, (
                f"one step changed the weights by {ratio:.3g} of their size (healthy: 0.0005 "
                "to 0.025)"
            )
    for looks in (known[-3:], known[:2]):  # later, weights of dead units move no more
        ratio = statistics.median(ratio for _, ratio in looks) if len(known) > 1 else 0.0
        late = r.step >= ENOUGH_STEPS and _should_fall(r)
        if ratio > LARGE_UPDATE and late and not falls:
            return looks[-1][0], (
                f"steps change the weights by {ratio:.2g} of their size (threshold: "
                f"{LARGE_UPDATE:g}), and in {r.step} of them the loss has not fallen"
            )
    if known and known[0][0] is r.first and known[0][1] > BLOWS_UP and _blown_up(r):
        return known[0][0], (
            f"the first step changed the weights by {known[0][1]:.2g} of their size "
            f"(threshold: {BLOWS_UP:g}), and later ones until they were no numbers any more"
        )
    is_measure = known and r.loss.known and not r.adversarial
    if is_measure and not falls and (grown := _growth(r)) > GROWN:
        return known[-1][0], (
            f"the weights are {grown:.3g} times as large as they were at the beginning "
            f"(threshold: {GROWN:g} times), and the loss has not fallen"
        )
    large = any(ratio > STILL_LARGE for _, ratio in known)
    return None if r.last is None or not large else _risen(r, r.last)


def _leapt(r: Record, look: Look) -> bool:
    """Whether the loss leapt up at a step, even if it has come down again since."""
    if not r.loss.known or r.adversarial:
        return False
    at = max(1, sum(step <= look.step for step, _ in r.losses))
    losses = [loss for _, loss in r.losses[max(0, at - AROUND) : at + AROUND]]
    since = losses[-AROUND:]
    return len(losses) > AROUND and statistics.median(since) > RISEN * losses[0]


def _should_fall(r: Record) -> bool:
    """Whether the loss is a measure: a formula that changes its sign is none, nor is what two
    networks make of each other."""
    return not r.adversarial and (r.loss.known or all(loss > 0 for _, loss in r.losses))


def _growth(r: Record) -> float:
    """The size of the weights in the median layer, by what it was at first."""
    if r.first is None or r.last is None or r.step < ENOUGH_STEPS:
        return 1.0
    times = [
        layer.weight_norm / begin
        for name, layer in r.last.layers.items()
        if layer.weight_norm and name in r.first.layers
        if (begin := r.first.layers[name].weight_norm)
    ]
    return statistics.median(times) if times else 1.0


def _blown_up(r: Record) -> bool:
    """Whether a training that began soundly lost its weights within a few steps."""
    if not _lost(r):
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
