"""The von Mises distribution of angles."""

from __future__ import annotations

import math
from typing import Any

from chainrule import dtypes
from chainrule.distributions import constraints
from chainrule.distributions.distribution import Distribution
from chainrule.distributions.parameters import broadcast_all, lazy_property
from chainrule.tensor.creation import rand
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


class VonMises(Distribution):
    """p(x) = exp(κ cos(x - μ)) / 2π I₀(κ)  with μ = loc and κ = concentration.

    Notes: sampling rejects, which reads numbers; a compiled function cannot.

    Example:
        >>> import chainrule as cr
        >>> VonMises(cr.tensor(0.0), cr.tensor(1.0)).log_prob(cr.tensor(0.0))
        tensor(-1.0738)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        k = self.concentration
        # ln I₀(κ) = κ + ln(e⁻ᵏ I₀(κ)), which does not overflow
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - k.i0e().log()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Drawn from a wrapped Cauchy distribution until accepted.

        Source: Best & Fisher 1979, "Efficient simulation of the von Mises distribution"
        """
        with no_grad():
            shape = self._extended_shape(sample_shape)
            k = self.concentration.detach().to(dtypes.float64).expand(shape)
            x = _angles(k)
            turned = x + self.loc.to(dtypes.float64) + math.pi
            return (turned % (2 * math.pi) - math.pi).to(self.loc.dtype)

    @property
    def mean(self) -> Tensor:
        """The circular mean."""
        return self.loc

    mode = mean

    @lazy_property
    def variance(self) -> Tensor:
        """The circular variance  1 - I₁(κ) / I₀(κ)."""
        return 1 - self.concentration.i1e() / self.concentration.i0e()


def _angles(k: Tensor) -> Tensor:
    """Angles around 0."""
    tau = 1 + (1 + 4 * k.square()).sqrt()
    rho = (tau - (2 * tau).sqrt()) / (2 * k)
    r = ((1 + rho.square()) / (2 * rho)).where(k >= 1e-5, 1 / k + k)
    x, done = k.zeros_like(), k < 0
    while not bool(done.all()):
        angle, chance, side = rand((3, *k.shape), dtype=k.dtype).unbind(0)
        z = (math.pi * angle).cos()
        f = (1 + r * z) / (r + z)
        c = k * (r - f)
        accepted = (c * (2 - c) > chance) | ((c / chance).log() + 1 >= c)
        fresh = (side - 0.5).sign() * f.clamp(-1, 1).acos()
        x = fresh.where(accepted & ~done, x)
        done = done | accepted
    return x
