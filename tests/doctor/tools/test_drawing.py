"""Curves, bars, tables and numbers made of characters."""

import math

import numpy as np

from chainrule.doctor.tools.drawing import bar, curve, short, table


def test_a_curve_rises_from_the_lower_left_to_the_upper_right():
    lines = curve(range(10), range(10), width=10, height=5)
    starts = [len(line) - len(line.split("│")[1].lstrip()) for line in lines]
    assert starts == sorted(starts, reverse=True)
    assert lines[0].startswith("         9 │") and lines[-1].startswith("         0 │")


def test_gaps_constants_and_nothing():
    lines = curve(range(9), [1, 1, 1, math.nan, math.nan, math.nan, 1, 1, 1], width=9, height=1)
    assert "  " in lines[0].split("│")[1].strip()
    assert len(curve([0, 1], [2.0, 2.0], width=5, height=2)) == 2
    assert curve([0, 1], [math.nan, math.inf]) == [] and curve([], []) == []
    assert len(curve([3], [1.0])) == 12
    assert curve(np.arange(3), np.arange(3.0), width=4, height=2)


def test_bars_stay_within_their_width():
    assert [bar(share, 4) for share in (-1, 0, 0.5, 1, 2)] == [
        "    ", "    ", "██  ", "████", "████",
    ]  # fmt: skip
    assert all(len(bar(i / 97)) == 24 for i in range(98))


def test_tables_are_aligned_and_numbers_short():
    lines = table(("a", "b"), [("long name", "1"), ("x", "22")])
    assert lines[2:] == ["long name   1", "x          22"] and set(lines[1]) == {"─"}
    assert [short(n) for n in (0, 999, 1000, 999_600, 1.5e12)] == [
        "0", "999", "1 k", "1 M", "1.5 T",
    ]  # fmt: skip
