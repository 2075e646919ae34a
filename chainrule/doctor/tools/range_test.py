"""Reading a learning-rate range test: which rate it suggests and why, or why none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.doctor.tools.drawing import curve, finite_or_text
from chainrule.printed import Printed

WINDOW = 0.03  # standard deviation of the smoothing window, as a share of the curve
LITTLE = 0.01  # share of the loss below which a fall is none
BOTTOMLESS = 10.0  # times the first loss below zero
LEAST = 10  # finite losses that a judgement needs
MARGIN = 4.0  # how far the suggestion stays below the rate at which the loss turns up
SURE = 5.0  # standard errors that a fall of the loss must exceed
START = 0.1  # share of the range over which the first level of the loss is taken
ONSET = 0.1  # share of the fall that wiggles before it may have
EARLY = 0.5  # share of the fall that must not be over within it


@dataclass(frozen=True, repr=False)
class RangeTest(Printed):
    """What a range test saw, and what follows: `print` it, or take `as_dict()`.

    Args:
        learning_rates, losses: of each step, as far as it went.
        smoothed: the losses without the noise of batches; its slope is what is judged.
        suggestion: a learning rate, or None where the test does not support one.
        reason: why this rate, or why none, in words with numbers.
        steepest: where the loss falls fastest, per factor of the rate.
        turning: where the loss turns up again; None where it does not.
    """

    learning_rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float | None
    reason: str
    steepest: float | None = None
    turning: float | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and for plots (learning_rates on a logarithmic axis)."""
        series = ("learning_rates", "losses", "smoothed")
        found = {k: [finite_or_text(v) for v in getattr(self, k)] for k in series}
        single = ("suggestion", "reason", "steepest", "turning")
        return found | {k: getattr(self, k) for k in single} | {"notes": list(self.notes)}

    def __str__(self) -> str:
        if self.suggestion is None:
            head = "no learning rate can be suggested"
        else:
            head = f"suggested learning rate: {self.suggestion:.2g}"
        return "\n".join([head, self.reason, *self.notes, *self._drawn()])

    def _drawn(self) -> list[str]:
        """The smoothed curve over the rates, with the suggestion marked."""
        if len(self.smoothed) < 2:
            return []
        u, width = np.log10(self.learning_rates), 60
        top = max(self.smoothed[: max(1, len(u) // 2)])
        room = 0.3 * (top - min(self.smoothed)) or 1.0
        lines = curve(u, np.minimum(self.smoothed, top + room), width=width)
        axis = [" "] * width
        if self.suggestion is not None:
            place = (math.log10(self.suggestion) - u[0]) / ((u[-1] - u[0]) or 1)
            axis[min(width - 1, max(0, round(place * (width - 1))))] = "▲"
        ends = f"{10 ** u[0]:.0e}".ljust(width - 6) + f"{10 ** u[-1]:.0e}"
        return [*lines, f"{'loss':>10} └" + "─" * width, " " * 12 + "".join(axis).rstrip(),
                " " * 12 + ends + "  learning rate"]  # fmt: skip


def smooth(losses: Sequence[float]) -> np.ndarray:
    """Straight lines fitted around each point, with weights that fall off like a bell.

    Notes: unlike a running mean it does not lag behind, which would move the steepest place
    to larger rates. The same number of rates below and above counts for each.
    """
    y = np.asarray(losses, float)
    t = np.arange(len(y))
    width = max(1.0, WINDOW * len(y))
    weights = np.exp(-0.5 * ((t - t[:, None]) / width) ** 2)
    away = t - t[:, None]
    s0, s1, s2 = weights.sum(1), (weights * away).sum(1), (weights * away**2).sum(1)
    sy, sty = weights @ y, (weights * away) @ y
    return (s2 * sy - s1 * sty) / np.maximum(s0 * s2 - s1 * s1, 1e-12)


def noise_of(losses: np.ndarray, smoothed: np.ndarray, length: int) -> float:
    """The standard error of smoothed losses: how far some scatter, averaged over a window.

    Args: length: of the whole curve, which the window goes by.
    """
    width = max(1.0, WINDOW * length)
    scatter = 1.4826 * float(np.median(np.abs(losses - smoothed)))
    return scatter / math.sqrt(2 * math.sqrt(math.pi) * width)


def judge(
    learning_rates: Sequence[float],
    losses: Sequence[float],
    at_start: Sequence[float] | None = None,
    notes: Sequence[str] = (),
) -> RangeTest:
    """The suggestion that a range test supports, and its reason; or a refusal.

    The suggestion is where the loss falls fastest, or a fourth of the rate at which it turns
    up, whichever is smaller.

    Args: at_start: what the weights of the beginning have on the same batches; what they
        have more or less than on average is taken off.

    Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", §3.3

    Example:
        >>> rates = [10 ** (-5 + 6 * i / 99) for i in range(100)]
        >>> losses = [2 - 1.5 / (1 + (0.01 / r) ** 2) + (r / 2) ** 3 for r in rates]
        >>> round(judge(rates, losses).suggestion, 3)
        0.009
    """
    rates, raw = list(map(float, learning_rates)), list(map(float, losses))
    base = np.zeros(len(raw)) if at_start is None else np.asarray(at_start, float)
    bad = np.flatnonzero(~np.isfinite(np.asarray(raw) + base))
    finite = int(bad[0]) if bad.size else len(raw)
    if finite < LEAST:
        return RangeTest(rates, raw, raw[:finite], None, _too_short(rates, raw, finite))
    y = np.asarray(raw[:finite]) - (base[:finite] - base[:finite].mean())
    start = max(3, round(START * finite))
    level = float(np.median(y[:start]))
    y = np.minimum(y, level + 2 * (level - y.min()) + 6 * np.abs(y[:start] - level).max())
    f = smooth(y)
    seen = RangeTest(rates[:finite], raw[:finite], f.tolist(), None, "", notes=tuple(notes))
    return _decided(seen, y, f, level, start, finite < len(raw))


def _too_short(rates: list[float], raw: list[float], finite: int) -> str:
    if finite == len(raw):
        return f"only {finite} losses were measured; at least {LEAST} are needed"
    return (
        f"the loss is {raw[finite]} at step {finite + 1} already, at a learning rate of "
        f"{rates[finite]:.1e}: so small a rate is not the cause. Look for NaN or infinity in "
        "the data (check_data) and for a logarithm, a root or a division in model and loss"
    )


def _decided(
    seen: RangeTest, y: np.ndarray, f: np.ndarray, level: float, start: int, ended: bool
) -> RangeTest:
    """The judgement of a curve that is long enough."""
    lowest = int(np.argmin(f))
    near = slice(max(0, lowest - len(f) // 3), lowest + 2)
    error, fall = noise_of(y[near], f[near], len(f)), level - float(f[lowest])
    if refusal := _refusal(seen, fall, error, level):
        return _with(seen, None, refusal)
    slope = np.gradient(f, np.log10(seen.learning_rates))
    onset = int(np.flatnonzero(f[: lowest + 1] >= level - ONSET * fall).max(initial=0))
    fastest = onset + int(np.argmin(slope[onset : lowest + 1]))
    half = max(2, start // 2)
    first, second = (float(np.median(part)) for part in (y[:half], y[half:start]))
    up = np.flatnonzero(f[lowest:] > f[lowest] + max(0.1 * fall, SURE * error))
    turning = lowest + int(up[0]) if up.size else (len(f) - 1 if ended else None)
    if fastest < half or first - second > EARLY * (first - float(f[lowest])):
        return _with(seen, None, _outside(seen.learning_rates[0], "first", "smaller low="))
    if turning is None and fastest >= len(f) - half:
        return _with(seen, None, _outside(seen.learning_rates[-1], "last", "larger high="))
    return _suggested(seen, fastest, turning, float(slope[fastest]))


def _outside(rate: float, which: str, repair: str) -> str:
    """The reason where the steepest place is at an end of the range."""
    return (
        f"the loss falls fastest at the {which} rate of the range, {rate:.1e}, so that the "
        f"best one may lie outside; give a {repair}"
    )


def _refusal(seen: RangeTest, fall: float, error: float, level: float) -> str:
    """Why no rate can be read off the curve; nothing where one can."""
    ends = f"between {seen.learning_rates[0]:.1e} and {seen.learning_rates[-1]:.1e}"
    lowest = level - fall
    if lowest < -BOTTOMLESS * max(abs(level), 1.0):
        return (
            f"the loss falls from {level:.4g} to {lowest:.4g} without end; a loss to be made "
            "small has a lowest value. Is its sign right?"
        )
    if fall <= LITTLE * abs(level):
        return (
            f"the loss hardly fell: it starts at {level:.4g} and its lowest is {lowest:.4g}, "
            f"{ends}. That is no question of the rate; overfit_one_batch and gradient_flow say "
            "whether the model learns at all"
        )
    if fall <= SURE * error:
        return (
            f"the noise of the batches is too large: the loss fell by {fall:.3g} {ends}, which "
            f"is less than {SURE:.0f} times its standard error of {error:.3g}. Give larger "
            "batches or more steps; if overfit_one_batch fails too, the model learns nothing"
        )
    return ""


def _suggested(seen: RangeTest, fastest: int, turning: int | None, slope: float) -> RangeTest:
    rates = seen.learning_rates
    steepest = rates[fastest]
    falls = f"the loss falls fastest at {steepest:.2g} ({-slope:.3g} per tenfold rate)"
    if turning is None:
        reason = (
            f"{falls}, and had not turned up at {rates[-1]:.2g}, where the test ended; a "
            "larger high= would show how far this is from divergence"
        )
        return _with(seen, steepest, reason, steepest)
    limit = rates[turning] / MARGIN
    if steepest <= limit:
        reason = (
            f"{falls} and turns up at {rates[turning]:.2g}, {rates[turning] / steepest:.1f} "
            "times that"
        )
        return _with(seen, steepest, reason, steepest, rates[turning])
    reason = (
        f"{falls}, but turns up at {rates[turning]:.2g} already; the suggestion stays "
        f"{MARGIN:.0f} times below that"
    )
    return _with(seen, limit, reason, steepest, rates[turning])


def _with(
    seen: RangeTest,
    suggestion: float | None,
    reason: str,
    steepest: float | None = None,
    turning: float | None = None,
) -> RangeTest:
    return RangeTest(
        seen.learning_rates, seen.losses, seen.smoothed, suggestion, reason, steepest, turning,
        seen.notes,
    )  # fmt: skip
