"""Layers: what the page shows of them over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.journal.plain import number
from chainrule.report.packing import Arrays, points_each
from chainrule.report.series import layer_facts, layer_series

#: quantity → its heading, and whether it is shown as a share
QUANTITIES = {
    "gradient_norm": "Gradient norm",
    "update_ratio": "Update-to-weight ratio",
    "dead": "Dead units",
    "saturated": "Saturated units",
    "weight_norm": "Weight norm",
    "activation_mean": "Activation mean",
    "activation_std": "Activation standard deviation",
}
SHARES = ("dead", "saturated")
BAND = (5e-4, 2.5e-2)  # update-to-weight ratios that were seen in healthy trainings
IDEAL = 1e-3
BINS, MOMENTS = 48, 120  # of a histogram over time
MOST_LAYERS = 1_000  # whose histograms are shown


def layers_of(records: Sequence[dict[str, Any]], arrays: Arrays) -> dict[str, Any] | None:
    """The layers as the page takes them; None where none were looked at."""
    series = layer_series(records)
    names = list(dict.fromkeys(layer for _, layer, _ in layer_facts(records)))
    if not names:
        return None
    points = points_each(sum(len(table) for table in series.values()))
    order = [*QUANTITIES, *sorted(series.keys() - QUANTITIES.keys())]
    quantities = [
        _quantity(quantity, names, series[quantity], arrays, points)
        for quantity in order
        if quantity in series
    ]
    return {
        "names": names,
        "quantities": quantities,
        "histograms": _histograms(records, arrays),
    }


def _quantity(
    quantity: str, names: list[str], table: dict[str, Any], arrays: Arrays, points: int
) -> dict[str, Any]:
    lines = [
        {"label": name, "data": arrays.series(table[name], points)}
        for name in names
        if name in table
    ]
    ratio = quantity == "update_ratio"
    return {
        "key": quantity,
        "title": QUANTITIES.get(quantity, quantity.replace("_", " ").capitalize()),
        "share": quantity in SHARES,
        "log": quantity in ("gradient_norm", "update_ratio"),
        "band": BAND if ratio else None,
        "ideal": IDEAL if ratio else None,
        "lines": lines,
    }


def _histograms(records: Sequence[dict[str, Any]], arrays: Arrays) -> list[dict[str, Any]]:
    """For each layer a picture: steps to the right, values upwards, the share as darkness."""
    found: dict[str, list[tuple[int, float, float, np.ndarray]]] = {}
    for step, layer, facts in layer_facts(records):
        histogram = _histogram(facts.get("histogram"))
        if histogram is not None:
            found.setdefault(layer, []).append((step, *histogram))
    shown = list(found.items())[:MOST_LAYERS]
    return [_picture(layer, moments, arrays) for layer, moments in shown]


def _histogram(value: Any) -> tuple[float, float, np.ndarray] | None:
    """Lowest and highest value and the counts; None for what is no histogram."""
    if not isinstance(value, dict) or not isinstance(value.get("counts"), list):
        return None
    low, high = number(value.get("low")), number(value.get("high"))
    counts = [number(count) for count in value["counts"]]
    if low is None or high is None or not counts or None in counts:
        return None
    array = np.array(counts, np.float64)
    sound = np.isfinite([low, high]).all() and low <= high and np.isfinite(array).all()
    return (low, high, array) if sound and array.sum() > 0 else None


def _picture(
    layer: str, moments: list[tuple[int, float, float, np.ndarray]], arrays: Arrays
) -> dict[str, Any]:
    every = -(-len(moments) // MOMENTS)
    kept = moments[::every]
    low, high = min(m[1] for m in kept), max(m[2] for m in kept)
    high = high if high > low else low + max(1e-12, abs(low) * 1e-6)
    edges = np.linspace(low, high, BINS + 1)
    shares = np.array([_rebinned(*moment[1:], edges) for moment in kept])
    peak = float(shares.max())
    levels = np.round(255 * np.sqrt(shares / peak)) if peak else shares
    return {
        "layer": layer,
        "low": low,
        "high": high,
        "rows": BINS,
        "peak": peak,
        "steps": arrays.add(np.array([m[0] for m in kept]), whole=True),
        "levels": arrays.add(levels.ravel(), whole=True),
    }


def _rebinned(low: float, high: float, counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The share of the values that falls between the edges; each bin is spread evenly."""
    if high <= low:
        found = np.histogram([low], bins=edges)[0].astype(np.float64)
        return found / max(1.0, found.sum())
    below = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    at = np.interp(edges, np.linspace(low, high, len(counts) + 1), below)
    return np.diff(at)
