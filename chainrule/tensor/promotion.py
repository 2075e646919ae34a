"""Which element type an operation on mixed types has, as PyTorch decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes, settings
from chainrule.errors import ArgumentTypeError

if TYPE_CHECKING:
    pass


def result_dtype(*operands: Any) -> np.dtype:
    """The common type of tensors and Python numbers.

    Tensors with axes decide; 0-d tensors, and after them numbers, only lift the category
    (bool < integer < float), never the size within one.
    """
    ranks: list[np.dtype | None] = [None, None, None]  # with axes, 0-d, numbers
    for operand in operands:
        rank, dtype = _kind(operand)
        held = ranks[rank]
        ranks[rank] = dtype if held is None else dtypes.promote(held, dtype)
    result: np.dtype | None = None
    for found in ranks:
        if result is None:
            result = found
        elif found is not None and dtypes.category(found) > dtypes.category(result):
            result = dtypes.promote(result, found)
    assert result is not None
    return result


def _kind(operand: Any) -> tuple[int, np.dtype]:
    cell = getattr(operand, "_cell", None)
    if cell is not None:
        return int(not cell.array.shape), cell.array.dtype
    return 2, _number_dtype(plain_number(operand))


def _number_dtype(number: Any) -> np.dtype:
    if isinstance(number, bool):
        return dtypes.bool_.numpy
    return dtypes.int64.numpy if isinstance(number, int) else settings.defaults.float_dtype


def plain_number(value: Any) -> bool | int | float:
    """A Python number; NumPy's scalars are converted."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float)):
        return value
    raise ArgumentTypeError(
        "CR205",
        f"a tensor can be combined with a tensor or a number, not with {type(value).__name__}; "
        "convert first, chainrule.as_tensor(value)",
    )
