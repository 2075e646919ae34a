"""What `compiled.explain()` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.ir.printer import render

if TYPE_CHECKING:
    from chainrule.compiler.recording import Recording


@dataclass(frozen=True)
class Explanation:
    """Print it for a summary; `graph(i)` is the text of a recording's graph."""

    engine: str
    recordings: list[Recording]
    retraces: list[str]  # why each recording was made, those dropped since included

    def graph(self, number: int = -1, *, optimized: bool = True, sources: bool = False) -> str:
        """The graph of recording `number` as text, after or before the passes."""
        recording = self.recordings[number]
        return render(recording.graph if optimized else recording.traced, sources)

    def reasons(self) -> list[str]:
        """Why each recording was made, in order."""
        return list(self.retraces)

    def __str__(self) -> str:
        lines = [f"engine {self.engine}, {len(self.retraces)} recordings"]
        for number, reason in enumerate(self.retraces):
            lines.append(f"  recording {number}: traced because of {reason}")
        for number, recording in enumerate(self.recordings):
            equations, guards = len(recording.graph.equations), len(recording.guards)
            lines.append(
                f"  graph {number}: {equations} equations, {guards} guards, "
                f"{recording.calls} calls"
            )
            lines += [
                f"    {report.name}: {report.equations_before} → {report.equations_after} "
                f"equations in {report.seconds * 1e3:.2f} ms"
                for report in recording.passes
            ]
        return "\n".join(lines)
