"""Normalization: numbers shifted and scaled to mean 0 and variance 1, or to length 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainrule.dtypes import finfo
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.channels import per_channel
from chainrule.functional.pad import pad
from chainrule.functional.pooling import avg_pool2d
from chainrule.ops.normalization import Moments, Standardize
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
    Source:  Ioffe & Szegedy 2015, "Batch normalization"
    """
    _check_channels("batch_norm", input, running_mean, running_var, weight, bias)
    x = _wide(input)
    if not training:
        scale, shift = _running_scale_and_shift(running_mean, running_var, weight, bias, eps)
        return (x * per_channel(scale, x) + per_channel(shift, x)).to(input.dtype)
    axes = (0, *range(2, x.ndim))
    if x.numel() < 2 * x.shape[1] or not x.numel():
        raise ArgumentError(
            "CR525",
            f"batch_norm in training needs more than one number for each channel, got an "
            f"input {tuple(x.shape)}; make the batch larger (drop_last=True drops a last "
            "batch of one), or call eval()",
        )
    _track(running_mean, running_var, x, axes, momentum)
    return _scaled_and_shifted(_standardized(x, axes, eps), weight, bias).to(input.dtype)


def _track(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    x: Tensor,
    axes: tuple[int, ...],
    momentum: float | Tensor,
) -> None:
    """Move the running statistics towards those of x, averaged over axis 0 if it is kept."""
    if running_mean is None and running_var is None:
        return
    count = math.prod([x.shape[axis] for axis in axes])
    with no_grad():
        moments = x._apply(Moments, x, axes=axes)
        mean, variance = (moments if moments.ndim == 2 else moments.mean(1)).unbind(0)
        if running_mean is not None:
            running_mean.lerp_(mean, momentum)
        if running_var is not None:
            running_var.lerp_(variance * (count / (count - 1)), momentum)


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


def _wide(x: Tensor) -> Tensor:
    """Halves as float32: what is normalized is rounded once, at the end."""
    return x.float() if x.element_size() == 2 else x


def _standardized(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """(x - μ) / √(σ² + ε) over the axes."""
    axes = tuple(axis % x.ndim for axis in axes)
    return x._apply(Standardize, x._must_float("normalization"), axes=axes, eps=eps)


def _check_channels(what: str, input: Tensor, *per_channel: Tensor | None) -> None:
    channels = input.shape[1] if input.ndim > 1 else None
    for p in per_channel:
        if p is not None and tuple(p.shape) != (channels,):
            raise ShapeError(
                "CR523",
                f"{what} expects (n, {p.numel()}, …) but got {tuple(input.shape)}; the "
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
    Raises:  ShapeError CR101 (the last axes have other sizes), CR523 (weight, bias).
    Source:  Ba, Kiros & Hinton 2016, "Layer normalization"

    Example:
        >>> import chainrule as cr
        >>> layer_norm(cr.tensor([[1.0, 3.0]]), [2], eps=0)
        tensor([[-1.,  1.]])
    """
    axes = _last_axes("layer_norm", input, normalized_shape, weight, bias)
    y = _standardized(_wide(input), axes, eps)
    if weight is not None:
        y = y * weight
    return (y if bias is None else y + bias).to(input.dtype)


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Each sample scaled by the root of its mean square  y = w x / √(mean(x²) + ε).

    Shapes:  input (…, *normalized_shape), weight (*normalized_shape)
    Args:    eps: ε; None for the spacing of the input's type at 1.
    Raises:  ShapeError CR101 (the last axes have other sizes), CR523 (weight).
    Source:  Zhang & Sennrich 2019, "Root mean square layer normalization"

    Example:
        >>> import chainrule as cr
        >>> rms_norm(cr.tensor([[3.0, -3.0]]), [2])
        tensor([[ 1., -1.]])
    """
    axes = _last_axes("rms_norm", input, normalized_shape, weight)
    x = _wide(input)
    eps = finfo(x.dtype).eps if eps is None else eps
    y = x * (1 / ((x * x).mean(axes, keepdim=True) + eps).sqrt())
    return (y if weight is None else y * weight).to(input.dtype)


def _last_axes(
    what: str, input: Tensor, normalized_shape: Sequence[int], *weights: Tensor | None
) -> tuple[int, ...]:
    """The axes to normalize over, from the end; ShapeError CR101 or CR523 for a misfit."""
    shape = tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        sizes = ", ".join(map(str, shape))
        raise ShapeError("CR101", f"{what} expects (…, {sizes}) but got {tuple(input.shape)}")
    for p in weights:
        if p is not None and tuple(p.shape) != shape:
            raise ShapeError(
                "CR523",
                f"{what} over axes {shape} takes a weight and a bias of that shape, got "
                f"{tuple(p.shape)}",
            )
    return tuple(range(-len(shape), 0))


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each group of channels of a sample normalized  y = w (x - μ) / √(σ² + ε) + b.

    Shapes:  input (n, c, …), weight and bias (c,)
    Raises:  ShapeError (CR523) for numbers that are not one per channel, (CR528) for channels
        that cannot be divided into `num_groups`.
    Source:  Wu & He 2018, "Group normalization"
    """
    if input.ndim < 2 or num_groups < 1 or input.shape[1] % num_groups:
        raise ShapeError(
            "CR528",
            f"group_norm takes (n, channels, …) with channels that can be divided into "
            f"num_groups={num_groups}, got {tuple(input.shape)}",
        )
    _check_channels("group_norm", input, weight, bias)
    groups = _wide(input).reshape(input.shape[0], num_groups, -1)
    y = _standardized(groups, (2,), eps).reshape(input.shape)
    return _scaled_and_shifted(y, weight, bias).to(input.dtype)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each sample normalized  y = w (x - μ) / √(σ² + ε) + b.

    Shapes:  input (n, c, …), all others (c,)
    Args:    use_input_stats: whether μ and σ² are those of the sample, or the running ones;
        momentum: as in batch_norm, with the mean over the samples in place of the batch's.
    Raises:  ShapeError (CR523); ArgumentError (CR525), as in batch_norm.
    Source:  Ulyanov, Vedaldi & Lempitsky 2016, "Instance normalization"
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _check_channels("instance_norm", input, running_mean, running_var, weight, bias)
    count = math.prod(input.shape[2:])
    if count < 2:
        raise ArgumentError(
            "CR525",
            "instance_norm needs more than one number for each channel of a sample, got an "
            f"input {tuple(input.shape)}",
        )
    x, axes = _wide(input), tuple(range(2, input.ndim))
    _track(running_mean, running_var, x, axes, momentum)
    y = _standardized(x, axes, eps)
    return _scaled_and_shifted(y, weight, bias).to(input.dtype)


def _scaled_and_shifted(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """w y + b, with one w and one b for each channel."""
    if weight is not None:
        y = y * per_channel(weight, y)
    return y if bias is None else y + per_channel(bias, y)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Channels that inhibit their neighbours  y[c] = x[c] / (k + α/size Σ x[c']²)^β.

    The sum is over the `size` channels c' around c; there are zeros outside.

    Shapes:  input (n, c, …) with one axis at least after the channels
    Source:  Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification", §3.3
    """
    if input.ndim < 3:
        raise ShapeError(
            "CR110",
            f"local_response_norm takes (n, channels, *spatial), got {tuple(input.shape)}",
        )
    squares = (input * input).reshape(input.shape[0], 1, input.shape[1], -1)
    padded = pad(squares, (0, 0, size // 2, (size - 1) // 2))
    near = avg_pool2d(padded, (size, 1), stride=1).reshape(input.shape)
    return input / (k + alpha * near) ** beta


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
