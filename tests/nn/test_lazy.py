"""Layers that take their input size from their first input."""

import copy
import pickle

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, ModuleError, ShapeError
from chainrule.nn.lazy import LazyModuleMixin
from chainrule.nn.parameter import is_lazy


def network():
    return nn.Sequential(
        nn.LazyConv2d(4, 3, padding=1),
        nn.LazyBatchNorm2d(),
        nn.ReLU(),
        nn.Flatten(),
        nn.LazyLinear(3),
    )


X = cr.randn(6, 2, 5, 5, generator=cr.Generator().manual_seed(1))
T = cr.tensor([0, 1, 2, 0, 1, 2])


def trained(compiled):
    cr.manual_seed(0)
    net = network()
    optimizer = cr.optim.Adam(net.parameters(), lr=1e-2)  # before any shape is known

    def step(x, t):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        return loss

    run = cr.compile(step) if compiled else step
    return [run(X, T).item() for _ in range(4)], net


def test_an_optimizer_made_before_the_first_call_trains_eager_and_compiled_alike():
    (eager, net), (compiled, _) = trained(False), trained(True)
    assert eager == compiled
    assert eager[-1] < eager[0]
    assert [type(m) for m in net] == [
        nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Flatten, nn.Linear
    ]  # fmt: skip


def test_the_parameters_stay_the_same_objects_and_start_as_those_of_the_plain_layer():
    layer = nn.LazyLinear(2000)
    weight = layer.weight
    layer(cr.zeros(1, 25))
    assert layer.weight is weight and type(weight) is nn.Parameter
    assert weight.requires_grad and weight.is_leaf
    assert float(weight.abs().max()) == pytest.approx(1 / 5, rel=1e-2)
    assert repr(layer) == "Linear(in_features=25, out_features=2000, bias=True)"


def test_before_the_first_call_it_prints_and_lists_names():
    net = network()
    assert repr(net[0]) == (
        "LazyConv2d(0, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))"
    )
    assert list(net.state_dict())[:2] == ["0.weight", "0.bias"]
    assert repr(net[0].weight) == "<UninitializedParameter>"
    assert isinstance(net[0], nn.Conv2d) and net[0].has_uninitialized_params()


@pytest.mark.parametrize(
    "use",
    [
        lambda p: p.shape,
        lambda p: p.numel(),
        lambda p: p + 1,
        lambda p: cr.ones(2) + p,
        lambda p: cr.ones(2) @ p,
        lambda p: p.detach().sum(),
        lambda p: p.tolist(),
        lambda p: p.numpy(force=True),
        lambda p: nn.init.normal_(p),
        lambda p: nn.init.xavier_uniform_(p),
    ],
)
def test_using_a_lazy_parameter_too_early_says_what_to_do(use):
    with pytest.raises(ModuleError, match=r"CR560.*call the network once"):
        use(nn.LazyLinear(3).weight)


def test_loading_a_state_dict_gives_the_shapes():
    net = network()
    net(X)
    lazy = network()
    assert not any(lazy.load_state_dict(net.state_dict()))
    assert not any(map(is_lazy, lazy.parameters()))
    assert lazy.eval()(X).equal(net.eval()(X))
    assert type(lazy[0]) is nn.Conv2d
    assert not any(network().load_state_dict(network().state_dict()))
    with pytest.raises(ModuleError, match=r"CR560"):
        net.load_state_dict(network().state_dict())


def test_copies_conversions_and_pickles_of_lazy_layers_are_lazy():
    layer = nn.LazyLinear(3, dtype=cr.float64)
    assert layer.weight.dtype is cr.float64
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), layer.half()):
        assert is_lazy(twin.weight) and twin.weight.requires_grad
    assert layer.float()(cr.zeros(2, 5)).dtype is cr.float32
    assert copy.deepcopy(nn.LazyLinear(3)).requires_grad_(False).weight.requires_grad is False


@pytest.mark.parametrize(
    ("layer", "shape", "error", "message"),
    [
        (nn.LazyLinear(3), (), ShapeError, "CR101"),
        (nn.LazyConv2d(3, 2), (2,), ShapeError, "CR110.*LazyConv2d"),
        (nn.LazyConv2d(3, 2, groups=3), (1, 2, 4, 4), ArgumentError, "CR528.*groups=3"),
        (nn.LazyBatchNorm1d(), (3,), ShapeError, "CR101"),
        (nn.LazyBatchNorm2d(), (3, 4), ShapeError, "CR101.*BatchNorm2d"),
    ],
)
def test_a_first_input_that_does_not_fit(layer, shape, error, message):
    with pytest.raises(error, match=message):
        layer(cr.ones(shape))


def test_a_lazy_class_of_ones_own():
    class Scale(LazyModuleMixin):
        def __init__(self):
            super().__init__()
            self.factor = nn.UninitializedParameter()
            self.seen = nn.UninitializedBuffer()

        def initialize_parameters(self, input):
            self.factor.materialize(input.shape[-1:])
            self.seen.materialize(())
            nn.init.ones_(self.factor)

        def forward(self, input):
            return input * self.factor

    layer = Scale()
    assert layer(cr.tensor([2.0, 3.0])).tolist() == [2.0, 3.0]
    assert type(layer.seen) is cr.Tensor and layer.seen.shape == ()


def test_lazy_classes_that_leave_a_parameter_without_a_shape():
    class Forgetful(LazyModuleMixin):
        def __init__(self):
            super().__init__()
            self.factor = nn.UninitializedParameter()

    with pytest.raises(ModuleError, match=r"CR561.*initialize_parameters"):
        Forgetful()(cr.ones(2))
    Forgetful.initialize_parameters = lambda self, input: None
    with pytest.raises(ModuleError, match=r"CR561.*without a shape"):
        Forgetful()(cr.ones(2))
