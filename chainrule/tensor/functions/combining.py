"""Combinations of the elements of vectors, and of whole matrices."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from chainrule import dtypes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.shapes import broadcast, flat
from chainrule.tensor.creation import zeros
from chainrule.tensor.functions.axes import meshgrid
from chainrule.tensor.functions.joining import cat, stack
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors, expanded to their common shape."""
    listed = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    shape = broadcast(*[tuple(x.shape) for x in listed])
    return tuple([x.expand(shape) for x in listed])


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes are expanded to.

    Example:
        >>> import chainrule as cr
        >>> cr.broadcast_shapes((2, 1), (3,))
        chainrule.Size([2, 3])
    """
    return Size(broadcast(*[flat((shape,)) for shape in shapes])) if shapes else Size(())


def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices along a diagonal, with 0 around them; vectors are rows, numbers 1 by 1.

    Example:
        >>> import chainrule as cr
        >>> cr.block_diag(cr.ones(1, 2), cr.tensor(3.))
        tensor([[1., 1., 0.],
                [0., 0., 3.]])
    """
    if not tensors:
        return zeros(1, 0)
    wide = [x.reshape((1,) * (2 - x.ndim) + tuple(x.shape)) for x in tensors]
    if any(x.ndim > 2 for x in wide):
        raise ShapeError(
            "CR109", f"block_diag takes matrices, got {[tuple(x.shape) for x in tensors]}"
        )
    width, done, rows = sum(x.shape[1] for x in wide), 0, []
    for x in wide[0]._alike(*wide[1:]):
        after = width - done - x.shape[1]
        rows.append(x.pad_constant([(0, 0), (done, after)]))
        done += x.shape[1]
    return cat(rows, 0)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Every way to take one element of each vector, a row each, as itertools.product does.

    Example:
        >>> import chainrule as cr
        >>> cr.cartesian_prod(cr.tensor([1, 2]), cr.tensor([3, 4])).tolist()
        [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    if any(x.ndim != 1 for x in tensors):
        raise ShapeError(
            "CR109",
            f"cartesian_prod takes vectors, got shapes {[tuple(x.shape) for x in tensors]}",
        )
    if len(tensors) == 1:
        return tensors[0].clone()
    grids = meshgrid(*tensors, indexing="ij")
    return stack([grid.reshape(-1) for grid in grids], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Every choice of r elements of a vector in their order, a row each.

    Example:
        >>> import chainrule as cr
        >>> cr.combinations(cr.tensor([1, 2, 3])).tolist()
        [[1, 2], [1, 3], [2, 3]]
    """
    if input.ndim != 1 or r < 0:
        raise ShapeError(
            "CR109",
            f"combinations takes r ≥ 0 elements of a vector, got r={r} and shape "
            f"{tuple(input.shape)}",
        )
    if r == 0:
        return input.new_zeros(0)
    choose = itertools.combinations_with_replacement if with_replacement else None
    listed = list((choose or itertools.combinations)(range(input.shape[0]), r))
    places = np.array(listed, np.int64).reshape(-1, r)
    return input[Tensor._of(places)]


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of every element of a vector, N - 1 to 0, or 0 to N - 1 if `increasing`."""
    if x.ndim != 1:
        raise ShapeError("CR109", f"vander takes a vector, got shape {tuple(x.shape)}")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise ArgumentError("CR902", f"vander: N must be at least 0, got {N}")
    kind = x if x.is_floating_point() else x.long()
    powers = kind.unsqueeze(-1).expand(x.shape[0], max(count - 1, 0)).cumprod(-1)
    y = powers.pad_constant([(0, 0), (1, 0)], 1)[:, :count]
    return y if increasing else y.flip(1)


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The position on every axis, from the position among all elements.

    Example:
        >>> import chainrule as cr
        >>> cr.unravel_index(cr.tensor([5]), (2, 3))
        (tensor([1]), tensor([2]))
    """
    if indices.dtype.category != dtypes.INTEGER:
        raise ArgumentError("CR902", f"unravel_index takes whole numbers, got {indices.dtype}")
    sizes = flat((shape,)) if isinstance(shape, (tuple, list)) else (int(shape),)
    found: list[Tensor] = []
    rest = indices.long()
    for size in reversed(sizes):
        found.append(rest % size)
        rest = rest // size
    return tuple(reversed(found))
