"""DistributedSampler: each of several programs reads a share of its own."""

from __future__ import annotations

from collections.abc import Sized

import numpy as np

from chainrule.data.sampler import OrderedSampler
from chainrule.errors import ArgumentError
from chainrule.tensor.generator import Generator


class DistributedSampler(OrderedSampler):
    """The share of one of `num_replicas` programs that train on the same dataset.

    Program `rank` reads the positions rank, rank + num_replicas, … of an order that all of
    them have in common. Shares have equal lengths: the order is filled up from its beginning,
    or with drop_last cut.

    Args:
        num_replicas: how many programs there are. It must be said, as chainrule starts none.
        rank: which one this is, from 0.
        shuffle: a new order for every `set_epoch(epoch)`; without that call always the same.
        seed: the same in all programs.

    Raises: ArgumentError (CR724) without num_replicas and rank, or for a rank out of range.

    Example:
        >>> [list(DistributedSampler(range(5), 2, rank, shuffle=False)) for rank in (0, 1)]
        [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise ArgumentError(
                "CR724",
                "DistributedSampler cannot ask how many programs train together, as chainrule "
                "starts none; say so: DistributedSampler(dataset, num_replicas=4, rank=0)",
            )
        if not 0 <= rank < num_replicas:
            raise ArgumentError(
                "CR724",
                f"DistributedSampler: rank={rank} of num_replicas={num_replicas} programs; "
                f"the ranks are 0 to {num_replicas - 1}",
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed

    def set_epoch(self, epoch: int) -> None:
        """Say which pass comes next, in all programs alike."""
        self.epoch = epoch

    @property
    def num_samples(self) -> int:
        """The length of each share."""
        rounded_up = -(-len(self.dataset) // self.num_replicas)
        uneven = len(self.dataset) % self.num_replicas > 0
        return rounded_up - 1 if self.drop_last and uneven else rounded_up

    @property
    def total_size(self) -> int:
        """The length of all shares together."""
        return self.num_samples * self.num_replicas

    def order(self) -> np.ndarray:
        """The positions of this program's share."""
        n = len(self.dataset)
        everything = np.arange(n)
        if self.shuffle:
            generator = Generator().manual_seed(self.seed + self.epoch)
            everything = generator.permutation(n).numpy()
        return np.resize(everything, self.total_size)[self.rank :: self.num_replicas]

    def __len__(self) -> int:
        return self.num_samples
