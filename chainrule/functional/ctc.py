"""Connectionist temporal classification: labels whose places in time are not known."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.labels import check_integers, in_range
from chainrule.functional.loss_function import loss_function
from chainrule.functional.reduction import check_reduction, reduced
from chainrule.functional.scan import scan
from chainrule.tensor.creation import arange, as_tensor, full
from chainrule.tensor.functions.joining import cat, stack
from chainrule.tensor.tensor import Tensor

NEVER = -1e30  # the logarithm of a probability of 0; finite, so that its derivative is 0

Lengths = Tensor | Sequence[int]


@loss_function
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """L = -ln Σ Π p[t, π(t)] over all paths π that read as the target.

    A path names a class at every time; it reads as what is left when repetitions are made one
    and then blanks are taken out.

    Shapes:  log_probs (t, n, k) or (t, k), log-probabilities; targets (n, s) padded, or all
        one after the other; input_lengths and target_lengths (n,)
    Args:
        blank: the class that stands for no label
        reduction: "mean" divides each loss by the length of its target first
        zero_infinity: 0 where no path reads as the target, as the input is too short
    Raises:  ShapeError (CR510) for other shapes; ArgumentError CR518 (lengths), CR511;
        AxisError (CR512) for a label out of range; DtypeError (CR513).
    Notes:   α[t, s], the logarithm of the sum over all paths that have read the first s of
        "blank, label, blank, label, …, blank" by time t, is computed from α[t - 1].
    Source:  Graves et al. 2006, "Connectionist temporal classification", §4.1

    Example:
        >>> import chainrule as cr
        >>> even = cr.full((2, 1, 2), 0.5).log()
        >>> ctc_loss(even, cr.tensor([[1]]), [2], [1]).exp()  # 3 of 4 paths read as [1]
        tensor(1.3333)
    """
    check_reduction(reduction, "ctc_loss")
    batched = log_probs.ndim != 2
    if not batched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.unsqueeze(0) if targets.ndim == 1 else targets
    _check(log_probs, targets, blank)
    times, n, classes = log_probs.shape
    spans = _lengths(input_lengths, n, times, "input_lengths")
    counts = _lengths(target_lengths, n, None, "target_lengths")
    labels = in_range(_padded(targets, counts, n), classes, "ctc_loss")
    x = log_probs.float() if log_probs.element_size() == 2 else log_probs
    loss = -_log_likelihood(x.clamp_min(NEVER), labels, spans, counts, blank)
    impossible = loss >= -0.5 * NEVER
    loss = loss.masked_fill(impossible, 0.0 if zero_infinity else float("inf"))
    if reduction == "mean":
        loss = loss / counts.clamp_min(1)
    loss = loss.to(log_probs.dtype)
    return reduced(loss if batched else loss.squeeze(0), reduction, "ctc_loss")


def _log_likelihood(
    log_probs: Tensor, labels: Tensor, spans: Tensor, counts: Tensor, blank: int
) -> Tensor:
    """ln p(labels) of each sample, by the forward algorithm."""
    n, s = labels.shape
    blanks = labels.full_like(blank)
    states = cat([stack([blanks, labels], 2).flatten(1), blanks.new_full((n, 1), blank)], 1)
    repeated = states[:, 2:] == states[:, :-2]  # also blank after blank
    skips = cat([repeated.new_ones(n, min(2, 2 * s + 1)), repeated], 1)[:, : 2 * s + 1]
    emitted = log_probs.gather(2, states.expand(log_probs.shape[0], -1, -1))  # (t, n, states)
    times = arange(1, emitted.shape[0]).unsqueeze(1)

    def step(alpha: Tensor, emitted: Tensor, runs: Tensor) -> tuple[Tensor, tuple]:
        forward = _sum_of_three(alpha, skips) + emitted
        return forward.where(runs, alpha), ()

    alpha = emitted[0].masked_fill(arange(2 * s + 1) > 1, NEVER)
    if emitted.shape[0] > 1:
        alpha, _ = scan(step, alpha, [emitted[1:], (times < spans).unsqueeze(2)])
    last = (2 * counts).unsqueeze(1)
    ends = [alpha.gather(1, last), alpha.gather(1, (last - 1).clamp_min(0))]
    without_label = (counts == 0).unsqueeze(1)
    return cat([ends[0], ends[1].masked_fill(without_label, NEVER)], 1).logsumexp(1)


def _sum_of_three(alpha: Tensor, no_skip: Tensor) -> Tensor:
    """ln Σ exp α over staying in a state, one step, and two where the states allow it."""
    n, count = alpha.shape
    padded = cat([full((n, 2), NEVER, dtype=alpha.dtype), alpha], 1)
    two = padded[:, :count].masked_fill(no_skip, NEVER)
    return stack([alpha, padded[:, 1:-1], two]).logsumexp(0)


def _padded(targets: Tensor, counts: Tensor, n: int) -> Tensor:
    """The targets as (n, s), with 0 beyond their lengths."""
    if targets.ndim == 2:
        beyond = arange(targets.shape[1]) >= counts.unsqueeze(1)
        _check_counts(counts, targets.shape[1])
        return targets.long().masked_fill(beyond, 0)
    longest = int(counts._array("the longest of concatenated targets").max()) if n else 0
    starts = counts.cumsum(0) - counts
    places = starts.unsqueeze(1) + arange(longest)
    total = int(counts.sum().item())
    if targets.shape[0] != total:
        raise ShapeError(
            "CR510",
            f"ctc_loss: target_lengths add up to {total}, and there are {targets.shape[0]} "
            "labels in targets",
        )
    beyond = arange(longest) >= counts.unsqueeze(1)
    if not total:
        return counts.new_zeros(n, longest)
    return targets.long()[places.masked_fill(beyond, 0)].masked_fill(beyond, 0)


def _lengths(lengths: Lengths, n: int, limit: int | None, name: str) -> Tensor:
    found = as_tensor(lengths).long().reshape(-1)
    if found.shape[0] != n:
        raise ShapeError(
            "CR510", f"ctc_loss: {found.shape[0]} {name} for a batch of {n} sequences"
        )
    numbers = found._known()
    if numbers is not None and n:
        small, large = int(numbers.min()), int(numbers.max())
        if small < 0 or (limit is not None and large > limit):
            raise ArgumentError(
                "CR518",
                f"ctc_loss: {name} go from {small} to {large}; they must be from 0 to "
                f"{'the length of the targets' if limit is None else limit}",
            )
    return found


def _check_counts(counts: Tensor, longest: int) -> None:
    numbers = counts._known()
    if numbers is not None and numbers.size and numbers.max() > longest:
        raise ArgumentError(
            "CR518",
            f"ctc_loss: a target length is {numbers.max()}, and targets hold {longest} labels "
            "for each sequence",
        )


def _check(log_probs: Tensor, targets: Tensor, blank: int) -> None:
    x = tuple(log_probs.shape)
    if len(x) != 3 or targets.ndim not in (1, 2) or x[0] == 0:
        raise ShapeError(
            "CR510",
            "ctc_loss takes log_probs (times, n, classes) and targets (n, s) or all one after "
            f"the other; got {x} and {tuple(targets.shape)}",
        )
    check_integers(targets, "ctc_loss")
    if targets.ndim == 2 and targets.shape[0] != x[1]:
        raise ShapeError(
            "CR510",
            f"ctc_loss: log_probs {x} hold {x[1]} sequences (axis 1), targets "
            f"{tuple(targets.shape)} hold {targets.shape[0]} (axis 0)",
        )
    if not 0 <= blank < x[2]:
        raise ArgumentError(
            "CR518", f"ctc_loss: blank={blank} must be one of the {x[2]} classes"
        )
