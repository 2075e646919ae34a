"""What `compiled.profile()` returns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.compiler.explain import Part, parts
from chainrule.engines import stepwise
from chainrule.engines.measurement import Measurement, Row
from chainrule.errors import ArgumentError

if TYPE_CHECKING:
    from chainrule.compiler.recording import Recording

MOST = 40  # rows in the text
HEAD = ("kernel", "µs", "share", "chunks", "MFLOP", "kB", "GFLOP/s", "GB/s", "limit")


@dataclass(frozen=True)
class Profile:
    """A table of kernels: `print` it, or take `as_dict()`.

    Args: parts: "graph" → its figures; "derivative" where there is one.

    Notes: "limit" is how near a kernel is to what this machine can do: the larger of FLOPs
    over the peak and bytes over the bandwidth, over the time taken. FLOPs count one for each
    element of each operation, two for each term of a product; bytes are those of whole
    arrays, so that a kernel that reads a part of one may seem to pass the limit. All do if
    the limits were measured while the machine was busy: `machine_limits(again=True)`.
    """

    engine: str
    parts: dict[str, Measurement]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        found = {name: part.as_dict() for name, part in self.parts.items()}
        return {"engine": self.engine, "parts": found}

    def json(self) -> str:
        """as_dict() as a text."""
        return json.dumps(self.as_dict(), indent=2)

    def text(self, most: int = MOST) -> str:
        """For people; at most so many rows, the slowest ones."""
        return "\n".join(
            line for name, part in self.parts.items() for line in _lines(name, part, most)
        )

    def __str__(self) -> str:
        return self.text()


def profile(
    engine: str, recording: Recording, inputs: Sequence[np.ndarray], repeat: int
) -> Profile:
    """Run the programs of a recording with a clock; what they write over are copies."""
    first, *rest = parts(recording)
    found = {first.name: _measured(first, inputs, repeat)}
    for part in rest:
        found[part.name] = _measured(part, _cotangents(recording, part, inputs), repeat)
    return Profile(engine, found)


def profile_of_last_run(engine: str, recording: Recording, repeat: int) -> Profile | None:
    """The same with the inputs of the last run; None where they were not kept, or the engine
    has no kernels."""
    inputs, recording.last_inputs = recording.last_inputs, None
    if inputs is None or not hasattr(recording.program, "profile"):
        return None
    return profile(engine, recording, inputs, repeat)


def _measured(part: Part, inputs: Sequence[np.ndarray], repeat: int) -> Measurement:
    if repeat < 1:
        raise ArgumentError("CR902", f"profile: repeat at least once, got {repeat}")
    if hasattr(part.program, "profile"):
        return part.program.profile(inputs, repeat)
    return stepwise.measured(part.graph, inputs, repeat)


def _cotangents(
    recording: Recording, part: Part, inputs: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """What the derivative is run with: the residuals of a run, and ones."""
    assert recording.derivative is not None
    count = len(recording.derivative.residuals)
    outputs = [step.output for step in stepwise.steps(recording.graph, inputs)]
    made = dict(zip([e.output for e in recording.graph.equations], outputs, strict=True))
    made |= dict(zip(recording.graph.inputs, inputs, strict=True)) | recording.graph.constants
    whole = recording.graph.outputs
    residuals = [made[v] for v in whole[len(whole) - count :]]
    rest = part.graph.inputs[count:]
    return [*residuals, *[np.ones(v.shape, v.dtype) for v in rest]]


def _lines(name: str, part: Measurement, most: int) -> Iterator[str]:
    limit = sum(row.limit for row in part.rows)
    near = f", limit {1e6 * limit:.1f} µs ({limit / part.total:.0%})" if limit else ""
    yield (
        f"{name}: {1e6 * part.total:.1f} µs, {1e6 * part.outside:.1f} µs of it outside the "
        f"kernels{near}; {part.threads} threads, medians of {part.repeat} runs on copies"
    )
    yield _columns(HEAD) + "  where"
    slowest = sorted(part.rows, key=lambda row: -row.seconds)
    for row in slowest[:most]:
        where = "  ".join(x for x in (row.title[:24], row.module, row.line) if x)
        yield f"{_columns(_cells(part, row))}  {where}"
    if len(slowest) > most:
        rest = sum(row.seconds for row in slowest[most:])
        yield f"… and {len(slowest) - most} more, {1e6 * rest:.1f} µs in all"


def _cells(part: Measurement, row: Row) -> tuple[str, ...]:
    seconds = row.seconds or float("inf")
    moved = row.read + row.written
    return (
        f"{row.name} {row.role}", f"{1e6 * row.seconds:.1f}", f"{part.share(row):.1%}",
        str(row.chunks), f"{row.flops / 1e6:.3g}", f"{moved / 1e3:.4g}",
        f"{row.flops / seconds / 1e9:.3g}", f"{moved / seconds / 1e9:.3g}",
        f"{row.roofline:.0%}" if row.limit else "-",
    )  # fmt: skip


def _columns(cells: Sequence[str]) -> str:
    first, *rest = cells
    return f"{first:<16}" + "".join(f"{cell:>9}" for cell in rest)
