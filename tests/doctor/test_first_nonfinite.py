"""The first number that is not finite is found: primitive, module, rows, line and step."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import watch


class Logarithm(nn.Module):
    """Takes the logarithm of what may become negative."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(4, 1)

    def forward(self, x):
        return self.line(x).log()  # here


class Root(Logarithm):
    """Its value at 0 is finite, its derivative is not."""

    def forward(self, x):
        return (self.line(x) * 0).sqrt()  # here


def run(model, batches, *, engine=None, lr=0.05, target=-2.0):
    cr.manual_seed(0)
    with cr.no_grad():
        for p in model.parameters():
            p.fill_(0.05 if p.ndim > 1 else 1.0)
    learner = cr.optim.SGD(model.parameters(), lr=lr)

    def step(x):
        learner.zero_grad()
        loss = F.mse_loss(model(x), cr.full((len(x), 1), target))
        loss.backward()
        learner.step()
        return loss

    step = step if engine is None else cr.compile(step, engine=engine)
    with watch(model, learner, tell=lambda f: None) as doctor:
        for x in batches:
            step(x)
    return doctor


def batches(count=40, seed=0):
    rng = np.random.default_rng(seed)
    return [cr.tensor(rng.normal(size=(16, 4)).astype(np.float32)) for _ in range(count)]


@pytest.mark.parametrize("engine", [None, "reference"])
def test_the_forward_pass_is_searched(engine):
    doctor = run(Logarithm(), batches(), engine=engine)
    found = doctor.record.nonfinite
    assert (found.part, found.primitive, found.module) == ("forward", "Log", "Logarithm")
    first = next(step for step, loss in doctor.record.losses if not np.isfinite(loss))
    assert found.step == first > 0
    assert 0 < len(found.rows) < 16
    assert found.inputs.startswith("from -")
    assert "test_first_nonfinite.py" in found.line
    assert found.line.endswith("# here")


@pytest.mark.parametrize("engine", [None, "reference"])
def test_the_backward_pass_is_searched(engine):
    doctor = run(Root(), batches(12), engine=engine)
    found = doctor.record.nonfinite
    assert (found.part, found.step) == ("backward", 0)
    assert doctor.record.losses[0][1] == pytest.approx(4.0)


def test_rows_with_nan_in_the_data_are_named_instead():
    bad = batches(12)
    with cr.no_grad():
        bad[5][3, 2] = float("nan")
    doctor = run(nn.Linear(4, 1), bad)
    data = doctor.record.data
    assert (data.bad_step, data.bad_rows, data.bad_columns) == (5, [3], [2])
    assert doctor.findings[0].code == "D11"


def test_nothing_is_sought_where_all_is_finite():
    doctor = run(nn.Linear(4, 1), batches(12))
    assert doctor.record.nonfinite is None
    assert doctor.record.data.bad_step is None
