"""Optimizers racing, and learning rates: closed forms and known verdicts."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, optim, pictures
from chainrule.errors import ArgumentError, ShapeError
from chainrule.pictures.race import SURFACES, heights


class TestRace:
    @pytest.mark.parametrize("name", SURFACES)
    def test_the_minima_are_minima(self, name):
        surface = SURFACES[name]
        for x, y in surface.minima:
            place = cr.tensor([x, y], dtype=cr.float64, requires_grad=True)
            value = surface.function(place[0], place[1])
            value.backward()
            assert np.allclose(place.grad.numpy(), 0, atol=1e-4)
            least = pictures.optimizer_paths(surface, steps=1).least
            assert value.item() == pytest.approx(least, abs=1e-9)

    @pytest.mark.parametrize("name", SURFACES)
    def test_all_come_down_and_stay_on_the_map(self, name):
        race = pictures.optimizer_paths(name, steps=80)
        left, right, bottom, top = race.surface.limits
        for optimizer, path in race.paths.items():
            assert race.values[optimizer][-1] < race.values[optimizer][0], optimizer
            x, y = path[-1]
            assert left < x < right and bottom < y < top, optimizer

    def test_gradient_descent_in_the_valley_is_known(self):
        makers = {"SGD": lambda p: optim.SGD(p, lr=0.3)}
        race = pictures.optimizer_paths("valley", makers, start=(4.0, 1.0), steps=6)
        t = np.arange(7)
        assert np.allclose(race.paths["SGD"][:, 0], 4 * (1 - 0.03) ** t)
        assert np.allclose(race.paths["SGD"][:, 1], (1 - 0.6) ** t)

    def test_what_diverges_ends_there(self):
        makers = {"SGD": lambda p: optim.SGD(p, lr=1.0)}
        values = pictures.optimizer_paths("rosenbrock", makers, steps=20).values["SGD"]
        first = np.flatnonzero(~np.isfinite(values))[0]
        assert 1 < first < 15 and np.isnan(values[first + 1 :]).all()

    def test_a_function_of_ones_own(self):
        race = pictures.optimizer_paths(lambda x, y: (x - 1) ** 2 + y**2, start=(0.0, 0.5))
        assert race.values["Momentum"][-1] < 1e-3
        assert heights(race.surface, race.surface.limits, 9)[2].shape == (9, 9)
        assert "Adam" in str(race)

    def test_wrong_use_is_explained(self):
        with pytest.raises(ArgumentError, match=r"CR848.*rosenbrock"):
            pictures.optimizer_paths("rosenbrok")
        with pytest.raises(ArgumentError, match="CR848"):
            pictures.optimizer_paths(steps=0)
        with pytest.raises(ShapeError, match="CR841"):
            pictures.optimizer_paths(lambda x, y: 3.0)
        race = pictures.optimizer_paths(lambda x, y: (x * y).sum(), steps=1)
        with pytest.raises(ShapeError, match=r"CR841.*element by element"):
            heights(race.surface, race.surface.limits, 9)


class TestRates:
    def test_on_a_parabola_each_step_multiplies_by_a_known_factor(self):
        runs = pictures.descent(rates=(0.02, 0.3, 1.03), start=-2.0, steps=9)
        t = np.arange(10)
        for rate, places in zip(runs.rates, runs.places):
            assert np.allclose(places, -2.0 * (1 - 2 * rate) ** t)
        assert np.allclose(runs.losses, runs.places**2)
        assert runs.verdicts == ("too small", "right", "too large")

    def test_verdicts_where_no_rate_is_right(self):
        assert pictures.descent(rates=(1.5, 2.0)).verdicts == ("too large",) * 2

    def test_a_model_is_trained_anew_at_each_rate(self, points):
        cr.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
        runs = pictures.training_runs(
            model, nn.CrossEntropyLoss(), *points, rates=(1e-4, 1.0, 1e5), steps=25
        )
        assert runs.losses.shape == (3, 26)
        assert len(set(runs.losses[:, 0])) == 1, "all start from the same weights"
        assert runs.verdicts == ("too small", "right", "too large")
        assert "right" in str(runs)

    def test_the_losses_are_those_of_a_loop_by_hand(self, points):
        cr.manual_seed(0)
        model = nn.Linear(2, 2)
        loss_function = nn.CrossEntropyLoss()
        runs = pictures.training_runs(
            model, loss_function, *points, rates=(0.1,), steps=3, optimizer=optim.Adam
        )
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        for wanted in runs.losses[0]:
            loss = loss_function(model(points[0]), points[1])
            assert loss.item() == pytest.approx(wanted, rel=1e-5)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def test_wrong_use_is_explained(self, points):
        with pytest.raises(ArgumentError, match="CR848"):
            pictures.descent(rates=(-1.0,))
        with pytest.raises(ArgumentError, match="CR848"):
            pictures.training_runs(nn.Linear(2, 2), nn.CrossEntropyLoss(), *points, rates=())
        with pytest.raises(ShapeError, match="CR841"):
            pictures.descent(lambda x: 2.0)
