"""Resampling tables: partitions of unity, transposes, the elements that a mode keeps."""

import itertools

import numpy as np
import pytest

from chainrule.ops.resampling import Resample, ResampleTranspose
from chainrule.ops.resampling_kernels import Resampling, cubic, table, transposed_table

KINDS = ("nearest", "nearest-exact", "linear", "cubic")
SIZES = [(1, 1), (1, 4), (5, 1), (3, 6), (7, 3), (4, 4), (6, 7)]


def plans():
    for kind, (n, m) in itertools.product(KINDS, SIZES):
        yield Resampling(kind, n, m, n / m)
        if not kind.startswith("nearest"):
            corners = (n - 1) / (m - 1) if m > 1 else 0.0
            yield Resampling(kind, n, m, corners, align_corners=True)
            yield Resampling(kind, n, m, n / m, antialias=True)
    for n, m in SIZES:
        yield Resampling("lanczos", n, m, n / m, antialias=True)


def matrix(how):
    """The table as a matrix (m, n)."""
    rows = np.zeros((how.output, how.size))
    for positions, weights in zip(*table(how)):
        np.add.at(rows, (np.arange(how.output), positions), weights)
    return rows


@pytest.mark.parametrize("how", list(plans()), ids=str)
def test_weights_add_up_to_one_and_the_transpose_is_one(how):
    rows = matrix(how)
    np.testing.assert_allclose(rows.sum(1), 1, atol=1e-12)
    back = np.zeros((how.size, how.output))
    for positions, weights in zip(*transposed_table(how)):
        np.add.at(back, (np.arange(how.size), positions), weights)
    np.testing.assert_allclose(back, rows.T, atol=1e-15)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_primitives_are_products_with_the_matrix(axis):
    how = Resampling("cubic", 4, 7, 4 / 7)
    x = np.moveaxis(np.random.default_rng(0).standard_normal((2, 3, 4)), 2, axis)
    y = Resample.forward(x, how=how, axis=axis)
    np.testing.assert_allclose(
        y, np.moveaxis(np.moveaxis(x, axis, -1) @ matrix(how).T, -1, axis)
    )
    back = ResampleTranspose.forward(y, how=how, axis=axis)
    expected = np.moveaxis(np.moveaxis(y, axis, -1) @ matrix(how), -1, axis)
    np.testing.assert_allclose(back, expected, atol=1e-14)


def test_one_bad_element_stays_where_it_is():
    """No product with zeros: what a sum does not see cannot make it NaN."""
    x = np.array([np.nan, 1.0, 2.0, 3.0, 4.0, np.inf])
    y = Resample.forward(x, how=Resampling("linear", 6, 12, 0.5), axis=0)
    assert np.isfinite(y).tolist() == [False] * 3 + [True] * 6 + [False] * 3


def test_linear_keeps_lines():
    i = np.arange(9.0)
    places = 0.5 * (np.arange(18) + 0.5) - 0.5
    linear = Resample.forward(i, how=Resampling("linear", 9, 18, 0.5), axis=0)
    np.testing.assert_allclose(linear[1:-1], places[1:-1])


def test_the_cubic_kernel_of_slope_one_half_keeps_parabolas():
    part, offsets = np.linspace(0, 1, 5), np.arange(-1, 3)[:, None]
    weights = cubic(part - offsets, -0.5)
    for power in (0, 1, 2):
        np.testing.assert_allclose((weights * offsets**power).sum(0), part**power, atol=1e-12)
    np.testing.assert_allclose(cubic(np.arange(-2.0, 3), -0.75), [0, 0, 1, 0, 0], atol=1e-15)


def test_integers_are_repeated_as_they_are():
    x = np.array([[1, 2, 3]], np.uint8)
    y = Resample.forward(x, how=Resampling("nearest", 3, 6, 0.5), axis=1)
    assert y.dtype == np.uint8 and y.tolist() == [[1, 1, 2, 2, 3, 3]]
