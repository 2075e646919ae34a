"""Instance normalization."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ShapeError
from chainrule.functional.normalization import instance_norm
from chainrule.nn.normalization import TrackingNormalization
from chainrule.tensor.tensor import Tensor


class InstanceNorm(TrackingNormalization):
    """The family: each channel of each sample normalized, then perhaps scaled and shifted.

    y = w (x - μ) / √(σ² + ε) + b, with μ and σ² of the sample; in evaluation those of the
    running averages, if there are any.

    Args:    as in BatchNorm; there are no w, b and running statistics unless asked for.
    Source:  Ulyanov, Vedaldi & Lempitsky 2016, "Instance normalization"
    """

    spatial: ClassVar[int]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def forward(self, input: Tensor) -> Tensor:
        self._check(tuple(input.shape))
        batched = input.ndim == self.spatial + 2
        y = instance_norm(
            input if batched else input.unsqueeze(0),
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum or 0.0,
            self.eps,
        )
        return y if batched else y.squeeze(0)

    def _check(self, x: tuple[int, ...]) -> None:
        name, c, spatial = type(self).__name__, self.num_features, self.spatial
        fits = len(x) in (spatial + 1, spatial + 2)
        if fits and x[-spatial - 1] == c:
            return
        if fits and not self.affine:
            warnings.warn(
                f"{name} was made for {c} channels and gets {x[-spatial - 1]}; without "
                "affine=True this makes no difference",
                stacklevel=3,
            )
            return
        axes = ("t", "h, w", "d, h, w")[spatial - 1]
        raise ShapeError(
            "CR101", f"{name} expects (n, {c}, {axes}) or ({c}, {axes}) but got {x}"
        )


class InstanceNorm1d(InstanceNorm):
    """Instance normalization of signals (n, c, t) or (c, t)."""

    spatial = 1


class InstanceNorm2d(InstanceNorm):
    """Instance normalization of images (n, c, h, w) or (c, h, w).

    Example:
        >>> import chainrule as cr
        >>> InstanceNorm2d(1)(cr.tensor([[[1.0, 3.0]]]))
        tensor([[[-1.0000,  1.0000]]])
    """

    spatial = 2


class InstanceNorm3d(InstanceNorm):
    """Instance normalization of volumes (n, c, d, h, w) or (c, d, h, w)."""

    spatial = 3
