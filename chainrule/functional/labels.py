"""Labels: whole numbers that name a class or a row."""

from __future__ import annotations

from chainrule import dtypes
from chainrule.errors import DtypeError
from chainrule.ops.checking import InRange
from chainrule.tensor.tensor import Tensor


def within(labels: Tensor, classes: int) -> bool:
    """Whether all labels are known to be from 0 to classes - 1."""
    numbers = labels._known()
    if numbers is None or not numbers.size:
        return numbers is not None
    return bool(numbers.min() >= 0 and numbers.max() < classes)


def check_integers(labels: Tensor, what: str) -> None:
    """Raises DtypeError (CR513) unless the labels are whole numbers."""
    if labels.dtype.category == dtypes.INTEGER:
        return
    repair = "labels.long() converts"
    if labels._known() is not None and (unknown := int(labels.isnan().sum().item())):
        repair = f"{unknown} of {labels.numel()} are NaN: leave samples without a label out"
    raise DtypeError("CR513", f"{what}: labels are whole numbers, got {labels.dtype}; {repair}")


def in_range(
    labels: Tensor, classes: int, what: str, of: str = "label", among: str = "classes"
) -> Tensor:
    """The labels, checked whenever they are computed: AxisError (CR512) if one is not there."""
    return labels._apply(InRange, labels, limit=classes, what=what, of=of, among=among)
