"""The gamma family against closed forms, Python's own functions and 40-digit references."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import GradientError
from chainrule.ops.gamma_kernels import digamma, lgamma
from chainrule.ops.incomplete_gamma import igamma, igammac
from chainrule.ops.zeta_kernels import zeta

INF, NAN = math.inf, math.nan


def relative(got, expected):
    expected = np.asarray(expected)
    return np.max(np.abs(got - expected) / np.maximum(np.abs(expected), 1e-300))


def test_lgamma_is_exact_from_the_smallest_to_the_largest():
    x = np.concatenate([10.0 ** np.linspace(-300, 300, 401), np.linspace(0.01, 30, 2999)])
    x = x[(x < 0.6) | (x > 2.6)]  # between them are roots, where Python's is not exact
    assert relative(lgamma(x), [math.lgamma(v) for v in x]) < 3e-15


def test_lgamma_near_its_roots():
    z = np.array([1e-12, -3e-9, 1e-5])
    gamma, second, third = np.euler_gamma, math.pi**2 / 12, -0.40068563438653143
    assert (
        relative(lgamma(1 + z), -gamma * ((1 + z) - 1) + second * z**2 + third * z**3) < 1e-11
    )
    assert lgamma(np.array([1.0, 2.0])).tolist() == [0, 0]


def test_lgamma_below_zero():
    x = -np.linspace(0.003, 20.7, 700)
    np.testing.assert_allclose(lgamma(x), [math.lgamma(v) for v in x], 1e-13, 1e-13)


def test_special_values():
    x = np.array([0.0, -0.0, -1, INF, -INF, NAN])
    assert lgamma(x)[:5].tolist() == [INF] * 5 and math.isnan(lgamma(x)[5])
    np.testing.assert_array_equal(digamma(x), [-INF, INF, NAN, INF, NAN, NAN])


#: 40-digit values, rounded
DIGAMMA = {
    1e-5: -100000.57719921567, 0.25: -4.2274535333762655, 0.5: -1.9635100260214235,
    1.0: -0.5772156649015329, 1.4: -0.06138454458511624, 1.5: 0.03648997397857652,
    4.0: 1.2561176684318005, 9.9: 2.2411803166063815, 100.0: 4.600161852738087,
    1e10: 23.025850929890456, -0.5: 0.03648997397857652, -3.3: 3.620353460592126,
}  # fmt: skip


def test_digamma():
    assert relative(digamma(np.array([*DIGAMMA])), [*DIGAMMA.values()]) < 3e-15


def test_digamma_keeps_its_precision_at_its_root():
    root = 1.4616321449683622  # the root lies 9.55e-17 beyond this float
    slope = 0.9676722454476212
    assert relative(digamma(np.array([root])), [-9.549995429965697e-17 * slope]) < 1e-12


def test_zeta():
    pi = math.pi
    expected = [pi**2 / 6, pi**4 / 90, pi**2 / 6 - 1.25, pi**2 / 2, 1 + 2.0**-50 + 3.0**-50]
    s, q = np.array([2.0, 4, 2, 2, 50]), np.array([1.0, 1, 3, 0.5, 1])
    assert relative(zeta(s, q), expected) < 1e-15
    below = zeta(np.array([2.0, 3.0]), np.array([-1.5, -1.5]))
    assert (
        relative(below, [1 / 2.25 + 4 + pi**2 / 2, -1 / 3.375 - 8 + 7 * 1.2020569031595942])
        < 1e-14
    )
    far = zeta(np.array([2.0]), np.array([-1e6 - 0.5]))  # no loop over a million terms
    assert relative(far, [pi**2 - 1 / (1e6 + 1)]) < 1e-12


@pytest.mark.parametrize("n", [1, 2, 7, 30, 50, 51, 200])
def test_igamma_of_whole_shapes_is_a_sum_of_poisson_probabilities(n):
    x = n * np.array([0.1, 0.5, 0.9, 1.0, 1.1, 1.5, 3.0])
    upper = [
        math.fsum(math.exp(k * math.log(v) - v - math.lgamma(k + 1)) for k in range(n))
        for v in x
    ]
    lower = [
        math.fsum(math.exp(k * math.log(v) - v - math.lgamma(k + 1)) for k in range(n, n + 900))
        for v in x
    ]
    a = np.full_like(x, n)
    assert relative(igammac(a, x), upper) < 2e-12
    assert relative(igamma(a, x), lower) < 2e-12


def test_igamma_of_one_half_is_the_error_function():
    x = 10.0 ** np.linspace(-12, 2, 80)
    half = np.full_like(x, 0.5)
    assert relative(igamma(half, x), [math.erf(math.sqrt(v)) for v in x]) < 2e-15
    assert relative(igammac(half, x), [math.erfc(math.sqrt(v)) for v in x]) < 2e-13


def test_igamma_of_large_shapes():
    a = np.array([1e3, 1e5, 1e8])
    at_the_mean = 0.5 + 1 / (3 * np.sqrt(2 * math.pi * a))  # DLMF 8.11.12, first terms
    np.testing.assert_allclose(igamma(a, a), at_the_mean, rtol=1e-5)
    assert igamma(np.array([60.0]), np.array([1e-3]))[0] < 1e-250
    assert igammac(np.array([60.0]), np.array([1e5]))[0] == 0


def test_igamma_at_the_ends():
    a = np.array([0, 0, 1, 1, INF, -1, 1, 0, INF])
    x = np.array([1, INF, 0, INF, 1, 1, -1, 0, INF])
    np.testing.assert_array_equal(igamma(a, x), [1, 1, 0, 1, 0, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(igammac(a, x), [0, 0, 1, 0, 1, NAN, NAN, NAN, NAN])


def test_a_derivative_that_is_not_there_raises():
    a = cr.tensor([2.0], requires_grad=True)
    for function in (cr.igamma, cr.igammac, cr.special.zeta):
        with pytest.raises(GradientError, match="CR920"):
            function(a, cr.ones(1)).sum().backward()


@pytest.mark.parametrize("dtype", [cr.float16, cr.bfloat16, cr.float32])
def test_narrow_types_are_computed_wide(dtype):
    x = cr.tensor([0.5, 3.5, 11.0], dtype=dtype)
    assert cr.equal(x.lgamma(), x.double().lgamma().to(dtype))
