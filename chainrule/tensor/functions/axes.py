"""Tensors given more axes: at least some number of them, or those of a grid."""

from __future__ import annotations

from typing import Any

from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.tensor import Tensor


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor with at least one axis."""
    return _each_with_axes(tensors, 1)


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with at least two axes, new ones in front."""
    return _each_with_axes(tensors, 2)


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with three axes or more: a vector along the middle one, a matrix first."""
    return _each_with_axes(tensors, 3)


def _each_with_axes(tensors: tuple, rank: int) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return with_axes(tensors[0], rank)
    listed = tensors[0] if len(tensors) == 1 else tensors
    return tuple([with_axes(tensor, rank) for tensor in listed])


def with_axes(x: Tensor, rank: int) -> Tensor:
    """The tensor with new axes in front, if it has fewer than `rank`; a third comes last."""
    if rank == 3 and x.ndim < 3:
        return with_axes(x, 2).unsqueeze(-1)
    return x if x.ndim >= rank else x.reshape((1,) * (rank - x.ndim) + tuple(x.shape))


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: one tensor for each axis, all of the grid's shape.

    Args: indexing: "ij", the first tensor runs along axis 0; "xy", along axis 1.
    """
    listed = (
        tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    )
    if indexing not in ("ij", "xy"):
        raise ArgumentError("CR902", f'meshgrid: indexing is "ij" or "xy", got {indexing!r}')
    if any(tensor.ndim > 1 for tensor in listed):
        raise ShapeError(
            "CR109", f"meshgrid takes vectors, got shapes {[tuple(x.shape) for x in listed]}"
        )
    turned = indexing == "xy" and len(listed) > 1
    order = [listed[1], listed[0], *listed[2:]] if turned else [*listed]
    shape = [tensor.numel() for tensor in order]
    ones = [1] * len(order)
    grids = [
        tensor.reshape([*ones[:i], -1, *ones[i + 1 :]]).expand(shape)
        for i, tensor in enumerate(order)
    ]
    return (grids[1], grids[0], *grids[2:]) if turned else (*grids,)
