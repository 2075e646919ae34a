"""Samples have the distribution they are said to have, and gradients that fit."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import distributions as d
from chainrule.autograd import grad
from chainrule.errors import AbsentError, GradientError, TraceError
from chainrule.ops.implicit_kernels import dirichlet_slope, gamma_slope

COUNT = 20000
KOLMOGOROV = 1.95  # exceeded once in a thousand samples of this size


def v(*values):
    return cr.tensor(values, dtype=cr.float64)


@pytest.fixture(autouse=True)
def seeded():
    cr.manual_seed(7)


CONTINUOUS = [
    d.Normal(v(0.3, -5.0), v(0.5, 2.0)),
    d.LogNormal(v(0.3, -1.0), v(0.5, 1.0)),
    d.HalfNormal(v(0.5, 3.0)),
    d.HalfCauchy(v(0.5, 3.0)),
    d.Uniform(v(-1.0, 0.0), v(1.0, 5.0)),
    d.Laplace(v(0.3, -5.0), v(0.5, 2.0)),
    d.Cauchy(v(0.3, -5.0), v(0.5, 2.0)),
    d.Gumbel(v(0.3, -5.0), v(0.5, 2.0)),
    d.Exponential(v(0.3, 5.0)),
    d.Gamma(v(0.03, 0.5, 1.0, 3.0, 400.0), v(1.0, 0.2, 1.0, 5.0, 2.0)),
    d.Chi2(v(0.3, 5.0)),
    d.InverseGamma(v(0.8, 5.0), v(1.0, 0.3)),
    d.Weibull(v(0.3, 5.0), v(0.5, 2.0)),
    d.Pareto(v(0.3, 5.0), v(0.5, 2.0)),
    d.Kumaraswamy(v(0.3, 5.0), v(0.5, 2.0)),
    d.ContinuousBernoulli(v(0.1, 0.5, 0.9)),
    d.GeneralizedPareto(v(0.0, 1.0, 2.0), v(1.0, 2.0, 3.0), v(0.4, -0.3, 0.0)),
    d.TransformedDistribution(d.Normal(v(0.3), v(0.5)), [d.AffineTransform(1.0, -2.0)]),
    d.MixtureSameFamily(d.Categorical(v(0.3, 0.7)), d.Normal(v(-1.0, 2.0), v(0.3, 1.0))),
]
NAMES = [f"{type(p).__name__}" for p in CONTINUOUS]


@pytest.mark.parametrize("p", CONTINUOUS, ids=NAMES)
def test_samples_follow_the_distribution_function(p):
    x = p.sample((COUNT,))
    assert x.shape == (COUNT, *p.batch_shape) and not x.requires_grad
    levels = (np.arange(COUNT) + 0.5) / COUNT
    for column in np.moveaxis(p.cdf(x).numpy().reshape(COUNT, -1), 1, 0):
        apart = np.abs(np.sort(column) - levels).max() * math.sqrt(COUNT)
        assert apart < KOLMOGOROV


DISCRETE = [
    d.Bernoulli(v(0.0, 0.3, 1.0)),
    d.Categorical(v(0.2, 0.0, 0.5, 0.3)),
    d.Categorical(logits=v(-1.0, 2.0, 0.5)),
    d.Binomial(12, v(0.05, 0.5, 0.9)),
    d.Binomial(v(60.0, 300.0, 4.0), v(0.3, 0.9, 0.0)),
    d.Poisson(v(0.0, 0.7, 6.0, 15.0, 90.0)),
    d.Geometric(v(0.2, 0.9)),
    d.NegativeBinomial(v(3.0, 20.0), v(0.3, 0.6)),
]


@pytest.mark.parametrize("p", DISCRETE, ids=[f"{type(p).__name__}-{p.mean}" for p in DISCRETE])
def test_whole_numbers_are_as_frequent_as_they_should_be(p):
    drawn = p.sample((COUNT,)).numpy().reshape(COUNT, -1)
    top = int(drawn.max()) + 1
    values = cr.arange(top, dtype=cr.float64).reshape(-1, *[1] * len(p.batch_shape))
    p = p.expand(p.batch_shape)
    p._validate_args = False
    expected = COUNT * p.log_prob(values).exp().numpy().reshape(top, -1)
    for column, wanted in zip(drawn.T, expected.T):
        seen = np.bincount(column.astype(int), minlength=top)
        assert not seen[wanted == 0].any()
        often = wanted > 10
        error = ((seen - wanted)[often] ** 2 / wanted[often]).sum()
        assert error < often.sum() + 4 * math.sqrt(2 * often.sum()) + 4


VECTORS = [
    d.Dirichlet(v(0.4, 2.0, 5.0)),
    d.Beta(v(0.02, 0.5, 30.0), v(0.02, 4.0, 20.0)),
    d.StudentT(v(9.0), v(1.0), v(2.0)),
    d.FisherSnedecor(v(6.0), v(14.0)),
    d.MultivariateNormal(v(1.0, -1.0), cr.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=cr.float64)),
    d.LowRankMultivariateNormal(v(1.0, -1.0), v(2.0, 0.5).unsqueeze(-1), v(0.3, 1.0)),
    d.Multinomial(6, v(0.2, 0.5, 0.3)),
    d.OneHotCategorical(v(0.2, 0.5, 0.3)),
    d.Independent(d.Normal(v(1.0, 2.0), v(1.0, 3.0)), 1),
    d.Wishart(v(5.0).squeeze(0), cr.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=cr.float64)),
    d.MixtureSameFamily(
        d.Categorical(v(0.3, 0.7)),
        d.Independent(d.Normal(cr.eye(2, dtype=cr.float64) * 5, v(1.0)), 1),
    ),
]


@pytest.mark.parametrize("p", VECTORS, ids=[type(p).__name__ for p in VECTORS])
def test_mean_and_variance_of_samples(p):
    x = p.sample((COUNT,)).numpy()
    mean, variance = p.mean.numpy(), p.variance.numpy()
    spread = np.sqrt(variance / COUNT)
    assert (np.abs(x.mean(0) - mean) < 4.5 * spread).all()
    np.testing.assert_allclose(x.var(0), variance, rtol=0.15)


def test_covariance_of_multivariate_normal_samples():
    matrix = cr.tensor([[2.0, 0.5, 0.1], [0.5, 1.0, -0.4], [0.1, -0.4, 3.0]])
    for given in ({"covariance_matrix": matrix}, {"precision_matrix": matrix.inverse()}):
        p = d.MultivariateNormal(cr.zeros(3), **given)
        found = np.cov(p.sample((COUNT,)).numpy().T)
        np.testing.assert_allclose(found, matrix.numpy(), atol=0.1)


def test_angles_and_correlations():
    x = d.VonMises(v(1.0, 3.0), v(0.5, 8.0)).sample((COUNT,)).numpy()
    assert (np.abs(x) <= math.pi).all()
    resultant = np.hypot(np.cos(x).mean(0), np.sin(x).mean(0))
    wanted = 1 - d.VonMises(v(1.0, 3.0), v(0.5, 8.0)).variance.numpy()
    np.testing.assert_allclose(resultant, wanted, atol=0.015)
    factor = d.LKJCholesky(3, v(1.0).squeeze(0)).sample((COUNT,))
    below = (factor @ factor.mT).numpy()[:, [1, 2, 2], [0, 0, 1]]
    np.testing.assert_allclose(below.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(below.var(0), 1 / 4, atol=0.02)  # of 2 Beta(3/2, 3/2) - 1


def test_relaxed_samples_lie_between_and_prefer_the_likely():
    x = d.RelaxedBernoulli(v(0.3), probs=v(0.2, 0.9)).rsample((COUNT,)).numpy()
    assert ((x > 0) & (x < 1)).all()
    np.testing.assert_allclose((x > 0.5).mean(0), [0.2, 0.9], atol=0.02)
    y = d.RelaxedOneHotCategorical(v(0.3), probs=v(0.2, 0.5, 0.3)).rsample((COUNT,)).numpy()
    np.testing.assert_allclose(y.sum(-1), 1, atol=1e-9)
    shares = np.bincount(y.argmax(-1)) / COUNT
    np.testing.assert_allclose(shares, [0.2, 0.5, 0.3], atol=0.02)


# -- reproducible, and compiled ------------------------------------------------------------


def test_one_seed_gives_the_same_samples():
    for p in CONTINUOUS + DISCRETE + VECTORS:
        cr.manual_seed(3)
        first, second = p.sample((5,)), p.sample((5,))
        cr.manual_seed(3)
        assert p.sample((5,)).tolist() == first.tolist() == first.tolist()
        assert p.sample((5,)).tolist() == second.tolist()


@pytest.mark.parametrize("p", CONTINUOUS + DISCRETE + VECTORS, ids=lambda p: type(p).__name__)
def test_a_compiled_function_draws_what_the_eager_one_draws(p):
    def draw():
        return p.sample((3,))

    compiled = cr.compile(draw)
    cr.manual_seed(3)
    wanted = [draw().tolist() for _ in range(3)]
    cr.manual_seed(3)
    assert [compiled().tolist() for _ in range(3)] == wanted


def test_what_rejects_cannot_be_compiled_and_says_so():
    p = d.VonMises(v(1.0), v(0.5))
    with pytest.raises(TraceError, match="CR40"):
        cr.compile(lambda: p.sample())()


def test_a_distribution_made_outside_keeps_no_traced_numbers():
    p = d.Categorical(logits=v(-1.0, 2.0, 0.5))
    compiled = cr.compile(lambda x: p.probs * x)
    compiled(v(1.0))
    assert p.probs.sum().item() == pytest.approx(1)


# -- gradients of samples ------------------------------------------------------------------


def implicit(cdf, log_prob, x, parameter, step=1e-5):
    """-∂F/∂a / p(x), by central differences."""
    up, down = cdf(parameter + step)(x), cdf(parameter - step)(x)
    return (-(up - down) / (2 * step) / log_prob(x).exp()).detach().numpy()


@pytest.mark.parametrize("shape", [0.05, 0.4, 1.0, 2.5, 9.0, 11.0, 80.0, 2000.0])
def test_gamma_samples_move_along_their_distribution_function(shape):
    a = cr.full((200,), shape, dtype=cr.float64).requires_grad_()
    x = d.Gamma(a, cr.tensor(2.0, dtype=cr.float64)).rsample()
    (found,) = grad(x.sum(), [a])
    p = d.Gamma(a.detach(), cr.tensor(2.0, dtype=cr.float64))
    known = (x > 1e-200).numpy() & (x.detach().numpy() > 1e-12 * shape)
    wanted = implicit(
        lambda b: d.Gamma(b, p.rate).cdf, p.log_prob, x.detach(), a.detach(), shape * 1e-5
    )
    np.testing.assert_allclose(found.numpy()[known], wanted[known], rtol=2e-5, atol=1e-7)


def beta_cdf(a, b):
    """The distribution function of Beta(a, b) by Gauss's rule, for a and b of 1 or more."""
    nodes, weights = np.polynomial.legendre.leggauss(200)

    def at(x):
        t = x[:, None] * (nodes + 1) / 2
        log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
        density = np.exp((a - 1) * np.log(t) + (b - 1) * np.log1p(-t) - log_beta)
        return (density * weights).sum(-1) * x / 2

    return at


