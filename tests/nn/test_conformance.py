"""Laws for every layer and every loss: a module of chainrule.nn without a sample here fails."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.autograd import gradcheck, gradgradcheck

Sample = tuple[Callable[[], nn.Module], tuple[Any, ...]]


def spread(*shape: int) -> cr.Tensor:
    """Numbers from -2 to 2, all different, none near a kink, in no order."""
    count = cr.Size(shape).numel()
    steps = (cr.arange(count) * 7919 + 3) % 1009
    return (steps.double() / 1009 * 4 - 1.9871).reshape(shape)


def share(*shape: int) -> cr.Tensor:
    return spread(*shape).softmax(1)


LABELS = cr.tensor([2, 0, 1, 2])
IMAGES, SIGNALS, VOLUMES = spread(2, 2, 4, 4), spread(2, 2, 5), spread(2, 2, 2, 3, 3)
VECTORS, PAIR = spread(4, 3), (spread(4, 3), spread(4, 3).flip(0))

SAMPLES: dict[str, Sample] = {
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(3), (SIGNALS,)),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((3, 2)), (IMAGES,)),
    "AdaptiveMaxPool1d": (lambda: nn.AdaptiveMaxPool1d(3), (SIGNALS,)),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d((3, 2)), (IMAGES,)),
    "AvgPool1d": (lambda: nn.AvgPool1d(3, 2, 1), (SIGNALS,)),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), (IMAGES,)),
    "BCELoss": (nn.BCELoss, (share(4, 3), share(4, 3).flip(0))),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, (VECTORS, share(4, 3))),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), (VECTORS,)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(2), (IMAGES,)),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(2), (VOLUMES,)),
    "CELU": (nn.CELU, (VECTORS,)),
    "Conv1d": (lambda: nn.Conv1d(2, 2, 3, padding=1), (SIGNALS,)),
    "Conv2d": (lambda: nn.Conv2d(2, 2, 3, stride=2, padding=1), (IMAGES,)),
    "Conv3d": (lambda: nn.Conv3d(2, 1, 2), (VOLUMES,)),
    "CrossEntropyLoss": (nn.CrossEntropyLoss, (VECTORS, LABELS)),
    "Dropout": (nn.Dropout, (VECTORS,)),
    "Dropout1d": (nn.Dropout1d, (SIGNALS,)),
    "Dropout2d": (nn.Dropout2d, (IMAGES,)),
    "Dropout3d": (nn.Dropout3d, (VOLUMES,)),
    "ELU": (nn.ELU, (VECTORS,)),
    "Embedding": (lambda: nn.Embedding(3, 2), (LABELS,)),
    "Flatten": (nn.Flatten, (IMAGES,)),
    "GELU": (nn.GELU, (VECTORS,)),
    "GLU": (lambda: nn.GLU(0), (VECTORS,)),
    "Hardshrink": (nn.Hardshrink, (VECTORS,)),
    "Hardsigmoid": (nn.Hardsigmoid, (VECTORS * 3,)),
    "Hardswish": (nn.Hardswish, (VECTORS * 3,)),
    "Hardtanh": (nn.Hardtanh, (VECTORS,)),
    "HuberLoss": (nn.HuberLoss, PAIR),
    "Identity": (nn.Identity, (VECTORS,)),
    "KLDivLoss": (lambda: nn.KLDivLoss(reduction="batchmean"), (VECTORS, share(4, 3))),
    "L1Loss": (nn.L1Loss, PAIR),
    "LayerNorm": (lambda: nn.LayerNorm(3), (VECTORS,)),
    "LeakyReLU": (nn.LeakyReLU, (VECTORS,)),
    "Linear": (lambda: nn.Linear(3, 2), (VECTORS,)),
    "LogSigmoid": (nn.LogSigmoid, (VECTORS * 10,)),
    "LogSoftmax": (lambda: nn.LogSoftmax(1), (VECTORS,)),
    "MSELoss": (nn.MSELoss, PAIR),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), (SIGNALS,)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 1, 1), (IMAGES,)),
    "Mish": (nn.Mish, (VECTORS,)),
    "NLLLoss": (nn.NLLLoss, (VECTORS, LABELS)),
    "PReLU": (lambda: nn.PReLU(3), (VECTORS,)),
    "ReLU": (nn.ReLU, (VECTORS,)),
    "ReLU6": (nn.ReLU6, (VECTORS * 5,)),
    "SELU": (nn.SELU, (VECTORS,)),
    "Sequential": (lambda: nn.Sequential(nn.Linear(3, 2), nn.Tanh()), (VECTORS,)),
    "SiLU": (nn.SiLU, (VECTORS,)),
    "Sigmoid": (nn.Sigmoid, (VECTORS,)),
    "SmoothL1Loss": (nn.SmoothL1Loss, PAIR),
    "Softmax": (lambda: nn.Softmax(1), (VECTORS,)),
    "Softmax2d": (nn.Softmax2d, (IMAGES,)),
    "Softmin": (lambda: nn.Softmin(1), (VECTORS,)),
    "Softplus": (nn.Softplus, (VECTORS,)),
    "Softshrink": (nn.Softshrink, (VECTORS,)),
    "Softsign": (nn.Softsign, (VECTORS,)),
    "Tanh": (nn.Tanh, (VECTORS,)),
    "Tanhshrink": (nn.Tanhshrink, (VECTORS,)),
    "Threshold": (lambda: nn.Threshold(0.1, 2.0), (VECTORS,)),
    "Unflatten": (lambda: nn.Unflatten(0, (2, 2)), (VECTORS,)),
}
#: they hold modules or parameters and are not called
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"}
RANDOM = {"Dropout", "Dropout1d", "Dropout2d", "Dropout3d"}


def made(name: str) -> tuple[nn.Module, tuple[Any, ...]]:
    """The module in float64 with parameters that are not symmetric, and its inputs."""
    cr.manual_seed(0)
    make, inputs = SAMPLES[name]
    module = make().double()
    with cr.no_grad():
        for p in module.parameters():
            p.copy_(spread(*p.shape) / 2)
    return module, inputs


def repeated(module: nn.Module, *inputs: Any) -> Any:
    """The output, from the same random numbers at every call."""
    cr.manual_seed(1)
    return module(*inputs)


def checkable(name: str) -> tuple[Callable[..., Any], list[cr.Tensor]]:
    """A function of all floating inputs and all parameters."""
    module, inputs = made(name)
    floating = [x.clone().requires_grad_() for x in inputs if x.is_floating_point()]
    others = [x for x in inputs if not x.is_floating_point()]
    names = [key for key, _ in module.named_parameters()]
    tensors = [p.detach().clone().requires_grad_() for p in module.parameters()]

    def function(*args: cr.Tensor) -> Any:
        twin = copy.deepcopy(module)
        for key, value in zip(names, args[len(floating) :], strict=True):
            path, _, attribute = key.rpartition(".")
            owner = twin.get_submodule(path)
            delattr(owner, attribute)
            setattr(owner, attribute, value)
        return repeated(twin, *args[: len(floating)], *others)

    return function, [*floating, *tensors]


def test_every_module_has_a_sample():
    found = {
        name
        for name, member in vars(nn).items()
        if isinstance(member, type) and issubclass(member, nn.Module)
    }
    assert found == SAMPLES.keys() | CONTAINERS


@pytest.mark.parametrize("name", SAMPLES)
def test_first_derivative(name):
    function, tensors = checkable(name)
    assert gradcheck(function, tensors)


@pytest.mark.parametrize("name", SAMPLES)
def test_second_derivative(name):
    function, tensors = checkable(name)
    tensors = [t if t.numel() <= 40 else t.detach() for t in tensors]
    if not any(t.requires_grad for t in tensors):
        tensors = [tensors[0].requires_grad_()]
    assert gradgradcheck(function, tensors)


@pytest.mark.parametrize("name", SAMPLES)
def test_train_and_eval(name):
    module, inputs = made(name)
    assert module.training and all(m.training for m in module.eval().train().modules())
    module.eval()
    first, second = module(*inputs), module(*inputs)
    assert first.equal(second)
    assert not any(m.training for m in module.modules())


@pytest.mark.parametrize("name", SAMPLES)
def test_state_dict_round_trip(name):
    module, inputs = made(name)
    repeated(module, *inputs)
    fresh = SAMPLES[name][0]().double()
    assert repr(fresh.load_state_dict(module.state_dict())) == "<All keys matched successfully>"
    for ours, theirs in zip(fresh.state_dict().values(), module.state_dict().values()):
        assert ours.equal(theirs)
    assert repeated(fresh.eval(), *inputs).equal(repeated(module.eval(), *inputs))


@pytest.mark.parametrize("name", SAMPLES)
def test_deepcopy_is_independent(name):
    module, inputs = made(name)
    twin = copy.deepcopy(module)
    expected = repeated(copy.deepcopy(module), *inputs)
    with cr.no_grad():
        for p in module.parameters():
            p.zero_()
    assert repeated(twin, *inputs).equal(expected)
    assert type(twin) is type(module) and repr(twin) == repr(module)


@pytest.mark.parametrize("name", SAMPLES)
def test_printing(name):
    module, _ = made(name)
    assert repr(module).startswith(f"{name}(") and repr(module).endswith(")")
    assert str(module) == repr(module)


@pytest.mark.parametrize("name", SAMPLES)
def test_float32_stays_float32(name):
    make, inputs = SAMPLES[name]
    y = make()(*[x.float() if x.is_floating_point() else x for x in inputs])
    assert y.dtype is cr.float32


@pytest.mark.parametrize("name", SAMPLES)
def test_compiled_equals_eager(name):
    module, inputs = made(name)
    twin = copy.deepcopy(module)
    run = cr.compile(lambda *xs: module(*xs))
    for _ in range(2):
        expected = repeated(twin, *inputs)
        cr.manual_seed(1)
        assert run(*inputs).equal(expected)
    for ours, theirs in zip(module.buffers(), twin.buffers(), strict=True):
        assert ours.equal(theirs)


@pytest.mark.parametrize("name", RANDOM)
def test_random_layers_differ_from_call_to_call_in_training_only(name):
    module, (x,) = made(name)
    assert not all(module(x).equal(module(x)) for _ in range(8))
    assert module.eval()(x).equal(x)
