"""Where parameters start. Every function fills a tensor in place and returns it.

Notation: n_in and n_out are the numbers of inputs and outputs that a unit of the weight
(out, in, *kernel) is connected to, its fans. `generator` is where the randomness comes from.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.creation import rand, randn
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

GAINS = {
    "linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0, "conv_transpose3d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3,
    "relu": math.sqrt(2), "selu": 3 / 4,
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much to enlarge weights before a nonlinearity, to keep the size of activations.

    Args:    param: the negative slope of "leaky_relu", 0.01 if None.
    Raises:  ArgumentError (CR530) for an unknown nonlinearity.

    Example:
        >>> calculate_gain("leaky_relu", 1.0)
        1.0
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ArgumentError(
            "CR530",
            f"no gain is known for the nonlinearity {nonlinearity!r}; choose from leaky_relu, "
            f"{', '.join(GAINS)}",
        )
    return GAINS[nonlinearity]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Numbers spread evenly from a to b."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None
) -> Tensor:
    """Gaussian numbers."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Gaussian numbers, those outside [a, b] left out.

    Notes:  z = mean + std Φ⁻¹(u), u spread evenly between Φ of the two bounds.
    """
    low, high = (math.erf((bound - mean) / std / math.sqrt(2)) for bound in (a, b))
    u = rand(tensor.shape, generator=generator, dtype=tensor.dtype) * (high - low) + low
    z = u.double().clamp(-1 + 1e-15, 1 - 1e-15).erfinv() * (std * math.sqrt(2)) + mean
    with no_grad():
        return tensor.copy_(z.clamp(a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """`val` everywhere."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    with no_grad():
        return tensor.fill_(1)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    with no_grad():
        return tensor.zero_()


def eye_(tensor: Tensor) -> Tensor:
    """1 on the diagonal of a matrix, 0 elsewhere: a linear layer that changes nothing."""
    if tensor.ndim != 2:
        raise ShapeError("CR531", f"eye_ fills a matrix, got {tuple(tensor.shape)}")
    with no_grad():
        return tensor.copy_(tensor.new_tensor(np.eye(*tensor.shape)))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution that hands on as many channels as it can.

    Shapes:  (out, in / groups, *kernel) with 1 to 3 kernel axes
    """
    if tensor.ndim not in (3, 4, 5) or tensor.shape[0] % groups:
        raise ShapeError(
            "CR531",
            f"dirac_ fills weights (out, in / groups, *kernel) whose outputs can be divided "
            f"into groups={groups}, got {tuple(tensor.shape)}",
        )
    weight = np.zeros(tensor.shape)
    outputs, centre = tensor.shape[0] // groups, tuple(k // 2 for k in tensor.shape[2:])
    for o in range(tensor.shape[0]):
        if o % outputs < tensor.shape[1]:
            weight[(o, o % outputs, *centre)] = 1
    with no_grad():
        return tensor.copy_(tensor.new_tensor(weight))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Numbers spread evenly over ± gain √(6 / (n_in + n_out)).

    Source:  Glorot & Bengio 2010, "Understanding the difficulty of training deep networks"
    """
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Gaussian numbers with standard deviation gain √(2 / (n_in + n_out))."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Numbers spread evenly over ± gain √(3 / n).

    Args:    a: the negative slope of a "leaky_relu". mode: whether n is "fan_in" or "fan_out".
    Source:  He et al. 2015, "Delving deep into rectifiers"
    """
    bound = math.sqrt(3) * _kaiming_deviation(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Gaussian numbers with standard deviation gain / √n; see kaiming_uniform_."""
    deviation = _kaiming_deviation(tensor, a, mode, nonlinearity)
    return normal_(tensor, 0.0, deviation, generator)


def _kaiming_deviation(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError("CR530", f"mode={mode!r}; choose from fan_in, fan_out")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def fan_in_uniform_(weight: Tensor, bias: Tensor | None) -> None:
    """The weight and the bias of a layer spread evenly over ±1/√n_in.

    Notes:  for the weight that is kaiming_uniform_ with a = √5.
    """
    n_in, _ = fans(weight)
    bound = 1 / math.sqrt(n_in) if n_in else 0.0
    uniform_(weight, -bound, bound)
    if bias is not None:
        uniform_(bias, -bound, bound)


def fans(tensor: Tensor) -> tuple[int, int]:
    """n_in and n_out of a weight (out, in, *kernel)."""
    if tensor.ndim < 2:
        raise ShapeError(
            "CR531",
            f"a tensor {tuple(tensor.shape)} connects no inputs to outputs: fans need a weight "
            "(out, in, *kernel) with two axes at least",
        )
    reach = math.prod(tensor.shape[2:])
    return tensor.shape[1] * reach, tensor.shape[0] * reach


_calculate_fan_in_and_fan_out = fans  # the name that layers outside of the library call


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Rows (or columns, where there are fewer) at right angles and of length `gain`.

    Shapes:  (rows, …), the axes after the first taken together
    Source:  Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics"
    """
    if tensor.ndim < 2:
        raise ShapeError(
            "CR531", f"orthogonal_ needs two axes at least, got {tuple(tensor.shape)}"
        )
    if tensor.numel() == 0:
        return tensor
    flat = randn(tensor.shape, generator=generator).double().flatten(1).numpy()
    tall = flat if flat.shape[0] >= flat.shape[1] else flat.T
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diag(r))  # so that every rotation is equally likely
    rows = q if tall is flat else q.T
    with no_grad():
        return tensor.copy_(tensor.new_tensor(gain * rows).reshape(tensor.shape))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None
) -> Tensor:
    """Gaussian numbers, a share `sparsity` of each column set to 0.

    Source:  Martens 2010, "Deep learning via Hessian-free optimization"
    """
    if tensor.ndim != 2:
        raise ShapeError("CR531", f"sparse_ fills a matrix, got {tuple(tensor.shape)}")
    zeros = math.ceil(sparsity * tensor.shape[0])
    lot = rand(tensor.shape, generator=generator).numpy()
    chosen = Tensor._of(lot.argsort(0).argsort(0) < zeros)
    with no_grad():
        return tensor.copy_(normal_(tensor, 0.0, std, generator).masked_fill(chosen, 0))


def _older(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function under its older name, which warns."""
    name = function.__name__

    @functools.wraps(function)
    def older(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"init.{name[:-1]} is an older name; call init.{name}", stacklevel=2)
        return function(*args, **kwargs)

    older.__name__ = older.__qualname__ = name[:-1]
    older.__doc__ = f"An older name of `{name}`."
    return older


uniform = _older(uniform_)
normal = _older(normal_)
constant = _older(constant_)
eye = _older(eye_)
dirac = _older(dirac_)
xavier_uniform = _older(xavier_uniform_)
xavier_normal = _older(xavier_normal_)
kaiming_uniform = _older(kaiming_uniform_)
kaiming_normal = _older(kaiming_normal_)
orthogonal = _older(orthogonal_)
sparse = _older(sparse_)
