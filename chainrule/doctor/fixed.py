"""What is the same each time a step is run: how the model is built, and what is minimized."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chainrule.doctor import measures, step_structure
from chainrule.doctor.facts import StructureFacts
from chainrule.doctor.given import Given
from chainrule.doctor.likelihood import makes_unlikely
from chainrule.doctor.module_calls import ModuleCalls
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


@dataclass(frozen=True)
class Fixed:
    """Such facts.

    Args:
        loss: facts about the loss, by their names.
        losses: of what the minimized number is made, by place among the loss functions.
        cuts: modules whose results went on without their history.
    """

    structure: StructureFacts
    loss: dict[str, Any]
    losses: list[int]
    cuts: list[str] = field(default_factory=list)


def read_fixed(
    model: Module,
    calls: ModuleCalls,
    root: Tensor,
    nodes: Iterable[Any],
    given: Sequence[Given],
) -> Fixed:
    """Read them off the tape, before the backward pass from `root`.

    Args: calls: of the modules; nodes: behind the root; given: what the loss functions were
    given.
    """
    inner, outer = calls.parted(nodes)
    losses = step_structure.made_of(root, [each.loss for each in given])
    loss: dict[str, Any] = {
        "broadcast": step_structure.blown_up(outer),
        "known": bool(losses),
        "unlikely": makes_unlikely(root),
        "of_model": False,
    }
    output = outputs = calls.output
    if given:
        outputs = given[-1].arguments[0]
        loss["of_model"] = output is not None and step_structure.comes_from(outputs, output)
        loss["tempered"] = step_structure.is_tempered(outputs)
    if outputs is not None:
        loss["output_activation"] = step_structure.last_activation(outputs)
    return Fixed(_structure(model, calls, inner), loss, losses)


def _structure(model: Module, calls: ModuleCalls, nodes: list[Any]) -> StructureFacts:
    contractions, nonlinear = step_structure.count_nonlinear(nodes)
    return StructureFacts(
        measures.parameter_count(model),
        contractions,
        nonlinear,
        calls.are_normalized,
        list(calls.notes()),
    )
