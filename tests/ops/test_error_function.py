"""The error function against Python's own, on the whole line."""

import math

import numpy as np
import pytest

from chainrule.ops.error_function import erf

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
