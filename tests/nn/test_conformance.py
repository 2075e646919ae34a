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


def first_of(name: str, *args: Any, **options: Any) -> nn.Module:
    """A layer with several outputs that returns the first one only."""
    kind = getattr(nn, name)
    alone = type(name, (kind,), {"forward": lambda self, *xs: kind.forward(self, *xs)[0]})
    return alone(*args, **options)


def tiny(kind: str, *layers: int) -> nn.Module:
    """A transformer, or a layer of one, with as few parameters as it can have."""
    make = getattr(nn, f"Transformer{kind}")
    return make(2, 1, *layers, dim_feedforward=1, dropout=0.0, bias=False)


LABELS = cr.tensor([2, 0, 1, 2])
IMAGES, SIGNALS, VOLUMES = spread(2, 2, 4, 4), spread(2, 2, 5), spread(2, 2, 2, 3, 3)
SIGNS, LENGTHS = cr.tensor([1.0, -1.0, -1.0, 1.0]).double(), cr.tensor([2, 1])
VECTORS, PAIR = spread(4, 3), (spread(4, 3), spread(4, 3).flip(0))
SEQUENCES = spread(3, 2, 2), spread(2, 2, 2).flip(0)
SHORT = spread(2, 1, 2), spread(2, 1, 2).flip(0)
PLACES = cr.arange(20).reshape(2, 2, 5)
FIXED = [{"_random_samples": cr.full((2, 2, d), 0.5)} for d in (2, 3)]

