"""Shapes, expansion, checks, registries, and programs that use distributions."""

import copy
import inspect
import pickle

import numpy as np
import pytest
from distribution_cases import CASES

import chainrule as cr
from chainrule import distributions as d
from chainrule.distributions import constraints
from chainrule.distributions.categorical import Categorical
from chainrule.distributions.kl import kl_divergence, register_kl
from chainrule.distributions.normal import Normal
from chainrule.distributions.utils import probs_to_logits, vec_to_tril_matrix
from chainrule.errors import AbsentError, ArgumentError, ArgumentTypeError, ChainruleError


def made(expression):
    names = {"d": d, "t": cr.tensor, "n": cr.tensor}
    return eval(expression, names)


#: one of each family
FAMILIES = {name.partition("-")[0]: (p, x) for name, p, x in reversed(CASES)}


@pytest.mark.parametrize("name", FAMILIES)
def test_expanded_distributions_are_repeated_ones(name):
    p = made(FAMILIES[name][0])
    wide = p.expand((4, *p.batch_shape))
    assert type(wide) is type(p)
    assert wide.batch_shape == (4, *p.batch_shape) and wide.event_shape == p.event_shape
    x = wide.sample((2,))
    assert x.shape == (2, 4, *p.batch_shape, *p.event_shape)
    assert p.sample().shape == p.batch_shape + p.event_shape
    wide._validate_args = p._validate_args = False
    found, wanted = wide.log_prob(x).numpy(), p.log_prob(x).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_lie_in_the_support_and_are_scored(name):
    p = made(FAMILIES[name][0])
    cr.manual_seed(1)
    x = p.sample((3,))
    if name not in ("RelaxedOneHotCategorical", "LogisticNormal"):  # a sum of 1 to 1e-6
        assert p.support.check(x).all()
        assert p.log_prob(x).shape == (3, *p.batch_shape)
    assert repr(p).startswith(name)
    assert p.log_prob(x.detach()).shape == copy.deepcopy(p).log_prob(x).shape


@pytest.mark.parametrize("name", FAMILIES)
def test_scores_are_the_same_compiled(name):
    expression, value = FAMILIES[name]

    def score(x):
        return made(expression).log_prob(x)

    x = made(value)
    wanted, found = score(x), cr.compile(score)(x)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-6, atol=1e-6)


def test_names_and_arguments_are_pytorch_s():
    torch = pytest.importorskip("torch")
    assert set(torch.distributions.__all__) <= set(d.__all__)
    for name in torch.distributions.__all__:
        theirs, ours = getattr(torch.distributions, name), getattr(d, name)
        if not inspect.isclass(theirs):
            continue
        left = {k: v.default for k, v in inspect.signature(theirs).parameters.items()}
        right = {k: v.default for k, v in inspect.signature(ours).parameters.items()}
        assert list(left) == list(right), name
        for argument, default in left.items():
            if not isinstance(default, torch.Size):
                assert right[argument] == default, (name, argument)
        if issubclass(theirs, torch.distributions.Distribution):
            assert (
                ours.has_enumerate_support == theirs.has_enumerate_support
                or name == "Independent"
            )
            constrained = theirs.__dict__.get("arg_constraints")
            if isinstance(constrained, dict):
                mine = {key: repr(c) for key, c in ours.arg_constraints.items()}
                assert mine == {key: repr(c) for key, c in constrained.items()}, name


def test_numbers_take_the_default_type_and_tensors_keep_theirs():
    assert Normal(0, 1).sample().dtype == cr.float32
    assert Normal(cr.tensor(0.0, dtype=cr.float64), 1.0).rsample((2,)).dtype == cr.float64
    assert Categorical(cr.ones(3)).sample((2, 2)).dtype == cr.int64
    assert d.Bernoulli(0.3).sample((4,)).shape == (4,)
    assert repr(Normal(0.0, cr.ones(2))) == (
        "Normal(loc: chainrule.Size([2]), scale: chainrule.Size([2]))"
    )


