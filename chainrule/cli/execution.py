"""How a command computes: compiled or eagerly, and by which engine."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import Any

from chainrule.engines.choice import ENGINES, engine_named
from chainrule.threads import get_num_threads


@dataclass(frozen=True)
class Execution:
    """Compiled where possible (None), always or never; and the engine."""

    compile: bool | None
    engine: str

    def __str__(self) -> str:
        if self.compile is False:
            return "none: eager, NumPy operation by operation"
        threads = get_num_threads()
        return f"{self.engine}, {threads} thread{'s' * (threads > 1)}"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        help="always or never (by default where possible)",
    )
    parser.add_argument("--engine", help=f"for what is compiled: {', '.join(ENGINES)} (native)")


def asked(arguments: argparse.Namespace, before: dict[str, Any] | None = None) -> Execution:
    """What the options say, and where they say nothing what was done `before`.

    Raises: ArgumentError (CR407) for an engine that does not exist.
    """
    known = before or {}
    compile = known.get("compile") if arguments.compile is None else arguments.compile
    return Execution(compile, engine_named(arguments.engine or known.get("engine")))
