"""Training steps of every optimizer: the native engine stays with eager computing."""

import inspect

import pytest

import chainrule as cr
from chainrule import nn, optim
from chainrule.nn import functional as F

OPTIMIZERS = [
    kind for _, kind in inspect.getmembers(optim, inspect.isclass)
    if issubclass(kind, optim.Optimizer)
    and kind not in (optim.Optimizer, optim.LBFGS)
]  # fmt: skip
STEPS = 12


def trained(kind, prepare):
    """Losses and weights of a small network in float64, after some steps."""
    cr.manual_seed(1)
    model = nn.Sequential(nn.Linear(5, 7, bias=False), nn.Tanh(), nn.Linear(7, 3, bias=False))
    model = model.double()
    optimizer = kind(model.parameters(), lr=0.01)
    x, y = cr.randn(9, 5, dtype=cr.float64), cr.randn(9, 3, dtype=cr.float64)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = prepare(step)
    return [run(x, y).item() for _ in range(STEPS)], list(model.parameters())


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_a_native_training_is_the_eager_one(kind):
    eager, weights = trained(kind, lambda step: step)
    native, others = trained(kind, lambda step: cr.compile(step, engine="native"))
    assert native == pytest.approx(eager, rel=1e-9)
    assert all(cr.allclose(a, b, 1e-8, 1e-10) for a, b in zip(weights, others, strict=True))
