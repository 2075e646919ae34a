"""Transforms that reshape events, or treat their parts differently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions.parameters import sum_rightmost
from chainrule.distributions.transforms.transform import Transform
from chainrule.errors import ArgumentError
from chainrule.tensor.functions.joining import cat, stack
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor


class ReshapeTransform(Transform):
    """Events of in_shape to events of out_shape."""

    bijective = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ArgumentError(
                "CR957",
                f"an event of shape {tuple(in_shape)} has {self.in_shape.numel()} elements, "
                f"one of shape {tuple(out_shape)} has {self.out_shape.numel()}",
            )

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(tuple(self.forward_shape(x.shape)))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(tuple(self.inverse_shape(y.shape)))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(tuple(x.shape)[: x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: Any) -> Any:
        return _exchanged(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return _exchanged(shape, self.out_shape, self.in_shape)


def _exchanged(shape: Any, old: Size, new: Size) -> Size:
    kept = len(shape) - len(old)
    if kept < 0 or tuple(shape)[kept:] != tuple(old):
        raise ArgumentError(
            "CR957", f"the shape {tuple(shape)} does not end in that of an event, {tuple(old)}"
        )
    return Size(tuple(shape)[:kept] + tuple(new))


class StackTransform(Transform):
    """One transform for each place on an axis, which belongs to the event if it is counted
    from the end.

    Example:
        >>> import chainrule as cr
        >>> from chainrule.distributions.transforms import ExpTransform, identity_transform
        >>> StackTransform([ExpTransform(), identity_transform])(cr.tensor([0.0, 5.0]))
        tensor([1., 5.])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.transforms = [t.with_cache(cache_size) if cache_size else t for t in tseq]
        self.dim = dim

    def _parts(self, x: Tensor) -> Sequence[Tensor]:
        if x.shape[self.dim] != len(self.transforms):
            raise ArgumentError(
                "CR957",
                f"{len(self.transforms)} transforms for the {x.shape[self.dim]} places of axis "
                f"{self.dim}; there must be one for each",
            )
        return x.unbind(self.dim)

    _joined: Callable[..., Tensor] = staticmethod(stack)

    def _call(self, x: Tensor) -> Tensor:
        pairs = zip(self.transforms, self._parts(x), strict=True)
        return self._joined([t(part) for t, part in pairs], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        pairs = zip(self.transforms, self._parts(y), strict=True)
        return self._joined([t.inv(part) for t, part in pairs], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        triples = zip(self.transforms, self._parts(x), self._parts(y), strict=True)
        terms = [t.log_abs_det_jacobian(a, b) for t, a, b in triples]
        inside = self.dim + max(t.domain.event_dim for t in self.transforms) < 0
        return _total(terms) if inside else stack(terms, self.dim)

    @property
    def bijective(self) -> bool:
        return all(t.bijective for t in self.transforms)

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.stack([t.codomain for t in self.transforms], self.dim)


class CatTransform(StackTransform):
    """One transform for each run of `lengths` places on an axis."""

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise ArgumentError(
                "CR957", f"{len(self.transforms)} transforms, but {len(self.lengths)} lengths"
            )

    @property
    def event_dim(self) -> int:
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self) -> int:
        """How many places the transforms fill together."""
        return sum(self.lengths)

    def _parts(self, x: Tensor) -> Sequence[Tensor]:
        if x.shape[self.dim] != self.length:
            raise ArgumentError(
                "CR957",
                f"the transforms fill {self.length} places of axis {self.dim}, the tensor has "
                f"{x.shape[self.dim]}",
            )
        return x.split(self.lengths, self.dim)

    _joined: Callable[..., Tensor] = staticmethod(cat)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        terms = []
        for t, a, b in zip(self.transforms, self._parts(x), self._parts(y), strict=True):
            term = t.log_abs_det_jacobian(a, b)
            terms.append(sum_rightmost(term, self.event_dim - t.event_dim))
        dim = self.dim - x.ndim if self.dim >= 0 else self.dim
        dim += self.event_dim
        return cat(terms, dim) if dim < 0 else _total(terms)

    @constraints.dependent_property
    def domain(self) -> Any:
        domains = [t.domain for t in self.transforms]
        return constraints.cat(domains, self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Any:
        codomains = [t.codomain for t in self.transforms]
        return constraints.cat(codomains, self.dim, self.lengths)


def _total(terms: Sequence[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
