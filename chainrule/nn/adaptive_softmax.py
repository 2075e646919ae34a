"""Adaptive softmax: for very many classes, most of them rare."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.labels import check_integers, in_range
from chainrule.functional.softmax import log_softmax
from chainrule.nn.containers import ModuleList, Sequential
from chainrule.nn.linear import Linear
from chainrule.nn.module import Module
from chainrule.tensor.creation import arange
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.tensor import Tensor


class AdaptiveSoftmaxResult(NamedTuple):
    """What the layer returns."""

    output: Tensor  # the log-probability of the target of each sample
    loss: Tensor  # minus the mean of them


class AdaptiveLogSoftmaxWithLoss(Module):
    """ln p(t), p(t) = p(cluster of t) p(t in its cluster), the cheaper the rarer the cluster.

    The classes come in order of how frequent they are. Those before the first cutoff and the
    clusters share one softmax; a cluster i is computed from in_features / div_value^(i + 1)
    features.

    Shapes:  input (n, in_features), target (n,); or (in_features,) and ()
    Args:
        cutoffs: where clusters begin, ascending
        div_value: by how much a cluster has fewer features than the one before
        head_bias: whether the shared softmax has a bias
    Raises:  ArgumentError (CR566) for cutoffs that do not ascend; ShapeError (CR510); AxisError
        (CR512).
    Source:  Grave et al. 2017, "Efficient softmax approximation for GPUs"

    Example:
        >>> import chainrule as cr
        >>> layer = AdaptiveLogSoftmaxWithLoss(8, 100, cutoffs=[10, 50])
        >>> output, loss = layer(cr.zeros(3, 8), cr.tensor([5, 20, 99]))
        >>> layer.log_prob(cr.zeros(3, 8)).shape
        chainrule.Size([3, 100])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = _bounds(cutoffs, n_classes)
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, False, device, dtype),
                    Linear(hidden, size, False, device, dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Start anew, at random."""
        for layer in self.modules():
            if isinstance(layer, Linear):
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> AdaptiveSoftmaxResult:
        _check(input_, target_)
        batched = target_.ndim == 1
        x, labels = (t if batched else t.unsqueeze(0) for t in (input_, target_))
        labels = in_range(labels, self.n_classes, "AdaptiveLogSoftmaxWithLoss")
        head = log_softmax(self.head(x), 1)
        column = labels  # of the head: a frequent class, or the cluster of a rare one
        for i, begin in enumerate(self.cutoffs[:-1]):
            column = column.masked_fill(labels >= begin, self.shortlist_size + i)
        output = head.gather(1, column.unsqueeze(1)).squeeze(1)
        for i, begin in enumerate(self.cutoffs[:-1]):
            output = output + self._within(i, x, labels - begin)
        output = output if batched else output.squeeze(0)
        return AdaptiveSoftmaxResult(output, -output.mean())

    def _within(self, i: int, x: Tensor, place: Tensor) -> Tensor:
        """The log-probability of a place in cluster i, and 0 for samples of other clusters."""
        size = self.cutoffs[i + 1] - self.cutoffs[i]
        inside = (place >= 0) & (place < size)
        numbers = inside._known()
        rows = arange(x.shape[0])  # all of them while tracing, where nobody knows which
        if numbers is not None:
            rows = rows[inside]
        place = place.masked_fill(~inside, 0)[rows]
        found = log_softmax(self.tail[i](x[rows]), 1).gather(1, place.unsqueeze(1)).squeeze(1)
        found = found.masked_fill(~inside[rows], 0)
        return x.new_zeros(x.shape[0]).index_add(0, rows, found)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (n, in_features) → (n, n_classes)."""
        head = log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            of_cluster = head[:, self.shortlist_size + i].unsqueeze(1)
            parts.append(of_cluster + log_softmax(cluster(input), 1))
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each sample."""
        return self.log_prob(input).argmax(1)


def _bounds(cutoffs: Sequence[int], n_classes: int) -> list[int]:
    """Where clusters begin, and the end of the last one."""
    bounds = [*cutoffs, n_classes]
    ascending = all(a < b for a, b in pairwise(bounds))
    if not cutoffs or bounds[0] <= 0 or not ascending:
        raise ArgumentError(
            "CR566",
            f"AdaptiveLogSoftmaxWithLoss: cutoffs={list(cutoffs)} must ascend, each from 1 to "
            f"{n_classes - 1} for n_classes={n_classes}",
        )
    return bounds


def _check(input: Tensor, target: Tensor) -> None:
    if target.ndim > 1 or input.ndim != target.ndim + 1 or input.shape[:-1] != target.shape:
        raise ShapeError(
            "CR510",
            "AdaptiveLogSoftmaxWithLoss takes (n, in_features) with labels (n,), or "
            f"(in_features,) with (); got {tuple(input.shape)} and {tuple(target.shape)}",
        )
    check_integers(target, "AdaptiveLogSoftmaxWithLoss")
