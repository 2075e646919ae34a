"""Random numbers: one seed, one stream; and the distributions they come from."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, DtypeError

DRAWS = {
    "rand": lambda g: cr.rand(3, 4, generator=g),
    "randn": lambda g: cr.randn(5, generator=g),
    "randint": lambda g: cr.randint(0, 100, (8,), generator=g),
    "randperm": lambda g: cr.randperm(10, generator=g),
    "normal": lambda g: cr.normal(0.0, 2.0, (4,), generator=g),
    "bernoulli": lambda g: cr.bernoulli(cr.full((16,), 0.5), generator=g),
    "multinomial": lambda g: cr.multinomial(cr.ones(20), 7, generator=g),
    "uniform_": lambda g: cr.zeros(6).uniform_(-1, 1, generator=g),
    "normal_": lambda g: cr.zeros(6).normal_(generator=g),
    "exponential_": lambda g: cr.zeros(6).exponential_(generator=g),
    "random_": lambda g: cr.zeros(6, dtype=cr.int64).random_(0, 50, generator=g),
}


@pytest.mark.parametrize("name", DRAWS)
def test_the_same_seed_gives_the_same_numbers(name):
    draw = DRAWS[name]
    first, again, other = (draw(cr.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert cr.equal(first, again)
    assert not cr.equal(first, other)


@pytest.mark.parametrize("name", DRAWS)
def test_later_draws_differ_and_a_state_can_be_taken_up_again(name):
    generator = cr.Generator().manual_seed(3)
    first = DRAWS[name](generator)
    state = generator.get_state()
    second = DRAWS[name](generator)
    assert not cr.equal(first, second)
    generator.set_state(state)
    assert cr.equal(DRAWS[name](generator), second)


def test_the_default_generator():
    assert cr.manual_seed(5) is cr.default_generator
    first = cr.rand(2)
    assert cr.initial_seed() == 5
    state = cr.get_rng_state()
    second = cr.rand(2)
    cr.set_rng_state(state)
    assert cr.equal(cr.rand(2), second)
    cr.manual_seed(5)
    assert cr.equal(cr.rand(2), first)
    assert cr.seed() == cr.initial_seed() != 5


def test_negative_and_large_seeds():
    streams = [cr.Generator().manual_seed(seed) for seed in (-1, 2**63 - 1, 2**64 - 1, 0)]
    draws = [tuple(cr.rand(2, generator=g).tolist()) for g in streams]
    assert draws[0] == draws[2]
    assert len(set(draws)) == 3


def test_the_stream_is_philox():
    bits = np.random.Philox(key=np.array([9, 0], np.uint64)).random_raw(3)
    drawn = cr.rand(3, generator=cr.Generator().manual_seed(9), dtype=cr.float64)
    assert drawn.tolist() == [float(word >> np.uint64(11)) * 2.0**-53 for word in bits]


def moments(x):
    return x.mean().item(), x.std().item()


def near(value, deviation, count=40_000):
    return pytest.approx(value, abs=5 * deviation / math.sqrt(count))


@pytest.mark.parametrize("dtype", [cr.float16, cr.bfloat16, cr.float32, cr.float64])
def test_moments(dtype):
    g = cr.Generator().manual_seed(0)
    u = cr.rand(200, 200, generator=g, dtype=dtype).double()
    assert 0 <= u.min().item() < u.max().item() < 1
    step = 2**-9 if dtype is cr.bfloat16 else 2**-12 if dtype is cr.float16 else 0
    assert moments(u + step) == (near(0.5, 0.29), near(12**-0.5, 0.2))
    z = cr.randn(200, 200, generator=g, dtype=dtype).double()
    assert moments(z) == (near(0, 1), near(1, 0.8))
    assert (z**3).mean().item() == near(0, 4)
    assert (z**4).mean().item() == near(3, 10)


def test_other_distributions():
    g = cr.Generator().manual_seed(0)
    e = cr.zeros(40_000).exponential_(2.0, generator=g)
    assert moments(e) == (near(0.5, 0.5), near(0.5, 0.8))
    k = cr.randint(-3, 4, (40_000,), generator=g)
    assert (k.min().item(), k.max().item()) == (-3, 3)
    assert k.double().mean().item() == near(0, 2)
    assert cr.bernoulli(cr.full((40_000,), 0.3), generator=g).mean().item() == near(0.3, 0.5)
    n = cr.normal(cr.full((40_000,), 5.0), 2.0, generator=g)
    assert moments(n) == (near(5, 2), near(2, 1.6))


def test_draws_are_independent_of_each_other():
    g = cr.Generator().manual_seed(0)
    a, b = cr.randn(40_000, generator=g), cr.randn(40_000, generator=g)
    assert (a * b).mean().item() == near(0, 1)
    assert (a[1:] * a[:-1]).mean().item() == near(0, 1)
    assert (a[:20_000] * a[20_000:]).mean().item() == near(0, 1, 20_000)


def test_multinomial_follows_its_weights():
    g = cr.Generator().manual_seed(0)
    weights = cr.tensor([[0.0, 1.0, 3.0], [2.0, 2.0, 0.0]])
    drawn = cr.multinomial(weights, 20_000, replacement=True, generator=g)
    shares = [cr.bincount(row, minlength=3) / 20_000 for row in drawn]
    assert shares[0].tolist() == [0.0, near(0.25, 0.5, 20_000), near(0.75, 0.5, 20_000)]
    assert shares[1].tolist()[2] == 0.0
    without = cr.multinomial(weights[0].expand(500, 3), 2, generator=g)
    assert set(without.flatten().tolist()) == {1, 2}
    assert without[:, 0].double().mean().item() == near(1.75, 0.5, 500)


def test_randperm_holds_every_number_once():
    assert cr.randperm(100).sort().values.tolist() == list(range(100))
    assert cr.randperm(0).shape == (0,)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: cr.multinomial(cr.ones(3), 4),
        lambda: cr.multinomial(cr.ones(3), 0),
        lambda: cr.multinomial(cr.zeros(3), 1),
        lambda: cr.multinomial(cr.tensor([-1.0, 2.0]), 1),
        lambda: cr.multinomial(cr.ones(1, 1, 1), 1),
        lambda: cr.zeros(1).uniform_(1, 0),
        lambda: cr.zeros(1).normal_(0, -1),
        lambda: cr.normal(0.0, -1.0, (1,)),
    ],
)
def test_impossible_draws_are_refused(wrong):
    with pytest.raises(ChainruleError, match=r"CR902|CR109"):
        wrong()


@pytest.mark.parametrize("draw", [cr.rand, cr.randn])
def test_fractions_need_a_floating_type(draw):
    with pytest.raises(DtypeError, match=r"CR203.*randint"):
        draw(3, dtype=cr.int64)