BETAS = [(2.0, 3.0), (3.0, 2.0), (12.0, 5.0), (4.0, 30.0), (40.0, 60.0)]


@pytest.mark.parametrize(("a", "b"), BETAS)
def test_beta_samples_move_along_their_distribution_function(a, b):
    one = cr.full((50,), a, dtype=cr.float64).requires_grad_()
    other = cr.full((50,), b, dtype=cr.float64).requires_grad_()
    p = d.Beta(one, other)
    x = p.rsample()
    found = grad(x.sum(), [one, other])
    at, density = x.detach().numpy(), p.log_prob(x.detach()).exp().detach().numpy()
    h = 1e-4
    by_a = (beta_cdf(a + h, b)(at) - beta_cdf(a - h, b)(at)) / (2 * h)
    by_b = (beta_cdf(a, b + h)(at) - beta_cdf(a, b - h)(at)) / (2 * h)
    for got, change in zip(found, (by_a, by_b), strict=True):
        np.testing.assert_allclose(got.numpy(), -change / density, rtol=1e-4, atol=1e-6)


def test_slopes_are_torch_s_where_it_is_installed():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    a, b = 10 ** rng.uniform(-1.5, 3, 500), 10 ** rng.uniform(-1.5, 3, 500)
    x, u = np.maximum(rng.gamma(a), 1e-200), np.clip(rng.beta(a, b), 1e-200, 1 - 1e-12)
    wanted = torch._standard_gamma_grad(torch.tensor(a), torch.tensor(x)).numpy()
    np.testing.assert_allclose(gamma_slope(x, a), wanted, rtol=2e-3)
    t = [torch.tensor(each) for each in (u, a, a + b)]
    ratio = dirichlet_slope(u, a, b) / torch._dirichlet_grad(*t).numpy()
    assert np.quantile(np.abs(ratio - 1), 0.95) < 2e-3  # torch itself is off by 9 % in places


