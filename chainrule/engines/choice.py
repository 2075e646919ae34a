"""The engines by name."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from chainrule.engines.reference import ReferenceProgram
from chainrule.engines.visits import Watched
from chainrule.errors import ArgumentError
from chainrule.ir.graph import Graph, Variable

ENGINES = ("native", "reference")


class Runnable(Protocol):
    """A graph made ready to run."""

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of the graph for these inputs."""
        ...

    def watched(self, wanted: Iterable[Variable]) -> Watched:
        """The same, showing those of the wanted values that are there."""
        ...


def engine_named(name: str | None) -> str:
    """The engine to use: the one named, or $CHAINRULE_ENGINE, or "native".

    Raises: ArgumentError (CR407) for an engine that does not exist.
    """
    chosen = name or os.environ.get("CHAINRULE_ENGINE") or ENGINES[0]
    if chosen not in ENGINES:
        raise ArgumentError(
            "CR407", f"there is no engine {chosen!r}; there is {' and '.join(ENGINES)}"
        )
    return chosen


def program(engine: str, graph: Graph, replaced: Mapping[int, int] | None = None) -> Runnable:
    """A graph made ready to run by an engine.

    Args: replaced: output → the input whose value it replaces after the run, so that it may
        take the input's memory if nobody else holds it.

    Notes: the native engine is loaded when it is first asked for, as LLVM takes a moment.
    """
    if engine == "reference":
        return ReferenceProgram(graph)
    native = importlib.import_module("chainrule.engines.native.engine")
    return native.NativeProgram(graph, dict(replaced or {}))
