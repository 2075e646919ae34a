"""Batch normalization."""

from __future__ import annotations

from typing import Any, ClassVar

from chainrule.dtypes import dtype as Dtype
from chainrule.dtypes import int64
from chainrule.errors import ShapeError
from chainrule.functional.normalization import batch_norm
from chainrule.nn.normalization import Normalization
from chainrule.tensor.creation import ones, tensor, zeros
from chainrule.tensor.tensor import Tensor


class BatchNorm(Normalization):
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

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


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
