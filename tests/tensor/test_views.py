"""Writes through views reach the tensor; random chains of views are held against NumPy's."""

import random

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ChainruleError, GradientError

VIEWS = [
    lambda x: x[0],
    lambda x: x[:, 1:],
    lambda x: x.reshape(-1)[1:4],
    lambda x: x.view(3, 2),
    lambda x: x.T,
    lambda x: x.T[0],
    lambda x: x[None],
    lambda x: x.unsqueeze(0).squeeze(0),
    lambda x: x.expand(2, 3),
    lambda x: x.detach()[0],
    lambda x: x.data[0],
    lambda x: next(iter(x)),
    lambda x: x.split(1)[1],
    lambda x: x.narrow(1, 1, 2),
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_write_through_a_view_reaches_the_tensor(view, compiled):
    def write(x):
        x = x * 1
        before = view(x).sum()
        part = view(x)
        part.mul_(2)
        return x.sum(), before, part.clone(), view(x)

    x = cr.arange(1.0, 7.0).reshape(2, 3)
    total, before, part, again = (cr.compile(write) if compiled else write)(x)
    assert total == 21 + before
    assert part.tolist() == again.tolist()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.expand(2, 2, 3),
        lambda x: x.diagonal(),
        lambda x: x.unfold(1, 2, 1),
        lambda x: x.as_strided((2,), (1,)),
        lambda x: x.view(cr.int32),
    ],
)
def test_other_views_refuse_a_write_that_would_be_lost(view):
    x = cr.zeros(2, 3)
    with pytest.raises(GradientError, match="CR304"):
        view(x).fill_(1)
    assert x.sum() == 0


def test_programs_write_to_parts_of_parts():
    mask = cr.zeros(3, 4)
    for row, length in enumerate((1, 3, 2)):
        mask[row][:length] = 1
    assert mask.sum(1).tolist() == [1, 3, 2]
    lstm = nn.LSTM(2, 3)
    lstm.bias_ih_l0.data[3:6].fill_(1.0)
    assert lstm.bias_ih_l0[3:6].tolist() == [1, 1, 1]
    scores = cr.ones(2, 2, 2)
    flat = scores.reshape(-1, 2)
    flat[cr.tensor([[True, False]] * 4)] = 0
    assert scores[..., 0].sum() == 0 and scores.sum() == 4


def test_a_part_sees_what_was_written_since_before_it_is_changed():
    x = cr.zeros(2, 3)
    row, other = x[0], x.view(-1)
    x += 5
    row += 1
    other[-1] = 0
    row.mul_(2)
    assert x.tolist() == [[12.0, 12.0, 12.0], [5.0, 5.0, 0.0]]
    assert row.tolist() == [12.0, 12.0, 12.0]


def test_a_stale_view_is_not_written_with_stale_numbers():
    x = -cr.ones(2, 3)
    row = x[0]
    x.mul_(-1)
    with pytest.raises(GradientError, match=r"CR304.*written to after"):
        nn.functional.relu(row, inplace=True)


def test_a_view_of_a_leaf_is_protected_as_the_leaf_is():
    w = cr.ones(2, 3, requires_grad=True)
    with pytest.raises(GradientError, match="CR303"):
        w[0].fill_(2)
    with cr.no_grad():
        w[0].fill_(2)
    assert w.sum() == 9


def test_gradients_flow_through_what_was_written():
    w = cr.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = w * 1
    y[0].mul_(w[1])  # w₀ w₁
    y.t()[1].add_(5)
    (y * cr.tensor([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
    assert w.grad.tolist() == [[3.0, 40.0], [101.0, 1020.0]]


def random_program(seed):
    """Steps (view, of, how) and (write, of, how), with shapes followed in NumPy."""
    draw = random.Random(seed)
    arrays, steps = [np.zeros((2, 3, 4))], []
    for _ in range(draw.randint(3, 10)):
        of = draw.randrange(len(arrays))
        shown = arrays[of]
        if draw.random() < 0.5 and shown.ndim:
            how = random_view(draw, shown)
            part = how(shown)
            if part.size and np.shares_memory(part, arrays[0]):
                arrays.append(part)
                steps.append(("view", of, how))
        else:
            steps.append((draw.choice(["mul", "add", "fill", "set"]), of, draw.randint(2, 5)))
    return steps


def random_view(draw, x):
    axes = draw.sample(range(x.ndim), x.ndim)
    parts = tuple(slice(draw.choice([None, 0, 1]), draw.choice([None, 2, 3])) for _ in x.shape)
    at = draw.randrange(len(x))
    return draw.choice(
        [
            lambda x: x.reshape(-1),
            lambda x: x.transpose(axes) if isinstance(x, np.ndarray) else x.permute(*axes),
            lambda x: x[parts],
            lambda x: x[at],
            lambda x: x[None],
        ]
    )


def run(steps, x):
    tensors = [x]
    for what, of, how in steps:
        part = tensors[of]
        if what == "view":
            tensors.append(how(part))
        elif what == "mul":
            part *= how
        elif what == "add":
            part += how
        else:
            part[...] = how
    return x


@pytest.mark.parametrize("seed", range(60))
def test_random_chains_of_views_write_as_numpy_does(seed):
    steps = random_program(seed)
    numbers = np.random.default_rng(seed).normal(size=(2, 3, 4))
    expected = run(steps, numbers.copy())
    assert run(steps, cr.tensor(numbers)).tolist() == expected.tolist()
    compiled = cr.compile(lambda x: run(steps, x * 1))
    assert compiled(cr.tensor(numbers)).tolist() == expected.tolist()


def test_copies_of_tensors_do_not_write_back():
    x = cr.zeros(2, 3)
    for own in (x[0].clone(), x[[0]], x.T.contiguous(), x[x == 0], x + 0):
        own.fill_(1)
    assert x.sum() == 0
    with pytest.raises(ChainruleError):
        x[0][3] = 1
