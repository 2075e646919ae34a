"""Faults that are there before the first step: weights that are alike, or badly scaled."""

from __future__ import annotations

import math

from chainrule.doctor.checks.data import LARGE_LOSS, REGRESSION, error_of, expected_loss
from chainrule.doctor.checks.recurrence import VANISHING
from chainrule.doctor.checks.wiring import HIGH_DROPOUT
from chainrule.doctor.facts import NEARLY_ALL, Record
from chainrule.doctor.finding import Severity, Stage, Symptom, check

#: as the remedy "initialize" does it
BEGIN_ANEW = (
    "for module in model.modules():\n"
    "    if hasattr(module, 'reset_parameters'):\n"
    "        module.reset_parameters()"
)
EXPLODING = 1 / VANISHING  # through time
GROWS = 10.0  # the same, where the outputs are far too large already
HIGH_LOSS = 2.0  # first loss by ln K; healthy: 0.89 to 1.32
DEAD_UNITS = 0.5
ENOUGH_STEPS = 50
SATURATED = 0.5
SIGNIFICANT = 3.0  # standard deviations


@check(
    "D15", "all units begin alike", Stage.INITIALIZATION, Severity.FATAL,
    "Goodfellow et al. 2016, section 8.4",
)  # fmt: skip
def alike_units(r: Record) -> Symptom | None:
    if r.first is None:
        return None
    layers = [(n, layer) for n, layer in r.first.layers.items() if layer.weight_std is not None]
    alike = [name for name, layer in layers if layer.alike_units]
    if not alike:
        return None
    later = r.looks[1:]
    still = [n for n in alike if later and n in later[0].layers]
    stuck = [n for n in still if later[0].layers[n].alike_units]
    hidden = alike if len(alike) == len(layers) else stuck
    if not hidden or len(layers) < 2:
        return None
    return Symptom(
        f"in {len(alike)} of {len(layers)} layers all units have the same weights (the spread "
        "is 0, expected: above 0)",
        "units that begin alike get the same gradient, and stay one unit for ever",
        BEGIN_ANEW,
        layer=hidden[0],
        step=0,
        remedy=("initialize",),
    )


@check(
    "D16", "badly scaled initial weights", Stage.INITIALIZATION, Severity.SERIOUS,
    "Karpathy 2019, A recipe for training neural networks; He et al. 2015",
)  # fmt: skip
def badly_scaled(r: Record) -> Symptom | None:
    look, facts, usual = r.first, r.loss, _usual_loss(r)
    if look is None or look.loss is None or usual is None:
        return None
    if facts.weighted or not facts.known or not facts.of_model or r.adversarial:
        return None
    if any(p > HIGH_DROPOUT for p in r.wiring.dropout.values()):
        return None  # which makes the outputs large, too
    if facts.retrieval or facts.tempered or (r.wiring.frozen and not r.wiring.as_initialized):
        return None  # scores divided by a temperature; weights that were trained before
    if r.classes and look.accuracy is not None and look.accuracy > _at_most_by_chance(r):
        return None  # trained before
    if explodes_through_time(r):
        return None  # so does this
    hidden = [layer for layer in look.layers.values() if not layer.is_output]
    if not r.classes and any((layer.saturated or 0.0) > SATURATED for layer in hidden):
        return None  # which says more about the weights
    if not begins_badly(r):
        return None  # a low one has a good reason: biases set to the share of each class
    times = HIGH_LOSS if r.classes else LARGE_LOSS
    what = f"ln {r.classes}" if r.classes else "what outputs about as large as the inputs give"
    return Symptom(
        f"the first loss is {look.loss:.4g}, {look.loss / usual:.3g} times {what} (healthy: "
        f"up to {times:g} times)",
        "the outputs of the untrained network are far too large: sure, and wrong",
        BEGIN_ANEW,
        step=0,
        remedy=("initialize",),
    )


def begins_badly(r: Record) -> bool:
    """Whether the first loss is far above that of sound weights."""
    first, usual = r.first.loss if r.first is not None else None, _usual_loss(r)
    if first is None or usual is None or not r.loss.known:
        return False
    return not first <= (HIGH_LOSS if r.classes else LARGE_LOSS) * usual


def explodes_through_time(r: Record) -> tuple[str, float] | None:
    """The layer whose gradient grew from time step to time step when the training began, and
    how many times over."""
    limit = GROWS if begins_badly(r) else EXPLODING
    for name, layer in r.first.layers.items() if r.first is not None else ():
        if layer.through_time is not None and layer.through_time > limit:
            return name, layer.through_time
    return None


def _at_most_by_chance(r: Record) -> float:
    """An accuracy that a network which knows nothing hardly exceeds."""
    share = 1 / max(r.classes or 1, 1)
    return share + SIGNIFICANT * math.sqrt(share * (1 - share) / max(r.data.largest_batch, 1))


def _usual_loss(r: Record) -> float | None:
    """The first loss of sound weights, which make outputs about as large as the inputs."""
    x, y, expected = r.data.inputs, r.data.targets, expected_loss(r)
    if not expected or (r.classes or 2) < 2:
        return None
    square = 1.0 if x is None or r.data.are_ids else max(1.0, x.mean**2 + x.std**2)
    if r.loss.name in REGRESSION and y is not None:
        return error_of(r.loss.name, y.mean**2 + y.std**2 + square)
    return expected * math.sqrt(square)


@check(
    "D21", "dead ReLU units", Stage.INITIALIZATION, Severity.SERIOUS,
    "Lu et al. 2019, Dying ReLU and initialization",
)  # fmt: skip
def dead_from_the_start(r: Record) -> Symptom | None:
    if len(r.looks) < 2 or r.first is None or r.data.largest_batch < 16:
        return None
    second = r.looks[1].layers
    for name, layer in r.first.layers.items():
        share = min(layer.dead_share, second[name].dead_share if name in second else 0.0)
        if share >= DEAD_UNITS:
            return Symptom(
                f"{share:.0%} of the units after {r.called(name)} are 0 for every sample "
                f"(threshold: {DEAD_UNITS:.0%}), from the first step on",
                "weights or biases push them below 0, where ReLU has no gradient",
                BEGIN_ANEW,
                layer=name,
                step=0,
                severity=harm_of_dead_units(r, share),
                remedy=("initialize",),
            )
    return None


def harm_of_dead_units(r: Record, share: float) -> Severity | None:
    """Those that are left may do, which shows after some steps; a note until then."""
    enough = share >= NEARLY_ALL or (r.step >= ENOUGH_STEPS and not r.learns)
    return None if enough else Severity.NOTE
