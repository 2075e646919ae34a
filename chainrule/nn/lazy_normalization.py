"""Normalization layers that take their channels from their first input; see lazy.py."""

from __future__ import annotations

from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.dtypes import int64
from chainrule.errors import ShapeError
from chainrule.nn.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from chainrule.nn.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from chainrule.nn.lazy import LazyModuleMixin, materialize
from chainrule.nn.normalization import TrackingNormalization
from chainrule.nn.parameter import UninitializedBuffer, UninitializedParameter
from chainrule.tensor.creation import tensor
from chainrule.tensor.tensor import Tensor


class LazyNormalization(LazyModuleMixin, TrackingNormalization):
    """The family: the channels are axis 1 of the first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, affine=False, track_running_stats=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = tensor(0, dtype=int64)

    def reset_parameters(self) -> None:
        """Start anew, if the shapes are known."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the number of channels from axis 1."""
        if input.ndim < 2:
            raise ShapeError(
                "CR101",
                f"{type(self).__name__} expects (n, channels, …) but got {tuple(input.shape)}",
            )
        was_lazy = self.has_uninitialized_params()
        self.num_features = input.shape[1]
        if was_lazy:
            for p in (self.weight, self.bias, self.running_mean, self.running_var):
                materialize(p, self.num_features)
            self.reset_parameters()


class LazyBatchNorm1d(LazyNormalization, BatchNorm1d):
    """BatchNorm1d whose channels come from the first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(LazyNormalization, BatchNorm2d):
    """BatchNorm2d whose channels come from the first input.

    Example:
        >>> import chainrule as cr
        >>> layer = LazyBatchNorm2d()
        >>> y = layer(cr.zeros(8, 3, 4, 4))
        >>> layer.num_features
        3
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(LazyNormalization, BatchNorm3d):
    """BatchNorm3d whose channels come from the first input."""

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(LazyNormalization, InstanceNorm1d):
    """InstanceNorm1d whose channels come from the first input."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(LazyNormalization, InstanceNorm2d):
    """InstanceNorm2d whose channels come from the first input."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(LazyNormalization, InstanceNorm3d):
    """InstanceNorm3d whose channels come from the first input."""

    cls_to_become = InstanceNorm3d
