"""Convolution layers."""

from __future__ import annotations

from typing import Any, ClassVar

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError
from chainrule.functional.convolution import check_padding, convolution, same_padding
from chainrule.functional.pad import pad
from chainrule.functional.spatial import Sizes, per_axis
from chainrule.nn import init
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor

MODES = ("zeros", "reflect", "replicate", "circular")


class Convolution(Module):
    """The family: a convolution over `spatial` axes."""

    spatial: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_groups(name, in_channels, out_channels, groups)
        _check_mode(name, padding_mode)
        if isinstance(padding, str):
            check_padding(name, padding, per_axis(stride, self.spatial))
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_axis(kernel_size, self.spatial)
        self.stride = per_axis(stride, self.spatial)
        self.padding: tuple[int, ...] | str = (
            padding if isinstance(padding, str) else per_axis(padding, self.spatial)
        )
        self.dilation = per_axis(dilation, self.spatial)
        self.output_padding = (0,) * self.spatial
        self.groups = groups
        self.padding_mode = padding_mode
        weight, shift = self._weight_shape(), (out_channels,) if bias else None
        self._register_empty({"weight": weight, "bias": shift}, device, dtype)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Start anew, at random."""
        init.fan_in_uniform_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        padding: Sizes | str = self.padding
        if self.padding_mode != "zeros":
            input, padding = pad(input, self._borders(), self.padding_mode), 0
        return convolution(
            self.spatial, input, self.weight, self.bias, self.stride, padding, self.dilation,
            self.groups,
        )  # fmt: skip

    def _borders(self) -> list[int]:
        """What goes around the input, in the order of F.pad: the last axis first."""
        if isinstance(self.padding, tuple):
            pairs = [(p, p) for p in self.padding]
        elif self.padding == "same":
            pairs = same_padding(self.kernel_size, self.dilation)
        else:
            pairs = [(0, 0)] * self.spatial
        return [width for pair in reversed(pairs) for width in pair]

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        usual = {
            "padding": (0,) * self.spatial,
            "dilation": (1,) * self.spatial,
            "output_padding": (0,) * self.spatial,
            "groups": 1,
        }
        for name, value in usual.items():
            if getattr(self, name) != value:
                text += f", {name}={getattr(self, name)}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class Conv1d(Convolution):
    """Convolution of signals; see Conv2d.

    Shapes:  (n, in_channels, t) or (in_channels, t)
    """

    spatial = 1


class Conv2d(Convolution):
    """Convolution of images, with learned kernels and a bias for each output channel.

    Shapes:  (n, in_channels, h, w) → (n, out_channels, h', w'), both also without n;
        weight (out_channels, in_channels / groups, kh, kw)
    Args:
        kernel_size, stride, padding, dilation: one number, or one for each axis
        padding: also "valid" (none) or "same" (the size is kept; stride 1)
        groups: parts that the channels are divided into, each convolved by itself
        padding_mode: what the padding holds: "zeros", "reflect", "replicate", "circular"
    Notes:   weights and biases start evenly spread over ±1/√(in_channels / groups · kh · kw).
    Source:  LeCun et al. 1998, "Gradient-based learning applied to document recognition"

    Example:
        >>> import chainrule as cr
        >>> Conv2d(1, 8, kernel_size=3, padding=1)(cr.zeros(32, 1, 28, 28)).shape
        chainrule.Size([32, 8, 28, 28])
    """

    spatial = 2


class Conv3d(Convolution):
    """Convolution of volumes; see Conv2d.

    Shapes:  (n, in_channels, d, h, w) or (in_channels, d, h, w)
    """

    spatial = 3


def check_groups(name: str, inputs: int, outputs: int, groups: int) -> None:
    """Raises ArgumentError (CR528) for channels that cannot be divided into the groups."""
    if groups < 1 or inputs % groups or outputs % groups:
        raise ArgumentError(
            "CR528",
            f"{name}: {inputs} input and {outputs} output channels cannot both be divided "
            f"into groups={groups}",
        )


def _check_mode(name: str, mode: str) -> None:
    if mode not in MODES:
        raise ArgumentError(
            "CR520", f"{name}: padding_mode={mode!r}; choose from {', '.join(MODES)}"
        )
