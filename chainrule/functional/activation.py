"""Activations: the nonlinear functions between layers, element by element.

At a kink every function has the derivative that PyTorch gives it. With `inplace=True` the
result is also stored in the input.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from chainrule.dtypes import finfo
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.channels import per_channel
from chainrule.tensor.generator import default_generator
from chainrule.tensor.tensor import Tensor

#: the α and s of selu
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def stored(input: Tensor, y: Tensor, inplace: bool) -> Tensor:
    """y, or the input holding y."""
    return input._assign(y, "inplace=True") if inplace else y


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Rectified linear unit  y = max(x, 0), with the derivative 0 at 0.

    Source:  Goodfellow et al. 2016, §6.3.1

    Example:
        >>> import chainrule as cr
        >>> relu(cr.tensor([-1.0, 0.0, 2.0]))
        tensor([0., 0., 2.])
    """
    return stored(input, input.relu(), inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Leaky rectified linear unit  y = x where x > 0, else slope · x.

    Source:  Maas, Hannun & Ng 2013, "Rectifier nonlinearities improve acoustic models"
    """
    return stored(input, input.where(input > 0, input * negative_slope), inplace)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Leaky rectified linear unit with a learned slope  y = x where x > 0, else w · x.

    Shapes:  input (n, c, …), weight (c,) or (1,)
    Raises:  ShapeError (CR523) where the weight has neither size.
    Source:  He et al. 2015, "Delving deep into rectifiers"
    """
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.numel() not in (1, channels):
        raise ShapeError(
            "CR523",
            f"prelu: the weight has {weight.numel()} slopes for an input "
            f"{tuple(input.shape)}; expected 1, or {channels}, one for each channel",
        )
    slopes = weight if weight.numel() == 1 else per_channel(weight.flatten(), input)
    return input.where(input > 0, input * slopes)


def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Leaky rectified linear unit with a random slope  y = x where x > 0, else r · x.

    Args:    lower, upper: r is spread evenly between them in training, outside it is the
        mean of both.
    Raises:  ArgumentError (CR529) for bounds in the wrong order.
    Source:  Xu et al. 2015, "Empirical evaluation of rectified activations"
    """
    if lower > upper:
        raise ArgumentError("CR529", f"rrelu: lower={lower} must not be above upper={upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    spread = default_generator.uniform(tuple(input.shape)).to(input.dtype)
    slopes = spread * (upper - lower) + lower
    return stored(input, input.where(input > 0, input * slopes), inplace)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Exponential linear unit  y = x where x > 0, else α (eˣ - 1).

    Source:  Clevert, Unterthiner & Hochreiter 2016, "Fast and accurate deep network learning"
    """
    return stored(input, input.relu() + alpha * input.clamp(max=0).expm1(), inplace)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Scaled exponential linear unit  y = s x where x > 0, else s α (eˣ - 1).

    Notes:   s and α keep mean 0 and variance 1 from layer to layer.
    Source:  Klambauer et al. 2017, "Self-normalizing neural networks"
    """
    return stored(input, SELU_SCALE * elu(input, SELU_ALPHA), inplace)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Continuously differentiable ELU  y = x where x > 0, else α (exp(x / α) - 1).

    Source:  Barron 2017, "Continuously differentiable exponential linear units"
    """
    return stored(input, input.relu() + alpha * (input / alpha).clamp(max=0).expm1(), inplace)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit  y = x Φ(x), Φ the normal distribution function.

    Args:    approximate: "none" for Φ(x) = (1 + erf(x / √2)) / 2, "tanh" for
        Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.
    Raises:  ArgumentError (CR902) for another word.
    Source:  Hendrycks & Gimpel 2016, "Gaussian error linear units"
    """
    if approximate not in ("none", "tanh"):
        raise ArgumentError(
            "CR902", f"gelu: approximate={approximate!r}; choose from none, tanh"
        )
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)
        return 0.5 * input * (1 + inner.tanh())
    return 0.5 * input * (1 + (input * math.sqrt(0.5)).erf())


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Sigmoid linear unit, also called swish  y = x σ(x).

    Source:  Elfwing, Uchibe & Doya 2017; Ramachandran, Zoph & Le 2017
    """
    return stored(input, input * input.sigmoid(), inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x tanh(softplus(x))

    Source:  Misra 2019, "Mish: a self regularized non-monotonic activation function"
    """
    return stored(input, input * softplus(input).tanh(), inplace)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """A smooth rectifier  y = ln(1 + exp(β x)) / β.

    Args:  threshold: where β x is above it, y = x, which is the same in float32.
    """
    scaled = input * beta
    large = scaled > threshold
    return input.where(large, scaled.masked_fill(large, 0).exp().log1p() / beta)


def log1p_exp(x: Tensor) -> Tensor:
    """y = ln(1 + eˣ) for any x.

    Notes:  computed as max(x, 0) + ln(1 + exp(-|x|)), which cannot overflow. The signs are
    constants, so that the derivatives of every order are right at 0 too.
    """
    positive = (x.detach() > 0).to(x.dtype)
    return x * positive + (x * (1 - 2 * positive)).exp().log1p()


def logsigmoid(input: Tensor) -> Tensor:
    """y = ln σ(x) = -ln(1 + e⁻ˣ), without overflow."""
    return -log1p_exp(-input)


def softsign(input: Tensor) -> Tensor:
    """y = x / (1 + |x|)"""
    return input / (1 + input.abs())


def sigmoid(input: Tensor) -> Tensor:
    """Logistic function  y = σ(x) = 1 / (1 + e⁻ˣ).

    Example:
        >>> import chainrule as cr
        >>> sigmoid(cr.tensor([0.0]))
        tensor([0.5000])
    """
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent  y = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)."""
    return input.tanh()


def tanhshrink(input: Tensor) -> Tensor:
    """y = x - tanh x"""
    return input - input.tanh()


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """y = x between min_val and max_val, the nearer of the two outside; there y' = 0."""
    inside = (input > min_val) & (input < max_val)
    return stored(input, input.where(inside, input.detach().clamp(min_val, max_val)), inplace)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """y = min(max(x, 0), 6)"""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """The logistic function in three straight pieces  y = min(max(x + 3, 0), 6) / 6."""
    return stored(input, relu6(input + 3) / 6, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """silu with the hard sigmoid  y = x min(max(x + 3, 0), 6) / 6.

    Source:  Howard et al. 2019, "Searching for MobileNetV3"
    """
    return stored(input, input * relu6(input + 3) / 6, inplace)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """y = x where x > threshold, else value."""
    return stored(input, input.masked_fill(input <= threshold, value), inplace)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """y = 0 where |x| ≤ λ, else x."""
    return input.masked_fill(input.abs() <= lambd, 0)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """y = x moved towards 0 by λ, and 0 where |x| ≤ λ."""
    return (input - lambd * input.sign()).masked_fill(input.abs() <= lambd, 0)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Gated linear unit  y = a σ(b), where a and b are the halves of x along `dim`.

    Raises:  ShapeError (CR522) where the axis has no halves.
    Source:  Dauphin et al. 2017, "Language modeling with gated convolutional networks"
    """
    if input.size(dim) % 2:
        raise ShapeError(
            "CR522",
            f"glu halves axis {dim} of its input {tuple(input.shape)}, whose size "
            f"{input.size(dim)} is odd",
        )
    a, b = input.chunk(2, dim)
    return a * b.sigmoid()


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of classes that can be differentiated  y = softmax((x - ln e) / τ), e ~ Exp(1).

    Args:    tau: temperature; the lower, the nearer to 0 and 1. hard: round to 0 and 1, with
        the derivative of what was rounded. eps: not used, as in PyTorch.
    Source:  Jang, Gu & Poole 2017; Maddison, Mnih & Teh 2017

    Example:
        >>> import chainrule as cr
        >>> gumbel_softmax(cr.tensor([0.0, 100.0]), hard=True)
        tensor([0., 1.])
    """
    u = default_generator.uniform(tuple(logits.shape)).to(logits.dtype)
    waiting = (
        -(1 - u).clamp(min=finfo(logits.dtype).tiny, max=1 - finfo(logits.dtype).eps).log()
    )
    soft = ((logits - waiting.log()) / tau).softmax(dim)
    if not hard:
        return soft
    chosen = soft.zeros_like().scatter(dim, soft.detach().argmax(dim, keepdim=True), 1.0)
    return chosen - soft.detach() + soft


def _in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function with its result stored in the input."""

    @functools.wraps(function)
    def in_place(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return function(input, *args, **kwargs, inplace=True)

    in_place.__name__ = in_place.__qualname__ = f"{function.__name__}_"
    in_place.__doc__ = f"`{function.__name__}`, with the result stored in the input."
    return in_place


relu_ = _in_place(relu)
leaky_relu_ = _in_place(leaky_relu)
rrelu_ = _in_place(rrelu)
elu_ = _in_place(elu)
selu_ = _in_place(selu)
celu_ = _in_place(celu)
hardtanh_ = _in_place(hardtanh)
threshold_ = _in_place(threshold)
