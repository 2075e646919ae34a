"""What a transform is, and transforms made of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from chainrule.distributions import constraints
from chainrule.distributions.parameters import sum_rightmost
from chainrule.errors import AbsentError, ArgumentError
from chainrule.tensor.tensor import Tensor

T = TypeVar("T", bound="Transform")


class Transform:
    """A function of events  y = f(x)  with an inverse and  ln |det ∂y/∂x|.

    A subclass has `_call` and `_inverse`, `log_abs_det_jacobian` if it is bijective, the
    constraints `domain` and `codomain`, and `sign`, 1 or -1, if it is monotone.

    Args:  cache_size: 1 keeps the last pair x, y, so that inverting y gives x itself.
    """

    is_plain_state = True  # a compiled function looks at the attributes

    bijective: Any = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ArgumentError("CR957", f"cache_size is 0 or 1, got {cache_size}")
        self._cache_size = cache_size
        self._cached_x_y: tuple[Tensor | None, Tensor | None] = None, None
        self._inv: Transform | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_inv": None, "_cached_x_y": (None, None)}

    @property
    def event_dim(self) -> int:
        """How many axes an event has, before and after."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise ArgumentError(
                "CR957",
                f"{self} changes the axes of an event; ask domain.event_dim or "
                "codomain.event_dim",
            )
        return self.domain.event_dim

    @property
    def inv(self) -> Transform:
        """The inverse transform; `t.inv.inv is t`."""
        if self._inv is None:
            self._inv = InverseTransform(self)
        return self._inv

    @property
    def sign(self) -> Any:
        """1 if it is increasing, -1 if decreasing."""
        raise self._has_no("sign")

    def with_cache(self: T, cache_size: int = 1) -> T:
        """The same transform with another cache_size."""
        if self._cache_size == cache_size:
            return self
        new = object.__new__(type(self))
        vars(new).update(vars(self), _inv=None)
        Transform.__init__(new, cache_size)
        return new

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return hash(type(self))

    def __call__(self, x: Tensor) -> Tensor:
        """y = f(x)"""
        if self._cache_size and x is self._cached_x_y[0]:
            assert self._cached_x_y[1] is not None
            return self._cached_x_y[1]
        y = self._call(x)
        self._keep(x, y)
        return y

    def _inv_call(self, y: Tensor) -> Tensor:
        if self._cache_size and y is self._cached_x_y[1]:
            assert self._cached_x_y[0] is not None
            return self._cached_x_y[0]
        x = self._inverse(y)
        self._keep(x, y)
        return x

    def _keep(self, x: Tensor, y: Tensor) -> None:
        if self._cache_size:
            self._cached_x_y = x, y

    def _call(self, x: Tensor) -> Tensor:
        raise self._has_no("forward direction")

    def _inverse(self, y: Tensor) -> Tensor:
        raise self._has_no("inverse")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """ln |det ∂y/∂x| of each event."""
        raise self._has_no("log_abs_det_jacobian")

    def _has_no(self, what: str) -> AbsentError:
        return AbsentError("CR954", f"{type(self).__name__} has no {what}")

    def forward_shape(self, shape: Any) -> Any:
        """The shape of y for an x of some shape."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of x for a y of some shape."""
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Fixed(Transform):
    """The family: transforms without arguments, all equal."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    __hash__ = Transform.__hash__


class InverseTransform(Transform):
    """x = f⁻¹(y), what `transform.inv` is."""

    _inv: Transform

    def __init__(self, transform: Transform) -> None:
        super().__init__(transform._cache_size)
        self._inv = transform

    def __getstate__(self) -> dict[str, Any]:
        return vars(self)

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        return self._inv.codomain

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:
        return self._inv.domain

    @property
    def bijective(self) -> bool:
        return self._inv.bijective

    @property
    def sign(self) -> Any:
        return self._inv.sign

    @property
    def inv(self) -> Transform:
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Any:
        return self._inv.with_cache(cache_size).inv

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InverseTransform) and self._inv == other._inv

    __hash__ = Transform.__hash__

    def __call__(self, x: Tensor) -> Tensor:
        return self._inv._inv_call(x)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._inv.forward_shape(shape)

    def __repr__(self) -> str:
        return f"InverseTransform({self._inv!r})"


class ComposeTransform(Transform):
    """One transform after the other, the first of `parts` first.

    Example:
        >>> import chainrule as cr
        >>> from chainrule.distributions.transforms import AffineTransform, ExpTransform
        >>> ComposeTransform([ExpTransform(), AffineTransform(1, 2)])(cr.tensor(0.0))
        tensor(3.)
    """

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = [part.with_cache(cache_size) if cache_size else part for part in parts]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    __hash__ = Transform.__hash__

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        if not self.parts:
            return constraints.real
        axes = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            grown = axes + part.domain.event_dim - part.codomain.event_dim
            axes = max(grown, part.domain.event_dim)
        return _widened(self.parts[0].domain, axes)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:
        if not self.parts:
            return constraints.real
        axes = self.parts[0].domain.event_dim
        for part in self.parts:
            grown = axes + part.codomain.event_dim - part.domain.event_dim
            axes = max(grown, part.codomain.event_dim)
        return _widened(self.parts[-1].codomain, axes)

    @property
    def bijective(self) -> bool:
        return all(part.bijective for part in self.parts)

    @property
    def sign(self) -> Any:
        sign: Any = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    @property
    def inv(self) -> Transform:
        if self._inv is None:
            self._inv = ComposeTransform([part.inv for part in reversed(self.parts)])
            self._inv._inv = self
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Any:
        same = self._cache_size == cache_size
        return self if same else ComposeTransform(self.parts, cache_size)

    def __call__(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        total: Any = None if self.parts else x.zeros_like()
        axes = self.domain.event_dim
        for part in self.parts:
            after = y if part is self.parts[-1] else part(x)
            term = part.log_abs_det_jacobian(x, after)
            term = sum_rightmost(term, axes - part.domain.event_dim)
            total = term if total is None else total + term
            axes += part.codomain.event_dim - part.domain.event_dim
            x = after
        return total

    def forward_shape(self, shape: Any) -> Any:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        inside = ",\n    ".join([repr(part) for part in self.parts])
        return f"ComposeTransform(\n    {inside}\n)"


def _widened(constraint: Any, axes: int) -> Any:
    """The constraint, of events with `axes` axes."""
    more = axes - constraint.event_dim
    return constraints.independent(constraint, more) if more else constraint


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """Another transform, of events with `reinterpreted_batch_ndims` more axes.

    The values stay; log_abs_det_jacobian is the sum over these axes.
    """

    def __init__(
        self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0
    ) -> None:
        super().__init__(cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    def with_cache(self, cache_size: int = 1) -> Any:
        if self._cache_size == cache_size:
            return self
        axes = self.reinterpreted_batch_ndims
        return IndependentTransform(self.base_transform, axes, cache_size)

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        axes = self.reinterpreted_batch_ndims
        return constraints.independent(self.base_transform.domain, axes)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:
        axes = self.reinterpreted_batch_ndims
        return constraints.independent(self.base_transform.codomain, axes)

    @property
    def bijective(self) -> bool:
        return self.base_transform.bijective

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _call(self, x: Tensor) -> Tensor:
        if x.ndim < self.domain.event_dim:
            raise constraints.too_few_axes(x, self.domain.event_dim)
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Tensor:
        if y.ndim < self.codomain.event_dim:
            raise constraints.too_few_axes(y, self.codomain.event_dim)
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        inner = self.base_transform.log_abs_det_jacobian(x, y)
        return sum_rightmost(inner, self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Any) -> Any:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.base_transform.inverse_shape(shape)

    def __repr__(self) -> str:
        return (
            f"IndependentTransform({self.base_transform!r}, {self.reinterpreted_batch_ndims})"
        )
