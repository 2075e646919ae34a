"""Products of matrices and vectors that are made of others, powers and the exponential."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule import shapes
from chainrule.errors import ShapeError
from chainrule.ops import matrix_kernels as kernels
from chainrule.ops.methods import Methods
from chainrule.ops.primitive import Primitive

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class MatrixExp(Primitive):
    """The exponential of square matrices,  y = Σ xᵏ / k!.

    Notes:   exp of the block matrix (x g; 0 x) holds the derivative along g in its corner,
    and the cotangent is the one along g of xᵀ.
    Source:  Al-Mohy & Higham 2009, "Computing the Fréchet derivative of the matrix exponential"
    """

    def forward(x):
        return kernels.exponential(x)

    def shape(x):
        return x

    def vjp_x(g, x):
        n = x.shape[-1]
        above = x.concatenate([x.mT, g], -1)
        below = x.concatenate([g.zeros_like(), x.mT], -1)
        return x.concatenate([above, below], -2).matrix_exp()[..., :n, n:]


class MatrixProductMethods(Methods):
    """What a user calls."""

    def matrix_exp(self) -> Tensor:
        """e to the power of square matrices."""
        return self._apply(MatrixExp, self._matrices("matrix_exp"))

    def matrix_power(self, n: int) -> Tensor:
        """Square matrices multiplied n times, by squaring; the inverse if n is negative."""
        if self.ndim < 2 or self.shape[-1] != self.shape[-2]:
            raise ShapeError(
                "CR133",
                f"matrix_power needs square matrices, (…, n, n), got shape {tuple(self.shape)}",
            )
        if n == 0:
            return self.zeros_like()._filled_diagonals(1)
        base: Any = self.inverse() if n < 0 else self
        y: Any = None
        left = abs(n)
        while left:
            if left % 2:
                y = base.clone() if y is None else y @ base
            left //= 2
            base = base @ base if left else base
        return y

    def _filled_diagonals(self, value: float) -> Tensor:
        """Every matrix of the stack with one number on its diagonal."""
        size = min(self.shape[-2:])
        diagonal = self.new_full((*self.shape[:-2], size), value)
        return self.diagonal_scatter(diagonal, 0, -2, -1)

    def addmv(self, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta · self + alpha · mat vec"""
        if self.ndim > 1:
            raise ShapeError(
                "CR104", f"addmv adds to a vector, got one of shape {tuple(self.shape)}"
            )
        return self * beta + mat.mv(vec) * alpha

    def addr(self, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta · self + alpha · vec1 vec2ᵀ"""
        return self * beta + vec1.outer(vec2) * alpha

    def addbmm(
        self, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
    ) -> Tensor:
        """beta · self + alpha · the sum of the products of two stacks of matrices"""
        return self * beta + batch1.bmm(batch2).sum(0) * alpha

    def vdot(self, other: Tensor) -> Tensor:
        """As dot; the two differ for complex numbers only."""
        return self.dot(other)

    def inner(self, other: Tensor) -> Tensor:
        """Σ self · other over the last axis of both, for all pairs of the others."""
        if self.ndim == 0 or other.ndim == 0:
            return self * other
        if self.shape[-1] != other.shape[-1]:
            raise ShapeError(
                "CR104",
                f"inner sums over last axes of equal size, got {tuple(self.shape)} and "
                f"{tuple(other.shape)}",
            )
        return self.tensordot(other, ([-1], [-1]))

    def kron(self, other: Tensor) -> Tensor:
        """Every element of self times the whole of other, as one large matrix."""
        rank = max(self.ndim, other.ndim)
        ours = (1,) * (rank - self.ndim) + tuple(self.shape)
        theirs = (1,) * (rank - other.ndim) + tuple(other.shape)
        a = self.reshape([n for size in ours for n in (size, 1)])
        b = other.reshape([n for size in theirs for n in (1, size)])
        return (a * b).reshape([n * m for n, m in zip(ours, theirs, strict=True)])

    def cross(self, other: Tensor, dim: int | None = None) -> Tensor:
        """The product at right angles to both, along an axis of size 3 (the first one)."""
        a, b = self._promoted(other)
        shape = shapes.broadcast(tuple(a.shape), tuple(b.shape))
        if dim is None and 3 in shape:
            dim = shape.index(3)
        if dim is None or a.ndim != b.ndim or not a.size(dim) == b.size(dim) == 3:
            raise ShapeError(
                "CR133",
                f"cross needs an axis of size 3 in both, got shapes {tuple(self.shape)} and "
                f"{tuple(other.shape)} with dim={dim}",
            )
        a, b = a.expand(shape), b.expand(shape)
        return a.roll(-1, dim) * b.roll(-2, dim) - a.roll(-2, dim) * b.roll(-1, dim)

    def _chained(self, others: list[Tensor]) -> Tensor:
        """The product of a chain of matrices in the order that costs least."""
        chain = [self, *others]
        if any(x.ndim != 2 for x in chain):
            raise ShapeError(
                "CR104",
                f"a chain of matrices, vectors only at its ends; got shapes "
                f"{[tuple(x.shape) for x in chain]}",
            )
        sizes = [chain[0].shape[0], *[x.shape[1] for x in chain]]
        return _multiplied(chain, _best_cuts(sizes), 0, len(chain) - 1)


def _best_cuts(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut each part of a chain, so that fewest numbers are multiplied.

    Source: Cormen et al. 2009, §15.2
    """
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cuts = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            options = {
                k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            }
            cuts[i, j] = min(options, key=options.__getitem__)
            cost[i, j] = options[cuts[i, j]]
    return cuts


def _multiplied(chain: list, cuts: dict[tuple[int, int], int], i: int, j: int) -> Tensor:
    if i == j:
        return chain[i]
    k = cuts[i, j]
    return _multiplied(chain, cuts, i, k) @ _multiplied(chain, cuts, k + 1, j)
