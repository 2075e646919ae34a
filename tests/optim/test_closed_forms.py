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


def test_the_first_step_of_adadelta():
    p = cr.tensor(START, dtype=cr.float64, requires_grad=True)
    p.grad = constant(p)
    optim.Adadelta([p], lr=2.0, rho=0.9, eps=0.01).step()
    move = SLOPE * np.sqrt(0.01) / np.sqrt(0.1 * SLOPE**2 + 0.01)
    near(p.detach().numpy(), START - 2 * move)


def test_adamax_down_a_slope_goes_lr_in_each_step():
    found = run(lambda p: optim.Adamax(p, lr=0.01, eps=0), constant)
    near(found, START - 0.01 * np.sign(SLOPE) * STEPS)


def test_nadam_down_a_slope():
    found = run(lambda p: optim.NAdam(p, lr=0.01, eps=0, momentum_decay=0), constant)
    mu = 0.9 / 2
    moves = (1 - mu) / (1 - mu**K) + mu * (1 - 0.9**K) / (1 - mu ** (K + 1))
    expected = START - 0.01 * np.sign(SLOPE) * moves.sum()
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # mu**K is kept in float32


def test_radam_without_a_sure_variance_is_momentum():
    found = run(lambda p: optim.RAdam(p, lr=0.01, betas=(0.9, 0.5)), constant)
    near(found, START - 0.01 * SLOPE * STEPS)


def test_radam_down_a_slope_rectifies():
    found = run(lambda p: optim.RAdam(p, lr=0.01, eps=0), constant)
    longest = 1999
    length = longest - 2 * K * 0.999**K / (1 - 0.999**K)
    sure = length > 5
    length = np.where(sure, length, 6)
    r = np.sqrt((length - 4) * (length - 2) * longest / (1995 * 1997 * length))
    moves = np.where(sure[:, None], r[:, None] * np.sign(SLOPE), SLOPE)
    np.testing.assert_allclose(found, START - 0.01 * moves.sum(0), rtol=1e-9)
    assert sure.argmax() == 5


def test_rprop_down_a_slope_takes_longer_and_longer_steps():
    found = run(lambda p: optim.Rprop(p, lr=0.01, etas=(0.5, 1.1), step_sizes=(0, 3)), constant)
    near(found, START - np.sign(SLOPE) * np.minimum(0.01 * 1.1 ** (K - 1), 3).sum())


def test_rprop_halves_the_step_where_the_gradient_turns():
    p = cr.zeros(1, dtype=cr.float64, requires_grad=True)
    optimizer = optim.Rprop([p], lr=1.0)
    places = []
    for g in (1.0, -1.0, -1.0, -1.0):
        p.grad = cr.full((1,), g, dtype=cr.float64)
        optimizer.step()
        places.append(p.item())
    near(places, [-1.0, -1.0, -0.5, 0.1])


def test_asgd_averages_the_points_it_passes():
    p = cr.tensor(START, dtype=cr.float64, requires_grad=True)
    optimizer = optim.ASGD([p], lr=0.25, lambd=0, t0=0)
    for _ in range(STEPS):
        p.grad = constant(p)
        optimizer.step()
    points = START - 0.25 * SLOPE * K[:, None]
    near(p.detach().numpy(), points[-1])
    average = optimizer.state[p]["ax"].numpy()  # the weights 1 / t are kept in float32
    np.testing.assert_allclose(average, points[1:].mean(0), rtol=1e-6)


def test_lion_goes_lr_in_each_step_and_decays_beside_it():
    found = run(lambda p: optim.Lion(p, lr=0.01), constant)
    near(found, START - 0.01 * np.sign(SLOPE) * STEPS)
    found = run(lambda p: optim.Lion(p, lr=0.1, weight_decay=0.2), lambda p: 0 * p)
    near(found, START * (1 - 0.02) ** STEPS)
    found = run(lambda p: optim.Lion(p, lr=0.01, maximize=True), constant)
    near(found, START + 0.01 * np.sign(SLOPE) * STEPS)


def test_lion_weighs_the_gradient_one_way_in_the_step_and_another_in_its_memory():
    p = cr.zeros(1, dtype=cr.float64, requires_grad=True)
    optimizer = optim.Lion([p], lr=1.0, betas=(0.9, 0.99))
    places = []
    for g in (1.0, -0.05, -0.2):  # m = 0.01, 0.0094, 0.0073; 0.9 m + 0.1 g = 0.1, 0.004, -0.01
        p.grad = cr.full((1,), g, dtype=cr.float64)
        optimizer.step()
        places.append(p.item())
    near(places, [-1.0, -2.0, -1.0])
    near(optimizer.state[p]["exp_avg"].item(), ((0.01 * 0.99) - 0.0005) * 0.99 - 0.002)


def test_adafactor_where_one_column_and_one_row_say_it_all():
    slope = np.outer([1.0, -2.0, 4.0], [0.5, 3.0])
    p = cr.full((3, 2), 2.0, dtype=cr.float64, requires_grad=True)
    optimizer = optim.Adafactor([p], lr=0.1)
    for _ in range(3):
        p.grad = cr.tensor(slope)
        optimizer.step()
    size = 2 * np.ones((3, 2))
    for _ in range(3):
        size = size - np.sign(slope) * 0.1 * np.sqrt((size**2).mean())
    near(p.detach().numpy(), size)


@pytest.mark.parametrize("shape", [(6, 6), (3, 8), (8, 3)])
def test_muon_moves_alike_in_all_directions(shape):
    noise = np.random.default_rng(0).normal(size=shape)
    left, _, right = np.linalg.svd(noise, full_matrices=False)
    slope = left @ np.diag(np.linspace(8, 1, min(shape))) @ right
    p = cr.zeros(shape, requires_grad=True)
    p.grad = cr.tensor(slope, dtype=cr.float32)
    optim.Muon([p], lr=1.0, adjust_lr_fn="original").step()
    move = -p.detach().numpy() / np.sqrt(max(1, shape[0] / shape[1]))
    along = left.T @ move @ right.T
    assert np.diag(along).min() > 0.5 and np.diag(along).max() < 1.3
    np.testing.assert_allclose(along - np.diag(np.diag(along)), 0, atol=0.05)
