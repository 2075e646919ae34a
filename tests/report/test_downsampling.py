"""Down-sampling keeps what the eye would miss: peaks, ends, and where values were lost."""

import numpy as np
import pytest

from chainrule.report.downsampling import MOST_GAPS, thin


@pytest.fixture
def values():
    return np.cumsum(np.random.default_rng(0).standard_normal(10_000))


def test_a_short_series_stays_as_it_is(values):
    found = thin(np.arange(100), values[:100], 100)
    assert np.array_equal(found.values, values[:100]) and found.means is None


@pytest.mark.parametrize("points", [2, 3, 64, 999, 1600])
@pytest.mark.parametrize("count", [1601, 2000, 9973, 10_000])
def test_ends_and_extremes_of_every_stretch_stay(values, points, count):
    steps, values = 7 * np.arange(count), values[:count]
    found = thin(steps, values, points)
    assert len(found.steps) <= points + 2
    assert np.all(np.diff(found.steps) > 0)
    assert np.array_equal(found.values, values[found.steps // 7])
    assert found.steps[0] == 0 and found.steps[-1] == steps[-1]
    assert found.values.min() == values.min() and found.values.max() == values.max()
    assert np.diff(found.steps // 7).max() < 2 * -(-count // (points // 2))


def test_each_peak_stays_at_its_step(values):
    values = np.ones(10_000)
    peaks = np.arange(50, 10_000, 397)
    values[peaks] = 5.0
    found = thin(np.arange(10_000), values, 200)
    assert set(peaks) <= set(found.steps)


def test_the_means_are_those_of_all_points(values):
    found = thin(np.arange(10_000), values, 100)
    assert np.allclose(found.means, values.reshape(50, 200).mean(axis=1))
    assert np.allclose(found.mean_steps, np.arange(10_000).reshape(50, 200).mean(axis=1))


def test_where_values_were_lost_stays_marked(values):
    values[3000:4000] = np.nan
    values[5000] = np.inf
    found = thin(np.arange(10_000), values, 100)
    assert list(found.steps[~np.isfinite(found.values)]) == [3000, 5000]
    assert np.isfinite(found.means).all()


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_hardly_any_finite_values(kept):
    values = np.full(1000, np.nan)
    values[:kept] = 1.0
    found = thin(np.arange(1000), values, 10)
    assert list(found.steps) == list(range(kept + 1))


def test_many_gaps_do_not_grow_without_bound(values):
    values[::2] = np.nan
    found = thin(np.arange(10_000), values, 100)
    assert np.isnan(found.values).sum() == MOST_GAPS
