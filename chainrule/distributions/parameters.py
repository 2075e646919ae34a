"""Parameters: broadcasting them, probabilities and logits, and what is computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule import dtypes, settings
from chainrule.dtypes import finfo
from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.functional.loss import binary_cross_entropy_with_logits
from chainrule.tensor import trace
from chainrule.tensor.creation import full
from chainrule.tensor.functions.combining import broadcast_tensors
from chainrule.tensor.grad_mode import enable_grad
from chainrule.tensor.tensor import Tensor

#: γ = -ψ(1)
EULER = 0.57721566490153286


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers as tensors of one shape; numbers take the type of the tensors.

    Example:
        >>> import chainrule as cr
        >>> [x.shape for x in broadcast_all(cr.zeros(3, 1), cr.ones(2), 5.0)]
        [chainrule.Size([3, 2]), chainrule.Size([3, 2]), chainrule.Size([3, 2])]
    """
    tensors = [x for x in values if isinstance(x, Tensor)]
    for value in values:
        if not isinstance(value, (Tensor, int, float)):
            raise ArgumentTypeError(
                "CR952",
                f"a parameter is a number or a tensor, got {type(value).__name__}; "
                "chainrule.tensor(value) makes one",
            )
    kind = tensors[0]._cell.array.dtype if tensors else settings.defaults.float_dtype
    made = [
        x if isinstance(x, Tensor) else full((), float(x), dtype=dtypes.OF_NUMPY[kind])
        for x in values
    ]
    return broadcast_tensors(*made)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities from logits: the sigmoid of each, or the softmax of the last axis."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities from ε to 1 - ε, so that their logarithms are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Logits from probabilities: ln p - ln(1 - p), or ln p of each category."""
    kept = clamp_probs(probs)
    return kept.log() - (-kept).log1p() if is_binary else kept.log()


def binary_cross_entropy(logits: Tensor, value: Tensor) -> Tensor:
    """-ln p(value) of a binary variable, or a mean of it for a value between 0 and 1."""
    alike = broadcast_tensors(logits, value.to(logits.dtype))
    return binary_cross_entropy_with_logits(*alike, reduction="none")


def sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """The sum over the last `dim` axes."""
    return value.reshape((*value.shape[: value.ndim - dim], -1)).sum(-1) if dim else value


def one_of(owner: object, **parameters: Any) -> tuple[str, Any]:
    """Name and value of the only parameter that is not None.

    Raises: ArgumentError (CR952) if there is none, or more than one.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    if len(given) != 1:
        raise ArgumentError(
            "CR952",
            f"{type(owner).__name__} takes exactly one of {', '.join(parameters)}; got "
            f"{' and '.join(given) or 'none of them'}",
        )
    return next(iter(given.items()))


class lazy_property:
    """A property that is computed at its first use and then kept as an attribute.

    Notes: what is computed while a function is compiled has no numbers and is not kept.
    """

    def __init__(self, compute: Callable) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.compute(instance)
        if trace.current.get() is None:
            instance.__dict__[self.name] = value
        return value


class BinaryParameter:
    """`probs` or `logits` of a binary variable; the other one follows."""

    def _set_probability(self, probs: Any, logits: Any) -> Tensor:
        name, value = one_of(self, probs=probs, logits=logits)
        (self.__dict__[name],) = broadcast_all(value)
        return self.__dict__[name]

    @lazy_property
    def logits(self) -> Tensor:
        """ln(p / (1 - p))"""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """p, the probability of 1"""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def _param(self) -> Tensor:
        return self.probs if "probs" in self.__dict__ else self.logits

    @property
    def param_shape(self) -> Any:
        """The shape of probs or logits."""
        return self._param.shape
