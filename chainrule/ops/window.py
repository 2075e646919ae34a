"""Convolution and pooling: what a window sees as it moves over the axes of an image.

Everything works for any number of spatial axes; images are (n, c, *spatial), weights
(o, c / groups, *kernel). The arithmetic is in window_kernels.py, sizes in window_shapes.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.errors import ArgumentError
from chainrule.ops import window_kernels as kernels
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive
from chainrule.ops.window_shapes import (
    check_columns,
    columns_shape,
    convolution_shape,
    pooling_shape,
    transposed_shape,
)
from chainrule.shapes import Shape

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor

Sizes = int | Sequence[int]


class Convolution(Primitive):
    """Convolution (as everywhere in this field: cross-correlation, the kernel not flipped)

        y[n, o, m] = Σ_c Σ_t w[o, c, t] x[n, c, s m + d t - p]

    with stride s, dilation d, padding p; x is zero outside. With groups, an output sees the
    channels of its own group only.

    Shapes:  x (n, c, *spatial), w (o, c / groups, *kernel) → y (n, o, *windows)
    Source:  Goodfellow et al. 2016, §9.1 and §9.5
    """

    def forward(x, w, *, stride, padding, dilation, groups):
        return kernels.convolution(x, w, stride, padding, dilation, groups)

    def shape(x, w, *, stride, padding, dilation, groups):
        return convolution_shape(x, w, stride, padding, dilation, groups)

    def vjp_x(g, w, x_shape, stride, padding, dilation, groups):
        return g._apply(
            ConvolutionInput, g, w, x_shape=tuple(x_shape), stride=stride, padding=padding,
            dilation=dilation, groups=groups,
        )  # fmt: skip

    def vjp_w(g, x, w_shape, stride, padding, dilation, groups):
        return g._apply(
            ConvolutionWeight, x, g, w_shape=tuple(w_shape), stride=stride, padding=padding,
            dilation=dilation, groups=groups,
        )  # fmt: skip


class ConvolutionInput(Primitive):
    """The transpose of convolution in its input, also called transposed convolution

        x[n, c, s m + d t - p] = Σ_o w[o, c, t] dy[n, o, m], added up over all m and t

    Notes: ⟨dy, Convolution(x, w)⟩ is linear in dy, x and w, so its derivatives to them are
    three maps, each of which has the other two as its own derivatives.

    Shapes:  dy (n, o, *windows), w (o, c / groups, *kernel) → x_shape
    Source:  Dumoulin & Visin 2016, "A guide to convolution arithmetic", §4
    """

    def forward(dy, w, *, x_shape, stride, padding, dilation, groups):
        return kernels.convolution_input(dy, w, x_shape, stride, padding, dilation, groups)

    def shape(dy, w, *, x_shape, stride, padding, dilation, groups):
        return x_shape

    def vjp_dy(g, w, stride, padding, dilation, groups):
        return g._apply(
            Convolution, g, w, stride=stride, padding=padding, dilation=dilation, groups=groups
        )

    def vjp_w(g, dy, w_shape, stride, padding, dilation, groups):
        return g._apply(
            ConvolutionWeight, g, dy, w_shape=tuple(w_shape), stride=stride, padding=padding,
            dilation=dilation, groups=groups,
        )  # fmt: skip


class ConvolutionWeight(Primitive):
    """The transpose of convolution in its weights

        w[o, c, t] = Σ_n Σ_m dy[n, o, m] x[n, c, s m + d t - p]

    Shapes:  x (n, c, *spatial), dy (n, o, *windows) → w_shape
    """

    def forward(x, dy, *, w_shape, stride, padding, dilation, groups):
        return kernels.convolution_weight(x, dy, w_shape, stride, padding, dilation, groups)

    def shape(x, dy, *, w_shape, stride, padding, dilation, groups):
        return w_shape

    def vjp_x(g, dy, x_shape, stride, padding, dilation, groups):
        return g._apply(
            ConvolutionInput, dy, g, x_shape=tuple(x_shape), stride=stride, padding=padding,
            dilation=dilation, groups=groups,
        )  # fmt: skip

    def vjp_dy(g, x, stride, padding, dilation, groups):
        return g._apply(
            Convolution, x, g, stride=stride, padding=padding, dilation=dilation, groups=groups
        )


class WindowArgmax(Primitive):
    """Where the largest element of each window is, as an index into the flattened image

        y[n, c, m] = argmax_i x[n, c, i]  over the i in window m

    The first of equal elements is meant; a NaN counts as largest, the last one of several.

    Shapes:  x (n, c, *spatial) → y (n, c, *windows), int64
    """

    def forward(x, *, kernel, stride, padding, dilation, ceil_mode):
        y_shape = pooling_shape(x.shape, kernel, stride, padding, dilation, ceil_mode)
        return kernels.window_argmax(x, kernel, stride, padding, dilation, y_shape[2:])

    def shape(x, *, kernel, stride, padding, dilation, ceil_mode):
        return pooling_shape(x, kernel, stride, padding, dilation, ceil_mode)

    def dtype(x, **params):
        return np.dtype(np.int64)


class WindowSum(Primitive):
    """The sum over each window  y[n, c, m] = Σ_t x[n, c, s m + t - p], x zero outside.

    Shapes:  x (n, c, *spatial) → y (n, c, *windows)
    """

    def forward(x, *, kernel, stride, padding, ceil_mode):
        y_shape = pooling_shape(x.shape, kernel, stride, padding, ceil_mode=ceil_mode)
        return kernels.window_sum(x, kernel, stride, padding, y_shape[2:])

    def shape(x, *, kernel, stride, padding, ceil_mode):
        return pooling_shape(x, kernel, stride, padding, ceil_mode=ceil_mode)

    def vjp_x(g, x_shape, kernel, stride, padding, ceil_mode):
        return g._apply(
            WindowSumTranspose, g, x_shape=tuple(x_shape), kernel=kernel, stride=stride,
            padding=padding, ceil_mode=ceil_mode,
        )  # fmt: skip


class WindowSumTranspose(Primitive):
    """To each element the sum over the windows that hold it, the transpose of `WindowSum`.

    Shapes:  dy (n, c, *windows) → x_shape
    """

    def forward(dy, *, x_shape, kernel, stride, padding, ceil_mode):
        return kernels.window_sum_transpose(dy, x_shape, kernel, stride, padding)

    def shape(dy, *, x_shape, kernel, stride, padding, ceil_mode):
        return x_shape

    def vjp_dy(g, kernel, stride, padding, ceil_mode):
        return g._apply(
            WindowSum, g, kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode
        )


def windows_along(
    spatial: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape
) -> Shape:
    """How many places a window has along each axis."""
    return tuple(map(shapes.windows, spatial, kernel, stride, padding, dilation))


class Unfold(Primitive):
    """The elements that each window sees, in a column  y[n, (c, t), m] = x[n, c, s m + d t - p]

    with x zero outside.

    Shapes:  x (n, c, *spatial) → y (n, c · taps, windows)
    Source:  Chellapilla et al. 2006, §3 (there "unrolling"; elsewhere im2col)
    """

    def forward(x, *, kernel, stride, padding, dilation):
        windows = windows_along(x.shape[2:], kernel, stride, padding, dilation)
        y = kernels.unfold(x, kernel, stride, padding, dilation, windows)
        n, c = x.shape[:2]
        return y.reshape(n, c * math.prod(kernel), math.prod(windows))

    def shape(x, *, kernel, stride, padding, dilation):
        return columns_shape(x, kernel, stride, padding, dilation)

    def vjp_x(g, x_shape, kernel, stride, padding, dilation):
        return g._apply(
            Fold, g, spatial=tuple(x_shape[2:]), kernel=kernel, stride=stride, padding=padding,
            dilation=dilation,
        )  # fmt: skip


class Fold(Primitive):
    """Columns added up where their windows lie  y[n, c, i] = Σ x[n, (c, t), m]

    over all m and t with s m + d t - p = i: the transpose of `Unfold`.

    Shapes:  x (n, c · taps, windows) → y (n, c, *spatial)
    """

    def forward(x, *, spatial, kernel, stride, padding, dilation):
        windows = windows_along(spatial, kernel, stride, padding, dilation)
        columns = x.reshape(len(x), x.shape[1] // math.prod(kernel), *kernel, *windows)
        return kernels.fold(columns, spatial, stride, padding, dilation)

    def shape(x, *, spatial, kernel, stride, padding, dilation):
        return (x[0], x[1] // math.prod(kernel), *spatial)

    def vjp_x(g, kernel, stride, padding, dilation):
        return g._apply(
            Unfold, g, kernel=kernel, stride=stride, padding=padding, dilation=dilation
        )


class WindowMethods(Methods):
    """What the layers call; sizes are one number for all axes or one for each."""

    def convolve(
        self,
        weight: Tensor,
        stride: Sizes = 1,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
    ) -> Tensor:
        """Convolution of images (n, c, *spatial) with `weight` (o, c / groups, *kernel).

        Args: padding: zeros on both sides of each axis.
        Raises: ShapeError CR110, CR115, CR116; ArgumentError CR117.

        Example:
            >>> import chainrule
            >>> signal = chainrule.tensor([[[0.0, 0, 1, 1, 1]]])
            >>> signal.convolve(chainrule.tensor([[[-1.0, 1]]]))
            tensor([[[0., 1., 0., 0.]]])
        """
        x, w = self._operands(weight, "a convolution")
        params = {**_steps(w.ndim - 2, stride, padding, dilation), "groups": groups}
        convolution_shape(tuple(x.shape), tuple(w.shape), **params)
        return self._apply(Convolution, x, w, **params)

    def convolve_transposed(
        self,
        weight: Tensor,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
    ) -> Tensor:
        """Images (n, c, *spatial) from windows (n, o, *windows), as the gradient is formed.

        Args: weight: (o, c / groups, *kernel). output_padding: with a stride, images of
            several sizes have the same windows; how much larger than the smallest of them.
            Below the stride, or below the dilation.
        Raises: ShapeError CR110, CR115, CR116; ArgumentError CR117, CR119.
        """
        dy, w = self._operands(weight, "a transposed convolution")
        params = {**_steps(w.ndim - 2, stride, padding, dilation), "groups": groups}
        extra = _per_axis("output_padding", output_padding, w.ndim - 2, least=0)
        shape = transposed_shape(
            tuple(dy.shape), tuple(w.shape), output_padding=extra, **params
        )
        more = [(0, e // s) for e, s in zip(extra, params["stride"], strict=True)]
        if any(map(any, more)):  # room for further windows, which hold nothing
            dy = dy.pad_constant([(0, 0), (0, 0), *more])
        return self._apply(ConvolutionInput, dy, w, x_shape=shape, **params)

    def window_argmax(
        self,
        kernel: Sequence[int],
        stride: Sizes,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
    ) -> Tensor:
        """Of every window the index of its largest element in the flattened image.

        Raises: ShapeError CR110, CR116; ArgumentError CR117, CR118.
        """
        params = _steps(len(kernel), stride, padding, dilation)
        params["kernel"] = _per_axis("kernel_size", kernel, len(kernel), least=1)
        pooling_shape(tuple(self.shape), **params, ceil_mode=ceil_mode)
        return self._apply(WindowArgmax, self, **params, ceil_mode=ceil_mode)

    def window_sum(
        self,
        kernel: Sequence[int],
        stride: Sizes,
        padding: Sizes = 0,
        ceil_mode: bool = False,
    ) -> Tensor:
        """The sum over every window.

        Raises: ShapeError CR110, CR116; ArgumentError CR117, CR118.
        """
        params = _steps(len(kernel), stride, padding)
        params["kernel"] = _per_axis("kernel_size", kernel, len(kernel), least=1)
        pooling_shape(tuple(self.shape), **params, ceil_mode=ceil_mode)
        return self._apply(WindowSum, self, **params, ceil_mode=ceil_mode)

    def window_columns(
        self, kernel: Sequence[int], stride: Sizes, padding: Sizes, dilation: Sizes
    ) -> Tensor:
        """Every window as a column: (n, c, *spatial) → (n, c · taps, windows)

        Raises: ShapeError CR110, CR116; ArgumentError CR117.
        """
        params = _steps(len(kernel), stride, padding, dilation)
        params["kernel"] = _per_axis("kernel_size", kernel, len(kernel), least=1)
        columns_shape(tuple(self.shape), **params)
        return self._apply(Unfold, self, **params)

    def add_window_columns(
        self,
        output_size: Sequence[int],
        kernel: Sequence[int],
        stride: Sizes,
        padding: Sizes,
        dilation: Sizes,
    ) -> Tensor:
        """Columns added up where their windows lie: (n, c · taps, windows) → (n, c, *spatial)

        Raises: ShapeError CR544 (the columns are not those of such windows);
        ArgumentError CR117.
        """
        params = _steps(len(kernel), stride, padding, dilation)
        params["kernel"] = _per_axis("kernel_size", kernel, len(kernel), least=1)
        spatial = _per_axis("output_size", output_size, len(kernel), least=1)
        check_columns(tuple(self.shape), spatial, **params)
        return self._apply(Fold, self, spatial=spatial, **params)


def _steps(
    spatial: int, stride: Sizes, padding: Sizes, dilation: Sizes | None = None
) -> dict[str, Any]:
    """How the window moves, one number for each axis."""
    steps = {
        "stride": _per_axis("stride", stride, spatial, least=1),
        "padding": _per_axis("padding", padding, spatial, least=0),
    }
    if dilation is not None:
        steps["dilation"] = _per_axis("dilation", dilation, spatial, least=1)
    return steps


def _per_axis(name: str, sizes: Sizes, spatial: int, least: int) -> Shape:
    listed = tuple(sizes) if isinstance(sizes, Sequence) else (sizes,)
    listed = listed * spatial if len(listed) == 1 else listed
    valid = all(isinstance(size, (int, np.integer)) and size >= least for size in listed)
    if not valid or len(listed) != max(spatial, 0):
        raise ArgumentError(
            "CR117",
            f"{name}={sizes!r} of a window: expected an integer, or one for each of the "
            f"{spatial} spatial axes, and none below {least}",
        )
    return tuple(map(int, listed))