#: a distribution with the parameter a, and E[x²]
SQUARES = {
    "Gamma": (lambda a: d.Gamma(a, 2.0), lambda a: (a**2 + a) / 4),
    "Chi2": (lambda a: d.Chi2(a), lambda a: a**2 + 2 * a),
    "Beta": (lambda a: d.Beta(a, 3.0), lambda a: a * (a + 1) / ((a + 3) * (a + 4))),
    "StudentT": (lambda a: d.StudentT(a), lambda a: a / (a - 2)),
    "Normal": (lambda a: d.Normal(a, a), lambda a: 2 * a**2),
    "Exponential": (lambda a: d.Exponential(a), lambda a: 2 / a**2),
    "Laplace": (lambda a: d.Laplace(0.0, a), lambda a: 2 * a**2),
    "Uniform": (lambda a: d.Uniform(0.0, a), lambda a: a**2 / 3),
    "Weibull": (lambda a: d.Weibull(a, 2.0), lambda a: a**2),
}


@pytest.mark.parametrize(("make", "moment"), SQUARES.values(), ids=SQUARES)
def test_the_gradient_of_a_mean_over_samples_is_that_of_the_moment(make, moment):
    a = cr.tensor(9.0, dtype=cr.float64, requires_grad=True)
    squares = make(a).rsample((COUNT,)).square()
    (found,) = grad(squares.mean(), [a])
    (wanted,) = grad(moment(a), [a])
    assert found.item() == pytest.approx(wanted.item(), rel=0.08, abs=2e-3)


