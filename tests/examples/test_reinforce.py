"""REINFORCE: the cart-pole obeys its equations, the losses are PyTorch's, the pole stands."""

import math
from itertools import pairwise

import numpy as np
import pytest
from in_pytorch import copy_weights

import chainrule as cr

ACTIONS = [int(a) for a in np.random.default_rng(0).integers(0, 2, 5000)]


def losses(program, policy, baseline, monkeypatch, updates=20):
    """What the updates return when the actions are given."""
    given = iter(ACTIONS)

    class Played(program.Categorical):
        def sample(self):
            return program.torch.tensor(next(given))

    monkeypatch.setattr(program, "Categorical", Played)
    parameters = [*policy.parameters(), *baseline.parameters()]
    optimizer = program.optim.Adam(parameters, lr=0.01)
    env, found = program.CartPole(), []
    for _ in range(updates):
        states, log_probs, rewards = program.run_episode(env, policy)
        returns = program.returns_of(rewards, 0.99)
        found.append(program.update(optimizer, log_probs, returns, baseline(states)))
    return np.array(found)


def test_losses_follow_those_of_pytorch(lesson, in_pytorch, monkeypatch):
    in_pytorch.torch.manual_seed(0)
    theirs = in_pytorch.Policy(16), in_pytorch.Baseline(16)
    ours = lesson.Policy(16), lesson.Baseline(16)
    for source, target in zip(theirs, ours, strict=True):
        copy_weights(source, target)
    found = losses(lesson, *ours, monkeypatch)
    expected = losses(in_pytorch, *theirs, monkeypatch)
    assert found.shape == (20, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.slow
def test_the_pole_stands_longer_and_longer(lesson, capsys):
    options = ["--episodes=90", "--limit=60", "--hidden=32", "--log-interval=30"]
    lengths = lesson.main(options)
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert np.mean(lengths[:15]) < 35
    assert np.mean(lengths[-15:]) > 45


def test_an_action_that_paid_becomes_more_probable(lesson):
    cr.manual_seed(0)
    policy, baseline = lesson.Policy(8), lesson.Baseline(8)
    optimizer = cr.optim.SGD([*policy.parameters(), *baseline.parameters()], lr=0.1)
    state, chosen = cr.tensor([[0.1, -0.2, 0.05, 0.3]]), cr.tensor([1])
    for paid, more in ((5.0, True), (-5.0, False)):
        before = policy(state)[0, 1].item()
        log_prob = lesson.Categorical(policy(state)).log_prob(chosen)
        lesson.update(optimizer, log_prob, cr.tensor([paid]), baseline(state))
        assert (policy(state)[0, 1].item() > before) == more


def test_the_baseline_learns_the_returns_and_not_from_the_policy(lesson):
    baseline = lesson.Baseline(8)
    expected = baseline(cr.rand(5, 4))
    weights = cr.rand(5, requires_grad=True)
    optimizer = cr.optim.SGD([*baseline.parameters(), weights], lr=0.0)
    returns = expected.detach()
    policy_loss, value_loss = lesson.update(optimizer, weights, returns, expected)
    assert (policy_loss, value_loss) == (0.0, 0.0)
    assert all(not p.grad.any() for p in baseline.parameters())


def test_without_a_baseline_each_action_is_weighed_by_its_return(lesson):
    log_probs = cr.tensor([-0.5, -1.0], requires_grad=True)
    optimizer = cr.optim.SGD([log_probs], lr=1.0)
    losses = lesson.update(optimizer, log_probs, cr.tensor([3.0, 1.0]))
    assert losses == (1.25, 0.0)
    assert log_probs.tolist() == [1.0, -0.5]


def test_returns_are_discounted_sums(lesson):
    assert lesson.returns_of([1.0, 2.0, 4.0], 0.5).tolist() == [3.0, 4.0, 4.0]


def test_the_pole_falls_to_the_side_away_from_the_push(lesson):
    for action, side in ((0, 1), (1, -1)):
        env = lesson.CartPole()
        states, done = [env.reset()], False
        while not done:
            state, reward, done = env.step(action)
            states.append(state)
            assert reward == 1.0
        assert 5 < env.steps < 15
        assert state.dtype == np.float32
        assert side * state[2] > math.radians(12)
        assert all(side * b[3] > side * a[3] for a, b in pairwise(states))


def test_the_pole_swings_like_a_pendulum_and_the_episode_ends(lesson):
    """Without a push, one step from rest: θ'' = g sin θ / (l (4/3 - m cos² θ / (m + M)))."""
    env = lesson.CartPole(limit=2)
    env.reset()
    env.force, env.state = 0.0, np.array([0.0, 0.0, 0.1, 0.0])
    state, _, done = env.step(1)
    expected = 9.8 * math.sin(0.1) / (0.5 * (4 / 3 - 0.1 * math.cos(0.1) ** 2 / 1.1))
    assert state[3] == pytest.approx(0.02 * expected, rel=1e-6)
    assert state[1] == pytest.approx(-0.02 * 0.05 / 1.1 * expected * math.cos(0.1), rel=1e-6)
    assert not done
    assert env.step(1)[2]
