"""Transforms of single numbers."""

from __future__ import annotations

import math
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.parameters import sum_rightmost
from chainrule.distributions.transforms.transform import Fixed, Transform
from chainrule.dtypes import finfo
from chainrule.functional.activation import log1p_exp, softplus
from chainrule.shapes import broadcast
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


class Increasing(Fixed):
    """The family: increasing functions of all numbers, without arguments."""

    domain = constraints.real
    bijective = True
    sign = +1


class ExpTransform(Increasing):
    """y = eˣ"""

    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x


class PowerTransform(Transform):
    """y = x^exponent for positive x."""

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = exponent

    @property
    def sign(self) -> Any:
        number = self.exponent
        return number.sign() if isinstance(number, Tensor) else int(math.copysign(1, number))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and _equal(self.exponent, other.exponent)

    __hash__ = Transform.__hash__

    def _call(self, x: Tensor) -> Tensor:
        return x.pow(self.exponent)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Any) -> Any:
        return _broadcast(shape, self.exponent)

    inverse_shape = forward_shape


class AffineTransform(Transform):
    """y = loc + scale x, of events with `event_dim` axes.

    Example:
        >>> import chainrule as cr
        >>> AffineTransform(1.0, 2.0).inv(cr.tensor([1.0, 5.0]))
        tensor([0., 2.])
    """

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc = loc
        self.scale = scale
        self._event_dim = event_dim

    @property
    def event_dim(self) -> int:
        return self._event_dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        if self._event_dim == 0:
            return constraints.real
        return constraints.independent(constraints.real, self._event_dim)

    codomain = domain

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, AffineTransform)
            and _equal(self.loc, other.loc)
            and _equal(self.scale, other.scale)
        )

    __hash__ = Transform.__hash__

    @property
    def sign(self) -> Any:
        if isinstance(self.scale, Tensor):
            return self.scale.sign()
        return int(self.scale > 0) - int(self.scale < 0)

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if isinstance(self.scale, Tensor):
            stretch = self.scale.abs().log()
        else:
            stretch = x.full_like(math.log(abs(self.scale)))
        shape = tuple(x.shape)[: x.ndim - self._event_dim]
        if stretch.ndim < self._event_dim:
            stretch = stretch.expand(x.shape)
        return sum_rightmost(stretch, self._event_dim).expand(shape)

    def forward_shape(self, shape: Any) -> Any:
        return _broadcast(shape, self.loc, self.scale)

    inverse_shape = forward_shape


def _equal(a: Any, b: Any) -> bool:
    """Whether two numbers or tensors are equal everywhere."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return a is b or bool((a == b).all())
    return a == b


def _broadcast(shape: Any, *parameters: Any) -> Size:
    shapes = [tuple(x.shape) for x in parameters if isinstance(x, Tensor)]
    return Size(broadcast(tuple(shape), *shapes))


class SigmoidTransform(Increasing):
    """y = 1 / (1 + e⁻ˣ), kept within the open interval."""

    codomain = constraints.unit_interval

    def _call(self, x: Tensor) -> Tensor:
        return clipped_sigmoid(x)

    def _inverse(self, y: Tensor) -> Tensor:
        kind = finfo(y.dtype)
        inside = y.clamp(kind.tiny, 1 - kind.eps)
        return inside.log() - (-inside).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -log1p_exp(-x) - log1p_exp(x)


def clipped_sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e⁻ˣ), neither 0 nor 1."""
    kind = finfo(x.dtype)
    return x.sigmoid().clamp(kind.tiny, 1 - kind.eps)


class SoftplusTransform(Increasing):
    """y = ln(1 + eˣ)"""

    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-(-y).expm1()).log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -log1p_exp(-x)


class TanhTransform(Increasing):
    """y = tanh x

    Notes: at ±1 the inverse is infinite; cache_size=1 gives the x that y came from.
    """

    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return 2 * (math.log(2) - x - log1p_exp(-2 * x))


class AbsTransform(Fixed):
    """y = |x|; its inverse takes x ≥ 0."""

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class CumulativeDistributionTransform(Transform):
    """y = P(t ≤ x), the distribution function of `distribution`."""

    bijective = True
    codomain = constraints.unit_interval
    sign = +1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:
        return self.distribution.support

    def _call(self, x: Tensor) -> Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return self.distribution.log_prob(x)
