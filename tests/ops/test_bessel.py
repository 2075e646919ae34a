"""The Bessel functions against their integral, and their derivatives against each other."""

import math

import numpy as np
import pytest

from chainrule.ops.bessel_kernels import i0, i0e, i1, i1e

ANGLES = (np.arange(400) + 0.5) * math.pi / 400


@pytest.mark.parametrize("x", [-30.0, -3.0, 0.7, 5.0, 24.9, 25.1, 200.0])
def test_they_equal_their_integral(x):
    weights = np.exp(x * np.cos(ANGLES) - abs(x))
    expected = weights.mean(), (weights * np.cos(ANGLES)).mean()
    got = i0e(np.array([x]))[0], i1e(np.array([x]))[0]
    np.testing.assert_allclose(got, expected, rtol=4e-15)


def test_scaled_and_plain_agree():
    x = np.linspace(-40, 40, 161)
    np.testing.assert_allclose(i0(x), i0e(x) * np.exp(np.abs(x)), rtol=1e-15)
    np.testing.assert_allclose(i1(x), i1e(x) * np.exp(np.abs(x)), rtol=1e-15)


def test_near_zero():
    x = np.array([0.0, 1e-300, 1e-8])
    np.testing.assert_allclose(i0(x), 1, rtol=1e-15)
    np.testing.assert_allclose(i1(x), x / 2, rtol=1e-15)
