"""How a gradient fares on its way back through time, where weights are used step after step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.doctor import measures
from chainrule.doctor.facts import LayerFacts
from chainrule.doctor.step_structure import WALKS, name_of
from chainrule.tensor.attributes import add_hook
from chainrule.tensor.tensor import Tensor

FEWEST_TIMES = 8


def follow_walks(nodes: Sequence[Any], layer_of: Callable[[int], LayerFacts | None]) -> None:
    """Measure the gradients of recurrent layers when backward comes to them.

    Args: layer_of: the layer that made a step of the tape, by the number of that.
    """
    for node in nodes:
        context = getattr(node, "ctx", None)
        if context is None or name_of(node) not in WALKS:
            continue
        layer = layer_of(node.number)
        for shape, edge in zip(node.shapes, node.edges, strict=True):
            # the inputs of all times are the only array of three axes
            is_input = len(shape) == 3 and shape[0] >= FEWEST_TIMES and edge is not None
            if layer is not None and is_input:
                add_hook(edge, "hooks", _at_all_times(layer, context.reverse))


def _at_all_times(layer: LayerFacts, reverse: bool) -> Callable[[Tensor], None]:
    def measure(g: Tensor) -> None:
        array = measures.numbers(g)
        norms = [measures.norm([each]) for each in (array[::-1] if reverse else array)]
        reached = [norm for norm in norms if norm > 0 or norm != norm]
        if reached:  # what comes after the last of these has no part in the loss
            _note(layer, norms[0], reached[-1])

    return measure


def follow_calls(results: Sequence[Tensor], layer: LayerFacts) -> None:
    """Measure the gradients of what a module has returned at each time it was called."""
    if len(results) < FEWEST_TIMES or any(y._edge is None for y in (results[0], results[-1])):
        return
    at_last: list[float] = []

    def at_end(g: Tensor) -> None:
        at_last.append(measures.norm([measures.numbers(g)]))

    def at_first(g: Tensor) -> None:
        if at_last:
            _note(layer, measures.norm([measures.numbers(g)]), at_last[-1])

    add_hook(results[-1]._edge, "hooks", at_end)
    add_hook(results[0]._edge, "hooks", at_first)


def _note(layer: LayerFacts, first: float, last: float) -> None:
    with np.errstate(all="ignore"):
        ratio = float(np.float64(first) / np.float64(last))
    ratio = np.inf if np.isnan(ratio) else ratio  # it was lost on the way
    layer.through_time = max(ratio, layer.through_time or 0.0)
