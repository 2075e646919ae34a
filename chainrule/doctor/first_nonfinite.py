"""Finding the first number that is not finite: its step, its primitive, its rows.

Kept steps are run again from the last state that is known, each from where the one before
ended, until one makes a loss or a weight NaN or infinite; that one is written down as a graph
and computed equation by equation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.nonfinite import first_nonfinite, range_of
from chainrule.compiler.recording import Recording
from chainrule.compiler.rollback import Rollback
from chainrule.compiler.structure import flatten
from chainrule.doctor import measures
from chainrule.doctor.facts import NonFinite
from chainrule.doctor.remedies import Scene
from chainrule.doctor.sandbox import sandbox
from chainrule.doctor.training_call import TrainingCall
from chainrule.engines.stepwise import Step
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor

MOST_ROWS = 20


def locate(
    model: Module,
    optimizers: Sequence[Any],
    state: Rollback,
    first: int,
    calls: Sequence[TrainingCall],
) -> NonFinite | None:
    """Where the first number that is not finite comes up; None if the steps are not repeated.

    Args:
        state: that of the training before step number `first`.
        calls: the steps from there on.
    """
    if not calls or not all(call.can_run for call in calls):
        return None
    with sandbox(model, optimizers, calls):
        state.undo()
        scene = Scene(model, optimizers, list(calls))
        for number, call in enumerate(calls):
            before = Rollback(model, optimizers)
            loss = scene.step(call)
            if not np.isfinite(loss) or not _finite(model):
                before.undo()
                return _look_into(scene, call, first + number, np.isfinite(loss))
    return None


def _finite(model: Module) -> bool:
    return all(np.isfinite(measures.numbers(p)).all() for p in model.parameters())


def _look_into(scene: Scene, call: TrainingCall, step: int, forward: bool) -> NonFinite | None:
    """The first such number of a step, which is written down and run as a graph."""
    for optimizer in scene.optimizers:
        optimizer.zero_grad()
    arguments: list[Tensor] = []
    tree = flatten(((), {}), arguments)
    recording = Recording(lambda: scene.traced(call), tree, arguments, "reference")
    found = first_nonfinite(recording.graph, recording.read(arguments))
    return (
        None if found is None else _described(found, step, "backward" if forward else "forward")
    )


def _described(found: Step, step: int, part: str) -> NonFinite:
    equation = found.equation
    module, _, line = equation.source.partition("at ")
    y = found.output
    bad = np.isfinite(y.reshape(len(y), -1)).all(axis=1) if y.ndim else np.ones(0, bool)
    return NonFinite(
        step,
        part,
        equation.primitive.__name__,
        module.strip(),
        "; ".join(range_of(x) for x in found.inputs),
        np.flatnonzero(~bad)[:MOST_ROWS].tolist(),
        line.strip(),
    )
