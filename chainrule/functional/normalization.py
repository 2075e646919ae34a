"""Normalization: numbers shifted and scaled to mean 0 and variance 1, or to length 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.channels import per_channel
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel normalized over the batch

        y = w (x - μ) / √(σ² + ε) + b

    with the mean μ and variance σ² of the batch in training, the running ones otherwise.

    Shapes:  input (n, c, …), all others (c,)
    Args:    momentum: weight of the batch in the running statistics, which training updates:
        r ← (1 - momentum) r + momentum · batch; for the variance the unbiased one is taken.
    Raises:  ShapeError (CR523) for numbers that are not one per channel; ArgumentError (CR525)
        without running statistics outside training, or with one number per channel in it.
    Notes:   σ² is the mean of (x - μ)²; E[x²] - μ² would cancel where μ is large.
    Source:  Ioffe & Szegedy 2015, "Batch normalization"
    """
    _check_channels(input, running_mean, running_var, weight, bias)
    if training:
        x, scale = _centred_by_batch(input, running_mean, running_var, momentum, eps)
        shift = bias
        if weight is not None:
            scale = scale * per_channel(weight, input)
    else:
        x = input
        scale, shift = _running_scale_and_shift(running_mean, running_var, weight, bias, eps)
        scale = per_channel(scale, input)
    y = x * scale
    return y if shift is None else y + per_channel(shift, input)


def _centred_by_batch(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float | Tensor,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """x less its mean over the batch, and what to scale it with; running statistics updated."""
    count = x.numel() // x.shape[1] if x.numel() else 0
    if count < 2:
        raise ArgumentError(
            "CR525",
            f"batch_norm in training needs more than one number for each channel, got an "
            f"input {tuple(x.shape)}; make the batch larger (drop_last=True drops a last "
            "batch of one), or call eval()",
        )
    mean, centred, variance = _moments(x, (0, *range(2, x.ndim)))
    with no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean.reshape(-1), momentum)
        if running_var is not None:
            running_var.lerp_(variance.reshape(-1) * (count / (count - 1)), momentum)
    return centred, 1 / (variance + eps).sqrt()


def _running_scale_and_shift(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """w (x - μ) / √(σ² + ε) + b as one scale and one shift for each channel."""
    if running_mean is None or running_var is None:
        raise ArgumentError(
            "CR525",
            "batch_norm outside training needs running_mean and running_var; give both, or "
            "training=True to normalize by the batch",
        )
    scale = 1 / (running_var + eps).sqrt()
    if weight is not None:
        scale = scale * weight
    shift = -running_mean * scale
    return scale, shift if bias is None else shift + bias


def _moments(x: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The mean over `dims`, the deviations from it, and the mean of their squares."""
    mean = x.mean(dims, keepdim=True)
    centred = x + -mean  # so that the derivative negates the small tensor, not the large one
    return mean, centred, (centred * centred).mean(dims, keepdim=True)


def _check_channels(input: Tensor, *per_channel: Tensor | None) -> None:
    channels = input.shape[1] if input.ndim > 1 else None
    for p in per_channel:
        if p is not None and tuple(p.shape) != (channels,):
            raise ShapeError(
                "CR523",
                f"batch_norm expects (n, {p.numel()}, …) but got {tuple(input.shape)}; the "
                "axes are (n, channels, *spatial)",
            )


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each sample normalized over its last axes  y = w (x - μ) / √(σ² + ε) + b.

    Shapes:  input (…, *normalized_shape), weight and bias (*normalized_shape)
    Raises:  ShapeError (CR101) where the last axes have other sizes.
    Source:  Ba, Kiros & Hinton 2016, "Layer normalization"

    Example:
        >>> import chainrule as cr
        >>> layer_norm(cr.tensor([[1.0, 3.0]]), [2], eps=0)
        tensor([[-1.,  1.]])
    """
    shape = tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        sizes = ", ".join(map(str, shape))
        raise ShapeError(
            "CR101", f"layer_norm expects (…, {sizes}) but got {tuple(input.shape)}"
        )
    _, centred, variance = _moments(input, tuple(range(-len(shape), 0)))
    y = centred * (1 / (variance + eps).sqrt())
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Vectors along `dim` scaled to length 1  y = x / max(‖x‖ₚ, ε).

    Example:
        >>> import chainrule as cr
        >>> normalize(cr.tensor([[3.0, 4.0]]))
        tensor([[0.6000, 0.8000]])
    """
    return input / length(input, p, dim, eps, keepdim=True)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle of vectors along `dim`  x₁ · x₂ / (max(‖x₁‖, ε) max(‖x₂‖, ε)).

    Shapes:  x1 and x2 are broadcast.
    """
    lengths = [length(x, 2, dim, eps, keepdim=True) for x in (x1, x2)]
    return (x1 / lengths[0] * (x2 / lengths[1])).sum(dim)


def length(x: Tensor, p: float, dim: int, eps: float, keepdim: bool) -> Tensor:
    """The p-norm along `dim`, ε at least.

    Notes:  for p = 2 the limit is put under the root, whose derivative at 0 is infinite.
    """
    if p != 2:
        return x.norm(p, dim, keepdim).clamp_min(eps)
    return (x * x).sum(dim, keepdim).clamp_min(max(eps * eps, math.ulp(0.0))).sqrt()
