"""The figures themselves, where matplotlib is installed."""

import io

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, pictures
from chainrule.errors import ArgumentError
from chainrule.pictures import canvas

LOSS = nn.CrossEntropyLoss()


@pytest.fixture
def matplotlib():
    return pytest.importorskip("matplotlib", reason="pictures are drawn with matplotlib")


@pytest.fixture
def drawn(matplotlib):
    """Draws a figure and returns its panels; no setting of matplotlib may have changed."""
    before = dict(matplotlib.rcParams)

    def draw(figure):
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=40)
        assert file.getvalue().startswith(b"\x89PNG")
        return [axes for axes in figure.axes if axes.get_visible()]

    yield draw
    assert dict(matplotlib.rcParams) == before


def labelled(axes):
    return axes.get_xlabel() and axes.get_ylabel() and axes.get_title("left")


HISTORY = [{"train_loss": 1 / e, "validation_loss": 1 + (e - 3) ** 2 / 9} for e in range(1, 9)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda m, x, y: pictures.decision_boundary(m, x, y, resolution=20),
        lambda m, x, y: pictures.decision_boundary(m, x, resolution=20),
        lambda m, x, y: pictures.neuron_line(nn.Linear(2, 1), x, y),
        lambda m, x, y: pictures.neuron_line(m),
        lambda m, x, y: pictures.embedding_projection(x, y, words=["a", "b"]),
        lambda m, x, y: pictures.fitting_curves(HISTORY),
        lambda m, x, y: pictures.fitting_curves(HISTORY[:1]),
        lambda m, x, y: pictures.learning_rate_curves(m, LOSS, x, y, (0.1, 1.0), steps=2),
    ],
)
def test_single_panels_have_names_and_units(draw, drawn, mlp, points):
    assert labelled(drawn(draw(mlp, *points))[0])


def test_the_feature_space_has_the_plane_beside_it(drawn, mlp, points):
    panels = drawn(pictures.feature_space(mlp, *points))
    assert len(panels) == 2 and all(map(labelled, panels))
    one = nn.Sequential(nn.Linear(2, 1), nn.Tanh(), nn.Linear(1, 1))
    assert len(drawn(pictures.feature_space(one, *points))) == 2
    assert len(drawn(pictures.feature_space(nn.Linear(3, 2), cr.rand(9, 3)))) == 1


def test_activation_functions_have_a_panel_each(drawn):
    assert len(drawn(pictures.activation_functions())) == 8
    assert (
        len(drawn(pictures.activation_functions(["ReLU", "Tanh", "SELU", "Mish", "ELU"]))) == 5
    )


def test_a_derivative_that_jumps_is_drawn_with_a_gap(drawn):
    (axes,) = drawn(pictures.activation_functions(["ReLU"]))
    slope = axes.get_lines()[-1].get_ydata()
    assert np.isnan(slope).sum() == 1 and set(slope[np.isfinite(slope)]) == {0.0, 1.0}


@pytest.mark.parametrize("kind", ["both", "surface", "contour"])
def test_the_landscape_is_drawn_in_each_way(kind, drawn, mlp, points):
    figure = pictures.loss_landscape(mlp, LOSS, *points, resolution=4, kind=kind)
    assert drawn(figure)
    assert figure.get_suptitle()


def test_the_landscape_is_drawn_with_a_path_and_with_a_flat_loss(drawn, points):
    model, path = nn.Linear(2, 2), pictures.WeightPath()
    path.keep(model)
    with cr.no_grad():
        model.weight += 1.0
    path.keep(model)
    figure = pictures.loss_landscape(model, LOSS, *points, path=path, resolution=4)
    drawn(figure)
    assert "path of the training" in figure.axes[1].get_legend_handles_labels()[1]
    flat = pictures.loss_landscape(model, lambda y: (0 * y).sum(), points[0], resolution=3)
    assert drawn(flat)
    with pytest.raises(ArgumentError, match="CR848"):
        pictures.loss_landscape(model, LOSS, *points, kind="globe")


@pytest.mark.parametrize("surface", ["valley", lambda x, y: x**2 + y**4])
def test_a_race_has_a_map_and_curves(surface, drawn):
    panels = drawn(pictures.optimizer_race(surface, steps=10))
    assert len(panels) == 2 and all(map(labelled, panels))