def test_dirichlet_samples_keep_their_sum_when_they_move():
    a = v(0.4, 2.0, 15.0).requires_grad_()
    x = d.Dirichlet(a).rsample((100,))
    (flat,) = grad(x.sum(), [a], retain_graph=True)
    np.testing.assert_allclose(flat.numpy(), 0, atol=1e-9)
    (found,) = grad(x[:, 1].mean(), [a])
    assert found[1] > 0 > found[2]


def test_a_gamma_sample_has_no_second_derivative_and_says_so():
    a = v(2.0).requires_grad_()
    (first,) = grad(d.Gamma(a, 1.0).rsample().sum(), [a], create_graph=True)
    with pytest.raises(GradientError, match="CR920"):
        grad(first.sum(), [a])


def test_what_is_drawn_has_no_gradient_where_there_is_none():
    p = d.Categorical(logits=v(0.0, 1.0).requires_grad_())
    assert not p.sample().requires_grad
    for q in (p, d.Poisson(v(1.0)), d.Binomial(3, v(0.5)), d.Bernoulli(v(0.5))):
        assert not q.has_rsample
        with pytest.raises(AbsentError, match=r"CR954: \w+ has no rsample"):
            q.rsample()


def test_straight_through_samples_pass_the_gradient_of_the_probabilities():
    logits = v(0.0, 1.0, -1.0).requires_grad_()
    x = d.OneHotCategoricalStraightThrough(logits=logits).rsample()
    assert sorted(round(value, 12) for value in x.tolist()) == [0, 0, 1]
    (found,) = grad((x * v(1.0, 2.0, 3.0)).sum(), [logits])
    (wanted,) = grad((logits.softmax(-1) * v(1.0, 2.0, 3.0)).sum(), [logits])
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), atol=1e-12)


# -- functions of the top level ------------------------------------------------------------


def test_poisson_and_binomial_of_tensors():
    for kind in (cr.float32, cr.float16, cr.bfloat16):
        x = cr.poisson(cr.full((1000,), 4.0, dtype=kind))
        assert x.dtype == kind and abs(x.float().mean().item() - 4) < 0.3
    x = cr.binomial(cr.full((1000,), 10.0), cr.tensor(0.3))
    assert x.shape == (1000,) and abs(x.mean().item() - 3) < 0.3
    with pytest.raises(ValueError, match="CR902: poisson: a rate cannot be -1"):
        cr.poisson(cr.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match="CR902: binomial: a probability cannot be 2"):
        cr.binomial(cr.tensor([1.0]), cr.tensor([2.0]))
    first = cr.poisson(cr.ones(5), generator=cr.Generator().manual_seed(1))
    assert first.tolist() == cr.poisson(cr.ones(5), cr.Generator().manual_seed(1)).tolist()


def test_tensors_are_filled_with_other_laws():
    x = cr.empty(COUNT)
    assert abs(x.cauchy_(2.0, 0.5).median().item() - 2) < 0.05
    assert abs(x.log_normal_(0.3, 0.2).log().mean().item() - 0.3) < 0.01
    counts = cr.empty(COUNT, dtype=cr.int64).geometric_(0.25)
    assert counts.min() == 1 and abs(counts.float().mean().item() - 4) < 0.15
    with pytest.raises(ValueError, match="CR902: geometric_"):
        x.geometric_(1.5)