def test_every_event_can_be_listed():
    assert d.Bernoulli(cr.tensor([0.5, 0.1])).enumerate_support().tolist() == [[0, 0], [1, 1]]
    assert Categorical(cr.ones(2, 3)).enumerate_support(expand=False).tolist() == [
        [0],
        [1],
        [2],
    ]
    assert d.Binomial(2, cr.tensor([0.5])).enumerate_support().tolist() == [[0], [1], [2]]
    assert d.OneHotCategorical(cr.ones(2)).enumerate_support().tolist() == [[1, 0], [0, 1]]
    with pytest.raises(AbsentError, match=r"CR954: Binomial.enumerate_support.*2 to 3"):
        d.Binomial(cr.tensor([2.0, 3.0]), cr.tensor([0.5])).enumerate_support()
    inner = d.Independent(d.Bernoulli(cr.ones(2) / 2), 1)
    assert not inner.has_enumerate_support
    with pytest.raises(AbsentError, match="CR954"):
        inner.enumerate_support()


# -- bad input -----------------------------------------------------------------------------

BAD = [
    (lambda: Normal(0.0, -1.0), r"CR950: Normal: parameter scale must satisfy "
     r"GreaterThan\(lower_bound=0.0\), got -1.0"),
    (lambda: Normal(cr.tensor([0.0, float("nan")]), 1.0), r"CR950.*loc must satisfy Real\(\), "
     r"got nan at \(1,\)"),
    (lambda: Categorical(cr.tensor([-1.0, 2.0])), "CR950.*probs"),
    (lambda: Categorical(logits=cr.tensor([0.0, float("nan")])), "CR950.*logits"),
    (lambda: d.Bernoulli(1.5), r"CR950.*got 1.5"),
    (lambda: d.Uniform(1.0, 1.0), "CR950: Uniform: low must be less than high"),
    (lambda: d.Geometric(0.0), "CR950: Geometric"),
    (lambda: d.Multinomial(cr.tensor(3), cr.ones(2)), "CR950: Multinomial"),
    (lambda: d.LKJCholesky(1), "CR950: LKJCholesky"),
    (lambda: d.Distribution.set_default_validate_args("yes"), "CR950"),
    (lambda: d.MultivariateNormal(cr.zeros(2), -cr.eye(2)), "CR950.*covariance_matrix"),
    (lambda: Normal(0.0, 1.0).log_prob(1.0), "CR951: Normal: a value is a tensor, got float"),
    (lambda: Categorical(cr.ones(3)).log_prob(cr.tensor(3)), "CR951.*IntegerInterval.*got 3"),
    (lambda: d.Exponential(1.0).log_prob(cr.tensor([1.0, -2.0])), r"CR951.*-2.0 at \(1,\)"),
    (lambda: d.Bernoulli(0.5).log_prob(cr.tensor(0.5)), "CR951"),
    (lambda: d.Beta(1.0, 1.0).log_prob(cr.tensor(1.5)), "CR951"),
    (lambda: Categorical(), "CR952: Categorical takes exactly one of probs, logits"),
    (lambda: d.Bernoulli(0.5, 0.5), "CR952: Bernoulli.*got probs and logits"),
    (lambda: Normal("a", 1.0), "CR952: a parameter is a number or a tensor, got str"),
    (lambda: Categorical(cr.tensor(1.0)), "CR952"),
    (lambda: d.MultivariateNormal(cr.zeros(2)), "CR952"),
    (lambda: Normal(cr.zeros(2), 1.0).log_prob(cr.zeros(3)), r"CR953: Normal: a value of shape "
     r"\(3,\)"),
    (lambda: d.Dirichlet(cr.ones(3)).log_prob(cr.ones(2) / 2), "CR953"),
    (lambda: Normal(0.0, 1.0).sample(3), r"CR953: Normal.*write sample\(\(3,\)\)"),
    (lambda: Categorical(cr.ones(2)).sample(3), "CR953: Categorical"),
    (lambda: d.Multinomial(2, cr.ones(2)).sample(3), "CR953: Multinomial"),
    (lambda: d.Dirichlet(cr.tensor(1.0)), "CR953"),
    (lambda: d.MultivariateNormal(cr.tensor(1.0), cr.eye(2)), "CR953"),
    (lambda: d.MultivariateNormal(cr.zeros(2), cr.zeros(2, 3)), "CR953"),
    (lambda: d.LowRankMultivariateNormal(cr.zeros(2), cr.ones(3, 1), cr.ones(2)), "CR953"),
    (lambda: d.Independent(Normal(0.0, 1.0), 1), "CR953: Independent"),
    (lambda: d.MixtureSameFamily(Categorical(cr.ones(2)), Normal(cr.zeros(3), 1.0)), "CR953"),
    (lambda: d.MixtureSameFamily(Normal(0.0, 1.0), Normal(cr.zeros(3), 1.0)), "CR953"),
    (lambda: d.LogisticNormal(0.0, 1.0), "CR953"),
    (lambda: kl_divergence(d.MultivariateNormal(cr.zeros(2), cr.eye(2)),
                           d.MultivariateNormal(cr.zeros(3), cr.eye(3))), "CR953"),
    (lambda: d.IndependentTransform(d.ExpTransform(), 1)(cr.tensor(1.0)), "CR953"),
    (lambda: d.Poisson(1.0).entropy(), "CR954: Poisson has no entropy"),
    (lambda: d.Gamma(1.0, 1.0).icdf(cr.tensor(0.5)), "CR954: Gamma has no icdf"),
    (lambda: d.AbsTransform().log_abs_det_jacobian(cr.ones(1), cr.ones(1)), "CR954"),
    (lambda: kl_divergence(Normal(0.0, 1.0), d.Poisson(1.0)), r"CR955.*\(Normal, Poisson\)"),
    (lambda: kl_divergence(d.Independent(Normal(cr.zeros(2), 1.0), 1),
                           d.Independent(Normal(cr.zeros(2), 1.0), 0)), "CR955"),
    (lambda: kl_divergence(d.Binomial(2, 0.5), d.Binomial(3, 0.5)), "CR955"),
    (lambda: register_kl(int, Normal), "CR955"),
    (lambda: d.transform_to(constraints.boolean), "CR955"),
    (lambda: d.transform_to.register(3, d.ExpTransform), "CR956"),
    (lambda: d.Uniform.support.check(cr.ones(1)), "CR956"),
    (lambda: constraints.interval(1), "CR956"),
    (lambda: d.ExpTransform(cache_size=2), "CR957"),
    (lambda: d.ReshapeTransform((2,), (3,)), "CR957"),
    (lambda: d.ReshapeTransform((2,), (1, 2))(cr.ones(3)), "CR957"),
    (lambda: d.StackTransform([d.ExpTransform()])(cr.ones(3)), "CR957"),
    (lambda: d.CatTransform([d.ExpTransform()], lengths=[1, 2]), "CR957"),
    (lambda: d.ReshapeTransform((2,), (1, 2)).event_dim, "CR957"),
    (lambda: d.CorrCholeskyTransform().forward_shape((2,)), "CR957"),
    (lambda: vec_to_tril_matrix(cr.ones(2)), "CR957"),
    (lambda: d.TransformedDistribution(Normal(0.0, 1.0), [3]), "CR957"),
    (lambda: d.TransformedDistribution(Normal(0.0, 1.0), d.SoftmaxTransform()), "CR957"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_is_named(call, message):
    with pytest.raises(ChainruleError, match=message):
        call()


def test_errors_are_those_that_pytorch_s_users_catch():
    with pytest.raises(ValueError):
        Normal(0.0, -1.0)
    with pytest.raises(NotImplementedError):
        kl_divergence(Normal(0.0, 1.0), d.Poisson(1.0))
    with pytest.raises(ArgumentTypeError):
        Normal(None, 1.0)
    with pytest.raises(ArgumentError):
        d.Beta(0.0, 1.0)


def test_checks_can_be_left_out():
    assert Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    assert d.Exponential(1.0, validate_args=False).log_prob(cr.tensor(-1.0)).item() == 1
    try:
        d.Distribution.set_default_validate_args(False)
        Normal(0.0, -1.0)
    finally:
        d.Distribution.set_default_validate_args(True)


def test_sample_n_is_the_old_name_of_sample():
    with pytest.warns(FutureWarning, match="sample"):
        assert Normal(0.0, cr.ones(2)).sample_n(3).shape == (3, 2)


def test_low_degrees_of_freedom_are_warned_about():
    with pytest.warns(UserWarning, match="singular"):
        d.Wishart(cr.tensor(1.5), cr.eye(2))


# -- constraints, transforms, divergences --------------------------------------------------

INSIDE = [
    (constraints.boolean, [0.0, 1.0], [0.5, float("nan")]),
    (constraints.positive, [0.1], [0.0, -1.0]),
    (constraints.nonnegative, [0.0], [-1.0]),
    (constraints.positive_integer, [1.0, 5.0], [0.0, 1.5]),
    (constraints.nonnegative_integer, [0.0], [-1.0, 0.5]),
    (constraints.integer_interval(2, 4), [2.0, 4.0], [1.0, 5.0, 2.5]),
    (constraints.less_than(2.0), [1.9], [2.0]),
    (constraints.half_open_interval(0.0, 1.0), [0.0], [1.0]),
    (constraints.real, [0.0, float("inf")], [float("nan")]),
    (constraints.one_hot, [[0.0, 1.0]], [[1.0, 1.0], [0.0, 0.0], [0.5, 0.5]]),
    (constraints.simplex, [[0.2, 0.8]], [[0.2, 0.7], [-0.2, 1.2]]),
    (constraints.multinomial(3), [[1.0, 2.0]], [[2.0, 2.0], [-1.0, 2.0]]),
    (constraints.real_vector, [[1.0, 2.0]], [[1.0, float("nan")]]),
    (constraints.lower_triangular, [[[1.0, 0.0], [2.0, 0.0]]], [[[1.0, 1.0], [0.0, 1.0]]]),
    (constraints.lower_cholesky, [[[1.0, 0.0], [2.0, 3.0]]], [[[1.0, 0.0], [2.0, 0.0]]]),
    (constraints.corr_cholesky, [[[1.0, 0.0], [0.6, 0.8]]], [[[1.0, 0.0], [0.6, 0.6]]]),
    (constraints.symmetric, [[[1.0, 2.0], [2.0, 1.0]]], [[[1.0, 2.0], [3.0, 1.0]]]),
    (constraints.positive_definite, [[[2.0, 1.0], [1.0, 2.0]]], [[[1.0, 2.0], [2.0, 1.0]]]),
    (constraints.positive_semidefinite, [[[1.0, 1.0], [1.0, 1.0]]], [[[1.0, 2.], [2., 1.0]]]),
    (constraints.stack([constraints.positive, constraints.real], -1), [[1.0, -1.0]],
     [[-1.0, 1.0]]),
    (constraints.stack([constraints.positive, constraints.real], 1), [[1.0, -1.0]], []),
    (constraints.cat([constraints.positive, constraints.real], 1, [1, 1]), [[1.0, -1.0]], []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("constraint", "inside", "outside"), INSIDE, ids=[repr(c[0]) for c in INSIDE]
)
def test_what_satisfies_a_constraint(constraint, inside, outside):
    assert constraint.check(cr.tensor(inside)).all()
    for value in outside:
        assert not constraint.check(cr.tensor([value])).all()


def test_squares_are_asked_for_before_symmetry():
    for constraint in (
        constraints.square,
        constraints.symmetric,
        constraints.positive_definite,
    ):
        assert constraint.check(cr.ones(4, 2, 3)).tolist() == [False] * 4
    assert constraints.is_dependent(d.Uniform.support)
    assert not constraints.is_dependent(d.Uniform(0.0, 1.0).support)
    assert constraints.dependent(is_discrete=True, event_dim=1).event_dim == 1


@pytest.mark.parametrize("name", ["probs", "loc", "covariance_matrix", "scale", "rate"])
def test_every_constraint_of_a_parameter_has_a_way_into_it(name):
    for family in ("Categorical", "MultivariateNormal", "Gamma", "Bernoulli"):
        constraint = getattr(d, family).arg_constraints.get(name)
        if constraint is not None:
            x = cr.linspace(-2.0, 2.0, 9).reshape(3, 3)
            assert constraint.check(d.transform_to(constraint)(x)).all()


def test_a_transform_that_keeps_the_last_pair_gives_it_back():
    kept, x = d.TanhTransform(cache_size=1), cr.tensor([30.0])
    assert kept.inv(kept(x)) is x
    assert kept.log_abs_det_jacobian(x, kept(x)).isfinite().all()
    assert d.TanhTransform().inv(d.TanhTransform()(x)).item() == float("inf")
    assert kept.with_cache(1) is kept and kept.with_cache(0)._cache_size == 0
    both = d.ComposeTransform([d.ExpTransform(), d.TanhTransform()], cache_size=1)
    assert both.inv(both(x)) is x
    assert pickle.loads(pickle.dumps(kept)) == kept


def test_transforms_are_compared_by_what_they_do():
    affine = d.AffineTransform(1.0, cr.tensor([2.0]))
    assert affine == d.AffineTransform(1.0, cr.tensor([2.0])) != d.AffineTransform(0.0, 2.0)
    assert d.ExpTransform() == d.ExpTransform() != d.TanhTransform()
    assert affine.inv == d.AffineTransform(1.0, cr.tensor([2.0])).inv
    assert affine.inv.inv is affine
    assert d.PowerTransform(2.0) == d.PowerTransform(2.0) != d.PowerTransform(3.0)
    assert d.identity_transform(cr.ones(2)).tolist() == [1, 1]


def test_stacked_transforms_of_the_last_axis_make_one_event():
    parts = [d.ExpTransform(), d.TanhTransform()]
    base = Normal(cr.zeros(3, 2), cr.ones(2))
    p = d.TransformedDistribution(base, d.StackTransform(parts, -1))
    assert (p.batch_shape, p.event_shape) == ((3,), (2,))
    x = cr.tensor([0.4, -0.2])
    one = [d.TransformedDistribution(Normal(0.0, 1.0), t) for t in parts]
    wanted = one[0].log_prob(x[0]) + one[1].log_prob(x[1])
    np.testing.assert_allclose(p.log_prob(x).tolist(), [wanted.item()] * 3, rtol=1e-6)


def test_the_most_special_rule_is_taken():
    class Mine(Normal):
        pass

    p, q = Mine(1.0, 2.0), Normal(0.0, 1.0)
    assert kl_divergence(p, q).item() == kl_divergence(Normal(1.0, 2.0), q).item()
    register_kl(Mine, Normal)(lambda p, q: cr.tensor(5.0))
    assert kl_divergence(p, q).item() == 5
    register_kl(Normal, Mine)(lambda p, q: cr.tensor(6.0))
    with pytest.warns(RuntimeWarning, match="equally"):
        kl_divergence(p, p)


class OwnExponential(d.ExponentialFamily):
    """An exponential distribution that says its log normalizer only."""

    arg_constraints = {"rate": constraints.positive}
    _mean_carrier_measure = 0

    def __init__(self, rate):
        self.rate = rate
        super().__init__(rate.shape)

    @property
    def _natural_params(self):
        return (-self.rate,)

    def _log_normalizer(self, x):
        return -(-x).log()


GENERAL = "Normal Gamma Dirichlet Beta Bernoulli Wishart Exponential ContinuousBernoulli"


@pytest.mark.parametrize("family", GENERAL.split())
def test_entropies_are_what_the_log_normalizer_says(family):
    p = made(FAMILIES[family][0])
    general = d.ExponentialFamily.entropy(p)
    np.testing.assert_allclose(general.numpy(), p.entropy().numpy(), rtol=2e-4, atol=1e-4)
    assert not general.requires_grad
    traced = cr.compile(lambda: d.ExponentialFamily.entropy(p))()
    np.testing.assert_allclose(traced.numpy(), general.numpy(), rtol=1e-6)


def test_a_family_of_one_s_own_has_entropy_and_divergence():
    a, b = cr.tensor([0.5, 3.0], requires_grad=True), cr.tensor([1.0, 1.0])
    p, q = OwnExponential(a), OwnExponential(b)
    wanted = d.Exponential(a), d.Exponential(b)
    np.testing.assert_allclose(p.entropy().tolist(), wanted[0].entropy().tolist(), rtol=1e-5)
    found = kl_divergence(p, q)
    np.testing.assert_allclose(found.tolist(), kl_divergence(*wanted).tolist(), rtol=1e-5)
    (g,) = cr.autograd.grad(found.sum(), [a])
    np.testing.assert_allclose(g.tolist(), (1 / a - b / a**2).tolist(), rtol=1e-4)


def test_a_divergence_that_cannot_be_checked_while_compiled_is_nan():
    counts = cr.tensor([2.0, 3.0])
    found = cr.compile(lambda n: kl_divergence(d.Binomial(n, 0.5), d.Binomial(3, 0.5)))(counts)
    assert found.isnan().tolist() == [True, False] and found[1] == 0


def test_helpers_of_pytorch_s_utils():
    assert probs_to_logits(cr.tensor(0.5), is_binary=True).item() == 0
    assert probs_to_logits(cr.tensor([0.0, 1.0])).isfinite().all()


# -- programs ------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [False, True])
def test_reinforce_finds_the_best_arm(compiled):
    cr.manual_seed(0)
    logits = cr.zeros(4, requires_grad=True)
    optimizer = cr.optim.Adam([logits], lr=0.1)

    def step(rewards):
        policy = Categorical(logits=logits)
        action = policy.sample((64,))
        loss = -(policy.log_prob(action) * rewards[action]).mean() - 0.01 * policy.entropy()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = cr.compile(step) if compiled else step
    for _ in range(80):
        run(cr.tensor([0.1, 0.9, 0.3, 0.5]))
    assert logits.argmax().item() == 1 and logits.softmax(-1)[1] > 0.8


@pytest.mark.parametrize("compiled", [False, True])
def test_a_variational_autoencoder_of_two_numbers_learns(compiled):
    cr.manual_seed(0)
    encoder, decoder = cr.nn.Linear(4, 4), cr.nn.Linear(2, 4)
    optimizer = cr.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.05)
    data = cr.randn(32, 1) @ cr.tensor([[1.0, -1.0, 0.5, 2.0]])

    def step(x):
        mean, raw = encoder(x).chunk(2, -1)
        posterior = Normal(mean, cr.nn.functional.softplus(raw) + 1e-3)
        z = posterior.rsample()
        likely = d.Independent(Normal(decoder(z), 0.5), 1).log_prob(x)
        prior = Normal(cr.zeros_like(mean), cr.ones_like(mean))
        loss = (kl_divergence(posterior, prior).sum(-1) - likely).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = cr.compile(step) if compiled else step
    losses = [run(data).item() for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]


def test_squashed_gaussian_policies_are_scored():
    mean = cr.zeros(5, 2, requires_grad=True)
    base = Normal(mean, cr.ones(5, 2))
    policy = d.Independent(d.TransformedDistribution(base, d.TanhTransform(cache_size=1)), 1)
    action = policy.rsample()
    score = policy.log_prob(action)
    score.mean().backward()
    assert action.abs().max() < 1 and score.shape == (5,) and mean.grad.isfinite().all()
