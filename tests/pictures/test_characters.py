"""Pictures in a terminal."""

import numpy as np

from chainrule.pictures.characters import braille, curves, scattered, shades


def test_shades_go_from_the_least_to_the_most():
    drawn = shades(np.array([[0.0, 1.0], [0.25, np.nan]])).splitlines()
    assert drawn == ["  ██", "░░??", "' ' 0 … '█' 1"]


def test_shades_of_one_value_and_of_none():
    assert shades(np.ones((2, 2))).endswith("' ' 1 … '█' 1")
    assert "????" in shades(np.full((2, 2), np.nan))


def test_points_are_where_they_should_be():
    drawn = scattered(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1]), size=(3, 5))
    assert drawn.splitlines() == ["    x", "", "o"]


def test_points_outside_are_left_out_and_one_point_is_enough():
    one = scattered(np.array([[5.0, 5.0]]), np.array([0]), size=(3, 5))
    assert one == "\n  o\n"
    assert not scattered(
        np.array([[5.0, 5.0]]), np.array([0]), (0, 1, 0, 1), size=(3, 5)
    ).strip()


def test_a_rising_line_in_dots():
    assert braille(np.arange(8.0), height=2) == "⠀⠀⡠⠊\n⡠⠊"
    assert braille([float("nan")] * 3).strip() == ""


def test_curves_say_what_they_show():
    text = curves({"loss": [3.0, 1.0, 2.0], "broken": [float("nan")]})
    assert "loss    3 → 2, lowest 1 at 1" in text and "broken  never finite" in text
