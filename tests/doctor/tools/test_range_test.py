"""The judgement of a range test, on curves whose answer is known."""

import math

import numpy as np
import pytest

from chainrule.doctor.tools.range_test import judge, noise_of, smooth

RATES = np.geomspace(1e-7, 10, 100)


def falling(at=0.01, up=1.0, by=1.5, level=2.3):
    """A loss that falls around one rate and rises beyond another."""
    return level - by / (1 + (at / RATES)) + (RATES / up) ** 3


@pytest.mark.parametrize("at", [1e-4, 1e-3, 1e-2])
def test_the_suggestion_is_where_the_loss_falls_fastest(at):
    found = judge(RATES, falling(at))
    assert at / 2 < found.suggestion < 2 * at
    assert found.turning > 10 * found.suggestion
    assert "falls fastest" in found.reason and "turns up" in found.reason


def test_it_stays_below_the_rate_at_which_the_loss_turns_up():
    found = judge(RATES, falling(at=0.01, up=0.02))
    assert found.suggestion == pytest.approx(found.turning / 4)
    assert found.suggestion < found.steepest


def test_noise_moves_it_little_and_too_much_noise_is_refused():
    noise = np.random.default_rng(0).normal(size=100)
    assert 0.004 < judge(RATES, falling() + 0.05 * noise).suggestion < 0.025
    refused = judge(RATES, falling(by=0.05) + 0.2 * noise)
    assert refused.suggestion is None and "noise of the batches" in refused.reason
    noises = [2.3 + 0.2 * np.random.default_rng(i).normal(size=100) for i in range(40)]
    assert sum(judge(RATES, y).suggestion is not None for y in noises) <= 4


def test_what_batches_are_by_themselves_is_taken_off():
    noise = 0.4 * np.random.default_rng(2).normal(size=100)
    curve = falling(by=0.2)
    assert judge(RATES, curve + noise).suggestion is None
    found = judge(RATES, curve + noise, at_start=2.3 + noise)
    assert 0.005 < found.suggestion < 0.02
    assert found.losses == (curve + noise).tolist()


def test_a_loss_that_hardly_falls_is_refused():
    for losses in (np.full(100, 2.3), 2.3 + RATES, falling(by=0.01)):
        found = judge(RATES, losses)
        assert found.suggestion is None and "hardly fell" in found.reason


def test_a_loss_without_a_lowest_value_is_refused():
    found = judge(RATES, -2.3 - 1000 * RATES)
    assert found.suggestion is None and "Is its sign right?" in found.reason


def test_a_loss_that_is_not_finite_from_the_start_is_refused():
    found = judge(RATES[:1], [math.nan])
    assert found.suggestion is None
    assert "nan at step 1" in found.reason and "1.0e-07" in found.reason


def test_a_range_that_begins_too_high_is_refused():
    losses = 0.5 + 2 * np.exp(-np.arange(100) / 4)
    found = judge(np.geomspace(1e-2, 10, 100), losses)
    assert found.suggestion is None and "smaller low=" in found.reason


def test_a_range_that_ends_too_early():
    rates = np.geomspace(1e-7, 0.05, 100)
    found = judge(rates, np.interp(np.arange(100), [0, 60, 90, 99], [2, 2, 1, 0.95]))
    assert found.suggestion is not None and found.turning is None
    assert "had not turned up" in found.reason
    found = judge(rates, 2 - np.maximum(0, np.arange(100) - 60) ** 2 / 2000)
    assert found.suggestion is None and "larger high=" in found.reason


def test_the_end_that_is_not_finite_is_where_it_turns_up():
    losses = [*falling(at=0.01, up=1e9).tolist()[:80], math.inf]
    found = judge(RATES[:81], losses)
    assert found.turning == pytest.approx(RATES[79])
    assert found.suggestion is not None and len(found.losses) == 80


def test_smoothing_keeps_straight_lines_and_does_not_lag():
    line = np.linspace(3, -2, 50)
    assert np.allclose(smooth(line), line)
    step = np.r_[np.zeros(50), np.ones(50)]
    assert smooth(step)[:50].max() < 0.5 < smooth(step)[50:].min()
    noise = np.random.default_rng(1).normal(size=400)
    assert noise_of(noise, smooth(noise), 400) == pytest.approx(smooth(noise).std(), rel=0.35)


def test_it_is_text_with_a_curve_and_plain_values():
    found = judge(RATES, falling())
    lines = str(found).splitlines()
    assert lines[0].startswith("suggested learning rate: 0.0")
    assert "▲" in str(found) and "1e-07" in lines[-1] and len(lines) == 17
    values = judge(RATES[:20], [1.0] * 12 + [math.inf] * 8).as_dict()
    assert set(values) >= {"suggestion", "reason", "learning_rates", "losses", "smoothed"}
    assert values["losses"][-1] == 1.0
