"""One-hot vectors that are almost 0 and 1, and differentiable."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.categorical import Categorical
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import clamp_probs
from chainrule.distributions.transformed_distribution import TransformedDistribution
from chainrule.distributions.transforms import ExpTransform
from chainrule.tensor.tensor import Tensor


class ExpRelaxedCategorical(Distribution):
    """The logarithm of a RelaxedOneHotCategorical vector:

    x = log_softmax((logits + Gumbel noise) / temperature)

    Source: Maddison, Mnih & Teh 2017, "The concrete distribution"; Jang, Gu & Poole 2017
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self._categorical = Categorical(probs, logits, validate_args=validate_args)
        self.temperature = temperature
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def logits(self) -> Tensor:
        """ln pₖ of the categories."""
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        """pₖ of the categories."""
        return self._categorical.probs

    @property
    def param_shape(self) -> Any:
        return self._categorical.param_shape

    def _expanded(self, value: Any, batch_shape: tuple[int, ...]) -> Any:
        kept = value is self.temperature
        return value if kept else super()._expanded(value, batch_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = clamp_probs(self._uniform(sample_shape, self.logits))
        scores = (self.logits - (-u.log()).log()) / self.temperature
        return scores - scores.logsumexp(-1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        k = self._event_shape[0]
        warmth = self.temperature
        cold = warmth.log() if isinstance(warmth, Tensor) else value.new_full((), warmth).log()
        weight = value.new_full((), k).lgamma() + (k - 1) * cold
        score = self.logits - value * warmth
        return (score - score.logsumexp(-1, keepdim=True)).sum(-1) + weight


class RelaxedOneHotCategorical(TransformedDistribution):
    """A one-hot vector relaxed to the simplex, differentiable in its logits; at a lower
    temperature it is closer to a corner.

    Example:
        >>> import chainrule as cr
        >>> x = RelaxedOneHotCategorical(cr.tensor(0.5), logits=cr.zeros(3)).rsample()
        >>> bool((x.sum() - 1).abs() < 1e-5)
        True
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    base_dist: ExpRelaxedCategorical

    def __init__(
        self, temperature: Any, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def temperature(self) -> Any:
        """How far from the corners the vectors are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """ln pₖ of the categories."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """pₖ of the categories."""
        return self.base_dist.probs
