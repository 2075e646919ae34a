"""What normalization layers share: a learned scale and shift, and running statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.dtypes import int64
from chainrule.functional.spatial import per_axis
from chainrule.nn import init
from chainrule.nn.module import Module
from chainrule.nn.parameter import Parameter
from chainrule.tensor.creation import ones, tensor, zeros


class Normalization(Module):
    """The family: what is normalized is scaled by a weight w and shifted by a bias b."""

    def _register_affine(
        self, shape: Sequence[int], scale: bool, shift: bool, device: Any, dtype: Dtype | None
    ) -> None:
        """w = 1 and b = 0; None in the place of one that is not wanted."""
        self._register_scale(shape, scale, device, dtype)
        bias = Parameter(zeros(shape, device=device, dtype=dtype)) if shift else None
        self.register_parameter("bias", bias)

    def _register_scale(
        self, shape: Sequence[int], scale: bool, device: Any, dtype: Dtype | None
    ) -> None:
        """w = 1, or None."""
        weight = Parameter(ones(shape, device=device, dtype=dtype)) if scale else None
        self.register_parameter("weight", weight)

    def reset_parameters(self) -> None:
        """Start anew."""
        for name, p in self._parameters.items():
            if p is not None:
                init.constant_(p, float(name == "weight"))


class SampleNormalization(Normalization):
    """The family that normalizes every sample over its last axes."""

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: Any, elementwise_affine: bool
    ) -> None:
        super().__init__()
        self.normalized_shape = per_axis(normalized_shape, 1)
        self.eps = eps
        self.elementwise_affine = elementwise_affine

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}"
        )


class TrackingNormalization(Normalization):
    """The family that normalizes channels, and may average the statistics it meets.

    Args:
        num_features: the number of channels
        eps: ε
        momentum: weight of a batch in the running statistics
        affine: whether there are a weight w and a bias b
        bias: whether there is a b
        track_running_stats: whether there are running statistics
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        shape, tracked = (num_features,), track_running_stats
        self._register_affine(shape, affine, affine and bias, device, dtype)
        mean = zeros(shape, device=device, dtype=dtype) if tracked else None
        variance = ones(shape, device=device, dtype=dtype) if tracked else None
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", variance)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the batches seen."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Start anew."""
        self.reset_running_stats()
        super().reset_parameters()

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )
