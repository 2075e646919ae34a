"""One-hot vectors that are almost 0 and 1, and differentiable."""

from __future__ import annotations

from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.categorical import OverCategories
from chainrule.distributions.parameters import clamp_probs
from chainrule.distributions.relaxed import Relaxed, Tempered
from chainrule.distributions.transforms import ExpTransform
from chainrule.tensor.tensor import Tensor


class ExpRelaxedCategorical(Tempered, OverCategories):
    """The logarithm of a RelaxedOneHotCategorical vector:

    x = log_softmax((logits + Gumbel noise) / temperature)

    Source: Maddison, Mnih & Teh 2017, "The concrete distribution"; Jang, Gu & Poole 2017,
    "Categorical reparameterization with Gumbel-softmax"
    """

    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = clamp_probs(self._uniform(sample_shape, self.logits))
        scores = (self.logits - (-u.log()).log()) / self.temperature
        return scores - scores.logsumexp(-1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        k = self._event_shape[0]
        weight = value.new_full((), k).lgamma() + (k - 1) * self._log_temperature(value)
        score = self.logits - value * self.temperature
        return (score - score.logsumexp(-1, keepdim=True)).sum(-1) + weight


class RelaxedOneHotCategorical(Relaxed):
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

    def __init__(
        self, temperature: Any, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)
