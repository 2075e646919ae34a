"""Windows as columns, and columns as windows."""

from __future__ import annotations

from chainrule.functional.spatial import Sizes, batched, per_axis
from chainrule.tensor.tensor import Tensor


def unfold(
    input: Tensor,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """What each window of an image sees, as a column; a convolution is weights times these.

        y[n, (c, u, v), (i, j)] = x[n, c, s i + d u - p, s j + d v - p]

    Shapes:  (n, c, h, w) → (n, c · kh · kw, windows), both also without n
    Raises:  ShapeError CR110, CR116; ArgumentError CR117.

    Example:
        >>> import chainrule as cr
        >>> unfold(cr.arange(6.0).reshape(1, 2, 3), 2)
        tensor([[0., 1.],
                [1., 2.],
                [3., 4.],
                [4., 5.]])
    """
    images = batched(input, 2)
    y = images.window_columns(per_axis(kernel_size, 2), stride, padding, dilation)
    return y if images is input else y.squeeze(0)


def fold(
    input: Tensor,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """Columns laid back into their windows, and added up where these overlap.

    Notes:   fold(unfold(x)) is x times the number of windows that see each element.
    Shapes:  (n, c · kh · kw, windows) → (n, c, *output_size), both also without n
    Raises:  ShapeError CR544 (the columns are not those of such windows);
        ArgumentError CR117.

    Example:
        >>> import chainrule as cr
        >>> fold(cr.ones(4, 2), (2, 3), 2)
        tensor([[[1., 2., 1.],
                 [1., 2., 1.]]])
    """
    columns = batched(input, 1)
    kernel = per_axis(kernel_size, 2)
    y = columns.add_window_columns(per_axis(output_size, 2), kernel, stride, padding, dilation)
    return y if columns is input else y.squeeze(0)
