"""Embeddings: a learned vector for each of some things."""

from __future__ import annotations

from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ShapeError
from chainrule.functional.embedding import embedding, row_number
from chainrule.nn import init
from chainrule.nn.module import Module
from chainrule.nn.parameter import Parameter
from chainrule.tensor.creation import empty
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


class Embedding(Module):
    """A table of vectors, read by row number  y[…] = W[x[…]].

    Shapes:  (…) whole numbers → (…, embedding_dim); weight (num_embeddings, embedding_dim)
    Args:    padding_idx: a row that starts as zero and is not learned.
    Raises:  AxisError (CR512) for a row that is not there; DtypeError (CR513).
    Notes:   the vectors start as Gaussian numbers with mean 0 and standard deviation 1.

    Example:
        >>> import chainrule as cr
        >>> Embedding(100, 16)(cr.tensor([[7, 0, 99]])).shape
        chainrule.Size([1, 3, 16])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = (
            None if padding_idx is None else row_number(padding_idx, num_embeddings)
        )
        if _weight is None:
            table = empty(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.weight = Parameter(table, requires_grad=not _freeze)
            self.reset_parameters()
        else:
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None
    ) -> Embedding:
        """An embedding with known vectors, a row of `embeddings` each.

        Args:  freeze: whether they stay as they are.
        """
        if embeddings.ndim != 2:
            raise ShapeError(
                "CR534",
                "from_pretrained takes a table (rows, features), got "
                f"{tuple(embeddings.shape)}",
            )
        rows, features = embeddings.shape
        return cls(rows, features, padding_idx, _weight=embeddings, _freeze=freeze)

    def reset_parameters(self) -> None:
        """Start anew, at random."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        return embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
