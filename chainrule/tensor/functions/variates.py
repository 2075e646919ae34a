"""Random tensors of laws whose parameters are tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes, settings
from chainrule.errors import ArgumentError
from chainrule.ops.variates import RandomBinomial, RandomDirichlet, RandomGamma, RandomPoisson
from chainrule.tensor.tensor import Tensor

if TYPE_CHECKING:
    from chainrule.ops.primitive import Primitive


def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Whole numbers from Poisson distributions  p(k) = λᵏ e^(-λ) / k!  with λ = input.

    Shapes:  input (…) → y (…), of its type
    Raises:  ArgumentError (CR902) for a negative rate.

    Example:
        >>> import chainrule as cr
        >>> cr.poisson(cr.tensor([0.0, 3.0, 1e6])).shape
        chainrule.Size([3])
    """
    _check(input, "poisson: a rate", input.detach() < 0)
    return drawn(RandomPoisson, input._floating(), generator=generator).detach()


def binomial(count: Tensor, prob: Tensor, generator: Any = None) -> Tensor:
    """How many of `count` trials succeed that each do so with probability `prob`.

    Shapes:  count, prob (…), broadcast → y (…), of the type of count
    Raises:  ArgumentError (CR902) for a negative count or a prob outside 0 … 1.

    Example:
        >>> import chainrule as cr
        >>> cr.binomial(cr.tensor([10.0, 10.0]), cr.tensor([0.0, 1.0]))
        tensor([ 0., 10.])
    """
    n, p = count._promoted(prob)
    _check(count, "binomial: a count", count.detach() < 0)
    _check(prob, "binomial: a probability", (prob.detach() < 0) | (prob.detach() > 1))
    return drawn(RandomBinomial, n._floating(), p._floating(), generator=generator).detach()


def standard_gamma(concentration: Tensor, generator: Any = None) -> Tensor:
    """Numbers from Gamma(concentration, 1), differentiable in the concentration.

    Notes: the derivative is the implicit one,  ∂x/∂a = -∂F(x; a)/∂a / p(x; a).
    Source: Figurnov, Mohamed & Mnih 2018, "Implicit reparameterization gradients"
    """
    return drawn(RandomGamma, concentration._floating(), generator=generator)


def standard_dirichlet(concentration: Tensor, generator: Any = None) -> Tensor:
    """Vectors on the last axis from Dirichlet(concentration), differentiable in it."""
    return drawn(RandomDirichlet, concentration._floating(), generator=generator)


def drawn(primitive: type[Primitive], *parameters: Tensor, generator: Any = None) -> Tensor:
    """What the primitive makes of the parameters and of the generator's next draw."""
    source = settings.defaults.generator if generator is None else generator
    kind = parameters[0]._cell.array.dtype
    wide = np.dtype(np.float32) if kind in dtypes.HALVES else kind
    inputs = [x._cast(wide) for x in parameters]
    return source._next(primitive, *inputs)._cast(kind)


def _check(x: Tensor, what: str, wrong: Tensor) -> None:
    if (found := wrong._known()) is not None and found.any():
        values = x.detach()._readable_array(what)
        worst = values[np.broadcast_to(found, values.shape)].flat[0]
        raise ArgumentError("CR902", f"{what} cannot be {worst:.6g}")
