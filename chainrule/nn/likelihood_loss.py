"""Losses of distributions and of label sequences as modules; see functional/likelihood.py."""

from __future__ import annotations

from chainrule.functional.ctc import Lengths, ctc_loss
from chainrule.functional.likelihood import gaussian_nll_loss, poisson_nll_loss
from chainrule.nn.loss import Loss
from chainrule.tensor.tensor import Tensor


class PoissonNLLLoss(Loss):
    """Of a Poisson distribution  L = eˣ - t x, or x - t ln(x + ε) unless `log_input`.

    Args:  full: add the constant ln t!, by Stirling's formula.
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return poisson_nll_loss(
            log_input, target, self.log_input, self.full, eps=self.eps,
            reduction=self.reduction,
        )  # fmt: skip


class GaussianNLLLoss(Loss):
    """Of a normal distribution  L = (ln v + (x - t)² / v) / 2 with mean x and variance v.

    Args:  full: add the constant ln(2π) / 2. eps: what the variance is at least.

    Example:
        >>> import chainrule as cr
        >>> GaussianNLLLoss()(cr.tensor([1.0]), cr.tensor([3.0]), cr.tensor([1.0]))
        tensor(2.)
    """

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class CTCLoss(Loss):
    """L = -ln Σ Π p[t, π(t)] over all paths π that read as the target; see ctc_loss.

    Args:
        blank: the class that stands for no label
        reduction: "mean" divides each loss by the length of its target first
        zero_infinity: 0 where no path reads as the target
    Source:  Graves et al. 2006, "Connectionist temporal classification"
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Lengths,
        target_lengths: Lengths,
    ) -> Tensor:
        return ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction,
            self.zero_infinity,
        )  # fmt: skip
