"""Faults that are there before the first step: weights that are alike, or badly scaled."""

from __future__ import annotations

import math

from chainrule.doctor.facts import Record
from chainrule.doctor.finding import Severity, Stage, Symptom, check

HIGH_LOSS = 2.0  # first loss by ln K; healthy: 0.89 to 1.32
DEAD_UNITS = 0.5
KNOWS_ALREADY = 2.0  # accuracy of a network that was trained before, times chance


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
        f"nn.init.kaiming_uniform_(model.{hidden[0]}.weight, nonlinearity='relu')",
        layer=hidden[0],
        step=0,
        remedy=("initialize",),
    )


@check(
    "D16", "badly scaled initial weights", Stage.INITIALIZATION, Severity.SERIOUS,
    "Karpathy 2019, A recipe for training neural networks; He et al. 2015",
)  # fmt: skip
def badly_scaled(r: Record) -> Symptom | None:
    look = r.first
    facts = r.loss
    if look is None or look.loss is None or facts.name != "cross_entropy" or not r.classes:
        return None
    if facts.weighted or r.classes < 2 or not facts.known or not facts.of_model:
        return None
    if facts.retrieval or (r.wiring.frozen and not r.wiring.as_initialized):
        return None  # scores divided by a temperature; weights that were trained before
    if look.accuracy is not None and look.accuracy > KNOWS_ALREADY / r.classes:
        return None  # trained before
    ratio = look.loss / math.log(r.classes)
    if ratio <= HIGH_LOSS:
        return None  # a low one has a good reason: biases set to the share of each class
    return Symptom(
        f"the first loss is {look.loss:.4g}, {ratio:.3g} times ln {r.classes} (healthy: "
        f"up to {HIGH_LOSS:g} times)",
        "the outputs of the untrained network are far too large: sure, and wrong",
        "for module in model.modules():\n"
        "    if isinstance(module, nn.Linear):\n"
        "        module.reset_parameters()",
        step=0,
        remedy=("initialize",),
    )


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
                f"{share:.0%} of the units after {name} are 0 for every sample (threshold: "
                f"{DEAD_UNITS:.0%}), from the first step on",
                "weights or biases push them below 0, where ReLU has no gradient",
                f"nn.init.zeros_(model.{name}.bias)\n"
                f"nn.init.kaiming_uniform_(model.{name}.weight, nonlinearity='relu')",
                layer=name,
                step=0,
                remedy=("initialize",),
            )
    return None
