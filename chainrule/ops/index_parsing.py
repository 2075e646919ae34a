"""What an index means: x[...] taken apart into slices, a shape and positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import shapes
from chainrule.dtypes import INTEGER
from chainrule.errors import ArgumentTypeError, AxisError, ShapeError
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


def parse(x: Any, index: Any) -> tuple[tuple, shapes.Shape, dict[int, Any]]:
    """An index taken apart, as PyTorch reads it: first the plain part, then the positions.

    Returns a slice (start, stop, step) for each axis of x, the shape after the plain part
    (whole numbers drop their axis, None adds one), and the index tensors by their axis in
    that shape.
    """
    slices: list[tuple[int, int, int]] = []
    shape: list[int] = []
    positions: dict[int, Any] = {}
    for entry in _entries(x, index):
        if entry is None:
            shape.append(1)
        elif isinstance(entry, bool):
            positions[len(shape)] = x._of(np.zeros(int(entry), np.int64))
            shape.append(1)
        elif isinstance(entry, int):
            at = shapes.position(entry, x.shape[len(slices)], len(slices))
            slices.append((at, at + 1, 1))
        elif isinstance(entry, slice):
            part = _slice(entry, x.shape[len(slices)])
            slices.append(part)
            shape.append(len(range(*part)))
        else:
            positions[len(shape)] = entry
            covered = x.shape[len(slices) : len(slices) + _axes_taken(entry)]
            slices += [(0, n, 1) for n in covered]
            shape += covered or [1]
    return tuple(slices), tuple(shape), positions


def _entries(x: Any, index: Any) -> list[Any]:
    """The parts of an index with `...` spelled out and sequences made tensors."""
    listed = index if isinstance(index, tuple) else (index,)
    parts = [_normal(x, part) for part in listed]
    taken = sum([_axes_taken(part) for part in parts])
    if taken > x.ndim:
        raise AxisError(
            "CR103", f"too many indices: {taken} for a tensor of shape {tuple(x.shape)}"
        )
    fill = [slice(None)] * (x.ndim - taken)
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise AxisError("CR103", "an index may hold only one '...'")
    at = dots[0] if dots else len(parts)
    return [*parts[:at], *fill, *parts[at + 1 :]]


def _normal(x: Any, part: Any) -> Any:
    if isinstance(part, Methods) or part is None or part is Ellipsis:
        return part
    if isinstance(part, (int, slice)):
        return part
    if isinstance(part, (np.integer, np.bool_)):
        return part.item()
    if is_array(part) or isinstance(part, range):
        positions = x._taken_in(part, "x[array]")
        return positions._cast(np.dtype(np.int64)) if not positions.numel() else positions
    raise ArgumentTypeError(
        "CR903",
        f"a tensor is indexed by whole numbers, slices, None, ..., lists and tensors of "
        f"whole numbers or booleans; got {type(part).__name__}",
    )


def is_array(value: Any) -> bool:
    """Whether `value` is a list, a tuple or a NumPy array: numbers that are no tensor yet."""
    return isinstance(value, (list, tuple, np.ndarray))


def _axes_taken(part: Any) -> int:
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    if isinstance(part, Methods) and part.dtype.name == "bool":
        return part.ndim
    return 1


def _slice(part: slice, size: int) -> tuple[int, int, int]:
    if part.step is not None and part.step <= 0:
        raise ArgumentTypeError("CR903", "a slice's step must be positive; use flip() instead")
    bounds = slice(*[None if b is None else int(b) for b in (part.start, part.stop, part.step)])
    start, stop, step = bounds.indices(size)
    return (start, max(start, stop), step)


def positions_of(x: Any, found: dict[int, Any]) -> tuple[list[Tensor], shapes.Shape]:
    """The index tensors and their axes: masks become the positions that they mark."""
    indices: list[Tensor] = []
    axes: list[int] = []
    for axis, index in found.items():
        if index.dtype.name == "bool":
            check_mask(x, index, axis)
            marked = index.nonzero(as_tuple=True)
            indices += marked
            axes += range(axis, axis + len(marked))
        else:
            indices.append(as_index(index))
            axes.append(axis)
    return indices, tuple(axes)


def check_mask(x: Any, mask: Any, axis: int) -> None:
    """Raise ShapeError (CR102) unless the mask has the sizes of the axes from `axis` on."""
    covered = tuple(x.shape[axis : axis + mask.ndim])
    if covered != tuple(mask.shape):
        raise ShapeError(
            "CR102",
            f"a mask of shape {tuple(mask.shape)} does not fit the axes {covered} it stands on",
        )


def as_index(index: Any, size: int | None = None) -> Tensor:
    """An index as int64; with a `size`, checked to be within 0 … size - 1."""
    if index.dtype.category != INTEGER or index.dtype.name == "uint8":
        raise ArgumentTypeError(
            "CR903",
            f"an index tensor holds signed integers, or booleans as a mask, got {index.dtype}; "
            "convert it, index.long() or mask.bool()",
        )
    index = index._cast(np.dtype(np.int64))
    if size is None:
        return index
    if (known := index._known()) is None:
        return index.where(index >= 0, size)  # what counts from the back is refused later
    check_range(known, size, least=0)
    return index


def check_range(index: np.ndarray, size: int, least: int) -> None:
    """Raise AxisError (CR103) unless all elements are within `least` … size - 1."""
    if index.size and not least <= index.min() <= index.max() < size:
        wrong = index.min() if index.min() < least else index.max()
        raise AxisError(
            "CR103", f"index {wrong} is out of range for an axis of {size} elements"
        )
