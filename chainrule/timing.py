"""How long a statement takes: runs of it in blocks, and their median."""

from __future__ import annotations

import statistics
import sys
import textwrap
import timeit
from collections.abc import Callable
from typing import Any

#: seconds to a unit, largest first
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


class Measurement:
    """The seconds per run, in each of some blocks of runs."""

    def __init__(self, number_per_run: int, raw_times: list[float], title: str) -> None:
        self.number_per_run = number_per_run
        self.raw_times = raw_times
        self.title = title

    @property
    def times(self) -> list[float]:
        """Seconds per run, block by block."""
        return [seconds / self.number_per_run for seconds in self.raw_times]

    @property
    def mean(self) -> float:
        """The mean of the blocks, in seconds."""
        return statistics.fmean(self.times)

    @property
    def median(self) -> float:
        """The median of the blocks, in seconds."""
        return statistics.median(self.times)

    @property
    def iqr(self) -> float:
        """The distance between the first and the third quartile, in seconds."""
        if len(self.times) < 2:
            return 0.0
        first, _, third = statistics.quantiles(self.times, n=4, method="inclusive")
        return third - first

    def __repr__(self) -> str:
        median = self.median
        size, unit = next((u for u in UNITS if median >= u[0]), UNITS[-1])
        runs = f"{len(self.times)} blocks of {self.number_per_run} runs"
        return f"{self.title}\n  {median / size:.2f} {unit}, the median of {runs}"


class Timer:
    """Times a statement, as `utils.benchmark.Timer` does.

    Args: stmt: a text of Python, or a function without arguments; setup: a text that is run
    once before; globals: the names the texts know; label, sub_label, description: for the
    title; num_threads, env: taken, and change nothing.

    Example:
        >>> t = Timer("sum(x)", globals={"x": [1, 2, 3]})
        >>> t.timeit(10).number_per_run
        10
    """

    def __init__(
        self,
        stmt: str | Callable[[], Any] = "pass",
        setup: str | Callable[[], Any] = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
    ) -> None:
        text = textwrap.dedent(stmt).strip() if isinstance(stmt, str) else stmt
        names = [label or str(text), sub_label, description]
        self._title = ": ".join(name for name in names if name)
        names_known = dict(globals or {})
        if isinstance(setup, str):
            setup = f"{textwrap.dedent(global_setup)}\n{textwrap.dedent(setup)}"
        self._timer = timeit.Timer(text, setup, timer, globals=names_known)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """The statement run `number` times, after a few to warm up."""
        self._timer.timeit(max(number // 100, 2))
        return Measurement(number, [self._timer.timeit(number)], self._title)

    def repeat(self, repeat: int = -1, number: int = -1) -> list[Measurement]:
        """So many blocks, each a measurement of its own."""
        runs = 1 if number < 0 else number
        blocks = 5 if repeat < 0 else repeat
        return [self.timeit(runs) for _ in range(blocks)]

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Blocks of runs for at least `min_run_time` seconds, each a hundredth of it long."""
        number = 1
        while (seconds := self._timer.timeit(number)) < min_run_time / 100:
            number = min(number * 10, sys.maxsize)
        times: list[float] = []
        while sum(times) < min_run_time:
            seconds = self._timer.timeit(number)
            times.append(seconds)
            if callback is not None:
                callback(number, seconds)
        return Measurement(number, times, self._title)
