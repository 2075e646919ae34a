"""Bags of embeddings."""

from __future__ import annotations

from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.functional.embedding_bag import embedding_bag
from chainrule.nn.embedding import Table
from chainrule.tensor.tensor import Tensor


class EmbeddingBag(Table):
    """The rows of a table of vectors put together, bag by bag  y[b] = Σ W[x[i]].

    Shapes:  (b, n) whole numbers, or (n,) and offsets (b,) → (b, embedding_dim)
    Args:
        mode: "mean", "sum" or "max"
        padding_idx: a row that starts as zero, and does not count
        include_last_offset: whether the offsets end with the number of rows
        max_norm, norm_type, scale_grad_by_freq: as in Embedding

    Example:
        >>> import chainrule as cr
        >>> EmbeddingBag(100, 16)(cr.tensor([[7, 0, 99]])).shape
        chainrule.Size([1, 16])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type,
            scale_grad_by_freq, sparse, _weight, device=device, dtype=dtype,
        )  # fmt: skip
        self.mode = mode
        self.include_last_offset = include_last_offset

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """A layer with known vectors, a row of `embeddings` each.

        Args:  freeze: whether they stay as they are.
        """
        rows, features = cls._sizes(embeddings)
        made = cls(
            rows, features, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
            include_last_offset, padding_idx,
        )  # fmt: skip
        made.weight.requires_grad_(not freeze)
        return made

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        return embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type,
            self.scale_grad_by_freq, self.mode, self.sparse, per_sample_weights,
            self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return self._described(
            ["max_norm", "norm_type", "scale_grad_by_freq", "mode", "padding_idx"]
        )
