"""Sine waves by LBFGS: every loss on its way is PyTorch's, and the waves go on."""

import math

import pytest
from in_pytorch import copy_weights

import chainrule as cr


@pytest.mark.parametrize(
    ("dtype", "steps", "tolerance"), [("float32", 1, 1e-4), ("float64", 2, 1e-8)]
)
def test_losses_follow_those_of_pytorch(lesson, in_pytorch, dtype, steps, tolerance):
    cr.manual_seed(0)
    data = lesson.waves(4, 15, dtype=cr.float64)
    in_pytorch.torch.manual_seed(0)
    theirs = in_pytorch.SequencePredictor(8)
    ours = lesson.SequencePredictor(8)
    copy_weights(theirs, ours)
    losses = {}
    for program, model in ((lesson, ours), (in_pytorch, theirs)):
        dtype_here = getattr(program.torch, dtype)
        model.to(dtype_here)
        x = program.torch.tensor(data.tolist(), dtype=dtype_here)
        optimizer = program.optim.LBFGS(model.parameters(), lr=0.8)
        losses[program] = [
            program.train_step(model, optimizer, program.nn.MSELoss(), x[:, :-1], x[:, 1:])
            for _ in range(steps)
        ]
    assert losses[lesson][-1][-1] < 0.1 * losses[lesson][0][0]
    assert [len(step) for step in losses[lesson]] == [len(step) for step in losses[in_pytorch]]
    for found, expected in zip(losses[lesson], losses[in_pytorch], strict=True):
        assert found == pytest.approx(expected, rel=tolerance, abs=tolerance)


@pytest.mark.slow
def test_it_carries_the_waves_on(lesson, capsys):
    options = ["--steps=2", "--hidden=16", "--waves=8", "--length=40", "--future=20"]
    loss, error = lesson.main(options)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert 0.3 < float(lines[0].split()[3]) < 0.7
    assert loss < 0.01
    assert error < 0.1  # 0.64 for a model that says 0


def test_waves_have_one_frequency_and_many_phases(lesson):
    x = lesson.waves(5, 41)
    assert x.dtype == cr.float64
    cr.testing.assert_close(x[:, :20], x[:, 20:40])
    cr.testing.assert_close(x[:, :20], -x[:, 10:30])
    assert len({round(v, 6) for v in x[:, 0].tolist()}) == 5
    assert x[:, 1:-1].mul(2 * math.cos(math.pi / 10)).allclose(x[:, :-2] + x[:, 2:])


def test_the_future_reads_its_own_predictions(lesson):
    model = lesson.SequencePredictor(4)
    x = cr.rand(2, 6)
    predicted = model(x, future=3)
    assert predicted.shape == (2, 9)
    again = model(cr.cat([x, predicted[:, 5:8]], dim=1))
    cr.testing.assert_close(again, predicted)


def test_the_picture_rises_and_falls(lesson):
    assert lesson.picture([-1.2, -1.0, -0.1, 0.1, 0.9, 1.0, 1.3]) == "▁▁▄▅███"
