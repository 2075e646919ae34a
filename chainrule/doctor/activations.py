"""What layers give: how their outputs lie, and which units are dead or saturated."""

from __future__ import annotations

from typing import Any

from chainrule.doctor import measures
from chainrule.doctor.facts import LayerFacts, Look


def layer(look: Look, path: str, kind: str) -> LayerFacts:
    """The facts about a layer, at first none."""
    return look.layers.setdefault(path, LayerFacts(kind))


def see_output(look: Look, path: str, kind: str, y: Any) -> None:
    """Measure what a module returned, where that is floats."""
    if measures.is_float(y):
        facts = layer(look, path, kind)
        facts.activation, facts.histogram = measures.spread_and_histogram(y)


def see_activation(
    look: Look, path: str, kind: str, activation: str, y: Any, is_output: bool
) -> None:
    """Measure dead or saturated units, which are told of the layer that feeds them.

    Args: path, kind: of that layer; activation: "Relu" or a key of measures.SATURATED;
        is_output: it is what the model returns.
    """
    facts = layer(look, path, kind)
    facts.is_output = is_output
    if activation == "Relu":
        facts.dead = max(facts.dead or 0.0, measures.dead_units(y))
        facts.samples = max(facts.samples, measures.times_seen(y))
    else:
        found = measures.saturated_share(y, activation)
        facts.saturated = max(facts.saturated or 0.0, found)
