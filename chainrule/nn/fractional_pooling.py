"""Fractional pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

from chainrule.errors import ArgumentError
from chainrule.functional.fractional_pooling import Ratios, check_choice, fractional_max_pool
from chainrule.functional.spatial import Sizes, per_axis
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class FractionalMaxPooling(Module):
    """The family: the largest element of windows at random distances."""

    spatial: ClassVar[int]

    def __init__(
        self,
        kernel_size: Sizes,
        output_size: Sizes | None = None,
        output_ratio: Ratios | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_choice(name, self.spatial, output_size, output_ratio)
        if output_size is not None and output_ratio is not None:
            raise ArgumentError(
                "CR545", f"{name}: give either output_size or output_ratio, not both"
            )
        self.kernel_size = per_axis(kernel_size, self.spatial)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = output_size
        self.output_ratio = output_ratio

    def forward(self, input: Tensor) -> Any:
        return fractional_max_pool(
            self.spatial, input, self.kernel_size, self.output_size, self.output_ratio,
            self.return_indices, self._random_samples,
        )  # fmt: skip


class FractionalMaxPool2d(FractionalMaxPooling):
    """The largest element of windows at random distances, so that axes shrink by any factor.

    Shapes:  (n, c, h, w) or (c, h, w)
    Args:
        output_size: the new size, or
        output_ratio: which part of the old one it is, between 0 and 1
        return_indices: give also where the elements are, in the flattened image
    Raises:  ArgumentError CR545; ShapeError CR110, CR116.
    Notes:   the distances are drawn at every call, in evaluation too.
    Source:  Graham 2014, "Fractional max-pooling"

    Example:
        >>> import chainrule as cr
        >>> FractionalMaxPool2d(2, output_ratio=0.7)(cr.zeros(1, 3, 10, 10)).shape
        chainrule.Size([1, 3, 7, 7])
    """

    spatial = 2


class FractionalMaxPool3d(FractionalMaxPooling):
    """The largest element of windows at random distances; see FractionalMaxPool2d."""

    spatial = 3
