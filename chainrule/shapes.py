"""Arithmetic on shapes and axes, shared by every family of primitives."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable, Sequence

from chainrule.errors import ArgumentTypeError, AxisError, ShapeError

Shape = tuple[int, ...]


@functools.lru_cache(4096)
def broadcast(*shapes: Shape) -> Shape:
    """The common shape: axes are matched from the right, and a 1 stretches."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        distinct = {size for size in sizes if size != 1}
        if len(distinct) > 1:
            listed = " and ".join(map(str, shapes))
            raise ShapeError(
                "CR102",
                f"shapes {listed} do not broadcast: sizes {sorted(distinct)} meet on one axis; "
                "axes are matched from the right, and each pair must be equal or contain a 1",
            )
        result.append(distinct.pop() if distinct else 1)
    return tuple(result)


def axis(dim: int, rank: int) -> int:
    """`dim` counted from the front; a negative one counts from the back."""
    limit = max(rank, 1)
    if not -limit <= dim < limit:
        raise AxisError(
            "CR103",
            f"dimension out of range: got dim={dim} for a tensor with {rank} dimensions "
            f"(expected {-limit} to {limit - 1})",
        )
    return dim % limit


def position(index: int, size: int, axis: int) -> int:
    """`index` counted from the front; a negative one counts from the back."""
    if not -size <= index < size:
        raise AxisError(
            "CR103", f"index {index} is out of range for axis {axis}, which has {size} elements"
        )
    return index % size


def axes(dims: int | Iterable[int] | None, rank: int) -> Shape:
    """The axes meant by `dims`, counted from the front and sorted; None means all."""
    if dims is None:
        return tuple(range(rank))
    listed = (dims,) if isinstance(dims, int) else tuple(dims)
    if not listed:
        return tuple(range(rank))
    found = sorted(axis(dim, rank) for dim in listed)
    if len(set(found)) < len(found):
        raise AxisError("CR103", f"dim={listed} names one axis twice")
    return tuple(found) if rank else ()


def reduced(shape: Shape, over: Shape, keepdim: bool) -> Shape:
    """The shape after a reduction over the axes `over`."""
    if keepdim:
        return tuple(1 if i in over else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in over)


def matmul(a: Shape, b: Shape) -> Shape:
    """(…, n, k) times (…, k, m) gives (…, n, m)."""
    if a[-1] != b[-2]:
        raise ShapeError(
            "CR104",
            f"matrix product of {a} and {b}: the inner sizes {a[-1]} and {b[-2]} must be equal"
            + ("; transpose the second, b.mT" if a[-1] == b[-1] else ""),
        )
    return (*broadcast(a[:-2], b[:-2]), a[-2], b[-1])


def resolve(shape: Sequence[int], size: int, old: Shape) -> Shape:
    """`shape` with its -1 replaced so that it holds `size` elements."""
    known = math.prod(d for d in shape if d != -1)
    if shape.count(-1) > 1 or any(d < -1 for d in shape):
        raise ShapeError("CR105", f"cannot reshape {old} to {tuple(shape)}: one -1 at most")
    fits = known != 0 and size % known == 0 if -1 in shape else known == size
    if not fits:
        raise ShapeError(
            "CR105",
            f"cannot reshape {old}, which holds {size} elements, to {tuple(shape)}",
        )
    return tuple(size // known if d == -1 else d for d in shape)


def flat(sizes: tuple) -> Shape:
    """The sizes given as f(2, 3), f((2, 3)) or f([2, 3]).

    Raises: ArgumentTypeError (CR903) for sizes that are not whole numbers.
    """
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    try:
        return tuple(map(operator.index, sizes))
    except TypeError:
        raise ArgumentTypeError(
            "CR903", f"sizes are whole numbers, got {sizes}; int(n) or n // 2 makes one"
        ) from None


def windows(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """How many places a window of `kernel` has along an axis."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
