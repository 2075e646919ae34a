"""Spectral normalization: a weight divided by its largest singular value."""

from __future__ import annotations

from typing import Any

from chainrule.errors import ArgumentError
from chainrule.functional.normalization import normalize
from chainrule.nn.transposed_convolution import TransposedConvolution
from chainrule.nn.utils.computed import compute, is_computed
from chainrule.nn.utils.weight_norm import learned, refuse_to_write, restored
from chainrule.tensor.creation import randn
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """A weight as a matrix whose rows are the indices of axis `dim`."""
    return weight.movedim(dim, 0).flatten(1)


def improve(weight: Tensor, u: Tensor, v: Tensor, iterations: int, eps: float) -> None:
    """Power iterations: u and v nearer to the first singular vectors, in place."""
    with no_grad():
        for _ in range(iterations):
            u.copy_(normalize(weight @ v, dim=0, eps=eps))
            v.copy_(normalize(weight.T @ u, dim=0, eps=eps))


def first_vectors(weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Random vectors of length 1 for the two sides of a matrix."""
    drawn = [normalize(randn(n, dtype=weight.dtype), dim=0, eps=eps) for n in weight.shape]
    return drawn[0], drawn[1]


def usual_axis(module: Any) -> int:
    """The axis of the outputs in the weight of a layer."""
    return int(isinstance(module, TransposedConvolution))


def check_iterations(n_power_iterations: int) -> None:
    """Raises ArgumentError (CR569) where there would be no power iteration."""
    if n_power_iterations < 1:
        raise ArgumentError(
            "CR569", f"spectral_norm: n_power_iterations={n_power_iterations} must be positive"
        )


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Let a weight be  w / σ(w), σ its largest singular value, and learn w.

    σ = uᵀ w v, with vectors u and v that every call in training improves by power iterations.
    w is called weight_orig, the vectors are the buffers weight_u and weight_v.

    Args:    dim: the axis of the outputs; None for the one that the layer has them on.
    Raises:  ArgumentError (CR569) where the module has no such parameter, or it is so already.
    Source:  Miyato et al. 2018, "Spectral normalization for generative adversarial networks"

    Example:
        >>> from chainrule import nn
        >>> list(spectral_norm(nn.Linear(3, 2)).state_dict())
        ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    check_iterations(n_power_iterations)
    axis = usual_axis(module) if dim is None else dim
    weight = learned(module, name)

    def parts(owner: Any) -> list[Tensor]:
        w, u, v = (getattr(owner, f"{name}_{part}") for part in ("orig", "u", "v"))
        return [as_matrix(w, axis), u, v]

    def read(owner: Any) -> Tensor:
        w, u, v = parts(owner)
        sigma = u @ (w @ v)
        return getattr(owner, f"{name}_orig") / sigma

    def before_the_call(owner: Any, args: Any) -> None:
        if owner.training:
            w, u, v = parts(owner)
            improve(w.T, v, u, n_power_iterations, eps)

    compute(module, name, read, refuse_to_write(name))
    u, v = first_vectors(as_matrix(weight.detach(), axis), eps)
    module.register_parameter(f"{name}_orig", weight)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    handle = module.register_forward_pre_hook(before_the_call)
    object.__setattr__(module, f"_{name}_iteration", handle)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Let the weight be a parameter again, with the value it has."""
    if not is_computed(module, name) or f"{name}_orig" not in module._parameters:
        raise ArgumentError(
            "CR569", f"{name!r} of {type(module).__name__} has no spectral_norm"
        )
    getattr(module, f"_{name}_iteration").remove()
    return restored(module, name, f"{name}_orig", f"{name}_u", f"{name}_v")
