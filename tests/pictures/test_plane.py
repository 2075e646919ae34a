"""Decision boundary, feature space, a neuron's line: against what is known in closed form."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, pictures
from chainrule.errors import ArgumentError, ArgumentTypeError, ShapeError


def linear(weight, bias):
    layer = nn.Linear(len(weight[0]), len(weight))
    with cr.no_grad():
        layer.weight.copy_(cr.tensor(weight))
        layer.bias.copy_(cr.tensor(bias))
    return layer


CORNERS = cr.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


class TestDecisionRegions:
    def test_a_line_divides_the_plane_where_it_should(self):
        found = pictures.decision_regions(
            linear([[1.0, 1.0]], [-1.5]), CORNERS, [0, 0, 0, 1], resolution=33
        )
        x1, x2 = np.meshgrid(found.x1, found.x2)
        assert np.array_equal(found.decisions, (x1 + x2 > 1.5).astype(int))
        assert found.accuracy == 1.0
        assert np.allclose(found.probabilities[..., 1], 1 / (1 + np.exp(1.5 - x1 - x2)))

    @pytest.mark.parametrize(
        "outputs",
        [
            lambda z: cr.stack([cr.zeros_like(z), z], 1),
            lambda z: cr.stack([cr.zeros_like(z), z], 1).log_softmax(1),
            lambda z: cr.stack([cr.zeros_like(z), z], 1).softmax(1),
            lambda z: z.sigmoid(),
            lambda z: z.unsqueeze(1),
            lambda z: z,
        ],
        ids=["logits", "log-probabilities", "probabilities", "sigmoid", "one column", "vector"],
    )
    def test_outputs_of_all_kinds_mean_the_same(self, outputs):
        found = pictures.decision_regions(
            lambda x: outputs(3 * x[:, 0] - 1), CORNERS, resolution=5
        )
        wanted = 1 / (1 + np.exp(1 - 3 * found.x1))
        assert np.allclose(found.probabilities[..., 1], wanted[None], atol=1e-6)

    def test_labels_of_all_kinds_mean_the_same(self):
        model = linear([[1.0, 1.0]], [-1.5])
        for labels in ([0, 0, 0, 1], [-1, -1, -1, 1], cr.tensor([[0.0], [0.0], [0.0], [1.0]]),
                       np.array([False, False, False, True])):  # fmt: skip
            assert pictures.decision_regions(model, CORNERS, labels).accuracy == 1.0

    def test_it_is_drawn_as_text(self):
        found = pictures.decision_regions(linear([[1.0, 1.0]], [-1.5]), CORNERS, [0, 0, 0, 0])
        text = str(found)
        assert text.endswith("75.0 % of 4 points right")
        assert text.count("o") >= 4 and "·" in text

    @pytest.mark.parametrize(
        ("given", "error", "code"),
        [
            ({"points": cr.zeros(5, 3)}, ShapeError, "CR841"),
            ({"points": cr.zeros(0, 2)}, ShapeError, "CR841"),
            ({"points": cr.full((4, 2), float("nan"))}, ArgumentError, "CR849"),
            ({"labels": [0, 1]}, ShapeError, "CR841"),
            ({"labels": [0, 1, 2, 0.5]}, ShapeError, "CR841"),
            ({"labels": [0, 1, 2, -7]}, ShapeError, "CR841"),
            ({"model": lambda x: x.reshape(-1, 1, 1, 1)}, ShapeError, "CR845"),
            ({"model": lambda x: (x, x)}, ShapeError, "CR845"),
            ({"outputs": "odds"}, ArgumentError, "CR848"),
            ({"resolution": 1}, ArgumentError, "CR848"),
        ],
    )
    def test_wrong_use_is_explained(self, given, error, code):
        model, points = given.pop("model", nn.Linear(2, 2)), given.pop("points", CORNERS)
        with pytest.raises(error, match=code):
            pictures.decision_regions(model, points, **given)


class TestFeatureSpace:
    def test_two_features_are_shown_as_they_are_with_the_deciding_line(self):
        hidden, readout = (
            linear([[1.0, 0.0], [1.0, 1.0]], [0.0, -1.0]),
            linear([[2.0, -3.0]], [0.5]),
        )
        found = pictures.hidden_features(nn.Sequential(hidden, nn.ReLU(), readout), CORNERS)
        x = CORNERS.numpy()
        wanted = np.maximum(np.stack([x[:, 0], x[:, 0] + x[:, 1] - 1], 1), 0)
        assert np.allclose(found.points, wanted)
        ((normal, offset),) = found.borders
        assert np.allclose(normal, [2, -3]) and offset == 0.5
        assert "'2'" in found.layer

    def test_of_many_features_the_first_axis_is_the_distance_from_the_deciding_plane(self, mlp):
        model = nn.Sequential(
            mlp[0], nn.Tanh(), linear([[1.0, 2.0, 0.0, -1.0, 0.5, 3.0]], [0.7])
        )
        found = pictures.hidden_features(model, CORNERS)
        logits = model(CORNERS).detach().numpy()[:, 0]
        length = np.linalg.norm([1.0, 2.0, 0.0, -1.0, 0.5, 3.0])
        assert np.allclose(found.points[:, 0], logits / length, atol=1e-6)
        assert np.allclose(found.axes @ found.axes.T, np.eye(2), atol=1e-9)

    def test_of_more_classes_the_principal_components_are_shown(self, points):
        cr.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3))
        found = pictures.hidden_features(model, points[0])
        assert found.borders == () and "of variance" in found.names[0]
        variances = found.points.var(0)
        assert variances[0] > variances[1]

    def test_a_layer_can_be_chosen_by_name_or_itself(self, mlp, points):
        named = pictures.hidden_features(mlp, points[0], layer="2")
        assert np.array_equal(
            named.values, pictures.hidden_features(mlp, points[0], layer=mlp[2]).values
        )
        assert np.abs(named.values).max() <= 1 and "'2'" in named.layer

    def test_wrong_use_is_explained(self, points):
        with pytest.raises(ArgumentError, match=r"CR842.*'7'.*0, 1"):
            pictures.hidden_features(
                nn.Sequential(nn.Linear(2, 2), nn.ReLU()), points[0], layer="7"
            )
        with pytest.raises(ArgumentError, match=r"CR842.*nn\.Linear"):
            pictures.hidden_features(nn.ReLU(), points[0])
        with pytest.raises(ArgumentTypeError, match="CR845"):
            pictures.hidden_features(lambda x: x, points[0])
        with pytest.raises(ShapeError, match="CR841"):
            pictures.hidden_features(nn.Linear(2, 2), cr.zeros(3, 2, 2))


class TestNeuron:
    def test_distance_and_foot_are_those_of_the_line(self):
        (line,) = pictures.neuron_lines(linear([[3.0, -4.0]], [10.0]))
        assert line.distance == pytest.approx(2.0)
        assert np.allclose(line.foot, [-1.2, 1.6])
        assert np.allclose(line.value(line.foot[None]), 0)
        assert str(line) == "3 x₁ − 4 x₂ + 10 = 0"

    def test_it_is_drawn_as_text_with_points(self):
        text = pictures.neuron_text(([1.0, 1.0], -1.5), CORNERS, [0, 0, 0, 1])
        assert text.endswith("x₁ + x₂ − 1.5 = 0")
        assert text.count("x") == 1 + 2 and text.count("o") == 3 and "·" in text

    def test_a_layer_has_a_line_for_each_neuron(self, mlp):
        assert len(pictures.neuron_lines(mlp)) == 6
        assert len(pictures.neuron_lines(([1.0, 2.0], 0.5))) == 1

    def test_wrong_use_is_explained(self):
        with pytest.raises(ShapeError, match=r"CR841.*two inputs"):
            pictures.neuron_lines(nn.Linear(3, 1))
        with pytest.raises(ArgumentError, match="CR842"):
            pictures.neuron_lines(nn.ReLU())


class TestProjection:
    def test_points_of_a_plane_keep_their_distances(self):
        source = np.random.default_rng(0)
        flat = source.normal(size=(20, 2)) * [3, 1]
        basis = np.linalg.qr(source.normal(size=(7, 2)))[0]
        found = pictures.projected(flat @ basis.T + 5)
        assert found.shares.sum() == pytest.approx(1)

        def distances(x):
            return np.linalg.norm(x[:, None] - x[None], axis=-1)

        assert np.allclose(distances(found.points), distances(flat))

    def test_an_embedding_is_drawn_by_its_weight(self):
        layer = nn.Embedding(5, 3)
        assert np.array_equal(
            pictures.projected(layer).points, pictures.projected(layer.weight).points
        )

    def test_one_feature_is_enough(self):
        assert pictures.projected([[0.0], [1.0], [2.0]]).shares.tolist() == [1.0, 0.0]

    def test_tsne_keeps_two_clouds_apart(self):
        pytest.importorskip("sklearn", reason="t-SNE is scikit-learn's")
        source = np.random.default_rng(0)
        clouds = np.concatenate([source.normal(size=(12, 5)), source.normal(size=(12, 5)) + 20])
        found = pictures.projected(clouds, [0] * 12 + [1] * 12, method="tsne").points
        between = np.linalg.norm(found[:12].mean(0) - found[12:].mean(0))
        assert between > 2 * found[:12].std()

    def test_wrong_use_is_explained(self):
        with pytest.raises(ShapeError, match="CR841"):
            pictures.projected(cr.zeros(3))
        with pytest.raises(ArgumentError, match=r"CR848.*pca"):
            pictures.projected(cr.rand(4, 3), method="umap")
        with pytest.raises(ArgumentError, match="CR842"):
            pictures.projected(nn.ReLU())


class TestActivations:
    def test_derivatives_are_the_known_ones(self):
        x = np.linspace(-5, 5, 400)
        s = 1 / (1 + np.exp(-x))
        known = {
            "Sigmoid": s * (1 - s), "Tanh": 1 - np.tanh(x) ** 2, "ReLU": (x > 0) * 1.0,
            "SiLU": s * (1 + x * (1 - s)), "Softplus": s, "ELU": np.where(x > 0, 1, np.exp(x)),
        }  # fmt: skip
        found = {curve.name: curve.slope for curve in pictures.activation_curves()}
        assert len(found) == 8
        for name, slope in known.items():
            assert np.allclose(found[name], slope, atol=1e-6), name

    def test_functions_of_ones_own_are_drawn_too(self):
        a, b, c = pictures.activation_curves({"cube": lambda x: x**3, "one": cr.ones_like,
                                              "Mish": nn.Mish()})  # fmt: skip
        assert np.allclose(a.slope, 3 * a.x**2)
        assert not b.slope.any() and (b.y == 1).all()
        assert c.name == "Mish"
        assert [f.name for f in pictures.activation_curves(["Mish", nn.SELU()])] == [
            "Mish",
            "SELU",
        ]

    def test_wrong_use_is_explained(self):
        with pytest.raises(ArgumentError, match=r"CR848.*Sigmoid"):
            pictures.activation_curves(["Sigmund"])
        with pytest.raises(ShapeError, match="CR841"):
            pictures.activation_curves({"sum": lambda x: x.sum()})
        with pytest.raises(ArgumentError, match="CR848"):
            pictures.activation_curves(span=(1, 0))
