"""Random in-place methods; the numbers come from chainrule/tensor/generator.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule import settings
from chainrule.errors import ArgumentError
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
        y = _source(generator).uniform(self.shape) < p
        return self._assign(y._cast(self._cell.array.dtype), "bernoulli_()")

    def bernoulli(self, *, generator: Any = None) -> Tensor:
        """1 with the probability that stands in each element, else 0."""
        y = _source(generator).uniform(self.shape, self.dtype) < self
        return y._cast(self._cell.array.dtype)

    def exponential_(self, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
        """Waiting times at the rate `lambd`."""
        y = _source(generator).uniform(self.shape, self.dtype)
        return self._assign((-y).log1p() / -lambd, "exponential_()")

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
        if not replacement and num_samples > weights.shape[-1]:
            raise ArgumentError(
                "CR902",
                f"multinomial: {num_samples} samples without replacement from "
                f"{weights.shape[-1]} categories",
            )
        if replacement:
            weights = weights.unsqueeze(-2).expand(
                *weights.shape[:-1], num_samples, weights.shape[-1]
            )
        noise = -(-(1 - _source(generator).uniform(weights.shape, weights.dtype)).log()).log()
        scores = weights.log() + noise
        if replacement:
            return scores.argmax(-1)
        order = scores._array("multinomial without replacement").argsort(-1)[..., ::-1]
        return self._of(order[..., :num_samples].copy())


def _source(generator: Any) -> Any:
    return settings.defaults.generator if generator is None else generator