def test_learning_rates_have_a_panel_each_and_one_for_all(drawn):
    panels = drawn(pictures.learning_rates())
    assert [axes.get_title("left").split(": ")[-1] for axes in panels] == [
        "too small", "right", "too large", "Loss by step"
    ]  # fmt: skip


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_filters_of_any_number_of_channels(channels, drawn):
    axes, *_ = drawn(pictures.filters(nn.Conv2d(channels, 7, 3)))
    frames = {1: 7, 3: 0, 5: 35}[channels]
    assert len(axes.patches) == frames, "white is a weight too, so that each has a frame"


def test_points_on_the_wrong_side_keep_their_shape(drawn, points):
    x, y = points
    (axes,) = drawn(pictures.decision_boundary(lambda x: 0 * x, x, y, resolution=5))
    *classes, rings = axes.collections
    assert rings.get_label() == "on the wrong side" and not rings.get_facecolors().size
    assert [c.get_zorder() < rings.get_zorder() for c in classes] == [True, True]
    assert len(rings.get_offsets()) == int((y == 1).sum().item())


def test_a_map_lets_the_image_through_where_it_says_nothing(drawn, cnn, images):
    axes = drawn(pictures.occlusion(cnn, images[0][:1]))[1]
    _, heat = axes.get_images()
    strength = np.abs(heat.get_array()) / heat.norm.vmax
    alpha = heat.get_alpha()
    assert alpha.shape == strength.shape and alpha.max() <= 0.85
    assert alpha[strength == strength.min()].max() < alpha[strength == strength.max()].min()


def test_losses_close_to_each_other_have_plain_numbers_on_a_logarithmic_axis(drawn):
    figure = canvas.figure(4, 3)
    axes = figure.subplots()
    axes.semilogy([0.25, 0.7])
    canvas.plain_logarithms(axes.yaxis)
    drawn(figure)
    low, high = axes.get_ylim()
    texts = [t.get_text() for t in axes.get_yticklabels() if low <= t.get_position()[1] <= high]
    assert {"0.3", "0.4", "0.6"} <= set(texts)


def test_pictures_of_images(drawn, cnn, images):
    x = images[0]
    assert len(drawn(pictures.feature_maps(cnn, x[0], most=3))) >= 8
    assert len(drawn(pictures.feature_visualization(cnn, [0, 1], x, steps=2))) == 2
    for draw in (pictures.grad_cam, pictures.saliency, pictures.occlusion):
        panels = drawn(draw(cnn, x[:2], classes=["a", "b", "c"]))
        assert len(panels) == 4 + 2, "two images, each with its map and the map's scale"
    colours = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 2))
    assert drawn(pictures.grad_cam(colours, cr.rand(3, 8, 8)))


def test_attention_has_a_panel_for_each_head_and_layer(drawn):
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
    panels = drawn(pictures.attention_maps(encoder, cr.ones(1, 3, 8), tokens=["a", "b", "c"]))
    assert len(panels) == 2 * 2 + 1
    assert [label.get_text() for label in panels[2].get_xticklabels()] == ["a", "b", "c"]


def test_axes_of_ones_own_are_drawn_on(matplotlib, drawn, mlp, points):
    figure = canvas.figure(6, 3)
    left, right = figure.subplots(1, 2)
    assert pictures.decision_boundary(mlp, *points, axes=left, resolution=9) is figure
    pictures.fitting_curves(HISTORY, axes=right)
    assert all(map(labelled, drawn(figure)))


def test_a_figure_shows_itself_in_a_notebook_and_is_written_as_svg(matplotlib, tmp_path):
    figure = pictures.activation_functions(["ReLU"])
    assert figure._repr_png_().startswith(b"\x89PNG")
    figure.savefig(tmp_path / "figure.svg")
    assert "<svg" in (tmp_path / "figure.svg").read_text("utf-8")


def test_colours_and_markers_tell_ten_classes_apart():
    assert len({(canvas.colour(i), canvas.marker(i)) for i in range(40)}) >= 20
    assert len(set(canvas.COLOURS)) == len(set(canvas.MARKERS)) == 10


def test_too_few_names_of_classes(matplotlib, mlp, points):
    with pytest.raises(ArgumentError, match="CR848"):
        pictures.decision_boundary(mlp, *points, classes=["only one"])


def test_without_matplotlib_the_error_says_what_to_do(monkeypatch, mlp, points):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ArgumentError, match=r'CR840.*pip install "chainrule\[pictures\]"'):
        pictures.decision_boundary(mlp, *points, resolution=3)


def test_without_scikit_learn_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.manifold", None)
    with pytest.raises(ArgumentError, match=r"CR840.*pip install \"scikit-learn\""):
        pictures.projected(cr.rand(9, 3), method="tsne")
