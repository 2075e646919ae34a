"""Plain numbers among the arguments that differ from call to call: inputs where they can be."""

import math

import pytest

import chainrule as cr
from chainrule import nn, optim
from chainrule.nn import functional as F

X = cr.linspace(-2, 3, 12).reshape(3, 4)
N = cr.arange(6).reshape(2, 3)

ARITHMETIC = {
    "mul": lambda t: X * t,
    "rmul": lambda t: t * X,
    "0-d": lambda t: X.mean() * t,
    "add": lambda t: t + X,
    "sub": lambda t: X - t,
    "rsub": lambda t: t - X,
    "div": lambda t: X / t,
    "rdiv": lambda t: t / (X.square() + 1),
    "one minus": lambda t: (1 - t) * X + t * X.square(),
    "ratio": lambda t: X * (t / 7) - X / (3 / t),
    "negative": lambda t: X * -t,
    "two of them": lambda t: X * (t * t + t),
    "integers": lambda t: N * t,
    "in place": lambda t: (X * 1).mul_(t).add_(X, alpha=2),
    "where": lambda t: cr.where(X > 0, X, t),
    "comparison": lambda t: (t < X).sum() + X.gt(2 * t).sum(),
    "maximum": lambda t: cr.maximum(X, cr.full_like(X, 0.5) * t),
    "returned": lambda t: (X * t, 1 - t, {"t": t}),
    "nested": lambda t: [X * v for v in (t, t + 1)],
}
OTHERS = {
    "alpha": lambda t: X.add(X, alpha=t),
    "lerp": lambda t: X.lerp(X * 2, t),
    "clamp": lambda t: X.clamp(min=-t, max=t),
    "power": lambda t: X.abs() ** t,
    "of a base": lambda t: t**X,
    "full": lambda t: cr.full((2,), t),
    "tensor": lambda t: cr.tensor([t, 2 * t]),
    "masked": lambda t: X.masked_fill(X > 0, t),
    "branch": lambda t: X * 2 if t > 2.6 else X * 3,
    "math": lambda t: X * math.exp(-t),
    "int": lambda t: X * int(t),
    "round": lambda t: X * round(t, 1),
    "text": lambda t: X * float(f"{t:.2f}"),
    "leaky relu": lambda t: F.leaky_relu(X, t),
    "elu": lambda t: F.elu(X, t),
    "smooth": lambda t: F.smooth_l1_loss(X, X * 0, beta=t),
    "dropout": lambda t: F.dropout(X, 0.0 * t),
    "label smoothing": lambda t: F.cross_entropy(
        X, cr.tensor([0, 1, 2]), label_smoothing=t / 9
    ),
    "norm": lambda t: X.norm(t),
    "logarithm": lambda t: X.exp().log() * math.log(t),
    "is a float": lambda t: X * 2 if isinstance(t, float) else X * 3,
    "largest": lambda t: X * max(t, 2.6),
    "floor": lambda t: X * (t // 2) + t % 2,
    "interpolate": lambda t: F.interpolate(X[None, None], scale_factor=t),
    "scaled": lambda t: F.scaled_dot_product_attention(X, X, X, scale=t),
    "distribution": lambda t: cr.distributions.Normal(X, t).log_prob(X * 2),
}
WHOLE = {
    "range": lambda n: sum(X * i for i in range(n)),
    "shape": lambda n: cr.ones(n, 2) * n,
    "index": lambda n: X[:, n % 4],
    "slice": lambda n: X[:, :n],
    "roll": lambda n: X.roll(n, 1),
    "topk": lambda n: X.topk(n).values,
    "axis": lambda n: X.sum(n % 2),
    "parity": lambda n: X * 2 if n % 2 else X * 3,
    "share": lambda n: X * (n / 10),
    "product": lambda n: N * n + X.sum() * n,
    "one hot": lambda n: F.one_hot(N, n + 6),
    "pad": lambda n: F.pad(X, (n, 0)),
    "power": lambda n: X**n,
}


def same(found, expected):
    if isinstance(expected, cr.Tensor):
        return found.dtype == expected.dtype and found.tolist() == expected.tolist()
    if isinstance(expected, dict):
        return all(same(found[key], value) for key, value in expected.items())
    if isinstance(expected, (list, tuple)):
        return all(map(same, found, expected))
    return type(found) is type(expected) and found == expected


def check(function, values):
    compiled = cr.compile(function, engine="reference")
    for value in values:
        assert same(compiled(value), function(value)), value
    return len(compiled.explain().recordings)


@pytest.mark.parametrize("name", ARITHMETIC)
def test_one_recording_serves_all_values(name):
    assert check(ARITHMETIC[name], [2.25, 2.5, 3.0, 2.75, 2.25]) == 2


@pytest.mark.parametrize("name", OTHERS)
def test_what_needs_the_value_is_recorded_for_it(name):
    check(OTHERS[name], [2.25, 2.5, 3.0, 2.75, 2.25])


@pytest.mark.parametrize("name", WHOLE)
def test_integers_that_change(name):
    recordings = check(WHOLE[name], [3, 2, 4, 1, 3])
    assert recordings == (2 if name in ("share", "product") else 4), recordings


def test_a_training_with_an_annealed_weight_is_recorded_twice():
    found = []
    for compiled in (False, True):
        cr.manual_seed(0)
        model = nn.Linear(4, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x, options, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = model(x).square().mean() + options["weight"] * model.weight.abs().sum()
            loss.backward()
            optimizer.step()
            return loss.detach()

        run = cr.compile(step) if compiled else step
        found.append([run(X, {"weight": 0.01 * i, "fixed": 3}).item() for i in range(8)])
    assert found[0] == pytest.approx(found[1], rel=1e-6)
    assert len(run.explain().recordings) == 2


def test_an_attempt_that_needs_the_value_leaves_nothing_behind():
    model = nn.Linear(4, 1)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    rates = []

    def step(x, rate):
        optimizer.zero_grad()
        model(x).mean().backward()
        optimizer.step()
        return x * (2 if rate > 0.25 else 1)

    run = cr.compile(step)
    for i in range(4):
        rates.append(run(X, i / 10).sum().item() / X.sum().item())
    assert rates == pytest.approx([1, 1, 1, 2])
    assert optimizer.state[model.weight]["step"] == 4
