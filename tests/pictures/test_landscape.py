"""The loss landscape: closed forms, filter norms, paths, and the time it takes."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, optim, pictures
from chainrule.compiler.compile import Compiled
from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.pictures.weights import (
    coordinates,
    filter_normalized,
    inner,
    path_steps,
    position,
    principal,
)
from chainrule.train import Trainer

LOSS = nn.CrossEntropyLoss()


def norms(w, axis=0):
    return np.sqrt((w.astype(float) ** 2).sum(tuple(i for i in range(w.ndim) if i != axis)))


class TestDirections:
    def test_filters_of_the_direction_are_as_long_as_the_network_s(self, cnn):
        direction = filter_normalized(cnn, np.random.default_rng(0))
        for name, p in cnn.named_parameters():
            d = direction[name]
            if d.ndim == 1:
                assert not d.any(), "biases and scales stay"
            else:
                assert np.allclose(norms(d), norms(p.detach().numpy()), rtol=1e-5)

    def test_those_of_a_transposed_convolution_lie_along_its_second_axis(self):
        layer = nn.ConvTranspose2d(3, 5, 2)
        d = filter_normalized(layer, np.random.default_rng(0))["weight"]
        assert np.allclose(norms(d, 1), norms(layer.weight.detach().numpy(), 1), rtol=1e-5)

    def test_a_filter_of_zeros_stays(self):
        layer = nn.Linear(3, 2)
        with cr.no_grad():
            layer.weight[0] = 0.0
        d = filter_normalized(layer, np.random.default_rng(0))["weight"]
        assert not d[0].any() and d[1].all()

    def test_a_path_in_a_plane_is_seen_whole(self):
        source = np.random.default_rng(1)
        basis = np.linalg.qr(source.normal(size=(12, 2)))[0].T
        flat = source.normal(size=(9, 2)) * [4, 1]
        here = {"a": np.zeros((2, 3)), "b": np.zeros(6)}
        points = [{"a": p[:6].reshape(2, 3), "b": p[6:]} for p in flat @ basis]
        steps = path_steps(points, here)
        first, second, shares = principal(steps, here)
        assert shares.sum() == pytest.approx(1) and shares[0] > shares[1]
        assert inner(first, first) == pytest.approx(1) == inner(second, second)
        assert inner(first, second) == pytest.approx(0, abs=1e-9)
        seen = coordinates(steps, first, second)
        assert np.allclose(np.linalg.norm(seen, axis=1), np.linalg.norm(flat, axis=1))

    def test_a_straight_path_gets_a_second_direction(self):
        here = {"a": np.zeros(4)}
        steps = path_steps([{"a": np.arange(4.0)}, {"a": 2 * np.arange(4.0)}], here)
        first, second, _ = principal(steps, {"a": np.ones(4)})
        assert inner(first, second) == pytest.approx(0, abs=1e-9)
        assert inner(second, second) == pytest.approx(1)

    def test_points_off_the_plane_are_projected_at_right_angles(self):
        first, second = {"a": np.array([2.0, 0, 0])}, {"a": np.array([1.0, 1.0, 0])}
        (seen,) = coordinates([{"a": np.array([3.0, 1.0, 7.0])}], first, second)
        assert np.allclose(seen, [1.0, 1.0])


class TestSurface:
    def test_in_the_middle_is_the_loss_of_the_model(self, mlp, points):
        found = pictures.loss_surface(mlp, LOSS, *points, resolution=5)
        assert found.losses[2, 2] == found.loss
        wanted = LOSS(mlp.eval()(points[0]), points[1]).item()
        assert found.loss == pytest.approx(wanted, rel=1e-5)
        mlp.train()

    def test_all_places_are_computed_by_one_compiled_function(self, mlp, points, monkeypatch):
        monkeypatch.setattr(Compiled, "made", [])
        pictures.loss_surface(mlp, LOSS, *points, resolution=6)
        (compiled,) = Compiled.made
        assert len(compiled._recordings) == 1

    def test_other_places_are_the_losses_of_moved_models(self, points):
        cr.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
        found = pictures.loss_surface(model, LOSS, *points, resolution=3, span=0.5, seed=3)
        source = np.random.default_rng(3)
        first, second = filter_normalized(model, source), filter_normalized(model, source)
        with cr.no_grad():
            for name, p in model.named_parameters():
                p += cr.tensor(0.5 * first[name] - 0.5 * second[name])
        assert found.losses[0, 2] == pytest.approx(
            LOSS(model(points[0]), points[1]).item(), rel=1e-5
        )

    def test_over_two_weights_it_is_a_known_parabola(self):
        line = nn.Linear(1, 1)
        with cr.no_grad():
            line.weight.fill_(2.0)
            line.bias.fill_(-1.0)
        x = cr.tensor([[-1.0], [1.0]])
        found = pictures.loss_surface(
            line, nn.MSELoss(), x, 3 * x + 1, weights=(("weight", (0, 0)), ("bias", (0,))),
            span=2.0, resolution=5,
        )  # fmt: skip
        assert np.allclose(found.a, [0, 1, 2, 3, 4]) and np.allclose(
            found.b, [-3, -2, -1, 0, 1]
        )
        w, b = np.meshgrid(found.a, found.b)
        assert np.allclose(found.losses, (w - 3) ** 2 + (b - 1) ** 2, atol=1e-5)
        assert found.here == (2.0, -1.0) and found.lowest[:2] == (3.0, 1.0)
        assert found.names == ("weight weight[0, 0]", "weight bias[0]")

    def test_the_path_of_a_training_ends_where_the_weights_are(self, points):
        cr.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
        path = pictures.WeightPath(every=2)
        data = cr.utils.data.DataLoader(cr.utils.data.TensorDataset(*points), batch_size=10)
        optimizer = optim.SGD(model.parameters(), lr=0.5)
        Trainer(model, LOSS, optimizer, data, epochs=4, callbacks=[path]).fit()
        assert len(path) == 1 + 12 // 2
        found = pictures.loss_surface(model, LOSS, *points, path=path, resolution=3)
        assert np.allclose(found.path[-1], 0, atol=1e-6) and len(found.path) == 7
        assert found.a[0] < found.path[:, 0].min() and found.path[:, 0].max() < found.a[-1]
        again = pictures.loss_surface(
            model, LOSS, *points, path=[model.state_dict(), *path], resolution=2
        )
        assert len(again.path) == 8

    def test_a_loss_of_the_outputs_alone_and_of_several_inputs(self):
        class Product(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = nn.Parameter(cr.tensor([[2.0]]))

            def forward(self, x, y):
                return x * y * self.scale

        inputs = cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0])
        found = pictures.loss_surface(Product(), lambda y: y.mean(), inputs, resolution=3)
        assert found.loss == pytest.approx(11.0)

    def test_at_most_so_many_samples_are_used_at_even_distances(self):
        line = nn.Linear(1, 1)
        x = cr.arange(9.0).unsqueeze(1)
        found = pictures.loss_surface(
            line, lambda y, target: (0 * y).sum() + target.sum(), x, x, resolution=2, samples=3
        )
        assert found.loss == 0 + 4 + 8

    def test_what_cannot_be_compiled_is_computed_eagerly(self, points):
        def loss(y, target):
            return LOSS(y, target) * (2.0 if y.abs().sum().item() < 0 else 1.0)

        model = nn.Linear(2, 2)
        with pytest.warns(UserWarning, match="the loss landscape runs eagerly"):
            slow = pictures.loss_surface(model, loss, *points, resolution=3)
        fast = pictures.loss_surface(model, LOSS, *points, resolution=3)
        assert np.allclose(slow.losses, fast.losses, rtol=1e-5)

    def test_losses_that_are_not_finite_leave_holes(self, points):
        found = pictures.loss_surface(
            nn.Linear(2, 2), lambda y: 1 / (y - y).sum(), points[0], resolution=2
        )
        assert not np.isfinite(found.losses).any()
        assert "?" in str(found)

    def test_tied_weights_move_together(self):
        layer = nn.Linear(2, 2, bias=False)
        model = nn.Sequential(layer, layer)
        found = pictures.loss_surface(
            model, lambda y: y.sum(), cr.ones(1, 2), span=1.0, resolution=3,
            weights=(("0.weight", (0, 0)), ("0.weight", (1, 1))),
        )  # fmt: skip
        w = layer.weight.detach().numpy().copy()
        w[0, 0] += 1
        assert found.losses[1, 2] == pytest.approx((w @ w @ np.ones(2)).sum(), rel=1e-5)

    @pytest.mark.parametrize(
        ("given", "error", "code"),
        [
            ({"model": lambda x: x}, ArgumentTypeError, "CR845"),
            ({"model": nn.ReLU()}, ArgumentError, "CR844"),
            ({"loss": nn.CrossEntropyLoss(reduction="none")}, ArgumentError, "CR844"),
            ({"weights": (("0.weight", (0, 0)), ("bias", (0,)))}, ArgumentError, "CR844"),
            ({"weights": (("weight", (0, 9)), ("bias", (0,)))}, ArgumentError, "CR844"),
            ({"weights": (("weight", (0,)), ("bias", (0,)))}, ArgumentError, "CR844"),
            ({"path": []}, ArgumentError, "CR844"),
            ({"path": [nn.Linear(3, 2).state_dict()] * 2}, ArgumentError, "CR844"),
            ({"targets": cr.zeros(3, dtype=cr.int64)}, ArgumentError, "CR844"),
            ({"inputs": 3.0}, ArgumentError, "CR844"),
            ({"resolution": 1}, ArgumentError, "CR848"),
            ({"span": 0.0}, ArgumentError, "CR848"),
        ],
    )
    def test_wrong_use_is_explained(self, given, error, code, points):
        model = given.pop("model", nn.Linear(2, 2))
        loss = given.pop("loss", LOSS)
        inputs, targets = given.pop("inputs", points[0]), given.pop("targets", points[1])
        with pytest.raises(error, match=code):
            pictures.loss_surface(model, loss, inputs, targets, **{"resolution": 2, **given})

    def test_a_path_that_stays_is_refused(self, points):
        model = nn.Linear(2, 2)
        with pytest.raises(ArgumentError, match="CR844"):
            pictures.loss_surface(model, LOSS, *points, path=[model.state_dict()] * 3)
        with pytest.raises(ArgumentError, match="CR848"):
            pictures.WeightPath(every=0)

    def test_the_weights_of_a_path_are_kept_not_shared(self):
        model, path = nn.Linear(1, 1), pictures.WeightPath()
        path.keep(model)
        with cr.no_grad():
            model.weight += 1.0
        path.keep(model)
        assert path.points[1]["weight"] - path.points[0]["weight"] == pytest.approx(1.0)
        assert position(model)["weight"] == path.points[1]["weight"]
