"""summary: shapes, parameters, work, memory and time of every module of a model."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.doctor.tools.architecture import Architecture, architecture
from chainrule.doctor.tools.drawing import short
from chainrule.doctor.tools.observing import calls_observed, work_observed
from chainrule.doctor.tools.parts import Counting, Part, Timing, shapes_of, tree
from chainrule.doctor.tools.restoring import restored
from chainrule.doctor.tools.stepping import module_of
from chainrule.doctor.tools.summary_text import rows_of, table_of
from chainrule.errors import ArgumentError
from chainrule.nn.module import Module
from chainrule.printed import Printed
from chainrule.tensor.creation import as_tensor, randn
from chainrule.tensor.grad_mode import enable_grad, no_grad

ENOUGH = 0.5  # seconds of runs after which no further one is timed
MOST_RUNS = 7


@dataclass(frozen=True, repr=False)
class Summary(Printed):
    """What `summary` found: `print` it, or take `as_dict()`.

    Args:
        root: the tree of modules; figures of a module include those of the modules in it.
        parameters, trainable: how many numbers the model has, and learns.
        flops: floating-point operations of one forward pass.
        multiply_adds: of them, pairs of a multiplication and an addition in products.
        activation_bytes: what the tape of a forward pass holds for backward, parameters and
            inputs left out.
        parameter_bytes: of parameters.
        milliseconds: of a forward pass, eagerly, without recording gradients.
        runs: how many were timed, of which medians are shown.
    """

    root: Architecture
    parameters: int
    trainable: int
    flops: int
    multiply_adds: int
    activation_bytes: int
    parameter_bytes: int
    milliseconds: float
    runs: int
    mode: str

    def as_dict(self) -> dict[str, Any]:
        """The tree as plain values: the "root" of a journal's architecture."""
        return self.root.as_dict()

    def text(self, depth: int | None = None) -> str:
        """The table; to a `depth` of nested modules, or as deep as fits a page."""
        return "\n".join([*table_of(rows_of(self.root, depth)), "", *self._totals()])

    def __str__(self) -> str:
        return self.text()

    def _totals(self) -> list[str]:
        fixed = self.parameters - self.trainable
        return [
            f"parameters      {self.parameters:,}"
            + (f", {fixed:,} of them frozen" if fixed else "")
            + f"; {short(self.parameter_bytes, 'B')}",
            f"forward pass    {short(self.flops, 'FLOP')}, of which "
            f"{short(self.multiply_adds)} multiply-adds count twice",
            f"for backward    {short(self.activation_bytes, 'B')} of activations",
            f"time            {self.milliseconds:.3g} ms in {self.mode} mode, eagerly; medians "
            f"of {self.runs} runs",
        ]


def summary(model: Module, input: Any, *, training: bool = False) -> Summary:
    """Run a model once and say of every module what it takes, gives and costs.

    Nothing changes: modes, weights, buffers such as the statistics of batch norm, gradients
    and random numbers are afterwards what they were.

    Args:
        model: may be compiled; it is run eagerly, as a compiled model has no modules.
        input: what forward takes: a tensor; a tuple of positional arguments; a dict of
            arguments by name. A tuple of numbers such as (1, 3, 224, 224) is a shape, and is
            filled with random numbers. A dict that is one argument comes in a tuple.
        training: run in training mode instead of evaluation mode.

    Raises: ArgumentTypeError (CR836) for what is no module; ModuleError (CR837) for a lazy
        module that has not seen its input size; ArgumentError (CR835) for a shape with sizes
        below 1. What forward raises comes through as it is.

    Notes: FLOPs are counted on the primitives that are computed, whatever the module is:
        products count two for each term, everything else one for each element. Activations
        are what the eager tape holds; a compiled step may hold less. What forward computes
        with NumPy is not seen.

    Example:
        >>> import chainrule as cr
        >>> net = cr.nn.Sequential(cr.nn.Linear(64, 32), cr.nn.ReLU(), cr.nn.Linear(32, 10))
        >>> found = summary(net, (16, 64))
        >>> found.parameters, found.multiply_adds
        (2410, 37888)
        >>> [part.output_shape for part in found.root.children]
        [[16, 32], [16, 32], [16, 10]]
    """
    module = module_of("summary", model)
    with restored(module, input):
        args, kwargs = _arguments(input)
        module.train(training)
        for part in module.modules():
            part.__dict__.pop("_compiled", None)
        root = tree(module)
        counting = Counting(root)
        with enable_grad(), work_observed(counting):
            counting.keep(module(*args, **kwargs))
        if kwargs:
            root.inputs = shapes_of(kwargs)
        total, runs = _timed(root, module, args, kwargs)
    size = sum(p.nbytes for p in module.parameters())
    figures = ("parameters", "trainable", "flops", "multiply_adds", "activation_bytes")
    return Summary(
        architecture(root), **{name: root.total(name) for name in figures},
        parameter_bytes=size, milliseconds=1e3 * total, runs=runs,
        mode="training" if training else "evaluation",
    )  # fmt: skip


def _arguments(input: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What forward is called with."""
    if isinstance(input, dict):
        return (), {name: _tensor(x) for name, x in input.items()}
    if not isinstance(input, tuple):
        return (_tensor(input),), {}
    if input and all(type(size) is int for size in input):
        if min(input) < 1:
            raise ArgumentError("CR835", f"summary: {input} is no shape; sizes are at least 1")
        return (randn(*input),), {}
    return tuple(_tensor(x) for x in input), {}


def _tensor(x: Any) -> Any:
    return as_tensor(x) if isinstance(x, np.ndarray) else x


def _timed(root: Part, module: Module, args: tuple, kwargs: dict) -> tuple[float, int]:
    """Notes the median seconds of each part; their sum, and the number of runs."""
    found: list[dict[int, float]] = []
    began = time.perf_counter()
    while len(found) < MOST_RUNS and time.perf_counter() - began < ENOUGH:
        timing = Timing(root)
        with no_grad(), calls_observed(timing):
            module(*args, **kwargs)
        found.append(timing.seconds)
    for part in root.all():
        part.seconds = statistics.median(run[id(part)] for run in found)
    return root.total("seconds"), len(found)
