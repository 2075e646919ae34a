"""XOR: out of reach for one layer, easy for two."""

import math

import pytest

import chainrule as cr


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_layer_ends_up_undecided(lesson, seed):
    cr.manual_seed(seed)
    model = lesson.one_layer()
    loss = lesson.train(model)
    assert loss == pytest.approx(math.log(2), abs=1e-3)
    assert lesson.predict(model) == pytest.approx([0.5] * 4, abs=0.05)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_two_layers_solve_it(lesson, seed):
    cr.manual_seed(seed)
    model = lesson.two_layers()
    assert lesson.train(model) < 0.01
    assert lesson.predict(model) == pytest.approx([0, 1, 1, 0], abs=0.05)


def test_main_compares_them(lesson, capsys):
    lesson.main()
    lines = capsys.readouterr().out.splitlines()
    (one,) = (line for line in lines if line.startswith("one layer"))
    (two,) = (line for line in lines if line.startswith("two layers"))
    assert one.endswith("0.6931")
    assert float(two.split()[-1]) < 0.01
