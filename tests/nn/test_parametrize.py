"""Weights computed from others: weight_norm, spectral_norm, parametrizations; fusions."""

import copy

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError
from chainrule.nn import utils
from chainrule.nn.utils import parametrizations, parametrize

MAKERS = {
    "weight_norm": lambda: utils.weight_norm(nn.Linear(5, 3)),
    "weight_norm of a convolution": lambda: utils.weight_norm(nn.Conv1d(5, 3, 2), dim=1),
    "weight_norm with one length": lambda: utils.weight_norm(nn.Linear(5, 3), dim=None),
    "spectral_norm": lambda: utils.spectral_norm(nn.Linear(5, 3), n_power_iterations=2),
    "spectral_norm, transposed": lambda: utils.spectral_norm(nn.ConvTranspose1d(5, 3, 2)),
    "parametrized weight_norm": lambda: parametrizations.weight_norm(nn.Linear(5, 3)),
    "parametrized spectral_norm": lambda: parametrizations.spectral_norm(nn.Linear(5, 3)),
    "parametrized bias": lambda: parametrizations.spectral_norm(nn.Linear(5, 3), "bias"),
    "orthogonal": lambda: parametrizations.orthogonal(nn.Linear(5, 3)),
    "orthogonal, tall": lambda: parametrizations.orthogonal(nn.Linear(5, 8)),
    "orthogonal, square": lambda: parametrizations.orthogonal(nn.Linear(5, 5)),
}


def example(name):
    cr.manual_seed(0)
    layer = MAKERS[name]().double()
    shape = (4, 5, 6) if "onv" in name or "transposed" in name else (4, 5)
    return layer, cr.randn(*shape, dtype=cr.float64)


def steps(layer, x, compiled):
    optimizer = cr.optim.SGD(layer.parameters(), lr=0.01)

    def step(x):
        optimizer.zero_grad()
        loss = (layer(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    run = cr.compile(step) if compiled else step
    return [run(x).item() for _ in range(3)]


@pytest.mark.parametrize("name", MAKERS)
def test_training_is_alike_eager_and_compiled_and_lowers_the_loss(name):
    layer, x = example(name)
    twin = copy.deepcopy(layer)
    eager = steps(layer, x, False)
    assert steps(twin, x, True) == eager
    assert eager[-1] < eager[0]
    for ours, theirs in zip(layer.state_dict().values(), twin.state_dict().values()):
        assert ours.equal(theirs)


@pytest.mark.parametrize("name", MAKERS)
def test_state_dicts_round_trip(name):
    layer, x = example(name)
    steps(layer, x, False)
    fresh, _ = example(name)
    fresh.load_state_dict(layer.state_dict())
    assert fresh.eval()(x).allclose(layer.eval()(x))


def test_weight_norm_keeps_the_weight_and_can_be_taken_off():
    layer = nn.Linear(4, 3)
    weight = layer.weight.detach().clone()
    utils.weight_norm(layer)
    assert layer.weight.allclose(weight)
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight_g", "weight_v"]
    with pytest.raises(ArgumentError, match=r"CR569.*computed"):
        layer.weight = nn.Parameter(weight)
    with pytest.raises(ArgumentError, match=r"CR569.*already"):
        utils.weight_norm(layer)
    assert utils.remove_weight_norm(layer) is layer
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter)
    assert layer.weight.allclose(weight)
    with pytest.raises(ArgumentError, match=r"CR569.*no weight_norm"):
        utils.remove_weight_norm(layer)


def test_spectral_norm_finds_the_largest_singular_value_and_can_be_taken_off():
    layer = utils.spectral_norm(nn.Linear(6, 4), n_power_iterations=50)
    layer(cr.ones(1, 6))
    singular = cr.linalg.svdvals(layer.weight.detach())
    assert singular.max().item() == pytest.approx(1, rel=1e-4)
    utils.remove_spectral_norm(layer)
    assert list(layer.state_dict()) == ["bias", "weight"] and type(layer) is nn.Linear
    with pytest.raises(ArgumentError, match=r"CR569.*n_power_iterations=0"):
        utils.spectral_norm(layer, n_power_iterations=0)


def test_spectral_norm_improves_its_vectors_in_training_only():
    layer = utils.spectral_norm(nn.Linear(6, 4)).eval()
    before = layer.weight_u.clone()
    layer(cr.ones(1, 6))
    assert layer.weight_u.equal(before)
    layer.train()(cr.ones(1, 6))
    assert not layer.weight_u.equal(before)


@pytest.mark.parametrize("map", ["householder", "matrix_exp", "cayley"])
@pytest.mark.parametrize("sizes", [(5, 3), (3, 5), (4, 4)])
def test_orthogonal_stays_orthogonal(map, sizes):
    layer = parametrizations.orthogonal(nn.Linear(*sizes).double(), orthogonal_map=map)
    steps(layer, cr.randn(4, sizes[0]).double(), False)
    w = layer.weight if sizes[0] >= sizes[1] else layer.weight.T
    assert (w @ w.T).allclose(cr.eye(min(sizes)).double(), atol=1e-10)
    start = cr.linalg.qr(cr.randn(*sizes[::-1]).double().T).Q.T
    if sizes[0] >= sizes[1]:
        layer.weight = start
        assert layer.weight.abs().allclose(start.abs(), atol=1e-9)


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, x):
        return x / 2


