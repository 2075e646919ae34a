"""From pictures and bytes to numbers that a network takes, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import dtypes, settings
from chainrule.data.image import pillow
from chainrule.data.transforms.transform import (
    Transform,
    as_image,
    brightest,
    is_picture,
)
from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.creation import as_tensor
from chainrule.tensor.tensor import Tensor


def to_tensor(pic: Any) -> Tensor:
    """Bytes from 0 to 255 as floats from 0 to 1, channels first; other numbers as they are.

    Shapes: a picture or an array (h, w) or (h, w, c) → (c, h, w); tensors keep their shape

    Example:
        >>> to_tensor(np.full((1, 2, 3), 51, np.uint8)).shape
        chainrule.Size([3, 1, 2])
    """
    x = as_image(pic, "to_tensor")
    if x.dtype is not dtypes.uint8:
        return x
    kind = settings.defaults.float_dtype
    return Tensor._of(x.numpy().astype(kind) / np.asarray(255, kind))


def pil_to_tensor(pic: Any) -> Tensor:
    """A picture's numbers as they are, channels first."""
    return as_image(pic, "pil_to_tensor")


def convert_image_dtype(image: Tensor, dtype: dtypes.dtype = dtypes.float32) -> Tensor:
    """The same picture in another dtype: white is 1 for floats, the largest of the integers.

    Raises: ArgumentError (CR751) from floats to integers they cannot tell apart.

    Example:
        >>> import chainrule as cr
        >>> convert_image_dtype(cr.tensor([[[0.0, 0.5, 1.0]]]), cr.uint8)
        tensor([[[  0, 127, 255]]], dtype=chainrule.uint8)
    """
    x, kind = image.numpy(), dtypes.numpy_of(dtype)
    whole_before, whole_after = (np.issubdtype(k, np.integer) for k in (x.dtype, kind))
    if (not whole_before and not whole_after) or x.dtype == kind:
        return Tensor._of(x.astype(kind))
    if whole_before and not whole_after:
        return Tensor._of(x.astype(kind) / np.asarray(brightest(x.dtype), kind))
    if whole_after and not whole_before:
        return Tensor._of(_whole_numbers(x, kind))
    steps = (int(brightest(x.dtype)) + 1), (int(brightest(kind)) + 1)
    if steps[0] > steps[1]:
        return Tensor._of((x // (steps[0] // steps[1])).astype(kind))
    return Tensor._of(x.astype(kind) * np.asarray(steps[1] // steps[0], kind))


def _whole_numbers(x: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Floats from 0 to 1 in equal steps; 1 itself falls into the last."""
    if kind.itemsize >= x.dtype.itemsize and kind.itemsize > 2:
        raise ArgumentError(
            "CR751",
            f"convert_image_dtype: {x.dtype} has too few digits for all values of {kind}; "
            "convert to uint8",
        )
    return (x * np.asarray(brightest(kind) + 1 - 1e-3, x.dtype)).astype(kind)


def normalize(
    tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False
) -> Tensor:
    """y = (x - mean) / std, for each channel by itself.

    Shapes: tensor (…, c, h, w), mean and std (c,) or one number

    Raises: ArgumentError (CR751) for integers, a std of 0 or as many numbers as there are not
    channels; ShapeError (CR750) for fewer than three axes.

    Notes: made of tensor operations, so it may stand in a model and be compiled.

    Example:
        >>> import chainrule as cr
        >>> normalize(cr.tensor([[[0.0, 1.0]]]), [0.5], [0.5])
        tensor([[[-1.,  1.]]])
    """
    means, widths = (np.atleast_1d(np.asarray(v, np.float64)) for v in (mean, std))
    _check_normalize(tensor, means, widths)
    kind = dtypes.numpy_of(tensor.dtype)
    centre, scale = (Tensor._of(v.astype(kind)[:, None, None]) for v in (means, widths))
    y = (tensor - centre) / scale
    return tensor.copy_(y) if inplace else y


def _check_normalize(x: Tensor, mean: np.ndarray, std: np.ndarray) -> None:
    if x.ndim < 3:
        raise ShapeError(
            "CR750",
            f"normalize takes images (…, c, h, w), got shape {tuple(x.shape)}; one channel "
            "without its axis gets it by x.unsqueeze(0)",
        )
    if not x.is_floating_point():
        raise ArgumentError(
            "CR751", f"normalize takes floats, got {x.dtype}; put ToTensor() before it"
        )
    channels = x.shape[-3]
    if not {len(mean), len(std)} <= {1, channels} or (std == 0).any():
        raise ArgumentError(
            "CR751",
            f"normalize: mean {mean.tolist()} and std {std.tolist()} for images of {channels} "
            "channels; give one number for each channel, and no std of 0",
        )


class ToTensor(Transform):
    """Pictures and bytes become floats from 0 to 1, channels first; other numbers stay.

    Notes: images that already are tensors (c, h, w) are welcome too, as chainrule's datasets
    give them.

    Example:
        >>> ToTensor()(np.full((1, 2), 255, np.uint8))
        tensor([[[1., 1.]]])
    """

    def __call__(self, pic: Any) -> Tensor:
        return to_tensor(pic)


class PILToTensor(Transform):
    """A picture's numbers as they are, channels first."""

    def __call__(self, pic: Any) -> Tensor:
        return pil_to_tensor(pic)


class ConvertImageDtype(Transform):
    """The same picture in another dtype: white is 1 for floats, the largest of the integers."""

    def __init__(self, dtype: dtypes.dtype) -> None:
        self.dtype = dtype

    def __call__(self, image: Any) -> Tensor:
        return convert_image_dtype(as_image(image, "ConvertImageDtype"), self.dtype)


class ToDtype(Transform):
    """The same numbers in another dtype; with `scale` as ConvertImageDtype."""

    def __init__(self, dtype: dtypes.dtype, scale: bool = False) -> None:
        self.dtype = dtype
        self.scale = scale

    def __call__(self, image: Any) -> Tensor:
        x = as_image(image, "ToDtype")
        return convert_image_dtype(x, self.dtype) if self.scale else x.to(self.dtype)


class Normalize(Transform):
    """y = (x - mean) / std, for each channel by itself.

    Args: mean, std: one number per channel, in the unit of the images.

    Raises: as normalize().

    Example:
        >>> import chainrule as cr
        >>> Normalize(mean=[0.5], std=[0.25])(cr.ones(1, 1, 2))
        tensor([[[2., 2.]]])
    """

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], inplace: bool = False
    ) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def __call__(self, tensor: Any) -> Tensor:
        return normalize(as_image(tensor, "Normalize"), self.mean, self.std, self.inplace)


class LinearTransformation(Transform):
    """Every image as one vector through a matrix:  y = (x - mean) M, whitening for instance.

    Shapes: transformation_matrix (d, d), mean_vector (d,), with d = c h w

    Raises: ShapeError (CR750) where they do not fit together.
    """

    def __init__(self, transformation_matrix: Any, mean_vector: Any) -> None:
        self.transformation_matrix = as_tensor(transformation_matrix)
        self.mean_vector = as_tensor(mean_vector)

    def _batch(self, x: np.ndarray) -> np.ndarray:
        matrix, mean = self.transformation_matrix.numpy(), self.mean_vector.numpy()
        flat = x.reshape(len(x), -1)
        if matrix.shape != (flat.shape[1],) * 2 or mean.shape != flat.shape[1:]:
            raise ShapeError(
                "CR750",
                f"LinearTransformation: images of {flat.shape[1]} numbers, a matrix "
                f"{matrix.shape} and a mean {mean.shape} do not fit together",
            )
        return ((flat - mean) @ matrix).astype(x.dtype).reshape(x.shape)


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A picture of Pillow, of a tensor (c, h, w) or an array (h, w, c).

    Args: mode: Pillow's name for what the channels mean; by their number if None.

    Raises: DataError (CR715) without Pillow; ShapeError (CR750) for other shapes.
    """
    image = pillow("PIL.Image")
    if is_picture(pic):
        return pic
    x = as_image(pic, "to_pil_image")
    if x.ndim == 2:
        x = x.unsqueeze(0)
    if x.ndim != 3 or not 1 <= x.shape[0] <= 4:
        raise ShapeError(
            "CR750", f"to_pil_image takes one image of 1 to 4 channels, got {tuple(x.shape)}"
        )
    if x.is_floating_point() and (mode is None or not mode.startswith("F")):
        x = Tensor._of((x.numpy() * 255).astype(np.uint8))
    pixels = x.numpy().transpose(1, 2, 0)
    picture = image.fromarray(
        np.ascontiguousarray(pixels[:, :, 0] if x.shape[0] == 1 else pixels)
    )
    return picture if mode in (None, picture.mode) else picture.convert(mode)


class ToPILImage(Transform):
    """Tensors (c, h, w) and arrays (h, w, c) become pictures of Pillow."""

    batched = False

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return to_pil_image(pic, self.mode)
