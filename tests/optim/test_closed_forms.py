"""200 steps of each update rule where its result is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim

STEPS = 200
START = np.array([3.0, -2.0, 0.5])
SLOPE = np.array([0.7, -1.3, 2.0])
K = np.arange(1, STEPS + 1)


def run(make, gradient):
    """The parameter after STEPS steps with `gradient(p)`."""
    p = cr.tensor(START, dtype=cr.float64, requires_grad=True)
    optimizer = make([p])
    for _ in range(STEPS):
        p.grad = gradient(p.detach())
        optimizer.step()
    return p.detach().numpy()


def constant(p):
    return cr.tensor(SLOPE, dtype=cr.float64)


def near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_sgd_on_a_parabola():
    near(run(lambda p: optim.SGD(p, lr=0.01), lambda p: 3 * p), START * 0.97**STEPS)


def test_sgd_with_weight_decay_shrinks_where_the_gradient_is_zero():
    found = run(lambda p: optim.SGD(p, lr=0.1, weight_decay=0.2), lambda p: 0 * p)
    near(found, START * (1 - 0.02) ** STEPS)


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_momentum_down_a_slope(nesterov):
    found = run(lambda p: optim.SGD(p, lr=0.01, momentum=0.9, nesterov=nesterov), constant)
    buffers = (1 - 0.9**K) / (1 - 0.9)
    moves = 1 + 0.9 * buffers if nesterov else buffers
    near(found, START - 0.01 * SLOPE * moves.sum())


def test_sgd_with_dampening_takes_the_first_gradient_whole():
    found = run(lambda p: optim.SGD(p, lr=0.01, momentum=0.5, dampening=0.75), constant)
    limit = 0.25 / 0.5  # b = 0.5 b + 0.25 g
    buffers = limit + (1 - limit) * 0.5 ** (K - 1)
    near(found, START - 0.01 * SLOPE * buffers.sum())


def test_sgd_maximizes():
    found = run(lambda p: optim.SGD(p, lr=0.01, maximize=True), constant)
    near(found, START + 0.01 * SLOPE * STEPS)


def test_adagrad_down_a_slope():
    found = run(lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.5, eps=0), constant)
    moves = 0.1 / (1 + 0.5 * (K - 1)) / np.sqrt(K)
    near(found, START - np.sign(SLOPE) * moves.sum())


def test_rmsprop_down_a_slope():
    found = run(lambda p: optim.RMSprop(p, lr=0.01, alpha=0.9, eps=0), constant)
    near(found, START - 0.01 * np.sign(SLOPE) * (1 / np.sqrt(1 - 0.9**K)).sum())


def test_centered_rmsprop_down_a_slope():
    found = run(lambda p: optim.RMSprop(p, lr=0.01, alpha=0.9, eps=0, centered=True), constant)
    variance = (1 - 0.9**K) - (1 - 0.9**K) ** 2
    np.testing.assert_allclose(
        found, START - 0.01 * np.sign(SLOPE) * (1 / np.sqrt(variance)).sum(), rtol=1e-6
    )


def test_rmsprop_with_momentum_down_a_slope():
    found = run(lambda p: optim.RMSprop(p, lr=0.01, alpha=0, eps=0, momentum=0.9), constant)
    buffers = (1 - 0.9**K) / (1 - 0.9)
    near(found, START - 0.01 * np.sign(SLOPE) * buffers.sum())


@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_down_a_slope_goes_lr_in_each_step(amsgrad):
    found = run(lambda p: optim.Adam(p, lr=0.01, eps=0, amsgrad=amsgrad), constant)
    near(found, START - 0.01 * np.sign(SLOPE) * STEPS)


def test_adam_with_eps():
    found = run(lambda p: optim.Adam(p, lr=0.01, eps=0.5), constant)
    near(found, START - 0.01 * STEPS * SLOPE / (np.abs(SLOPE) + 0.5))


def test_adamw_decays_beside_the_averages():
    found = run(lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.2), lambda p: 0 * p)
    near(found, START * (1 - 0.02) ** STEPS)


def test_adam_decays_through_the_averages():
    p = cr.tensor([2.0, -3.0], dtype=cr.float64, requires_grad=True)
    optimizer = optim.Adam([p], lr=0.1, weight_decay=0.2, eps=0)
    p.grad = cr.zeros_like(p)
    optimizer.step()
    near(p.detach().numpy(), [1.9, -2.9])


def test_amsgrad_keeps_dividing_by_a_large_gradient():
    p = cr.zeros(1, dtype=cr.float64, requires_grad=True)
    optimizer = optim.Adam([p], lr=1.0, betas=(0.0, 0.5), eps=0, amsgrad=True)
    moved = []
    for g in (8.0, 1.0):
        before = p.item()
        p.grad = cr.full((1,), g, dtype=cr.float64)
        optimizer.step()
        moved.append(before - p.item())
    near(moved, [1.0, 1 / (np.sqrt(0.5 * 64) / np.sqrt(0.75))])
