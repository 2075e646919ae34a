"""The small networks for images of digits."""

import pytest

import chainrule as cr
from chainrule.models import CNN, MLP


def sizes(model) -> dict[str, tuple[int, ...]]:
    return {name: tuple(p.shape) for name, p in model.named_parameters()}


def test_the_layers_of_a_perceptron_fit_together():
    assert sizes(MLP(64, [5, 7], classes=3)) == {
        "layers.0.weight": (5, 64), "layers.0.bias": (5,),
        "layers.1.weight": (7, 5), "layers.1.bias": (7,),
        "layers.2.weight": (3, 7), "layers.2.bias": (3,),
    }  # fmt: skip


def test_a_perceptron_without_hidden_layers_is_linear():
    model, x = MLP(6, []), cr.randn(4, 1, 2, 3)
    (layer,) = model.layers
    assert cr.allclose(model(x), x.flatten(1) @ layer.weight.T + layer.bias)


@pytest.mark.parametrize(
    ("image_size", "widths", "features"),
    [(8, (32, 64), 256), (28, (8, 16, 32), 288), (9, (4,), 64), (5, (), 75)],
)
def test_each_block_halves_the_image(image_size, widths, features):
    model = CNN(image_size, widths, channels=3)
    assert model.classifier.in_features == features
    assert model(cr.randn(2, 3, image_size, image_size)).shape == (2, 10)


def test_dropout_and_batch_norm_act_only_while_training():
    model, x = CNN(8), cr.randn(16, 1, 8, 8)
    assert not cr.equal(model(x), model(x))
    model.eval()
    assert cr.equal(model(x), model(x))
    assert cr.allclose(model(x)[:3], model(x[:3]), atol=1e-5)


@pytest.mark.parametrize("model", [MLP(64, [8]), CNN(8, (4, 8))], ids=["mlp", "cnn"])
def test_every_parameter_gets_a_gradient(model):
    """Only the biases in front of batch norm may be 0, as it takes the mean off again."""
    cr.nn.CrossEntropyLoss()(model(cr.randn(8, 1, 8, 8)), cr.arange(8)).backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    assert None not in gradients.values()
    zero = {name for name, g in gradients.items() if g.abs().max().item() < 1e-6}
    assert zero <= {"features.0.0.bias", "features.1.0.bias"}
