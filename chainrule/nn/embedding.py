"""Embeddings: a learned vector for each of some things."""

from __future__ import annotations

from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ShapeError
from chainrule.functional.embedding import embedding, refuse_sparse, row_number
from chainrule.nn import init
from chainrule.nn.module import Module
from chainrule.nn.parameter import Parameter
from chainrule.tensor.creation import empty
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

#: what is said of a table in print only where it is another value
USUAL = {
    "padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False,
    "sparse": False,
}  # fmt: skip


class Table(Module):
    """The family with a table of vectors, in rows; see Embedding for the arguments."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        refuse_sparse(sparse)
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = (
            None if padding_idx is None else row_number(padding_idx, num_embeddings)
        )
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            table = empty(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.weight = Parameter(table, requires_grad=not _freeze)
            self.reset_parameters()
        elif self._sizes(_weight) != (num_embeddings, embedding_dim):
            raise ShapeError(
                "CR534",
                f"{type(self).__name__}({num_embeddings}, {embedding_dim}) cannot take a table "
                f"{tuple(_weight.shape)}",
            )
        else:
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    @staticmethod
    def _sizes(embeddings: Tensor) -> tuple[int, int]:
        """Rows and features of a table."""
        if embeddings.ndim != 2:
            raise ShapeError(
                "CR534",
                "from_pretrained takes a table (rows, features), got "
                f"{tuple(embeddings.shape)}",
            )
        rows, features = embeddings.shape
        return rows, features

    def reset_parameters(self) -> None:
        """Start anew, at random."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def _described(self, names: list[str]) -> str:
        """The sizes, and what is unusual."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name in names:
            value = getattr(self, name)
            if name not in USUAL or value != USUAL[name]:
                text += f", {name}={value!r}"
        return text


class Embedding(Table):
    """A table of vectors, read by row number  y[…] = W[x[…]].

    Shapes:  (…) whole numbers → (…, embedding_dim); weight (num_embeddings, embedding_dim)
    Args:
        padding_idx: a row that starts as zero and is not learned
        max_norm: rows that are read and longer are first shortened to this norm, in the table
        norm_type: which norm
        scale_grad_by_freq: divide the gradient of a row by how often it is read
        sparse: not offered
    Raises:  AxisError (CR512) for a row that is not there; DtypeError (CR513).
    Notes:   the vectors start as Gaussian numbers with mean 0 and standard deviation 1.

    Example:
        >>> import chainrule as cr
        >>> Embedding(100, 16)(cr.tensor([[7, 0, 99]])).shape
        chainrule.Size([1, 3, 16])
    """

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """An embedding with known vectors, a row of `embeddings` each.

        Args:  freeze: whether they stay as they are.
        """
        rows, features = cls._sizes(embeddings)
        return cls(
            rows, features, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            embeddings, freeze,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        return embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type,
            self.scale_grad_by_freq,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return self._described(list(USUAL))
