"""REINFORCE with a baseline: a cart learns by trial and error to keep its pole upright.

    python examples/reinforce.py                       # until solved, about a minute
    python examples/reinforce.py --no-baseline         # the same without: slower, less steady

The policy πᵥ(a | s) is a network that gives the probabilities of pushing left or right. After
each episode every action becomes more probable in proportion to how much better it went than
expected (Williams 1992):

    ∇J = Σₜ (Gₜ - b(sₜ)) ∇ ln π(aₜ | sₜ)      Gₜ = rₜ + γ Gₜ₊₁

The baseline b is a second network that learns to predict Gₜ; it lowers the variance of the
gradient and leaves its mean as it was. Each step that the pole stands pays 1.

Expect episodes of about 20 steps at the beginning; after 150 to 400 of them the running mean
passes 195 of 200 steps, which counts as solved.
"""

import argparse
import math

import numpy as np

import chainrule as torch
import chainrule.nn as nn
import chainrule.nn.functional as F
import chainrule.optim as optim
from chainrule.distributions import Categorical


class CartPole:
    """A pole on a cart that is pushed left or right (Barto, Sutton & Anderson 1983).

    The state is the position and speed of the cart and the angle and angular speed of the
    pole. The episode ends when the pole leans by 12°, the cart is 2.4 m away, or after `limit`
    steps of 0.02 s.
    """

    gravity, cart, pole, half_length, force, tau = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02

    def __init__(self, limit=200, seed=0):
        self.limit = limit
        self.random = np.random.default_rng(seed)

    def reset(self):
        self.steps = 0
        self.state = self.random.uniform(-0.05, 0.05, size=4)
        return self.state.astype(np.float32)

    def step(self, action):
        """Push to the left (0) or right (1): the new state, the reward, and whether it ends."""
        _, v, angle, spin = self.state
        sin, cos = math.sin(angle), math.cos(angle)
        total = self.cart + self.pole
        push = self.force if action == 1 else -self.force
        thrust = (push + self.pole * self.half_length * spin**2 * sin) / total
        inertia = self.half_length * (4 / 3 - self.pole * cos**2 / total)
        spin_rate = (self.gravity * sin - cos * thrust) / inertia
        acceleration = thrust - self.pole * self.half_length * spin_rate * cos / total
        self.state = self.state + self.tau * np.array([v, acceleration, spin, spin_rate])
        self.steps += 1
        fell = abs(self.state[0]) > 2.4 or abs(self.state[2]) > math.radians(12)
        return self.state.astype(np.float32), 1.0, bool(fell or self.steps >= self.limit)


class Policy(nn.Module):
    """State → probabilities of the two actions."""

    def __init__(self, hidden=64):
        super().__init__()
        self.affine1 = nn.Linear(4, hidden)
        self.affine2 = nn.Linear(hidden, 2)

    def forward(self, state):
        return F.softmax(self.affine2(F.relu(self.affine1(state))), dim=-1)


class Baseline(nn.Module):
    """State → the return that is to be expected from there."""

    def __init__(self, hidden=64):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, state):
        return self.layers(state).squeeze(-1)


def run_episode(env, policy):
    """Play once; the states, the logarithms of the chosen probabilities, the rewards."""
    states, log_probs, rewards = [], [], []
    state, done = env.reset(), False
    while not done:
        states.append(torch.from_numpy(state))
        m = Categorical(policy(states[-1]))
        action = m.sample()
        log_probs.append(m.log_prob(action))
        state, reward, done = env.step(action.item())
        rewards.append(reward)
    return torch.stack(states), torch.stack(log_probs), rewards


def returns_of(rewards, gamma):
    """Gₜ = rₜ + γ Gₜ₊₁, from the last step to the first."""
    returns, g = [], 0.0
    for r in reversed(rewards):
        g = r + gamma * g
        returns.insert(0, g)
    return torch.tensor(returns)


def update(optimizer, log_probs, returns, expected=None):
    """One step from one episode; the losses of the policy and of the baseline."""
    advantage = returns if expected is None else returns - expected.detach()
    value_loss = torch.zeros(()) if expected is None else F.smooth_l1_loss(expected, returns)
    policy_loss = -(log_probs * advantage).mean()
    optimizer.zero_grad()
    (policy_loss + value_loss).backward()
    optimizer.step()
    return policy_loss.item(), value_loss.item()


def arguments(argv=None):
    parser = argparse.ArgumentParser(description="REINFORCE on a cart-pole")
    parser.add_argument("--episodes", type=int, default=1000, help="at most")
    parser.add_argument("--limit", type=int, default=200, help="steps of an episode")
    parser.add_argument("--gamma", type=float, default=0.99, help="discount")
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log-interval", type=int, default=20)
    return parser.parse_args(argv)


def main(argv=None):
    args = arguments(argv)
    torch.manual_seed(args.seed)
    env = CartPole(args.limit, args.seed)
    policy, baseline = Policy(args.hidden), Baseline(args.hidden)
    parameters = [*policy.parameters(), *baseline.parameters()]
    optimizer = optim.Adam(parameters, lr=args.lr)
    lengths, running = [], 10.0
    for episode in range(1, args.episodes + 1):
        states, log_probs, rewards = run_episode(env, policy)
        returns = returns_of(rewards, args.gamma)
        expected = None if args.no_baseline else baseline(states)
        update(optimizer, log_probs, returns, expected)
        lengths.append(len(rewards))
        running = 0.05 * len(rewards) + 0.95 * running
        if episode % args.log_interval == 0:
            print(
                f"episode {episode:4d}   length {len(rewards):3d}   running mean {running:6.2f}"
            )
        if running > 0.975 * args.limit:
            print(f"solved after {episode} episodes: the running mean is {running:.2f}")
            break
    return lengths


if __name__ == "__main__":
    main()
