"""Bags of embeddings: the rows of a table, put together."""

from __future__ import annotations

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.embedding import refuse_sparse, row_number, rows_read
from chainrule.tensor.creation import arange
from chainrule.tensor.tensor import Tensor


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The rows of each bag put together  y[b] = Σ w[i] W[x[i]] over the i in bag b.

    Shapes:  input (b, n), a bag in each row, or (n,) all one after the other, with offsets
        (b,); weight (rows, d) → (b, d)
    Args:
        offsets: where each bag begins; with include_last_offset also where the last one ends
        mode: "sum", "mean", or "max" in place of the sum; an empty bag gives 0
        per_sample_weights: w, like the input; for "sum"
        padding_idx: a row that does not count
        max_norm, norm_type, scale_grad_by_freq, sparse: as in embedding
    Raises:  ShapeError (CR565), ArgumentError (CR565); those of embedding.

    Example:
        >>> import chainrule as cr
        >>> table = cr.tensor([[1.0], [2.0], [4.0]])
        >>> embedding_bag(cr.tensor([0, 1, 2]), table, cr.tensor([0, 2]), mode="sum")
        tensor([[3.],
                [4.]])
    """
    _check(input, offsets, mode, per_sample_weights)
    refuse_sparse(sparse)
    if offsets is None:
        offsets = arange(input.shape[0]) * input.shape[1]
    elif include_last_offset:
        offsets = offsets[:-1]
    y, read = rows_read(
        "embedding_bag", weight, input.reshape(-1), max_norm, norm_type, scale_grad_by_freq
    )
    counted = read.ones_like().bool()
    if padding_idx is not None:
        counted = read != row_number(padding_idx, weight.shape[0])
    if mode == "max":
        return _largest(y, counted, offsets)
    share = counted.to(y.dtype)
    if per_sample_weights is not None:
        share = share * per_sample_weights.reshape(-1)
    return _sums(y, share, offsets, mode == "mean")


def _sums(y: Tensor, share: Tensor, offsets: Tensor, mean: bool) -> Tensor:
    """Σ share · y over each bag, for the mean divided by how many rows count."""
    bag = _bags(offsets, y.shape[0])
    total = y.new_zeros(offsets.shape[0], y.shape[1]).index_add(0, bag, y * share.unsqueeze(1))
    if not mean:
        return total
    counts = y.new_zeros(offsets.shape[0]).index_add(0, bag, share)
    return total / counts.clamp_min(1).unsqueeze(1)


def _bags(offsets: Tensor, n: int) -> Tensor:
    """The bag that each of n rows belongs to."""
    begins = offsets.new_zeros(n + 1).index_add(0, offsets, offsets.ones_like())
    return begins[:n].cumsum(0) - 1


def _largest(y: Tensor, counted: Tensor, offsets: Tensor) -> Tensor:
    """The largest of each feature in each bag; 0 for bags of nothing."""
    n = y.shape[0]
    ends = offsets._array("the size of the largest bag")
    longest = int(max([*(ends[1:] - ends[:-1]), n - ends[-1]])) if len(ends) else 0
    if not longest:
        return y.new_zeros(offsets.shape[0], y.shape[1])
    places = offsets.unsqueeze(1) + arange(longest)  # (b, longest)
    beyond = places >= offsets.new_tensor([*ends[1:].tolist(), n]).unsqueeze(1)
    places = places.masked_fill(beyond, 0)
    out = (beyond | ~counted[places]).unsqueeze(2)
    y, _ = y[places].masked_fill(out, float("-inf")).max(1)
    return y.masked_fill(out.all(1), 0)


def _check(
    input: Tensor, offsets: Tensor | None, mode: str, per_sample_weights: Tensor | None
) -> None:
    if input.ndim not in (1, 2) or (input.ndim == 1) != (offsets is not None):
        raise ShapeError(
            "CR565",
            "embedding_bag takes an input (bags, n), or (n,) with the offsets at which the "
            f"bags begin; got {tuple(input.shape)} "
            f"{'without' if offsets is None else 'and'} offsets",
        )
    if mode not in ("sum", "mean", "max"):
        raise ArgumentError(
            "CR565", f"embedding_bag: mode={mode!r}; choose from sum, mean, max"
        )
    if per_sample_weights is not None and (
        mode != "sum" or per_sample_weights.shape != input.shape
    ):
        raise ArgumentError(
            "CR565",
            f"embedding_bag: per_sample_weights are for mode='sum', and like the input "
            f"{tuple(input.shape)}; got {tuple(per_sample_weights.shape)} and mode={mode!r}",
        )
    if offsets is not None:
        _check_offsets(offsets, input.shape[0])


def _check_offsets(offsets: Tensor, n: int) -> None:
    numbers = offsets._known()
    wrong = offsets.ndim != 1
    if numbers is not None and numbers.size and not wrong:
        wrong = bool(numbers[0] != 0 or numbers[-1] > n)
    if wrong:
        raise ArgumentError(
            "CR565",
            f"embedding_bag: offsets {offsets.tolist()} must begin with 0 and end within the "
            f"{n} row numbers",
        )
