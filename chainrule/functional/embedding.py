"""From whole numbers to vectors."""

from __future__ import annotations

from chainrule.errors import ArgumentError
from chainrule.functional.labels import check_integers, in_range
from chainrule.tensor.creation import arange
from chainrule.tensor.tensor import Tensor


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of a table  y[…] = W[x[…]].

    Shapes:  input (…) whole numbers, weight (rows, d) → (…, d)
    Args:    padding_idx: a row that gets no gradient; counted from the end if negative.
    Raises:  AxisError (CR512) for a row that is not there; DtypeError (CR513).

    Example:
        >>> import chainrule as cr
        >>> embedding(cr.tensor([2, 0]), cr.tensor([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]]))
        tensor([[2.0000, 2.5000],
                [0.0000, 0.5000]])
    """
    rows = weight.shape[0]
    check_integers(input, "embedding")
    input = in_range(input, rows, "embedding", of="row number", among="rows")
    y = weight[input]
    if padding_idx is None:
        return y
    learned = input != row_number(padding_idx, rows)
    return y.where(learned.unsqueeze(-1), y.detach())


def row_number(padding_idx: int, rows: int) -> int:
    """A row counted from the front."""
    if not -rows <= padding_idx < rows:
        raise ArgumentError(
            "CR527", f"padding_idx={padding_idx} is not one of the {rows} rows of the embedding"
        )
    return padding_idx % rows


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Whole numbers as rows of 0 with a 1  y[…, k] = 1 where x[…] = k.

    Args:    num_classes: how many numbers there are; -1 takes the largest one plus 1.
    Raises:  AxisError (CR512) for a number out of range; DtypeError (CR513).

    Example:
        >>> import chainrule as cr
        >>> one_hot(cr.tensor([0, 2]), num_classes=3)
        tensor([[1, 0, 0],
                [0, 0, 1]])
    """
    check_integers(tensor, "one_hot")
    classes = int(tensor.max().item()) + 1 if num_classes == -1 else num_classes
    tensor = in_range(tensor, classes, "one_hot")
    return (tensor.unsqueeze(-1) == arange(classes)).long()
