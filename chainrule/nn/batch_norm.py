"""Batch normalization."""

from __future__ import annotations

from typing import Any, ClassVar

from chainrule.errors import ModuleError, ShapeError
from chainrule.functional.normalization import batch_norm
from chainrule.nn.module import Module
from chainrule.nn.normalization import TrackingNormalization
from chainrule.tensor.tensor import Tensor


class BatchNorm(TrackingNormalization):
    """The family: each channel normalized over the batch, then scaled and shifted as learned.

    y = w (x - μ) / √(σ² + ε) + b, with μ and σ² of the batch in training; they are averaged
    over the batches as running_mean and running_var, which are used in evaluation.

    Args:
        num_features: the number of channels
        eps: ε
        momentum: weight of a batch in the running statistics; None for the plain average
        affine: whether there are a weight w and a bias b
        bias: whether there is a b
        track_running_stats: if not, the batch is used in evaluation too
    Source:  Ioffe & Szegedy 2015, "Batch normalization"
    """

    layouts: ClassVar[dict[int, str]]  # by the number of axes of the input: what they are

    def forward(self, input: Tensor) -> Tensor:
        shape = input.shape
        if len(shape) not in self.layouts or shape[1] != self.num_features:
            raise self._misfit(tuple(shape))
        tracking = self.training and self.track_running_stats
        by_batch = self.training or self.running_mean is None
        used = tracking or not by_batch
        return batch_norm(
            input,
            self.running_mean if used else None,
            self.running_var if used else None,
            self.weight,
            self.bias,
            by_batch,
            self._count_batch() if tracking else 0.0,
            self.eps,
        )

    def _count_batch(self) -> float | Tensor:
        """One more batch; its weight in the running statistics."""
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return 1 / self.num_batches_tracked.double() if self.momentum is None else self.momentum

    def _misfit(self, x: tuple[int, ...]) -> ShapeError:
        name, c = type(self).__name__, self.num_features
        expected = " or ".join(axes.format(c=c) for axes in self.layouts.values())
        repair = ""
        if len(x) + 1 in self.layouts and len(x) > 1 and x[0] == c:
            repair = f". Add the axis of the batch: x.unsqueeze(0) gives {(1, *x)}"
        elif len(x) in self.layouts:
            repair = f". The input has {x[1]} channels, so the layer needs num_features={x[1]}"
        return ShapeError("CR101", f"{name} expects {expected} but got {x}{repair}")


class BatchNorm1d(BatchNorm):
    """Batch normalization of features (n, c) or of signals (n, c, t).

    Example:
        >>> import chainrule as cr
        >>> BatchNorm1d(1)(cr.tensor([[1.0], [3.0]])).detach()
        tensor([[-1.0000],
                [ 1.0000]])
    """

    layouts = {2: "(n, {c})", 3: "(n, {c}, t)"}


class BatchNorm2d(BatchNorm):
    """Batch normalization of images (n, c, h, w)."""

    layouts = {4: "(n, {c}, h, w)"}


class BatchNorm3d(BatchNorm):
    """Batch normalization of volumes (n, c, d, h, w)."""

    layouts = {5: "(n, {c}, d, h, w)"}


class SyncBatchNorm(BatchNorm):
    """Batch normalization over the processes of a distributed program: not offered.

    Raises:  ModuleError (CR562)
    """

    layouts = {2: "(n, {c})"}

    def __init__(self, num_features: int, *args: Any, **kwargs: Any) -> None:
        raise ModuleError(
            "CR562",
            "SyncBatchNorm averages over the processes of a distributed program, and there is "
            f"one process here; BatchNorm2d({num_features}) computes the same in one",
        )

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """The module as it is: in one process its layers see the whole batch already."""
        return module
