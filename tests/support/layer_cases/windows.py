"""Cases of convolution, pooling, padding, resampling and what rearranges images."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from layer_cases.making import Input, case, const, unit, x

SIGNAL, IMAGE, VOLUME = (2, 2, 6), (2, 2, 4, 5), (1, 2, 3, 4, 3)
SHAPES = {1: SIGNAL, 2: IMAGE, 3: VOLUME}


def positive(*shape: int) -> Input:
    return Input(*shape, make=lambda u: abs(u) + 0.1)


def sized(layer: Any, size: tuple[int, ...]) -> Any:
    """The layer called with an output_size."""
    layer.forward = functools.partial(layer.forward, output_size=size)
    return layer


# -- transposed convolution --------------------------------------------------------------

case("conv_transpose1d", lambda t: t.nn.ConvTranspose1d(2, 3, 3), x(*SIGNAL))
case("conv_transpose1d stride", lambda t: t.nn.ConvTranspose1d(2, 3, 4, 2, 1), x(2, 2, 5))
case("conv_transpose1d unbatched", lambda t: t.nn.ConvTranspose1d(2, 3, 3, 2), x(2, 5))
case("conv_transpose2d", lambda t: t.nn.ConvTranspose2d(2, 3, 3), x(*IMAGE))
case("conv_transpose2d dcgan", lambda t: t.nn.ConvTranspose2d(2, 3, 4, 2, 1), x(2, 2, 3, 3))
case(
    "conv_transpose2d without bias",
    lambda t: t.nn.ConvTranspose2d(2, 3, 2, 2, bias=False),
    x(2, 2, 3, 2),
)
case(
    "conv_transpose2d output_padding",
    lambda t: t.nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1),
    x(2, 2, 3, 2),
)
case(
    "conv_transpose2d groups",
    lambda t: t.nn.ConvTranspose2d(4, 6, (2, 3), (1, 2), (0, 1), groups=2),
    x(2, 4, 3, 3),
)
case(
    "conv_transpose2d dilated",
    lambda t: t.nn.ConvTranspose2d(2, 2, 2, 3, 1, (2, 1), dilation=(2, 3)),
    x(1, 2, 3, 2),
)
case(
    "conv_transpose2d output_padding below the dilation",
    lambda t: t.nn.ConvTranspose2d(2, 2, 2, 1, 1, 1, dilation=2),
    x(1, 2, 3, 4),
)
case("conv_transpose2d unbatched", lambda t: t.nn.ConvTranspose2d(2, 3, 3, 2), x(2, 3, 3))
case(
    "conv_transpose3d",
    lambda t: t.nn.ConvTranspose3d(2, 2, 2, (1, 2, 1), output_padding=(0, 1, 0)),
    x(1, 2, 2, 3, 2),
)
for _size in ((8, 10), (2, 3, 7, 9)):
    case(
        f"conv_transpose2d output_size {len(_size)}",
        lambda t, size=_size: sized(t.nn.ConvTranspose2d(2, 3, 3, 2), size),
        x(2, 2, 3, 4),
    )
for _d in (1, 2, 3):
    case(
        f"functional conv_transpose{_d}d",
        lambda t, d=_d: (
            lambda a, w, b: getattr(t.nn.functional, f"conv_transpose{d}d")(
                a, w, b, stride=2, padding=1, output_padding=1, groups=2, dilation=2
            )
        ),
        x(2, 4, *[3] * _d),
        x(4, 1, *[2] * _d),
        x(2),
    )

# -- convolution with every padding ------------------------------------------------------

for _d in (1, 2, 3):
    for _mode in ("reflect", "replicate", "circular"):
        case(
            f"conv{_d}d {_mode} 1",
            lambda t, d=_d, mode=_mode: getattr(t.nn, f"Conv{d}d")(
                2, 2, 3, padding=1, padding_mode=mode
            ),
            x(*SHAPES[_d]),
        )
case("conv3d same", lambda t: t.nn.Conv3d(2, 2, (2, 3, 2), padding="same"), x(*VOLUME))
case("conv3d groups", lambda t: t.nn.Conv3d(2, 4, 2, groups=2, dilation=(1, 2, 1)), x(*VOLUME))
case("conv3d unbatched", lambda t: t.nn.Conv3d(2, 2, 2), x(2, 2, 3, 3))
case(
    "conv2d reflect same",
    lambda t: t.nn.Conv2d(2, 2, (2, 3), padding="same", padding_mode="reflect"),
    x(*IMAGE),
)
case(
    "conv2d replicate valid",
    lambda t: t.nn.Conv2d(2, 2, 2, padding="valid", padding_mode="replicate"),
    x(*IMAGE),
)

# -- pooling -----------------------------------------------------------------------------

POOLS: dict[str, Callable[[Any], Any]] = {
    "max_pool1d indices": lambda n: n.MaxPool1d(2, return_indices=True),
    "max_pool2d dilated ceil": lambda n: n.MaxPool2d(
        2, 2, 1, dilation=2, return_indices=True, ceil_mode=True
    ),
    "max_pool3d": lambda n: n.MaxPool3d(2),
    "max_pool3d indices": lambda n: n.MaxPool3d((2, 3, 2), (1, 2, 1), 1, return_indices=True),
    "max_pool3d ceil": lambda n: n.MaxPool3d(2, ceil_mode=True),
    "avg_pool1d ceil": lambda n: n.AvgPool1d(4, 3, 1, ceil_mode=True, count_include_pad=False),
    "avg_pool3d": lambda n: n.AvgPool3d(2),
    "avg_pool3d padded": lambda n: n.AvgPool3d((2, 3, 2), 2, 1, count_include_pad=False),
    "avg_pool3d divisor": lambda n: n.AvgPool3d(2, 1, divisor_override=3),
    "adaptive_avg_pool3d": lambda n: n.AdaptiveAvgPool3d((2, None, 1)),
    "adaptive_avg_pool3d 2": lambda n: n.AdaptiveAvgPool3d(2),
    "adaptive_max_pool1d indices": lambda n: n.AdaptiveMaxPool1d(4, return_indices=True),
    "adaptive_max_pool2d divides": lambda n: n.AdaptiveMaxPool2d((2, 1), True),
    "adaptive_max_pool2d None": lambda n: n.AdaptiveMaxPool2d((None, 2), True),
    "adaptive_max_pool3d": lambda n: n.AdaptiveMaxPool3d((2, 3, 1), return_indices=True),
}
for _name, _make in POOLS.items():
    case(
        _name,
        lambda t, make=_make: make(t.nn),
        x(*SHAPES[int(next(filter(str.isdigit, _name)))]),
    )
case("max_pool3d unbatched", lambda t: t.nn.MaxPool3d(2), x(2, 2, 3, 4))
case("avg_pool3d unbatched", lambda t: t.nn.AvgPool3d(2), x(2, 2, 3, 4))
case("lp_pool1d", lambda t: t.nn.LPPool1d(2, 3, 2), x(*SIGNAL))
case("lp_pool2d", lambda t: t.nn.LPPool2d(2.5, (2, 3), stride=1), positive(*IMAGE))
case("lp_pool2d ceil", lambda t: t.nn.LPPool2d(4, 3, 2, ceil_mode=True), x(*IMAGE))
case("lp_pool2d sum", lambda t: t.nn.LPPool2d(1, 2), x(*IMAGE))
case("lp_pool2d inf", lambda t: t.nn.LPPool2d(float("inf"), 2), x(*IMAGE))
case("lp_pool2d of zeros", lambda t: t.nn.LPPool2d(2, 2), Input(1, 1, 4, 4, make=abs))
case("lp_pool3d", lambda t: t.nn.LPPool3d(3, 2), positive(*VOLUME))
for _d in (1, 2, 3):
    case(
        f"max_pool{_d}d with_indices",
        lambda t, d=_d: lambda a: getattr(t.nn.functional, f"max_pool{d}d_with_indices")(a, 2),
        x(*SHAPES[_d]),
    )
    case(
        f"adaptive_max_pool{_d}d with_indices",
        lambda t, d=_d: (
            lambda a: getattr(t.nn.functional, f"adaptive_max_pool{d}d_with_indices")(a, 2)
        ),
        x(*SHAPES[_d]),
    )
    case(
        f"max_unpool{_d}d",
        lambda t, d=_d: (
            lambda a: getattr(t.nn, f"MaxUnpool{d}d")(2)(
                *getattr(t.nn.functional, f"max_pool{d}d")(a, 2, return_indices=True)
            )
        ),
        x(2, 2, *[4] * _d),
    )
case(
    "max_unpool2d to the size before",
    lambda t: lambda a: t.nn.functional.max_unpool2d(
        *t.nn.functional.max_pool2d(a, (2, 3), 2, 1, return_indices=True),
        (2, 3), 2, 1, output_size=a.shape,
    ),
    x(2, 2, 5, 5),
)  # fmt: skip
case(
    "max_unpool2d unbatched",
    lambda t: (
        lambda a: t.nn.functional.max_unpool2d(
            *t.nn.functional.max_pool2d(a, 2, return_indices=True), 2, output_size=(4, 5)
        )
    ),
    x(2, 4, 5),
)
for _d, _shape in ((2, (2, 3, 7, 6)), (3, (1, 2, 5, 6, 7))):
    for _choice in ({"output_size": 3}, {"output_ratio": [0.5] * _d}):
        case(
            f"fractional_max_pool{_d}d {next(iter(_choice))}",
            lambda t, d=_d, choice=_choice: (
                lambda a, u: getattr(t.nn.functional, f"fractional_max_pool{d}d")(
                    a, 2, **choice, return_indices=True, _random_samples=u
                )
            ),
            x(*_shape),
            unit(*_shape[:2], _d, grad=False),
        )

# -- padding -----------------------------------------------------------------------------

for _d in (1, 2, 3):
    for _kind in ("Reflection", "Replication", "Circular", "Zero"):
        case(
            f"{_kind}Pad{_d}d",
            lambda t, d=_d, kind=_kind: getattr(t.nn, f"{kind}Pad{d}d")(
                tuple(range(2, 0, -1)) * d
            ),
            x(*SHAPES[_d]),
        )
    case(
        f"ConstantPad{_d}d",
        lambda t, d=_d: getattr(t.nn, f"ConstantPad{d}d")(1, 2.5),
        x(*SHAPES[_d]),
    )
case("ReflectionPad2d unbatched", lambda t: t.nn.ReflectionPad2d(1), x(2, 3, 4))
case("ZeroPad2d cutting", lambda t: t.nn.ZeroPad2d((-1, 2, 0, -2)), x(*IMAGE))
for _mode in ("reflect", "replicate", "circular"):
    case(
        f"functional pad {_mode}",
        lambda t, mode=_mode: lambda a: t.nn.functional.pad(a, (3, -1, 1, 2), mode),
        x(*IMAGE),
    )
case("functional pad 4 axes", lambda t: lambda a: t.nn.functional.pad(
    a, (1, 0, 0, 2, -1, 1, 0, 1), value=-1.5), x(*IMAGE))  # fmt: skip

# -- resampling --------------------------------------------------------------------------

UPSAMPLES: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "nearest": ({"scale_factor": 2}, IMAGE),
    "nearest size": ({"size": (7, 3)}, IMAGE),
    "nearest signal": ({"scale_factor": 1.5}, SIGNAL),
    "nearest volume": ({"scale_factor": (2, 1, 0.7)}, VOLUME),
    "nearest-exact": ({"size": (3, 7), "mode": "nearest-exact"}, IMAGE),
    "linear": ({"scale_factor": 2, "mode": "linear"}, SIGNAL),
    "linear corners": ({"size": 9, "mode": "linear", "align_corners": True}, SIGNAL),
    "bilinear": ({"scale_factor": 2, "mode": "bilinear"}, IMAGE),
    "bilinear corners": ({"size": (7, 9), "mode": "bilinear", "align_corners": True}, IMAGE),
    "bilinear smaller": ({"size": (2, 3), "mode": "bilinear"}, IMAGE),
    "bilinear 1.7": ({"scale_factor": (1.7, 1.3), "mode": "bilinear"}, IMAGE),
    "bilinear recomputed": (
        {"scale_factor": 1.7, "mode": "bilinear", "recompute_scale_factor": True}, IMAGE,
    ),
    "bicubic": ({"scale_factor": 2, "mode": "bicubic"}, IMAGE),
    "bicubic corners": ({"size": (3, 8), "mode": "bicubic", "align_corners": True}, IMAGE),
    "trilinear": ({"scale_factor": 2, "mode": "trilinear"}, VOLUME),
    "trilinear corners": ({"size": (2, 5, 4), "mode": "trilinear", "align_corners": True},
                          VOLUME),
}  # fmt: skip
for _name, (_options, _shape) in UPSAMPLES.items():
    case(f"upsample {_name}", lambda t, o=_options: t.nn.Upsample(**o), x(*_shape))
case("UpsamplingNearest2d", lambda t: t.nn.UpsamplingNearest2d(scale_factor=2), x(*IMAGE))
case("UpsamplingBilinear2d", lambda t: t.nn.UpsamplingBilinear2d((6, 7)), x(*IMAGE))
INTERPOLATIONS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "area": ({"size": (3, 2), "mode": "area"}, IMAGE),
    "area factor": ({"scale_factor": 0.5, "mode": "area"}, VOLUME),
    "antialias": ({"size": (2, 3), "mode": "bilinear", "antialias": True}, (1, 2, 7, 8)),
    "antialias bicubic": ({"size": (3, 9), "mode": "bicubic", "antialias": True}, (1, 2, 7, 8)),
    "antialias corners": (
        {"size": (3, 2), "mode": "bilinear", "antialias": True, "align_corners": True},
        (1, 2, 7, 8),
    ),
    "lanczos": ({"size": (4, 3), "mode": "lanczos", "antialias": True}, (1, 2, 9, 8)),
    "same size": ({"size": (4, 5), "mode": "bicubic"}, IMAGE),
}
for _name, (_options, _shape) in INTERPOLATIONS.items():
    case(
        f"interpolate {_name}",
        lambda t, o=_options: lambda a: t.nn.functional.interpolate(a, **o) * 1,
        x(*_shape),
    )
for _mode in ("bilinear", "nearest", "bicubic"):
    for _padding in ("zeros", "border", "reflection"):
        for _corners in (False, True):
            case(
                f"grid_sample {_mode} {_padding} {_corners}",
                lambda t, o=(_mode, _padding, _corners): (
                    lambda a, g: t.nn.functional.grid_sample(a, g, *o)
                ),
                x(2, 2, 4, 3),
                const(2, 3, 2, 2) if _mode == "nearest" else x(2, 3, 2, 2),
            )
for _mode in ("bilinear", "nearest"):
    case(
        f"grid_sample volume {_mode}",
        lambda t, mode=_mode: (
            lambda a, g: t.nn.functional.grid_sample(a, g, mode, align_corners=False)
        ),
        x(1, 2, 3, 2, 4),
        const(1, 2, 3, 1, 3) if _mode == "nearest" else x(1, 2, 3, 1, 3),
    )
for _corners in (False, True):
    case(
        f"affine_grid {_corners}",
        lambda t, corners=_corners: (
            lambda m: t.nn.functional.affine_grid(m, (2, 1, 3, 4), align_corners=corners)
        ),
        x(2, 2, 3),
    )
    case(
        f"affine_grid volume {_corners}",
        lambda t, corners=_corners: (
            lambda m: t.nn.functional.affine_grid(m, (2, 1, 3, 1, 2), align_corners=corners)
        ),
        x(2, 3, 4),
    )
case(
    "spatial transformer",
    lambda t: (
        lambda a, m: t.nn.functional.grid_sample(
            a, t.nn.functional.affine_grid(m, a.shape, align_corners=False), align_corners=False
        )
    ),
    x(2, 1, 4, 4),
    x(2, 2, 3),
)

# -- rearranging -------------------------------------------------------------------------

case("pixel_shuffle", lambda t: t.nn.PixelShuffle(2), x(2, 8, 2, 3))
case("pixel_shuffle unbatched", lambda t: t.nn.PixelShuffle(3), x(9, 2, 1))
case("pixel_unshuffle", lambda t: t.nn.PixelUnshuffle(2), x(2, 2, 4, 6))
case("channel_shuffle", lambda t: t.nn.ChannelShuffle(2), x(2, 6, 2, 2))
case("unfold", lambda t: t.nn.Unfold(2), x(*IMAGE))
case("unfold uneven", lambda t: t.nn.Unfold((2, 3), (1, 2), (1, 2), (2, 1)), x(*IMAGE))
case("unfold unbatched", lambda t: t.nn.Unfold(3, padding=1), x(2, 3, 4))
case("fold", lambda t: t.nn.Fold((4, 5), 2), x(2, 8, 12))
case("fold uneven", lambda t: t.nn.Fold((4, 5), (2, 3), (1, 2), (1, 2), (2, 1)), x(2, 6, 15))
case("fold unbatched", lambda t: t.nn.Fold(4, 2, stride=2), x(4, 4))
case(
    "autoencoder",
    lambda t: t.nn.Sequential(
        t.nn.ReflectionPad2d(1), t.nn.Conv2d(2, 4, 3, 2), t.nn.ReLU(),
        t.nn.ConvTranspose2d(4, 4, 2, 2), t.nn.Upsample(scale_factor=2, mode="bilinear"),
        t.nn.Conv2d(4, 8, 3, padding="same"), t.nn.PixelShuffle(2), t.nn.AvgPool2d(4),
    ),
    x(2, 2, 4, 6),
)  # fmt: skip
