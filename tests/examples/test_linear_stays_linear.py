"""Linear layers collapse into one; a non-linearity between them prevents it."""

import chainrule as cr
from chainrule import nn


def test_linear_layers_are_one_layer(lesson):
    layers = lesson.stack_of_layers()
    assert lesson.collapse(layers).weight.shape == (1, 2)
    assert lesson.largest_difference(layers) < 1e-5


def test_a_non_linearity_changes_that(lesson):
    for activation in (nn.ReLU, nn.Tanh, nn.Sigmoid):
        assert lesson.largest_difference(lesson.stack_of_layers(activation)) > 0.05


def test_the_one_layer_has_weights_of_its_own(lesson):
    layers = lesson.stack_of_layers()
    one, x = lesson.collapse(layers), cr.ones(2)
    before = layers(x).item()
    with cr.no_grad():
        one.weight.zero_()
    assert layers(x).item() == before


def test_main_prints_both_differences(lesson, capsys):
    lesson.main()
    printed = capsys.readouterr().out
    assert "Three linear layers with 337 numbers" in printed
    assert "without an activation  0.00000" in printed
    assert "with ReLU              0.00000" not in printed
