"""Softmax and its logarithm, made of tensor methods.

    softmax(x)ᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)

The largest element is taken out before the exponential, so that nothing overflows; it
cancels, and so does its derivative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule import dtypes, shapes
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.dtypes import dtype as Dtype
    from chainrule.tensor.tensor import Tensor


class SoftmaxMethods(Methods):
    """What a user calls."""

    def softmax(self, dim: int, dtype: Dtype | None = None) -> Tensor:
        """Positive numbers that add up to 1 along `dim`."""
        weights = self._from_largest(dim, dtype).exp()
        return weights * (1 / weights.sum(dim, keepdim=True))

    def log_softmax(self, dim: int, dtype: Dtype | None = None) -> Tensor:
        """The logarithm of softmax, exact also where softmax rounds to 0."""
        lowered = self._from_largest(dim, dtype)
        return lowered - lowered.exp().sum(dim, keepdim=True).log()

    def logsumexp(self, dim: int | tuple[int, ...], keepdim: bool = False) -> Tensor:
        """ln Σ eˣ over `dim`."""
        x = self._floating()
        over = shapes.axes(dim, x.ndim)
        if any(x.shape[axis] == 0 for axis in over):
            return x.exp().sum(dim, keepdim).log()
        largest = x.detach().amax(over, keepdim=True)
        largest = largest.masked_fill(~largest.isfinite(), 0)
        total = (x - largest).exp().sum(over, keepdim=True).log() + largest
        return total if keepdim else total.squeeze(over)

    def _from_largest(self, dim: int, dtype: Dtype | None = None) -> Tensor:
        """x less its largest element along `dim`."""
        x = self._must_float("softmax") if dtype is None else self._cast(dtypes.numpy_of(dtype))
        if x.ndim and x.shape[shapes.axis(dim, x.ndim)] == 0:
            return x
        return x - x.detach().amax(dim, keepdim=True)
