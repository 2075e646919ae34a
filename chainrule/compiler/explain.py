"""What `compiled.explain()` returns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from chainrule.compiler.pipeline import PASSES, PassReport
from chainrule.errors import ArgumentError
from chainrule.ir.graph import Graph
from chainrule.ir.printer import render

if TYPE_CHECKING:
    from chainrule.compiler.recording import Recording

MOST = 40  # kernels and waits of each graph in the text


class Part(NamedTuple):
    """One graph of a recording: its own, or that of its derivative."""

    name: str
    traced: Graph
    graph: Graph
    passes: list[PassReport]
    program: Any
    seconds: dict[str, float]

    @property
    def report(self) -> Any:
        """What the native engine made of it; None on the reference engine."""
        return self.program.report() if hasattr(self.program, "report") else None

    def stages(self, sources: bool = False) -> dict[str, str]:
        """The graph as text: as traced, after each pass, after each rewrite of the engine."""
        graph = self.traced
        found = {"traced": render(graph, sources)}
        for transform in PASSES:
            graph = transform(graph)
            found[_free(f"after {transform.__name__}", found)] = render(graph, sources)
        if (report := self.report) is not None:
            for name, text in report.stages().items():
                found[_free(f"after {name}", found)] = text
        return found

    def as_dict(self, graphs: bool) -> dict[str, Any]:
        """Plain values, for JSON."""
        report = self.report
        found = {
            "name": self.name,
            "seconds": dict(self.seconds),
            "equations": len(self.graph.equations),
            "passes": [asdict(each) for each in self.passes],
            "engine": None if report is None else report.as_dict(),
        }
        return found | ({"graphs": self.stages(sources=True)} if graphs else {})


def _free(name: str, taken: dict[str, str]) -> str:
    """The name, numbered where a pass runs again."""
    same = sum(1 for other in taken if other == name or other.startswith(f"{name} ("))
    return f"{name} ({same + 1})" if same else name


def parts(recording: Recording) -> list[Part]:
    """The graphs of a recording."""
    halves: list[tuple[str, Any]] = [("graph", recording)]
    if recording.derivative is not None:
        halves.append(("derivative", recording.derivative))
    return [Part(name, x.traced, x.graph, x.passes, x.program, x.seconds) for name, x in halves]


@dataclass(frozen=True)
class Explanation:
    """What became of a compiled function: `print` it, or take `as_dict()`.

    Example:
        explanation = compiled.explain()
        print(explanation)                               # why, how long, kernels, waits, memory
        print(explanation.graph("after fold_constants")) # "traced", "after decompose", …
        print(explanation.kernel(3).ir())                # LLVM's code; or .assembly()
    """

    engine: str
    recordings: list[Recording]
    retraces: list[str]  # why the last recordings were made, those dropped since included
    graphs: bool = False  # whether the graphs are shown too

    def graph(
        self, which: int | str = -1, number: int = -1, *, optimized: bool = True,
        sources: bool = False,
    ) -> str:  # fmt: skip
        """The graph of a recording as text.

        Args:
            which: the number of the recording, for its graph after or before the passes; or
                a stage, such as "traced" or "after fold_constants".
            number: the recording, where a stage is named.

        Raises: ArgumentError (CR902) for a stage that there is not.
        """
        if isinstance(which, int):
            recording = self.recordings[which]
            return render(recording.graph if optimized else recording.traced, sources)
        stages = parts(self.recordings[number])[0].stages(sources)
        if which not in stages:
            known = ", ".join(map(repr, stages))
            raise ArgumentError("CR902", f"there is no stage {which!r}; there are {known}")
        return stages[which]

    def kernel(self, name: int | str, number: int = -1, *, derivative: bool = False) -> Any:
        """A kernel of a recording's native program, with `ir()` and `assembly()`.

        Args: name: its number; of a loop's body such as "3.0"; derivative: of that graph.

        Raises: ArgumentError (CR902) for a kernel that there is not.
        """
        known = parts(self.recordings[number])[-1 if derivative else 0].report
        names = [] if known is None else [kernel.name for kernel in known.kernels]
        if str(name) not in names:
            raise ArgumentError("CR902", f"there is no kernel {name}; there are {len(names)}")
        return known.kernel(name)

    def reasons(self) -> list[str]:
        """Why each of the last recordings was made, in order."""
        return list(self.retraces)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "engine": self.engine,
            "retraces": self.reasons(),
            "recordings": [
                {
                    "guards": len(recording.guards),
                    "calls": recording.calls,
                    "parts": [part.as_dict(self.graphs) for part in parts(recording)],
                }
                for recording in self.recordings
            ],
        }

    def json(self) -> str:
        """as_dict() as a text."""
        return json.dumps(self.as_dict(), indent=2)

    def text(self, most: int = MOST) -> str:
        """For people; at most so many kernels of each graph."""
        return "\n".join(self._lines(most))

    def __str__(self) -> str:
        return self.text()

    def _lines(self, most: int) -> Iterator[str]:
        yield f"engine {self.engine}, {len(self.retraces)} recordings"
        for number, reason in enumerate(self.retraces):
            yield f"  recording {number}: traced because of {reason}"
        for number, recording in enumerate(self.recordings):
            for part in parts(recording):
                seconds = ", ".join(f"{k} {1e3 * s:.1f}" for k, s in part.seconds.items())
                yield (
                    f"  {part.name} {number}: {len(part.graph.equations)} equations, "
                    f"{len(recording.guards)} guards, {recording.calls} calls; ms: {seconds}"
                )
                yield from (f"    {line}" for line in self._part(part, most))

    def _part(self, part: Part, most: int) -> Iterator[str]:
        for each in part.passes:
            yield (
                f"{each.name}: {each.equations_before} → {each.equations_after} equations in "
                f"{each.seconds * 1e3:.2f} ms"
            )
        if (report := part.report) is not None:
            yield from report.text(most).splitlines()
        if self.graphs:
            for name, text in part.stages().items():
                yield from (f"{name}:", *text.splitlines())
