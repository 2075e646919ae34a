"""Random in-place methods; the numbers come from chainrule/tensor/generator.py."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import settings
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.checking import Probabilities
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class RandomMethods(Methods):
    """What a user calls; `generator` is where the randomness comes from."""

    def uniform_(self, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
        """Numbers spread evenly from a to b."""
        if b < a:
            raise ArgumentError("CR902", f"uniform_ from {a} to {b}: the range is empty")
        y = _source(generator).uniform(self.shape, self.dtype) * (b - a) + a
        return self._assign(y, "uniform_()")

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
        """Gaussian numbers."""
        if std < 0:
            raise ArgumentError("CR902", f"normal_ needs a std of at least 0, got {std}")
        y = _source(generator).normal(self.shape, self.dtype) * std + mean
        return self._assign(y, "normal_()")

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Tensor:
        """1 with probability p, else 0."""
        if not isinstance(p, Methods) and not 0 <= p <= 1:
            raise ArgumentError("CR902", f"bernoulli_ needs p from 0 to 1, got {p}")
        y = _source(generator).uniform(self.shape) < p
        return self._assign(y._cast(self._cell.array.dtype), "bernoulli_()")

    def bernoulli(self, *, generator: Any = None) -> Tensor:
        """1 with the probability that stands in each element, else 0."""
        p = self._apply(
            Probabilities, self, what="bernoulli", of="input",
            repair="apply sigmoid() to logits first",
        )  # fmt: skip
        y = _source(generator).uniform(self.shape, self.dtype) < p
        return y._cast(self._cell.array.dtype)

    def exponential_(self, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
        """Waiting times at the rate `lambd`."""
        y = _source(generator).uniform(self.shape, self.dtype)
        return self._assign((-y).log1p() / -lambd, "exponential_()")

    def cauchy_(
        self, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None
    ) -> Tensor:
        """Numbers of the Cauchy distribution around `median`."""
        y = (_source(generator).uniform(self.shape, self.dtype) - 0.5) * math.pi
        return self._assign(y.tan() * sigma + median, "cauchy_()")

    def log_normal_(
        self, mean: float = 1.0, std: float = 2.0, *, generator: Any = None
    ) -> Tensor:
        """Exponentials of Gaussian numbers."""
        y = _source(generator).normal(self.shape, self.dtype) * std + mean
        return self._assign(y.exp(), "log_normal_()")

    def geometric_(self, p: float, *, generator: Any = None) -> Tensor:
        """Trials until one succeeds, 1 at least, each with probability p."""
        if not 0 < p < 1:
            raise ArgumentError("CR902", f"geometric_ needs p above 0 and below 1, got {p}")
        y = (-_source(generator).uniform(self.shape)).log1p() / math.log1p(-p)
        return self._assign(y.ceil().clamp_min(1)._cast(self._cell.array.dtype), "geometric_()")

    def random_(self, *bounds: int, generator: Any = None) -> Tensor:
        """Whole numbers from `from` (0) up to, not including, `to`."""
        low, high = bounds if len(bounds) == 2 else (0, bounds[0] if bounds else 2**24)
        y = _source(generator).integers(low, high, self.shape)
        return self._assign(y._cast(self._cell.array.dtype), "random_()")

    def multinomial(
        self, num_samples: int, replacement: bool = False, *, generator: Any = None
    ) -> Tensor:
        """Positions drawn with probabilities in proportion to the last axis.

        Notes: without replacement the num_samples largest of log p + Gumbel noise, which has
        the distribution of drawing one after the other (Vieira 2014, "Gumbel-max trick").
        """
        weights = self._floating()
        _check_weights(weights, num_samples, replacement)
        if replacement:
            count, categories = num_samples, weights.shape[-1]
            weights = weights.unsqueeze(-2).expand(*weights.shape[:-1], count, categories)
        noise = -(-(1 - _source(generator).uniform(weights.shape, weights.dtype)).log()).log()
        scores = weights.log() + noise
        return scores.argmax(-1) if replacement else scores.topk(num_samples, -1).indices


def _check_weights(weights: Tensor, num_samples: int, replacement: bool) -> None:
    if weights.ndim not in (1, 2):
        raise ShapeError(
            "CR109",
            f"multinomial takes a vector of weights or one in each row, got shape "
            f"{tuple(weights.shape)}",
        )
    categories = weights.shape[-1]
    if num_samples < 1 or (not replacement and num_samples > categories):
        raise ArgumentError(
            "CR902",
            f"multinomial: {num_samples} samples {'with' if replacement else 'without'} "
            f"replacement from {categories} categories",
        )
    if weights._known() is not None:
        numbers = weights.detach()._readable_array("multinomial()")
        if not (np.isfinite(numbers).all() and (numbers >= 0).all() and numbers.any(-1).all()):
            raise ArgumentError(
                "CR902",
                "multinomial: the weights must be finite, none below 0 and not all 0; got "
                f"{numbers.min():.6g} to {numbers.max():.6g}",
            )


def _source(generator: Any) -> Any:
    return settings.defaults.generator if generator is None else generator
