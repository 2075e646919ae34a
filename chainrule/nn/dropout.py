"""Dropout layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from chainrule.functional import dropout as F
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class DropoutBase(Module):
    """The family: something is left out at random while training."""

    function: ClassVar[Callable[..., Tensor]]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p = F.check_probability(p)
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(DropoutBase):
    """Each element left out with probability p, in training; the rest divided by 1 - p.

    Raises:  ArgumentError (CR526) for a p that is no probability.
    Source:  Srivastava et al. 2014, "Dropout"

    Example:
        >>> import chainrule as cr
        >>> Dropout(0.5).eval()(cr.ones(3))
        tensor([1., 1., 1.])
    """

    function = staticmethod(F.dropout)


class Dropout1d(DropoutBase):
    """Whole channels of signals (n, c, t) left out with probability p, in training."""

    function = staticmethod(F.dropout1d)


class Dropout2d(DropoutBase):
    """Whole channels of images (n, c, h, w) left out with probability p, in training."""

    function = staticmethod(F.dropout2d)


class Dropout3d(DropoutBase):
    """Whole channels of volumes (n, c, d, h, w) left out with probability p, in training."""

    function = staticmethod(F.dropout3d)


class AlphaDropout(DropoutBase):
    """Each element set to what selu gives at -∞, in training; mean and variance stay.

    Source:  Klambauer et al. 2017, "Self-normalizing neural networks"
    """

    function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(DropoutBase):
    """Whole channels of (n, c, …) set to what selu gives at -∞, in training."""

    function = staticmethod(F.feature_alpha_dropout)