def test_parametrizations_follow_one_another_and_can_be_assigned_through():
    layer = nn.Linear(3, 3)
    weight = layer.weight
    parametrize.register_parametrization(layer, "weight", Doubled())
    assert layer.weight.allclose(weight * 2) is False
    assert layer.weight.allclose(2 * layer.parametrizations.weight.original)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert layer.weight.equal(layer.weight.T)
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    layer.weight = cr.eye(3)
    assert layer.weight.equal(cr.eye(3))
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")


@pytest.mark.parametrize("leave", [True, False])
def test_parametrizations_can_be_removed(leave):
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    image, original = layer.weight.detach(), layer.parametrizations.weight.original
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=leave)
    assert type(layer) is nn.Linear and not parametrize.is_parametrized(layer)
    assert layer.weight is original
    assert layer.weight.equal(image) is leave
    with pytest.raises(ArgumentError, match=r"CR569.*not parametrized"):
        parametrize.remove_parametrizations(layer, "weight")


def test_cached_computes_once():
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    assert layer.weight is not layer.weight
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert not parametrize.Cache.values


def test_parametrizing_what_does_not_fit():
    class Shorter(nn.Module):
        def forward(self, x):
            return x[:1]

    layer = nn.Linear(3, 3)
    with pytest.raises(ArgumentError, match=r"CR569.*unsafe=True"):
        parametrize.register_parametrization(layer, "weight", Shorter())
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter)
    with pytest.raises(ArgumentError, match=r"CR569.*'wait'"):
        parametrize.register_parametrization(layer, "wait", Doubled())
    with pytest.raises(ArgumentError, match=r"CR569.*householder"):
        parametrizations.orthogonal(layer, orthogonal_map="rotation")
    with pytest.raises(ArgumentError, match=r"CR569.*matrix"):
        parametrizations.orthogonal(layer, "bias")


@pytest.mark.parametrize("transpose", [False, True])
def test_a_convolution_fused_with_its_batch_norm(transpose):
    make = nn.ConvTranspose2d if transpose else nn.Conv2d
    conv, bn = make(2, 3, 2, bias=transpose).eval(), nn.BatchNorm2d(3).eval()
    bn.running_mean.uniform_(-1, 1)
    bn.running_var.uniform_(0.5, 2)
    nn.init.uniform_(bn.weight)
    x = cr.randn(2, 2, 4, 4)
    fused = utils.fuse_conv_bn_eval(conv, bn, transpose)
    assert fused(x).allclose(bn(conv(x)), atol=1e-5)
    with pytest.raises(ArgumentError, match=r"CR568.*eval\(\)"):
        utils.fuse_conv_bn_eval(conv.train(), bn, transpose)


def test_a_dense_layer_fused_with_its_batch_norm():
    linear, bn = nn.Linear(4, 3).eval(), nn.BatchNorm1d(3).eval()
    bn.running_mean.uniform_(-1, 1)
    x = cr.randn(5, 4)
    assert utils.fuse_linear_bn_eval(linear, bn)(x).allclose(bn(linear(x)), atol=1e-5)
    with pytest.raises(ArgumentError, match=r"CR568.*3 outputs"):
        utils.fuse_linear_bn_eval(linear, nn.BatchNorm1d(2).eval())
