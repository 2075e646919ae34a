"""Faults that show while training: gradients that vanish, units that died or are saturated."""

from __future__ import annotations

from chainrule.doctor.checks.dynamics import too_large_a_step
from chainrule.doctor.checks.initialization import (
    BEGIN_ANEW,
    explodes_through_time,
    harm_of_dead_units,
)
from chainrule.doctor.checks.recurrence import VANISHING, what_is_forgotten
from chainrule.doctor.facts import Record
from chainrule.doctor.finding import Severity, Stage, Symptom, check

TINY_GRADIENT = 1e-4
DEAD_UNITS = 0.5
SATURATED = 0.5


@check(
    "D20", "vanishing gradients", Stage.DYNAMICS, Severity.FATAL,
    "Hochreiter 1991; Glorot & Bengio 2010",
)  # fmt: skip
def vanishing_gradients(r: Record) -> Symptom | None:
    if (forgotten := what_is_forgotten(r)) is not None:
        return forgotten
    found = vanishing(r)
    if found is None:
        return None
    name, first, last = found
    return Symptom(
        f"the gradient of {r.called(name)} has norm {first:.2g}, that of the last layer "
        f"{last:.2g} (threshold: a ratio of {VANISHING:g})",
        "each layer multiplies the gradient by less than 1: nothing arrives at the first ones",
        "# nn.ReLU() in place of nn.Sigmoid(), nn.BatchNorm1d between, x + block(x) around\n"
        "nn.init.kaiming_uniform_(layer.weight, nonlinearity='relu')",
        layer=name,
        remedy=("relu for sigmoid",),
    )


def vanishing(r: Record) -> tuple[str, float, float] | None:
    """The first layer and the norms of the first and last gradient, if the first is lost."""
    if len(r.looks) < 2:
        return None
    for look in r.looks[-2:]:
        gradients = look.gradients
        if len(gradients) < 3:
            return None
        (name, first), (_, last) = gradients[0], gradients[-1]
        if not (0 <= first < VANISHING * last and first < TINY_GRADIENT):
            return None
        if any(layer.dead_share >= DEAD_UNITS for layer in look.layers.values()):
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
                f"{share:.0%} of the units after {r.called(name)} are 0 for every sample "
                f"(threshold: {DEAD_UNITS:.0%})",
                "a step pushed them below 0, where ReLU has no gradient to bring them back",
                "# a lower learning rate, or nn.LeakyReLU(0.01) in place of nn.ReLU()",
                layer=name,
                severity=Severity.NOTE if r.learns else harm_of_dead_units(r, share),
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
    thrown = not _saturated_at_first(r, name) and too_large_a_step(r)
    if thrown or explodes_through_time(r):
        return None  # the cause, where there is a fault
    return Symptom(
        f"{share:.0%} of the activations after {r.called(name)} lie where the function is "
        f"flat (threshold: {SATURATED:.0%})",
        "sums this large come from large inputs or weights; there is no gradient left",
        BEGIN_ANEW + "\n# and standardize the inputs",
        layer=name,
        severity=Severity.NOTE if r.learns and not _saturated_at_first(r, name) else None,
        remedy=("initialize",),
    )


def _saturated_at_first(r: Record, name: str) -> bool:
    layer = r.first.layers.get(name) if r.first is not None else None
    return layer is not None and (layer.saturated or 0.0) > SATURATED
