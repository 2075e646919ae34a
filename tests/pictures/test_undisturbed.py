"""No picture leaves a trace: on models in training mode, with gradients, compiled or not."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, observers, pictures
from chainrule.pictures.undisturbed import undisturbed

LOSS = nn.CrossEntropyLoss()

OF_POINTS = {
    "decision_boundary": lambda m, x, y: pictures.decision_regions(m, x, y, resolution=5),
    "feature_space": lambda m, x, y: pictures.hidden_features(m, x, y),
    "neuron_line": lambda m, x, y: pictures.neuron_lines(m),
    "loss_landscape": lambda m, x, y: pictures.loss_surface(m, LOSS, x, y, resolution=3),
    "learning_rate_curves": lambda m, x, y: pictures.training_runs(
        m, LOSS, x, y, (0.1,), steps=2
    ),
}
OF_IMAGES = {
    "filters": lambda m, x, y: pictures.filter_weights(m),
    "feature_maps": lambda m, x, y: pictures.activation_maps(m, x[0]),
    "feature_visualization": lambda m, x, y: pictures.preferred_inputs(m, 1, x, steps=2),
    "grad_cam": lambda m, x, y: pictures.grad_cam_map(m, x[0]),
    "saliency": lambda m, x, y: pictures.saliency_map(m, x[0], samples=2),
    "occlusion": lambda m, x, y: pictures.occlusion_map(m, x[0]),
    "loss_landscape": lambda m, x, y: pictures.loss_surface(m, LOSS, x, y, resolution=2),
}


def variants(model):
    """A module, a compiled one, and one whose calls compile themselves."""
    yield model
    yield cr.compile(model)
    model.compile()
    yield model


@pytest.mark.parametrize("name", OF_POINTS)
def test_models_of_points_stay_as_they_are(name, mlp, points, unchanged):
    unchanged(mlp)
    for each in variants(mlp):
        OF_POINTS[name](each, *points)
    mlp._compiled, mlp._hooked = None, False


@pytest.mark.parametrize("name", OF_IMAGES)
def test_models_of_images_stay_as_they_are(name, cnn, images, unchanged):
    unchanged(cnn)
    for each in variants(cnn):
        OF_IMAGES[name](each, *images)
    cnn._compiled, cnn._hooked = None, False


def test_pictures_are_drawn_inside_no_grad_too(cnn, images):
    with cr.no_grad():
        maps = pictures.grad_cam_map(cnn, images[0][0]).maps
        slopes = pictures.saliency_map(cnn, images[0][0]).maps
        preferred = pictures.preferred_inputs(cnn, 0, images[0], steps=2)
        (tanh,) = pictures.activation_curves(["Tanh"])
        race = pictures.optimizer_paths("valley", steps=1)
        runs = pictures.training_runs(cnn, LOSS, *images, rates=(0.1,), steps=1)
        assert not cr.is_grad_enabled()
    assert np.isfinite(maps).all() and slopes.max() > 0 and tanh.slope.max() > 0.9
    assert preferred.after[0] > preferred.before[0]
    assert race.values["Adam"][1] < race.values["Adam"][0]
    assert runs.losses[0, 1] != runs.losses[0, 0]


def test_what_fails_in_the_middle_is_put_back_too(mlp, unchanged):
    unchanged(mlp)
    with pytest.raises(ZeroDivisionError), undisturbed(mlp) as network:
        assert not network.training and not network[1].training
        network[1].running_mean.add_(1.0)
        network[0].weight = nn.Parameter(cr.zeros(1))
        cr.rand(3)
        np.random.rand(3)
        raise ZeroDivisionError


def test_a_function_that_names_a_model_leaves_it_as_it_is(mlp, points, unchanged):
    unchanged(mlp)
    pictures.decision_regions(lambda x: mlp(x).softmax(-1), points[0], resolution=4)


def test_a_doctor_who_watches_is_told_nothing(cnn, images):
    heard = []

    class Listener(observers.Observer):
        def module_begins(self, module, arguments):
            heard.append(module)

        def backward_begins(self, root):
            heard.append(root)

    listener = Listener()
    observers.close.append(listener)
    observers.present.append(listener)
    try:
        for draw in OF_IMAGES.values():
            draw(cnn, *images)
        assert not heard
        cnn(images[0])
        assert heard
    finally:
        observers.close.remove(listener)
        observers.present.remove(listener)


def test_frozen_networks_have_pictures(cnn, images, unchanged):
    cnn.freeze()
    unchanged(cnn)
    assert pictures.grad_cam_map(cnn, images[0][0]).maps.shape == (1, 8, 8)
    assert pictures.saliency_map(cnn, images[0][0]).maps.max() > 0


def test_the_same_numbers_in_both_modes(cnn, images):
    first = pictures.saliency_map(cnn, images[0][0]).maps
    assert np.array_equal(first, pictures.saliency_map(cnn.eval(), images[0][0]).maps)


@pytest.mark.parametrize("kind", [cr.float64, cr.bfloat16, cr.float16], ids=str)
def test_networks_of_all_types_have_pictures(kind, images, points):
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2)).to(kind)
    assert pictures.decision_regions(model, *points, resolution=4).probabilities.max() <= 1
    assert pictures.hidden_features(model, points[0]).values.shape == (30, 4)
    surface = pictures.loss_surface(model, LOSS, points[0].to(kind), points[1], resolution=3)
    assert surface.losses[1, 1] == surface.loss
    reader = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).to(
        kind
    )
    for maps in (pictures.grad_cam_map, pictures.saliency_map, pictures.occlusion_map):
        assert np.isfinite(maps(reader, images[0][:2]).maps).all()
    assert pictures.preferred_inputs(reader, 0, images[0], steps=2).images.shape == (1, 1, 8, 8)
