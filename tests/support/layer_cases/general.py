"""Cases of the layers, losses and functions that everybody uses."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from layer_cases.making import Input, case, const, given, labels, shares, unit, weights, x

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda t: t.nn.ReLU(),
    "relu6": lambda t: t.nn.ReLU6(),
    "leaky": lambda t: t.nn.LeakyReLU(),
    "leaky 0.3": lambda t: t.nn.LeakyReLU(0.3),
    "elu": lambda t: t.nn.ELU(),
    "elu 0.5": lambda t: t.nn.ELU(0.5),
    "selu": lambda t: t.nn.SELU(),
    "celu": lambda t: t.nn.CELU(),
    "celu 2": lambda t: t.nn.CELU(2.0),
    "gelu": lambda t: t.nn.GELU(),
    "gelu tanh": lambda t: t.nn.GELU("tanh"),
    "silu": lambda t: t.nn.SiLU(),
    "mish": lambda t: t.nn.Mish(),
    "softplus": lambda t: t.nn.Softplus(),
    "softplus 3 1": lambda t: t.nn.Softplus(3, 1),
    "softsign": lambda t: t.nn.Softsign(),
    "sigmoid": lambda t: t.nn.Sigmoid(),
    "tanh": lambda t: t.nn.Tanh(),
    "hardtanh": lambda t: t.nn.Hardtanh(),
    "hardtanh -0.5 1.5": lambda t: t.nn.Hardtanh(-0.5, 1.5),
    "hardsigmoid": lambda t: t.nn.Hardsigmoid(),
    "hardswish": lambda t: t.nn.Hardswish(),
    "logsigmoid": lambda t: t.nn.LogSigmoid(),
    "tanhshrink": lambda t: t.nn.Tanhshrink(),
    "hardshrink": lambda t: t.nn.Hardshrink(),
    "softshrink": lambda t: t.nn.Softshrink(0.3),
    "threshold": lambda t: t.nn.Threshold(0.1, 20),
    "prelu": lambda t: t.nn.PReLU(),
    "prelu 3": lambda t: t.nn.PReLU(3, 0.1),
    "softmax 1": lambda t: t.nn.Softmax(1),
    "softmax -1": lambda t: t.nn.Softmax(-1),
    "softmin": lambda t: t.nn.Softmin(0),
    "log_softmax": lambda t: t.nn.LogSoftmax(1),
    "glu": lambda t: t.nn.GLU(),
}
for _name, _make in ACTIVATIONS.items():
    case(f"activation {_name}", _make, Input(4, 3, 2, make=lambda u: 3 * u))

KINKS = given([-6.0, -3, -1, -0.5, -0.0, 0, 0.5, 1, 3, 6, 30], grad=True)
for _name in (
    "relu", "relu6", "leaky", "elu", "selu", "celu", "hardtanh", "hardsigmoid", "hardswish",
    "hardshrink", "threshold", "softplus", "softsign", "logsigmoid", "gelu", "silu", "mish",
):  # fmt: skip
    case(f"kinks {_name}", ACTIVATIONS[_name], KINKS)
case("kinks prelu", ACTIVATIONS["prelu"], KINKS)
case("softmax2d", lambda t: t.nn.Softmax2d(), x(2, 3, 2, 2))
case("relu in place", lambda t: lambda a: t.nn.ReLU(inplace=True)(a * 2), x(3, 4))
case("elu in place", lambda t: lambda a: t.nn.ELU(inplace=True)(a * 2), x(3, 4))
case("glu axis 0", lambda t: t.nn.GLU(0), x(4, 3))
case("prelu on a vector", lambda t: t.nn.PReLU(), x(5))

case("linear", lambda t: t.nn.Linear(5, 3), x(4, 5))
case("linear without bias", lambda t: t.nn.Linear(5, 3, bias=False), x(4, 5))
case("linear on a vector", lambda t: t.nn.Linear(5, 3), x(5))
case("linear on a sequence", lambda t: t.nn.Linear(5, 3), x(2, 4, 5))
case("linear on 4 axes", lambda t: t.nn.Linear(5, 3), x(2, 1, 3, 5))
case("linear on nothing", lambda t: t.nn.Linear(5, 3), x(0, 5))
case("linear 1 to 1", lambda t: t.nn.Linear(1, 1), x(3, 1))
case("identity", lambda t: t.nn.Identity(7, wanted=False), x(2, 3))
case("flatten", lambda t: t.nn.Flatten(), x(2, 3, 4))
case("flatten 0 1", lambda t: t.nn.Flatten(0, 1), x(2, 3, 4))
case("unflatten", lambda t: t.nn.Unflatten(1, (2, 3)), x(2, 6, 2))

case("conv1d", lambda t: t.nn.Conv1d(2, 3, 3), x(2, 2, 7))
case("conv1d same", lambda t: t.nn.Conv1d(2, 4, 4, padding="same", groups=2), x(2, 2, 7))
case("conv1d stride", lambda t: t.nn.Conv1d(2, 3, 3, 2, 1, 2), x(2, 2, 9))
case("conv1d unbatched", lambda t: t.nn.Conv1d(2, 3, 2), x(2, 5))
case("conv2d", lambda t: t.nn.Conv2d(2, 3, 3), x(2, 2, 5, 6))
case("conv2d padded", lambda t: t.nn.Conv2d(2, 3, 3, padding=1, stride=2), x(2, 2, 5, 6))
case(
    "conv2d uneven", lambda t: t.nn.Conv2d(1, 2, (3, 2), (1, 2), (0, 1), (2, 1)), x(2, 1, 6, 5)
)
case("conv2d same", lambda t: t.nn.Conv2d(2, 3, (2, 3), padding="same"), x(1, 2, 4, 4))
case("conv2d valid", lambda t: t.nn.Conv2d(2, 3, 3, padding="valid"), x(1, 2, 4, 4))
case(
    "conv2d dilated same",
    lambda t: t.nn.Conv2d(1, 1, 2, padding="same", dilation=3),
    x(1, 1, 5, 5),
)
case("conv2d groups", lambda t: t.nn.Conv2d(4, 6, 3, groups=2, bias=False), x(2, 4, 4, 4))
case("conv2d depthwise", lambda t: t.nn.Conv2d(3, 3, 3, padding=1, groups=3), x(2, 3, 4, 4))
case("conv2d 1x1", lambda t: t.nn.Conv2d(3, 2, 1), x(2, 3, 3, 3))
case("conv2d unbatched", lambda t: t.nn.Conv2d(2, 3, 3), x(2, 4, 4))
for _mode in ("reflect", "replicate", "circular"):
    case(
        f"conv2d {_mode}",
        lambda t, mode=_mode: t.nn.Conv2d(1, 2, 3, padding=(1, 2), padding_mode=mode),
        x(2, 1, 4, 5),
    )
case(
    "conv2d circular same",
    lambda t: t.nn.Conv2d(1, 2, (2, 3), padding="same", padding_mode="circular"),
    x(2, 1, 4, 5),
)
case("conv3d", lambda t: t.nn.Conv3d(2, 2, 2, stride=(1, 2, 1)), x(1, 2, 3, 4, 3))

case("max_pool1d", lambda t: t.nn.MaxPool1d(3, 2, 1), x(2, 2, 7))
case("max_pool2d", lambda t: t.nn.MaxPool2d(2), x(2, 2, 4, 6))
case("max_pool2d overlapping", lambda t: t.nn.MaxPool2d(3, 1, 1), x(1, 2, 4, 4))
case("max_pool2d uneven", lambda t: t.nn.MaxPool2d((2, 3), (1, 2), (1, 0)), x(1, 2, 4, 7))
case("max_pool2d dilated", lambda t: t.nn.MaxPool2d(2, 1, dilation=2), x(1, 1, 5, 5))
case("max_pool2d ceil", lambda t: t.nn.MaxPool2d(2, ceil_mode=True), x(1, 2, 5, 5))
case("max_pool2d unbatched", lambda t: t.nn.MaxPool2d(2), x(2, 4, 4))
case("max_pool2d indices", lambda t: t.nn.MaxPool2d(2, return_indices=True), x(1, 2, 4, 4))
case(
    "max_pool2d ties",
    lambda t: t.nn.MaxPool2d(2),
    Input(1, 1, 4, 4, make=lambda u: np.round(u) + 0.0),
)
case("avg_pool1d", lambda t: t.nn.AvgPool1d(3, 2, 1), x(2, 2, 7))
case("avg_pool2d", lambda t: t.nn.AvgPool2d(2), x(2, 2, 4, 6))
case("avg_pool2d padded", lambda t: t.nn.AvgPool2d(3, 2, 1), x(1, 2, 5, 5))
case("avg_pool2d without pad", lambda t: t.nn.AvgPool2d(3, 2, 1, False, False), x(1, 2, 5, 5))
case("avg_pool2d ceil", lambda t: t.nn.AvgPool2d(3, 2, 1, ceil_mode=True), x(1, 2, 6, 6))
case(
    "avg_pool2d ceil without pad",
    lambda t: t.nn.AvgPool2d(2, 2, 1, ceil_mode=True, count_include_pad=False),
    x(1, 2, 6, 5),
)
case(
    "avg_pool2d divisor", lambda t: t.nn.AvgPool2d((2, 3), 1, divisor_override=5), x(1, 1, 4, 5)
)
case("avg_pool2d unbatched", lambda t: t.nn.AvgPool2d(2), x(2, 4, 4))
case("adaptive_avg_pool1d", lambda t: t.nn.AdaptiveAvgPool1d(3), x(2, 2, 7))
case("adaptive_avg_pool2d 1", lambda t: t.nn.AdaptiveAvgPool2d(1), x(2, 2, 5, 4))
case("adaptive_avg_pool2d divides", lambda t: t.nn.AdaptiveAvgPool2d((2, 3)), x(2, 2, 4, 6))
case("adaptive_avg_pool2d uneven", lambda t: t.nn.AdaptiveAvgPool2d((3, 2)), x(2, 2, 7, 5))
case("adaptive_avg_pool2d larger", lambda t: t.nn.AdaptiveAvgPool2d(5), x(1, 2, 3, 3))
case("adaptive_avg_pool2d None", lambda t: t.nn.AdaptiveAvgPool2d((None, 2)), x(2, 2, 3, 4))
case("adaptive_avg_pool2d unbatched", lambda t: t.nn.AdaptiveAvgPool2d(2), x(2, 4, 4))
case("adaptive_max_pool1d", lambda t: t.nn.AdaptiveMaxPool1d(3), x(2, 2, 7))
case("adaptive_max_pool2d", lambda t: t.nn.AdaptiveMaxPool2d((3, 2)), x(2, 2, 7, 5))
case(
    "adaptive_max_pool2d indices",
    lambda t: t.nn.AdaptiveMaxPool2d(2, return_indices=True),
    x(2, 5, 5),
)

case("batch_norm1d", lambda t: t.nn.BatchNorm1d(3), x(4, 3))
case("batch_norm1d signals", lambda t: t.nn.BatchNorm1d(3), x(2, 3, 4))
case("batch_norm1d eval", lambda t: t.nn.BatchNorm1d(3).eval(), x(4, 3))
case("batch_norm2d", lambda t: t.nn.BatchNorm2d(3), x(2, 3, 2, 3))
case("batch_norm2d eval", lambda t: t.nn.BatchNorm2d(3).eval(), x(2, 3, 2, 3))
case("batch_norm2d eps", lambda t: t.nn.BatchNorm2d(3, 0.1, 0.3), x(2, 3, 2, 3))
case("batch_norm2d average", lambda t: t.nn.BatchNorm2d(3, momentum=None), x(2, 3, 2, 3))
case("batch_norm2d plain", lambda t: t.nn.BatchNorm2d(3, affine=False), x(2, 3, 2, 3))
case("batch_norm2d shift only", lambda t: t.nn.BatchNorm2d(3, bias=False), x(2, 3, 2, 3))
case(
    "batch_norm2d untracked",
    lambda t: t.nn.BatchNorm2d(3, track_running_stats=False).eval(),
    x(2, 3, 2, 3),
)
case("batch_norm3d", lambda t: t.nn.BatchNorm3d(2), x(2, 2, 2, 2, 2))
case("layer_norm", lambda t: t.nn.LayerNorm(5), x(2, 3, 5))
case("layer_norm 2 axes", lambda t: t.nn.LayerNorm((3, 5)), x(2, 3, 5))
case("layer_norm plain", lambda t: t.nn.LayerNorm(5, elementwise_affine=False), x(2, 5))
case("layer_norm without bias", lambda t: t.nn.LayerNorm(5, 1e-3, bias=False), x(2, 5))
case("dropout 0", lambda t: t.nn.Dropout(0.0), x(3, 4))
case("dropout 1", lambda t: t.nn.Dropout(1.0), x(3, 4))
case("dropout eval", lambda t: t.nn.Dropout(0.7).eval(), x(3, 4))
case("embedding", lambda t: t.nn.Embedding(7, 3), labels(7, 4, 5))
case("embedding padding", lambda t: t.nn.Embedding(4, 3, padding_idx=1), labels(4, 12))
case("embedding padding -1", lambda t: t.nn.Embedding(4, 3, padding_idx=-1), labels(4, 12))
case("embedding number", lambda t: t.nn.Embedding(4, 3), labels(4))

case(
    "sequential",
    lambda t: t.nn.Sequential(t.nn.Linear(4, 3), t.nn.Tanh(), t.nn.Linear(3, 2)),
    x(5, 4),
)
case(
    "sequential named",
    lambda t: t.nn.Sequential(
        OrderedDict(flat=t.nn.Flatten(), fc=t.nn.Linear(6, 3), norm=t.nn.BatchNorm1d(3))
    ),
    x(4, 2, 3),
)
case(
    "convolutional network",
    lambda t: t.nn.Sequential(
        t.nn.Conv2d(1, 3, 3, padding=1), t.nn.BatchNorm2d(3), t.nn.ReLU(inplace=True),
        t.nn.MaxPool2d(2), t.nn.Sequential(t.nn.Flatten(), t.nn.Linear(12, 4)),
    ),
    x(3, 1, 4, 4),
)  # fmt: skip
case(
    "shared layer",
    lambda t: (lambda a: t.nn.Sequential(a, t.nn.ReLU(), a))(t.nn.Linear(3, 3)),
    x(2, 3),
)

for _reduction in ("mean", "sum", "none"):
    for _loss in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"):
        case(
            f"{_loss} {_reduction}",
            lambda t, loss=_loss, r=_reduction: getattr(t.nn, loss)(reduction=r),
            x(3, 4),
            x(3, 4),
        )
    case(
        f"CrossEntropyLoss {_reduction}",
        lambda t, r=_reduction: t.nn.CrossEntropyLoss(reduction=r),
        x(5, 4),
        labels(4, 5),
    )
    case(
        f"CrossEntropyLoss weighted smooth {_reduction}",
        lambda t, r=_reduction: t.nn.CrossEntropyLoss(
            weights(t, 0.5, 1.0, 2.0, 0.1), ignore_index=1, reduction=r, label_smoothing=0.2
        ),
        x(6, 4),
        labels(4, 6, ignored=1),
    )
    case(
        f"CrossEntropyLoss probabilities {_reduction}",
        lambda t, r=_reduction: t.nn.CrossEntropyLoss(
            weights(t, 0.5, 1.0, 2.0, 0.1), reduction=r, label_smoothing=0.1
        ),
        x(6, 4),
        shares(6, 4, grad=True),
    )
    case(
        f"NLLLoss {_reduction}",
        lambda t, r=_reduction: t.nn.NLLLoss(weights(t, 0.5, 1.0, 2.0), reduction=r),
        x(5, 3),
        labels(3, 5, ignored=-100),
    )
    case(
        f"BCELoss {_reduction}",
        lambda t, r=_reduction: t.nn.BCELoss(weights(t, 0.5, 1.0, 2.0), reduction=r),
        unit(4, 3),
        unit(4, 3, grad=False),
    )
    case(
        f"BCEWithLogitsLoss {_reduction}",
        lambda t, r=_reduction: t.nn.BCEWithLogitsLoss(
            weights(t, 0.5, 1.0, 2.0), reduction=r, pos_weight=weights(t, 3.0, 1.0, 0.5)
        ),
        Input(4, 3, make=lambda u: 20 * u),
        unit(4, 3),
    )
for _reduction in ("mean", "batchmean", "sum", "none"):
    case(
        f"KLDivLoss {_reduction}",
        lambda t, r=_reduction: t.nn.KLDivLoss(reduction=r),
        x(3, 4),
        shares(3, 4, grad=True),
    )
case(
    "KLDivLoss log_target",
    lambda t: t.nn.KLDivLoss(reduction="sum", log_target=True),
    x(3, 4),
    x(3, 4),
)
case(
    "CrossEntropyLoss images",
    lambda t: t.nn.CrossEntropyLoss(),
    x(2, 4, 3, 2),
    labels(4, 2, 3, 2, ignored=-100),
)
case(
    "CrossEntropyLoss images probabilities",
    lambda t: t.nn.CrossEntropyLoss(),
    x(2, 4, 3),
    shares(2, 4, 3),
)
case("CrossEntropyLoss one sample", lambda t: t.nn.CrossEntropyLoss(), x(4), labels(4))
case(
    "CrossEntropyLoss smooth",
    lambda t: t.nn.CrossEntropyLoss(label_smoothing=0.3),
    x(5, 4),
    labels(4, 5),
)
case(
    "CrossEntropyLoss large logits",
    lambda t: t.nn.CrossEntropyLoss(),
    Input(5, 4, make=lambda u: 500 * u),
    labels(4, 5),
)
case("NLLLoss images", lambda t: t.nn.NLLLoss(), x(2, 4, 3, 2), labels(4, 2, 3, 2))
case("NLLLoss one sample", lambda t: t.nn.NLLLoss(), x(4), labels(4))
case("SmoothL1Loss beta", lambda t: t.nn.SmoothL1Loss(beta=0.3), x(3, 4), x(3, 4))
case("SmoothL1Loss beta 0", lambda t: t.nn.SmoothL1Loss(beta=0.0), x(3, 4), x(3, 4))
case("HuberLoss delta", lambda t: t.nn.HuberLoss(delta=0.3), x(3, 4), x(3, 4))
case(
    "BCEWithLogitsLoss at 0",
    lambda t: t.nn.BCEWithLogitsLoss(),
    Input(3, make=np.zeros_like),
    unit(3),
)
case(
    "BCELoss at the ends",
    lambda t: t.nn.BCELoss(reduction="none"),
    given([0.0, 1.0, 0.0, 1.0]),
    given([0.0, 1.0, 1.0, 0.0]),
)

for _mode, _pad in (
    ("constant", (1, 2)), ("constant", (1, 0, 2, 1)), ("constant", (-1, 2)),
    ("reflect", (2, 1)), ("reflect", (1, 2, 2, 1)), ("replicate", (2, 3, 1, 0)),
    ("circular", (3, 1)), ("circular", (1, 2, 3, 0)),
):  # fmt: skip
    case(
        f"pad {_mode} {_pad}",
        lambda t, m=_mode, p=_pad: lambda a: t.nn.functional.pad(a, p, mode=m),
        x(2, 2, 4, 5) if len(_pad) == 4 else x(2, 3, 4),
    )
case("pad value", lambda t: lambda a: t.nn.functional.pad(a, (1, 1), value=3.5), x(2, 3))
case("one_hot", lambda t: lambda a: t.nn.functional.one_hot(a, 5), labels(5, 2, 3))
case("one_hot guessed", lambda t: lambda a: t.nn.functional.one_hot(a), labels(4, 30))
case("normalize", lambda t: lambda a: t.nn.functional.normalize(a), x(3, 4))
case("normalize 1", lambda t: lambda a: t.nn.functional.normalize(a, p=1.0, dim=0), x(3, 4))
case(
    "cosine_similarity",
    lambda t: lambda a, b: t.nn.functional.cosine_similarity(a, b),
    x(3, 4),
    x(3, 4),
)
case(
    "cosine_similarity broadcast",
    lambda t: lambda a, b: t.nn.functional.cosine_similarity(a, b, dim=-1),
    x(3, 1, 4),
    x(2, 4),
)
case("functional softmax", lambda t: lambda a: t.nn.functional.softmax(a, -1), x(2, 3))
case(
    "functional log_softmax 3 axes",
    lambda t: lambda a: t.nn.functional.log_softmax(a, dim=1),
    x(2, 3, 4),
)
case(
    "functional linear",
    lambda t: lambda a, w, b: t.nn.functional.linear(a, w, b),
    x(2, 3),
    x(4, 3),
    x(4),
)
case(
    "functional embedding",
    lambda t: lambda a, w: t.nn.functional.embedding(a, w, padding_idx=0),
    labels(4, 6),
    x(4, 2),
)
case(
    "functional conv2d",
    lambda t: lambda a, w, b: t.nn.functional.conv2d(a, w, b, padding="same"),
    x(1, 2, 4, 4),
    x(3, 2, 3, 3),
    x(3),
)
case(
    "functional layer_norm",
    lambda t: lambda a, w, b: t.nn.functional.layer_norm(a, (4,), w, b),
    x(3, 4),
    x(4),
    x(4),
)
case("functional hardtanh", lambda t: lambda a: t.nn.functional.hardtanh(a, -0.5, 0.7), x(3, 4))
case("functional prelu", lambda t: lambda a, w: t.nn.functional.prelu(a, w), x(2, 3, 4), x(3))
case(
    "functional huber weighted",
    lambda t: lambda a, b, w: t.nn.functional.huber_loss(a, b, weight=w, delta=0.5),
    x(3, 4),
    x(3, 4),
    unit(3, 4, grad=False),
)
case("functional relu6", lambda t: lambda a: t.nn.functional.relu6(a * 5), x(3, 4))
case(
    "functional batch_norm",
    lambda t: lambda a, m, v, w: t.nn.functional.batch_norm(a, m, v, w, training=True),
    x(4, 3), const(3), unit(3, grad=False), x(3),
)  # fmt: skip
