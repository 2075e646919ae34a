"""The error function against Python's own, on the whole line."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from chainrule.ops.error_function import erf, erfc, erfcinv, erfcx, erfinv, log_ndtr, ndtri

LINE = np.concatenate(
    [
        np.linspace(-7, 7, 3001),
        10.0 ** np.linspace(-307, 1, 2001),
        -(10.0 ** np.linspace(-20, 0, 301)),
        0.5 + np.linspace(-1e-12, 1e-12, 21),
    ]
)


@pytest.mark.parametrize("dtype, limit", [(np.float64, 1e-15), (np.float32, 5e-7)])
def test_relative_error(dtype, limit):
    x = LINE[np.abs(LINE) > 1e-36].astype(dtype) if dtype is np.float32 else LINE
    expected = np.array([math.erf(float(value)) for value in x])
    got = erf(x)
    assert got.dtype == dtype
    assert np.max(np.abs(got - expected) / np.abs(expected)) < limit


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values_and_symmetry(dtype):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 100.0], dtype)
    y = erf(x)
    np.testing.assert_array_equal(y, np.array([0, 0, 1, -1, np.nan, 1], dtype))
    assert np.signbit(y[1])
    line = LINE.astype(dtype)
    np.testing.assert_array_equal(erf(-line), -erf(line))
    assert np.abs(erf(line)).max() <= 1


def test_any_shape_and_memory():
    x = np.linspace(-3, 3, 24).reshape(2, 3, 4)
    np.testing.assert_array_equal(erf(x[::-1, :, ::2]), erf(x)[::-1, :, ::2])
    assert erf(np.zeros((0, 3))).shape == (0, 3)
    assert erf(np.array(0.5)).shape == ()
    many = np.linspace(-4, 4, 20_001)
    np.testing.assert_array_equal(erf(many)[:100], erf(many[:100]))


def test_the_complement_is_exact_down_to_the_smallest_numbers():
    x = np.concatenate([np.linspace(-6, 26.5, 3001), 10.0 ** np.linspace(-300, 0, 61)])
    expected = np.array([math.erfc(float(value)) for value in x])
    assert np.max(np.abs(erfc(x) - expected) / expected) < 3e-15
    assert erfc(np.array([np.inf, -np.inf, 30.0])).tolist() == [0, 2, 0]


def test_the_scaled_complement_does_not_underflow():
    x = np.array([1e3, 1e6, 1e70])
    series = (1 - 1 / (2 * x * x) + 3 / (4 * x**4)) / (x * math.sqrt(math.pi))
    np.testing.assert_allclose(erfcx(x), series, rtol=1e-15)
    near = np.linspace(-3, 5, 101)
    np.testing.assert_allclose(erfcx(near), np.exp(near**2) * erfc(near), rtol=1e-14)


def test_the_inverse_undoes_it():
    x = np.concatenate([np.linspace(-0.999, 0.999, 801), 10.0 ** np.linspace(-300, -1, 61)])
    np.testing.assert_allclose(erf(erfinv(x)), x, rtol=2e-15)
    tail = 10.0 ** np.linspace(-300, 0, 301)
    np.testing.assert_allclose(erfc(erfcinv(tail)), tail, rtol=5e-13)
    edges = erfinv(np.array([1.0, -1.0, 1.5, np.nan, -0.0]))
    np.testing.assert_array_equal(edges, [np.inf, -np.inf, np.nan, np.nan, -0.0])


def test_quantiles_of_the_normal_distribution():
    p = np.linspace(0.0005, 0.9995, 500)
    expected = [NormalDist().inv_cdf(float(value)) for value in p]
    np.testing.assert_allclose(ndtri(p), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(ndtri(np.array([0.0, 1.0, 2.0])), [-np.inf, np.inf, np.nan])


def test_the_logarithm_of_the_normal_distribution():
    x = np.array([-1e3, -40.0, -5.0, 0.0, 3.0, 9.0])
    expected = [-500007.82669481216, -804.6084420137538, -15.064998393988725, -math.log(2)]
    expected += [-0.001350809964748202, -1.1285884059538407e-19]
    np.testing.assert_allclose(log_ndtr(x), expected, rtol=2e-14)
