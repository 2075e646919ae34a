"""Quantiles, counts, searches and differences against NumPy."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ShapeError, TraceError

X = np.random.default_rng(3).standard_normal((5, 8))
T = cr.from_numpy(X)
SORTED = np.array([-1.0, -0.2, 0.0, 0.7])


def close(ours, theirs):
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("how", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles(how):
    q = np.array([0.0, 0.13, 0.5, 0.81, 1.0])
    close(T.quantile(cr.from_numpy(q), 1, interpolation=how), np.quantile(X, q, 1, method=how))
    holes = np.where(X > 1, np.nan, X)
    ours = cr.from_numpy(holes).nanquantile(0.37, 1, interpolation=how)
    close(ours, np.nanquantile(holes, 0.37, 1, method=how))


def test_levels_are_checked_at_every_call_of_a_compiled_function():
    quantile = cr.compile(lambda x, q: x.quantile(q))
    close(quantile(T, cr.tensor(0.5, dtype=cr.float64)), np.quantile(X, 0.5))
    with pytest.raises(ArgumentError, match="CR921"):
        quantile(T, cr.tensor(1.5, dtype=cr.float64))


def test_covariance():
    close(T.cov(), np.cov(X))
    close(T.corrcoef(), np.corrcoef(X))
    counts, weights = np.array([1, 2, 1, 3, 1, 1, 2, 1]), np.linspace(0.5, 1, 8)
    ours = T.cov(fweights=cr.from_numpy(counts), aweights=cr.from_numpy(weights))
    close(ours, np.cov(X, fweights=counts, aweights=weights))


def test_sums_without_nan():
    holes = np.where(X > 0.5, np.nan, X)
    ours = cr.from_numpy(holes)
    close(ours.nansum(0), np.nansum(holes, 0))
    close(ours.nanmean(1), np.nanmean(holes, 1))
    odd = holes[:, : 7 if np.isnan(holes).sum() else 8]
    middles = [np.sort(row[~np.isnan(row)]) for row in odd]
    lower = [row[(len(row) - 1) // 2] for row in middles]
    close(cr.from_numpy(odd.copy()).nanmedian(1).values, lower)


def test_histograms():
    for bins in (1, 4, SORTED):
        ours = T.histogram(cr.from_numpy(bins) if bins is SORTED else bins)
        counts, edges = np.histogram(X, bins)
        close(ours.hist, counts)
        close(ours.bin_edges, edges)
    close(T.histc(6, -1, 1), np.histogram(X, 6, (-1, 1))[0])
    density = T.histogram(5, density=True)
    assert (density.hist * density.bin_edges.diff()).sum().item() == pytest.approx(1)


@pytest.mark.parametrize("right", [False, True])
def test_searching_many_rows_equals_searching_each(right):
    rows = np.sort(np.round(X, 1), 1)
    values = np.round(np.random.default_rng(4).standard_normal((5, 20)), 1)
    ours = cr.searchsorted(cr.from_numpy(rows), cr.from_numpy(values), right=right)
    side = "right" if right else "left"
    close(ours, [np.searchsorted(a, v, side) for a, v in zip(rows, values)])
    line = cr.bucketize(T, cr.from_numpy(SORTED), right=right)
    close(line, np.searchsorted(SORTED, X, side))


def test_searching_in_rows_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"CR121.*\(2, 3\).*\(4, 3\)"):
        cr.searchsorted(cr.zeros(4, 3), cr.zeros(2, 3))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [1, 3, 7, 8])
def test_the_largest_few_equal_the_head_of_the_order(k, largest):
    values, indices = T.topk(k, 1, largest=largest)
    expected = np.sort(X, 1)[:, ::-1][:, :k] if largest else np.sort(X, 1)[:, :k]
    np.testing.assert_array_equal(values.numpy(), expected)
    np.testing.assert_array_equal(np.take_along_axis(X, indices.numpy(), 1), expected)


def test_membership():
    k = np.arange(12).reshape(3, 4)
    close(cr.from_numpy(k).isin(cr.tensor([3, 99, 7])), np.isin(k, [3, 99, 7]))
    assert not cr.tensor([1.0, np.nan]).isin(cr.tensor([np.nan])).any()


def test_distinct_neighbours():
    rows = cr.tensor([[1, 2], [1, 2], [3, 4], [1, 2]])
    values, inverse, counts = rows.unique_consecutive(True, True, dim=0)
    assert values.tolist() == [[1, 2], [3, 4], [1, 2]]
    assert (inverse.tolist(), counts.tolist()) == ([0, 0, 1, 2], [2, 1, 1])
    with pytest.raises(TraceError):
        cr.compile(lambda x: x.unique_consecutive())(rows)


def test_running_extremes_and_sums():
    close(T.cummax(1).values, np.maximum.accumulate(X, 1))
    close(T.cummin(0).values, np.minimum.accumulate(X, 0))
    close(T.logcumsumexp(1), np.log(np.cumsum(np.exp(X), 1)))
    far = cr.tensor([-1000.0, 1000.0, -1000.0])
    assert far.logcumsumexp(0).tolist() == [-1000, 1000, 1000]


def test_differences_and_integrals():
    places = np.cumsum(np.linspace(0.5, 2, 8))
    close(T.diff(2, 0), np.diff(X, 2, 0))
    close(T.trapezoid(cr.from_numpy(places)), np.trapezoid(X, places))
    for order in (1, 2):
        ours = T.gradient(spacing=[0.5, cr.from_numpy(places)], edge_order=order)
        for a, b in zip(ours, np.gradient(X, 0.5, places, edge_order=order), strict=True):
            close(a, b)


def test_the_median_shares_its_gradient_among_equals():
    x = cr.tensor([3.0, 2.0, 2.0, 1.0, 5.0], requires_grad=True)
    x.median().backward()
    assert x.grad.tolist() == [0, 0.5, 0.5, 0, 0]


def test_results_are_stored_in_what_out_names():
    values, indices = cr.empty(0, dtype=cr.float64), cr.empty(5, dtype=cr.int64)
    returned = cr.median(T, 1, out=(values, indices))
    assert returned.values is values and returned.indices is indices
    close(values, T.median(1).values)
    close(cr.lgamma(T.abs(), out=cr.empty(5, 8, dtype=cr.float64)), T.abs().lgamma().numpy())
