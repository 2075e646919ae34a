"""Parametrizations of weights: by length and direction, by spectral norm, orthogonal."""

from __future__ import annotations

from typing import Any

from chainrule.errors import ArgumentError
from chainrule.functional.normalization import normalize
from chainrule.nn.module import Module
from chainrule.nn.utils.parametrize import register_parametrization
from chainrule.nn.utils.spectral_norm import (
    as_matrix,
    check_iterations,
    first_vectors,
    improve,
    usual_axis,
)
from chainrule.nn.utils.weight_norm import learned, lengths, normed_weight
from chainrule.tensor.creation import eye
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.tensor import Tensor

MAPS = ("householder", "matrix_exp", "cayley")


class WeightNorm(Module):
    """w = g v / ‖v‖, with a length for each index of axis `dim`."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return normed_weight(v, g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """g and v of a weight."""
        return lengths(weight, self.dim), weight


class SpectralNorm(Module):
    """w / σ, with σ = uᵀ w v from vectors that are improved whenever it is read in training."""

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        check_iterations(n_power_iterations)
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps
        if weight.ndim > 1:
            matrix = as_matrix(weight.detach(), dim)
            u, v = first_vectors(matrix, eps)
            improve(matrix, u, v, 15, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            improve(matrix.detach(), self._u, self._v, self.n_power_iterations, self.eps)
        return weight / (self._u @ (matrix @ self._v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself."""
        return value


class Orthogonal(Module):
    """Q₀ H(X) with orthonormal columns (rows, of a wide matrix), whatever X is.

    H(X) is one of three orthogonal matrices made of X; Q₀ is the orthogonal matrix that the
    weight was made at the start, where H(X) is the identity.

    Args:    map: "householder", the product of the reflections along the columns of X under
        its diagonal; "matrix_exp", exp(A); "cayley", (1 - A/2)⁻¹ (1 + A/2), where
        A = L - Lᵀ and L is X up to its diagonal.
    Source:  Lezcano-Casado 2019, "Trivializations for gradient-based optimization"
    """

    def __init__(self, map: str) -> None:
        super().__init__()
        self.map = map
        self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        tall = _tall(x)
        if self.map == "householder":
            q = _reflections(tall)
        else:
            rows, columns = tall.shape
            lower = cat([tall.tril(), tall.new_zeros(rows, rows - columns)], 1)
            q = _rotation(lower - lower.T, self.map)[:, :columns]
        q = self.base @ q
        return q if tall is x else q.T

    def right_inverse(self, value: Tensor) -> Tensor:
        """X = -1, once Q₀ is the orthogonal matrix that `value` has by its QR decomposition."""
        q, r = _tall(value).qr(some=False)
        signs = r.diagonal().sign()
        signs = signs.masked_fill(signs == 0, 1)
        columns = signs.shape[0]
        self.base = cat([q[:, :columns] * signs, q[:, columns:]], 1)
        return -eye(*value.shape, dtype=value.dtype)


def _tall(x: Tensor) -> Tensor:
    return x if x.shape[0] >= x.shape[1] else x.T


def _rotation(a: Tensor, map: str) -> Tensor:
    """An orthogonal matrix of a skew-symmetric one."""
    if map == "matrix_exp":
        return a.matrix_exp()
    one = eye(*a.shape, dtype=a.dtype)
    return (one - a / 2)._solved(one + a / 2)


def _reflections(tall: Tensor) -> Tensor:
    """The first columns of the product of the reflections, with the signs on the diagonal."""
    rows, columns = tall.shape
    below = tall.tril(-1) + eye(rows, columns, dtype=tall.dtype)
    q = eye(rows, dtype=tall.dtype)
    for i in range(columns):
        v = below[:, i]
        q = q - (2 / (v @ v)) * (q @ v).unsqueeze(1) * v
    return q[:, :columns] * tall.detach().diagonal().sign()


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Let a weight be  w = g v / ‖v‖  and learn g and v, its original0 and original1.

    Args:    dim: the axis whose indices have a length each; None for one length.
    Raises:  ArgumentError (CR569) where the module has no such parameter.
    Source:  Salimans & Kingma 2016, "Weight normalization"
    """
    return register_parametrization(module, name, WeightNorm(dim), unsafe=True)


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Let a weight be  w / σ(w), σ its largest singular value, and learn w, its original.

    Args:    n_power_iterations: how often σ is improved whenever it is read in training.
        dim: the axis of the outputs; None for the one that the layer has them on.
    Raises:  ArgumentError (CR569) where the module has no such parameter.
    Source:  Miyato et al. 2018, "Spectral normalization for generative adversarial networks"
    """
    axis = usual_axis(module) if dim is None else dim
    weight = learned(module, name)
    norm = SpectralNorm(weight, n_power_iterations, axis, eps)
    return register_parametrization(module, name, norm)


def orthogonal(
    module: Any,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Any:
    """Let a matrix have orthonormal rows or columns, whichever there are fewer of.

    Args:
        orthogonal_map: "householder", "matrix_exp" or "cayley", see Orthogonal; None for the
            second if the matrix is square, else the first
        use_trivialization: only True is offered
    Raises:  ArgumentError (CR569) for another map, or what is no matrix.
    """
    weight = learned(module, name)
    square = weight.ndim == 2 and weight.shape[0] == weight.shape[1]
    chosen = orthogonal_map or ("matrix_exp" if square else "householder")
    if chosen not in MAPS or not use_trivialization or weight.ndim != 2:
        raise ArgumentError(
            "CR569",
            f"orthogonal({name!r}, {orthogonal_map!r}): the parameter must be a matrix (it is "
            f"{tuple(weight.shape)}), the map one of {', '.join(MAPS)}, and "
            "use_trivialization=True",
        )
    return register_parametrization(module, name, Orthogonal(chosen))
