"""Weight normalization: the length of a weight learned apart from its direction."""

from __future__ import annotations

from typing import Any

from chainrule.errors import ArgumentError
from chainrule.nn.module import Module
from chainrule.nn.parameter import Parameter
from chainrule.nn.utils.computed import compute, is_computed, stop_computing
from chainrule.tensor.tensor import Tensor


def normed_weight(v: Tensor, g: Tensor, dim: int | None) -> Tensor:
    """w = g v / ‖v‖, with a length for each index of axis `dim`, or one for all."""
    return v * (g / lengths(v, dim))


def lengths(v: Tensor, dim: int | None) -> Tensor:
    """The norms of the parts of v along axis `dim`, in a shape that broadcasts."""
    if dim is None or dim == -1:
        return v.norm()
    return v.norm(2, tuple(i for i in range(v.ndim) if i != dim), True)


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Let a weight be  w = g v / ‖v‖  and learn g and v, called weight_g and weight_v.

    Args:    name: which parameter. dim: the axis whose indices have a length each; None for
        one length.
    Raises:  ArgumentError (CR569) where the module has no such parameter, or it is so already.
    Source:  Salimans & Kingma 2016, "Weight normalization"

    Example:
        >>> from chainrule import nn
        >>> layer = weight_norm(nn.Linear(3, 2))
        >>> {name: tuple(p.shape) for name, p in layer.named_parameters()}
        {'bias': (2,), 'weight_g': (2, 1), 'weight_v': (2, 3)}
    """
    weight = learned(module, name)
    g_name, v_name = f"{name}_g", f"{name}_v"

    def read(owner: Any) -> Tensor:
        return normed_weight(getattr(owner, v_name), getattr(owner, g_name), dim)

    compute(module, name, read, refuse_to_write(name))
    module.register_parameter(g_name, Parameter(lengths(weight.detach(), dim)))
    module.register_parameter(v_name, Parameter(weight.detach()))
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Let the weight be a parameter again, with the value it has."""
    if not is_computed(module, name) or f"{name}_g" not in module._parameters:
        raise ArgumentError("CR569", f"{name!r} of {type(module).__name__} has no weight_norm")
    return restored(module, name, f"{name}_g", f"{name}_v")


def restored(module: Module, name: str, *parts: str) -> Module:
    """The module with the computed attribute as a parameter, in place of its parts."""
    value = Parameter(getattr(module, name).detach())
    stop_computing(module, name)
    for part in parts:
        delattr(module, part)
    module.register_parameter(name, value)
    return module


def learned(module: Module, name: str) -> Parameter:
    """A parameter by name; ArgumentError (CR569) where there is none, or it is computed."""
    found = module._parameters.get(name)
    if found is None:
        state = (
            "is computed from others already" if is_computed(module, name) else "is not there"
        )
        raise ArgumentError(
            "CR569", f"the parameter {name!r} of {type(module).__name__} {state}"
        )
    return found


def refuse_to_write(name: str) -> Any:
    """What assigning to a computed attribute does."""

    def write(module: Any, value: Any) -> None:
        raise ArgumentError(
            "CR569",
            f"{name!r} of {type(module).__name__} is computed whenever it is read; assign to "
            "what it is computed from, or take the normalization off first",
        )

    return write
