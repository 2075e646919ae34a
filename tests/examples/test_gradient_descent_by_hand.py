"""Two weights: the derivative on paper, the one of autograd, and the way down."""

from itertools import pairwise

import pytest

import chainrule as cr


@pytest.mark.parametrize("w", [(-2.0, 2.0), (0.0, 0.0), (3.5, -7.25)])
def test_autograd_finds_what_was_derived_by_hand(lesson, w):
    w = cr.tensor(w)
    by_hand, by_autograd = lesson.gradient_by_hand(w), lesson.gradient_by_autograd(w)
    assert by_hand.tolist() == pytest.approx(by_autograd.tolist(), rel=1e-6)


def test_the_gradient_is_the_slope_of_the_surface(lesson):
    w = cr.tensor([-2.0, 2.0])
    for g, step in zip(lesson.gradient_by_hand(w), cr.eye(2) / 2, strict=True):
        slope = lesson.loss(w + step) - lesson.loss(w - step)  # exact: J is a parabola
        assert g.item() == slope.item()


def test_both_ways_lead_down_to_the_line(lesson):
    for gradient in (lesson.gradient_by_hand, lesson.gradient_by_autograd):
        path = lesson.descend(gradient, learning_rate=0.1, steps=60)
        losses = [lesson.loss(w).item() for w in path]
        assert losses[0] == 41.0
        assert all(b < a for a, b in pairwise(losses[:20]))
        assert path[-1].tolist() == pytest.approx([2.0, -1.0], abs=1e-4)


def test_a_stride_that_is_too_long_climbs(lesson):
    short, right, long = (
        lesson.loss(lesson.descend(lesson.gradient_by_hand, learning_rate, steps=20)[-1])
        for learning_rate in (0.001, 0.1, 0.6)
    )
    assert right < short < 41 < long


def test_main_shows_the_surface_and_the_path(lesson, capsys):
    lesson.main()
    printed = capsys.readouterr().out
    assert "w₂ = -1    32.0   18.0    8.0    2.0    0.0    2.0    8.0" in printed
    assert "  20   ( 1.9999, -0.9654)  ( 1.9999, -0.9654)  0.001196" in printed
