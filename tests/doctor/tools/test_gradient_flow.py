"""gradient_flow: what arrives where, and its verdict."""

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.doctor.tools import gradient_flow
from chainrule.errors import ArgumentTypeError, GradientError


@pytest.fixture(autouse=True)
def _seed():
    cr.manual_seed(0)


def deep(activation, layers=10, width=16):
    parts = [part for _ in range(layers) for part in (nn.Linear(width, width), activation())]
    return nn.Sequential(*parts, nn.Linear(width, 4))


def loss_of(model, width=16):
    return nn.functional.cross_entropy(model(cr.randn(32, width)), cr.arange(32) % 4)


def test_sigmoids_make_it_vanish_and_he_initialization_does_not():
    sick = gradient_flow(model := deep(nn.Sigmoid), loss_of(model))
    assert sick.state == "vanishing" and sick.ratio < 1e-4
    norms = [layer.gradient_norm for layer in sick.layers]
    assert norms == sorted(norms)
    model = deep(nn.ReLU)
    for part in model:
        if isinstance(part, nn.Linear):
            nn.init.kaiming_normal_(part.weight)
    healthy = gradient_flow(model, loss_of(model))
    assert healthy.state == "healthy" and 0.05 < healthy.ratio < 20
    assert healthy.verdict.startswith("the gradient arrives")


def test_large_weights_make_it_explode():
    model = deep(nn.Identity)
    for part in model:
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=1.5)
    found = gradient_flow(model, loss_of(model))
    assert found.state == "exploding" and "clip_grad_norm_" in found.verdict


def test_norms_are_those_of_the_gradients():
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    loss = model(cr.randn(5, 3)).square().mean()
    found = gradient_flow(model, loss)
    assert all(p.grad is None for p in model.parameters())
    loss.backward()
    after = gradient_flow(model)
    assert after == found
    weight, bias = model[0].weight, model[0].bias
    whole = (weight.grad.square().sum() + bias.grad.square().sum()).item() ** 0.5
    assert found.layers[0].gradient_norm == pytest.approx(whole, rel=1e-6)
    assert found.layers[0].per_element == pytest.approx(whole / 8**0.5, rel=1e-6)
    assert found.layers[0].parameters == 8


def test_compiled_models_frozen_layers_and_tied_weights():
    model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))
    fast = cr.compile(model)
    found = gradient_flow(fast, loss_of(fast))
    assert found.state == "healthy" and [x.name for x in found.layers] == ["0", "2"]
    model[0].requires_grad_(False)
    assert [x.name for x in gradient_flow(model, loss_of(model)).layers] == ["2"]
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    names = [x.name for x in gradient_flow(tied, loss_of(tied, 4)).layers]
    assert names == ["0", "1"]


def test_layers_that_nothing_reaches_are_named():
    model = nn.ModuleDict({"used": nn.Linear(4, 4), "idle": nn.Linear(4, 4)})
    found = gradient_flow(model, model["used"](cr.ones(2, 4)).sum())
    assert "no gradient reaches idle" in found.verdict
    assert found.layers[1].gradient_norm is None and found.layers[1].missing == (
        "weight",
        "bias",
    )
    assert "none" in str(found)


def test_dead_units_and_numbers_that_are_not_finite():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    nn.init.constant_(model[0].bias, -100)
    assert gradient_flow(model, model(cr.ones(2, 4)).sum()).state == "zero"
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
    found = gradient_flow(model, model(cr.ones(2, 4)).sum() * float("nan"))
    assert found.state == "non-finite" and "in 2 of 2 layers" in found.verdict
    assert found.as_dict()["layers"][0]["gradient_norm"] == "nan"


def test_bars_grow_with_the_logarithm():
    model = deep(nn.Sigmoid, 6)
    lines = str(gradient_flow(model, loss_of(model))).splitlines()[4:]
    bars = [line.count("█") for line in lines]
    assert bars == sorted(bars) and bars[-1] == 24 and bars[0] < 8


def test_wrong_use():
    model = nn.Linear(4, 2)
    y = model(cr.ones(3, 4))
    for code, kind, call in [
        ("CR838", GradientError, lambda: gradient_flow(model)),
        ("CR838", GradientError, lambda: gradient_flow(nn.Linear(2, 2), y.sum())),
        ("CR832", ArgumentTypeError, lambda: gradient_flow(model, y)),
        ("CR833", GradientError, lambda: gradient_flow(model, y.sum().detach())),
        ("CR836", ArgumentTypeError, lambda: gradient_flow(y, y.sum())),
    ]:
        with pytest.raises(kind, match=code):
            call()
