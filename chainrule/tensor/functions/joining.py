"""Several tensors made into one."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import ArgumentError, ArgumentTypeError, ShapeError
from chainrule.ops.methods import with_all_names
from chainrule.shapes import axis
from chainrule.tensor.functions.axes import with_axes
from chainrule.tensor.functions.out import with_out
from chainrule.tensor.tensor import Tensor


@with_out
@with_all_names
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after the other along an axis that they have."""
    return _first(tensors, "cat").concatenate(tensors, dim)


concat = concatenate = cat


@with_out
@with_all_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis."""
    first = _first(tensors, "stack").shape
    for i, tensor in enumerate(tensors):
        if tensor.shape != first:
            raise ShapeError(
                "CR109",
                f"stack() takes tensors of one shape; the first has {tuple(first)}, tensor {i} "
                f"has {tuple(tensor.shape)}",
            )
    at = axis(dim, len(first) + 1)
    return cat([tensor.unsqueeze(at) for tensor in tensors], at)


def _first(tensors: Sequence[Tensor], what: str) -> Tensor:
    """The first of a list that must hold tensors only."""
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise ArgumentTypeError(
                "CR209",
                f"{what}() takes a list of tensors; element {i} is a {type(tensor).__name__}",
            )
    if not len(tensors):
        raise ArgumentError("CR902", f"{what}() needs at least one tensor")
    return tensors[0]


@with_out
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors side by side along the second axis, vectors along their only one."""
    parts = [tensor.reshape(1) if tensor.ndim == 0 else tensor for tensor in tensors]
    return cat(parts, 0 if _first(parts, "hstack").ndim == 1 else 1)


@with_out
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one under the other, vectors as rows."""
    return cat([with_axes(tensor, 2) for tensor in tensors], 0)


row_stack = vstack


@with_out
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one behind the other along the third axis."""
    return cat([with_axes(tensor, 3) for tensor in tensors], 2)


@with_out
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined as columns: a vector is one column."""
    return cat([x.reshape(-1, 1) if x.ndim < 2 else x for x in tensors], 1)
