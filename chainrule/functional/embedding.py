"""From whole numbers to vectors."""

from __future__ import annotations

from chainrule.errors import ArgumentError
from chainrule.functional.labels import check_integers, in_range
from chainrule.tensor.creation import arange
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of a table  y[…] = W[x[…]].

    Shapes:  input (…) whole numbers, weight (rows, d) → (…, d)
    Args:
        padding_idx: a row that gets no gradient; counted from the end if negative
        max_norm: rows that are read and longer are first shortened to this norm, in the table
        norm_type: which norm
        scale_grad_by_freq: divide the gradient of a row by how often it is read
        sparse: not offered
    Raises:  AxisError (CR512) for a row that is not there; DtypeError (CR513); ArgumentError
        (CR564) for sparse=True.

    Example:
        >>> import chainrule as cr
        >>> embedding(cr.tensor([2, 0]), cr.tensor([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]]))
        tensor([[2.0000, 2.5000],
                [0.0000, 0.5000]])
    """
    refuse_sparse(sparse)
    y, read = rows_read("embedding", weight, input, max_norm, norm_type, scale_grad_by_freq)
    if padding_idx is None:
        return y
    learned = read != row_number(padding_idx, weight.shape[0])
    return y.where(learned.unsqueeze(-1), y.detach())


def rows_read(
    what: str,
    weight: Tensor,
    input: Tensor,
    max_norm: float | None,
    norm_type: float,
    scale_grad_by_freq: bool,
) -> tuple[Tensor, Tensor]:
    """The rows that are read, and their numbers, checked; embedding says more."""
    rows = weight.shape[0]
    check_integers(input, what)
    read = in_range(input, rows, what, of="row number", among="rows")
    if max_norm is not None:
        _shorten_rows(weight, read, max_norm, norm_type)
    y = weight[read]
    return _by_frequency(y, read, rows) if scale_grad_by_freq else y, read


def _shorten_rows(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows of the table that are read and longer than max_norm down to it."""
    with no_grad():
        read = input.reshape(-1)
        rows = weight[read]
        norm = rows.norm(norm_type, 1, keepdim=True)
        shorter = rows * (max_norm / (norm + 1e-7))
        weight._assign(
            weight.index_put((read,), shorter.where(norm > max_norm, rows)), "max_norm"
        )


def _by_frequency(y: Tensor, input: Tensor, rows: int) -> Tensor:
    """The rows that were read, with a gradient divided by how often each was."""
    read = input.reshape(-1)
    counts = y.new_zeros(rows).index_add(0, read, y.new_ones(read.shape))
    share = 1 / counts[input].unsqueeze(-1)
    return y.detach() + (y - y.detach()) * share


def refuse_sparse(sparse: bool) -> None:
    """Raises ArgumentError (CR564) where gradients are to be sparse."""
    if sparse:
        raise ArgumentError(
            "CR564",
            "sparse=True asks for gradients that hold only some rows, which are not offered; "
            "without it the gradients are the same numbers in a whole table",
        )


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