SAMPLES: dict[str, Sample] = {
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(3), (SIGNALS,)),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((3, 2)), (IMAGES,)),
    "AdaptiveAvgPool3d": (lambda: nn.AdaptiveAvgPool3d((2, None, 2)), (VOLUMES,)),
    "AdaptiveLogSoftmaxWithLoss": (
        lambda: first_of("AdaptiveLogSoftmaxWithLoss", 3, 3, [2], 1.0),
        (VECTORS, LABELS),
    ),
    "AdaptiveMaxPool1d": (lambda: nn.AdaptiveMaxPool1d(3), (SIGNALS,)),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d((3, 2)), (IMAGES,)),
    "AdaptiveMaxPool3d": (lambda: nn.AdaptiveMaxPool3d((2, 2, 1)), (VOLUMES,)),
    "AlphaDropout": (nn.AlphaDropout, (VECTORS,)),
    "AvgPool1d": (lambda: nn.AvgPool1d(3, 2, 1), (SIGNALS,)),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), (IMAGES,)),
    "AvgPool3d": (lambda: nn.AvgPool3d(2), (VOLUMES,)),
    "BCELoss": (nn.BCELoss, (share(4, 3), share(4, 3).flip(0))),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, (VECTORS, share(4, 3))),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), (VECTORS,)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(2), (IMAGES,)),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(2), (VOLUMES,)),
    "Bilinear": (lambda: nn.Bilinear(3, 3, 2), PAIR),
    "CELU": (nn.CELU, (VECTORS,)),
    "CTCLoss": (
        nn.CTCLoss,
        (spread(5, 2, 3), LABELS.reshape(2, 2) % 2 + 1, LENGTHS + 3, LENGTHS),
    ),
    "ChannelShuffle": (lambda: nn.ChannelShuffle(2), (spread(2, 4, 2, 2),)),
    "CircularPad1d": (lambda: nn.CircularPad1d(1), (SIGNALS,)),
    "CircularPad2d": (lambda: nn.CircularPad2d(1), (IMAGES,)),
    "CircularPad3d": (lambda: nn.CircularPad3d(1), (VOLUMES,)),
    "ConstantPad1d": (lambda: nn.ConstantPad1d(1, 0.5), (SIGNALS,)),
    "ConstantPad2d": (lambda: nn.ConstantPad2d(1, 0.5), (IMAGES,)),
    "ConstantPad3d": (lambda: nn.ConstantPad3d(1, 0.5), (VOLUMES,)),
    "Conv1d": (lambda: nn.Conv1d(2, 2, 3, padding=1), (SIGNALS,)),
    "Conv2d": (lambda: nn.Conv2d(2, 2, 3, stride=2, padding=1), (IMAGES,)),
    "Conv3d": (lambda: nn.Conv3d(2, 1, 2), (VOLUMES,)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(2, 2, 3, stride=2, padding=1), (SIGNALS,)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1), (IMAGES,)),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(2, 1, 2), (VOLUMES,)),
    "CosineEmbeddingLoss": (nn.CosineEmbeddingLoss, (*PAIR, SIGNS)),
    "CosineSimilarity": (nn.CosineSimilarity, PAIR),
    "CrossEntropyLoss": (nn.CrossEntropyLoss, (VECTORS, LABELS)),
    "DataParallel": (lambda: nn.DataParallel(nn.Linear(3, 2)), (VECTORS,)),
    "Dropout": (nn.Dropout, (VECTORS,)),
    "Dropout1d": (nn.Dropout1d, (SIGNALS,)),
    "Dropout2d": (nn.Dropout2d, (IMAGES,)),
    "Dropout3d": (nn.Dropout3d, (VOLUMES,)),
    "ELU": (nn.ELU, (VECTORS,)),
    "Embedding": (lambda: nn.Embedding(3, 2), (LABELS,)),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(3, 2), (LABELS.reshape(2, 2),)),
    "FeatureAlphaDropout": (nn.FeatureAlphaDropout, (SIGNALS,)),
    "Flatten": (nn.Flatten, (IMAGES,)),
    "Fold": (lambda: nn.Fold(3, 2), (spread(2, 4, 4),)),
    "FractionalMaxPool2d": (lambda: nn.FractionalMaxPool2d(2, 2, **FIXED[0]), (IMAGES,)),
    "FractionalMaxPool3d": (lambda: nn.FractionalMaxPool3d(1, 2, **FIXED[1]), (VOLUMES,)),
    "GRU": (lambda: first_of("GRU", 2, 2), (SEQUENCES[0],)),
    "GRUCell": (lambda: nn.GRUCell(3, 2), (VECTORS,)),
    "GELU": (nn.GELU, (VECTORS,)),
    "GLU": (lambda: nn.GLU(0), (VECTORS,)),
    "GaussianNLLLoss": (nn.GaussianNLLLoss, (*PAIR, share(4, 3))),
    "GroupNorm": (lambda: nn.GroupNorm(1, 2), (SIGNALS,)),
    "Hardshrink": (nn.Hardshrink, (VECTORS,)),
    "Hardsigmoid": (nn.Hardsigmoid, (VECTORS * 3,)),
    "Hardswish": (nn.Hardswish, (VECTORS * 3,)),
    "Hardtanh": (nn.Hardtanh, (VECTORS,)),
    "HingeEmbeddingLoss": (nn.HingeEmbeddingLoss, (SIGNS * 2 + 0.3, SIGNS)),
    "HuberLoss": (nn.HuberLoss, PAIR),
    "Identity": (nn.Identity, (VECTORS,)),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(2, affine=True), (SIGNALS,)),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(2, track_running_stats=True), (IMAGES,)),
    "InstanceNorm3d": (lambda: nn.InstanceNorm3d(2), (VOLUMES,)),
    "KLDivLoss": (lambda: nn.KLDivLoss(reduction="batchmean"), (VECTORS, share(4, 3))),
    "L1Loss": (nn.L1Loss, PAIR),
    "LSTM": (lambda: first_of("LSTM", 2, 2), (SEQUENCES[0],)),
    "LSTMCell": (lambda: first_of("LSTMCell", 3, 2), (VECTORS,)),
    "LPPool1d": (lambda: nn.LPPool1d(2, 2), (SIGNALS,)),
    "LPPool2d": (lambda: nn.LPPool2d(2, 2), (IMAGES,)),
    "LPPool3d": (lambda: nn.LPPool3d(4, (1, 2, 2)), (VOLUMES,)),
    "LayerNorm": (lambda: nn.LayerNorm(3), (VECTORS,)),
    "LeakyReLU": (nn.LeakyReLU, (VECTORS,)),
    "Linear": (lambda: nn.Linear(3, 2), (VECTORS,)),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(2, 0.5), (IMAGES,)),
    "LogSigmoid": (nn.LogSigmoid, (VECTORS * 10,)),
    "LogSoftmax": (lambda: nn.LogSoftmax(1), (VECTORS,)),
    "MSELoss": (nn.MSELoss, PAIR),
    "MarginRankingLoss": (nn.MarginRankingLoss, (VECTORS[:, 0], VECTORS[:, 1], SIGNS)),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), (SIGNALS,)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 1, 1), (IMAGES,)),
    "MaxPool3d": (lambda: nn.MaxPool3d(2), (VOLUMES,)),
    "MaxUnpool1d": (lambda: nn.MaxUnpool1d(2), (SIGNALS, PLACES % 10)),
    "MaxUnpool2d": (lambda: nn.MaxUnpool2d(2), (SIGNALS[None], PLACES[None])),
    "MaxUnpool3d": (lambda: nn.MaxUnpool3d(2), (SIGNALS[None, None], PLACES[None, None])),
    "Mish": (nn.Mish, (VECTORS,)),
    "MultiLabelMarginLoss": (nn.MultiLabelMarginLoss, (VECTORS, LABELS.repeat(3, 1).T)),
    "MultiLabelSoftMarginLoss": (nn.MultiLabelSoftMarginLoss, (VECTORS, share(4, 3))),
    "MultiMarginLoss": (lambda: nn.MultiMarginLoss(2), (VECTORS, LABELS)),
    "MultiheadAttention": (
        lambda: first_of("MultiheadAttention", 2, 1),
        (SEQUENCES[1], SEQUENCES[0], SEQUENCES[0]),
    ),
    "NLLLoss": (nn.NLLLoss, (VECTORS, LABELS)),
    "NLLLoss2d": (nn.NLLLoss2d, (VECTORS, LABELS)),
    "PReLU": (lambda: nn.PReLU(3), (VECTORS,)),
    "PairwiseDistance": (nn.PairwiseDistance, PAIR),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), (spread(2, 4, 2, 2),)),
    "PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), (IMAGES,)),
    "PoissonNLLLoss": (lambda: nn.PoissonNLLLoss(full=True), (VECTORS, share(4, 3) * 5)),
    "RMSNorm": (lambda: nn.RMSNorm(3), (VECTORS,)),
    "RNN": (lambda: first_of("RNN", 2, 2), (SEQUENCES[0],)),
    "RNNCell": (lambda: nn.RNNCell(3, 2), (VECTORS,)),
    "RReLU": (nn.RReLU, (VECTORS,)),
    "ReLU": (nn.ReLU, (VECTORS,)),
    "ReLU6": (nn.ReLU6, (VECTORS * 5,)),
    "ReflectionPad1d": (lambda: nn.ReflectionPad1d(1), (SIGNALS,)),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d(1), (IMAGES,)),
    "ReflectionPad3d": (lambda: nn.ReflectionPad3d(1), (VOLUMES,)),
    "ReplicationPad1d": (lambda: nn.ReplicationPad1d(1), (SIGNALS,)),
    "ReplicationPad2d": (lambda: nn.ReplicationPad2d(1), (IMAGES,)),
    "ReplicationPad3d": (lambda: nn.ReplicationPad3d(1), (VOLUMES,)),
    "SELU": (nn.SELU, (VECTORS,)),
    "Sequential": (lambda: nn.Sequential(nn.Linear(3, 2), nn.Tanh()), (VECTORS,)),
    "SiLU": (nn.SiLU, (VECTORS,)),
    "Sigmoid": (nn.Sigmoid, (VECTORS,)),
    "SmoothL1Loss": (nn.SmoothL1Loss, PAIR),
    "SoftMarginLoss": (nn.SoftMarginLoss, (VECTORS[:, 0], SIGNS)),
    "Softmax": (lambda: nn.Softmax(1), (VECTORS,)),
    "Softmax2d": (nn.Softmax2d, (IMAGES,)),
    "Softmin": (lambda: nn.Softmin(1), (VECTORS,)),
    "Softplus": (nn.Softplus, (VECTORS,)),
    "Softshrink": (nn.Softshrink, (VECTORS,)),
    "Softsign": (nn.Softsign, (VECTORS,)),
    "Tanh": (nn.Tanh, (VECTORS,)),
    "Tanhshrink": (nn.Tanhshrink, (VECTORS,)),
    "Threshold": (lambda: nn.Threshold(0.1, 2.0), (VECTORS,)),
    "Transformer": (lambda: tiny("", 0, 1), SHORT),
    "TransformerDecoder": (lambda: nn.TransformerDecoder(tiny("DecoderLayer"), 1), SHORT),
    "TransformerDecoderLayer": (lambda: tiny("DecoderLayer"), SHORT),
    "TransformerEncoder": (lambda: nn.TransformerEncoder(tiny("EncoderLayer"), 1), SHORT[:1]),
    "TransformerEncoderLayer": (lambda: tiny("EncoderLayer"), SHORT[:1]),
    "TripletMarginLoss": (nn.TripletMarginLoss, (*PAIR, VECTORS.flip(1))),
    "TripletMarginWithDistanceLoss": (
        nn.TripletMarginWithDistanceLoss,
        (*PAIR, VECTORS.flip(1)),
    ),
    "Unflatten": (lambda: nn.Unflatten(0, (2, 2)), (VECTORS,)),
    "Unfold": (lambda: nn.Unfold(2, stride=2), (IMAGES,)),
    "Upsample": (lambda: nn.Upsample(scale_factor=1.5, mode="bicubic"), (IMAGES,)),
    "UpsamplingBilinear2d": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), (IMAGES,)),
    "UpsamplingNearest2d": (lambda: nn.UpsamplingNearest2d(5), (IMAGES,)),
    "ZeroPad1d": (lambda: nn.ZeroPad1d(1), (SIGNALS,)),
    "ZeroPad2d": (lambda: nn.ZeroPad2d(1), (IMAGES,)),
    "ZeroPad3d": (lambda: nn.ZeroPad3d(1), (VOLUMES,)),
}
#: they hold modules or parameters and are not called
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"}
CONTAINERS |= {"RNNBase", "RNNCellBase"}  # families
CONTAINERS |= {"SyncBatchNorm"}  # only says that there is none
#: they become other layers at the first call; see test_lazy.py
LAZY = {name for name in vars(nn) if name.startswith("Lazy")}
RANDOM = {"Dropout", "Dropout1d", "Dropout2d", "Dropout3d"}
RANDOM |= {"AlphaDropout", "FeatureAlphaDropout"}


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
    assert found == SAMPLES.keys() | CONTAINERS | LAZY


@pytest.mark.parametrize("name", SAMPLES)
def test_first_derivative(name):
    function, tensors = checkable(name)
    assert gradcheck(function, tensors)


@pytest.mark.parametrize("name", SAMPLES)
def test_second_derivative(name):
    function, tensors = checkable(name)
    tensors = [t if t.numel() <= 40 and i < 6 else t.detach() for i, t in enumerate(tensors)]
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


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_random_layers_differ_from_call_to_call_in_training_only(name):
    module, (x,) = made(name)
    assert not all(module(x).equal(module(x)) for _ in range(8))
    assert module.eval()(x).equal(x)
