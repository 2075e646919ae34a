"""One neuron at the point of the lecture, and its line through the plane."""

import pytest

import chainrule as cr


def test_the_lectures_point(lesson):
    x = cr.tensor([-1.0, 2.0])
    assert lesson.weighted_sum(x).item() == -6.0
    assert lesson.perceptron(x).item() == pytest.approx(0.0024726232, rel=1e-6)


def test_the_picture_shows_the_line(lesson):
    rows = lesson.picture().replace(" ", "").splitlines()
    for row, x2 in zip(rows, range(4, -5, -1), strict=True):
        for sign, x1 in zip(row, range(-4, 5), strict=True):
            z = 1 + 3 * x1 - 2 * x2
            assert sign == ("+" if z > 0 else "-" if z < 0 else "0"), (x1, x2)


def test_main_prints_both(lesson, capsys):
    lesson.main()
    printed = capsys.readouterr().out
    assert "= -6\n" in printed
    assert "= 0.0025\n" in printed
    assert lesson.picture() in printed
