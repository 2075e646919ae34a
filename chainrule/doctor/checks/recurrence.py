"""What becomes of gradients through time, where each step uses the same weights."""

from __future__ import annotations

import statistics

from chainrule.doctor.checks.wiring import near_baseline
from chainrule.doctor.facts import Record
from chainrule.doctor.finding import Symptom

VANISHING = 1e-3  # a gradient at the first layer, or time step, by that at the last
ENOUGH_STEPS = 150  # after which a training should show something


def lost_in_time(r: Record) -> float | None:
    """What is left of the gradient at the first time step, where that is next to nothing, and
    nothing was learned."""
    if r.step < ENOUGH_STEPS or not near_baseline(r, r.doubt):
        return None
    each = [[layer.through_time for layer in look.layers.values()] for look in r.looks]
    best = [max(found) for look in each if (found := [x for x in look if x is not None])]
    if len(best) < 2:
        return None
    usual = statistics.median(best)
    return usual if usual < VANISHING else None


def what_is_forgotten(r: Record) -> Symptom | None:
    """Gradients that vanish through time."""
    ratio = lost_in_time(r)
    if ratio is None:
        return None
    return Symptom(
        f"at the first time step the gradient is {ratio:.2g} times what it is at the last "
        f"(threshold: {VANISHING:g}), and after {r.step} steps nothing is learned",
        "each time step multiplies the gradient by less than 1: what was read first teaches "
        "the network nothing",
        "# nn.LSTM or nn.GRU in place of nn.RNN, shorter sequences, or all of the outputs\n"
        "outputs.mean(dim=1)  # in place of outputs[:, -1]",
    )
