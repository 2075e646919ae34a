"""Looking for the equation of a compiled function that makes the first NaN or infinity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule import dtypes
from chainrule.engines.stepwise import Step, steps
from chainrule.errors import NonFiniteError
from chainrule.ir.graph import Graph
from chainrule.tensor import anomaly


def check_finite(graph: Graph, inputs: Sequence[np.ndarray]) -> None:
    """Run the graph with NumPy and look at every value, if NaN is looked for.

    Raises: NonFiniteError (CR411) at the first NaN, or infinity made of finite numbers.

    Notes: an infinity that the program writes down itself, such as that of a mask, is let
    through.
    """
    if anomaly.State.check_nan and (step := first_nonfinite(graph, inputs)) is not None:
        _complain(step)


def first_nonfinite(graph: Graph, inputs: Sequence[np.ndarray]) -> Step | None:
    """The first equation that gives NaN, or infinity from finite numbers."""
    with np.errstate(all="ignore"):
        return next((s for s in steps(graph, inputs) if _found(s) is not None), None)


def _found(step: Step) -> str | None:
    """What is wrong with the result."""
    if _is_finite(step.output):
        return None
    if np.isnan(_plain(step.output)).any():
        return "NaN"
    made = step.inputs and all(map(_is_finite, step.inputs))
    return "an infinity" if made else None


def _is_finite(array: np.ndarray) -> bool:
    return bool(np.isfinite(_plain(array)).all())


def _plain(array: np.ndarray) -> np.ndarray:
    """The array in a type that NumPy can compute with."""
    return dtypes.cast(array, np.dtype(np.float32)) if array.dtype.kind == "V" else array


def _complain(step: Step) -> None:
    equation = step.equation
    module, _, line = equation.source.partition("at ")
    where = " in ".join(x for x in (equation.primitive.__name__, module.strip()) if x)
    ranges = "; ".join(f"input {i}: {range_of(x)}" for i, x in enumerate(step.inputs))
    raise NonFiniteError(
        "CR411",
        f"{where} gives {_found(step)}, of shape {step.output.shape}"
        f"{' at ' * bool(line)}{line}. {ranges or 'It has no inputs'}. Look for a 0 in a "
        "quotient, a root or a logarithm, or for a step that is too large",
    )


def range_of(array: np.ndarray) -> str:
    """How large the numbers are."""
    array = _plain(array)
    if not array.size:
        return "empty"
    if np.isnan(array).any():
        return "has NaN already"
    return f"from {array.min():.4g} to {array.max():.4g}"
