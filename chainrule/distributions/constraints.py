"""Where a parameter or a sample may lie: `constraint.check(x)` says it for every event.

Each constraint that takes no arguments is there once, under its small name (`positive`); of
the others the small name is the class (`interval(0, 2)`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule import dtypes
from chainrule.distributions.constraint import (
    Constraint,
    Dependent,
    DependentProperty,
    IndependentConstraint,
)
from chainrule.distributions.constraint import (
    MixtureSameFamilyConstraint as MixtureSameFamilyConstraint,
)
from chainrule.distributions.constraint import is_dependent as is_dependent
from chainrule.distributions.constraint import too_few_axes as too_few_axes
from chainrule.dtypes import finfo
from chainrule.errors import ArgumentTypeError
from chainrule.functional.linalg.factorization import cholesky_ex, eigvalsh
from chainrule.tensor.creation import full
from chainrule.tensor.functions.joining import cat as joined
from chainrule.tensor.functions.joining import stack as stacked
from chainrule.tensor.tensor import Tensor


class Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value == 0) | (value == 1)


class OneHot(Constraint):
    """Vectors with a single 1 among zeros."""

    is_discrete = True
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class Bounded(Constraint):
    """A range with one bound or two."""

    lower_bound: Any
    upper_bound: Any

    def __init__(self, *bounds: Any, **named: Any) -> None:
        given = dict(zip(self.bounds, bounds, strict=False)) | named
        if given.keys() != set(self.bounds) or len(bounds) > len(self.bounds):
            raise ArgumentTypeError(
                "CR956", f"{type(self).__name__} takes {', '.join(self.bounds)}, got {given}"
            )
        self.__dict__.update(given)


class IntegerInterval(Bounded):
    """Whole numbers from lower_bound to upper_bound, both included."""

    is_discrete = True
    bounds = ("lower_bound", "upper_bound")

    def check(self, value: Tensor) -> Tensor:
        whole = value % 1 == 0
        return whole & (value >= self.lower_bound) & (value <= self.upper_bound)


class IntegerGreaterThan(Bounded):
    """Whole numbers from lower_bound (included)."""

    is_discrete = True
    bounds = ("lower_bound",)

    def check(self, value: Tensor) -> Tensor:
        return (value % 1 == 0) & (value >= self.lower_bound)


class Real(Constraint):
    """All numbers and both infinities, but not nan."""

    def check(self, value: Tensor) -> Tensor:
        return value == value


class GreaterThan(Bounded):
    """Numbers above lower_bound."""

    bounds = ("lower_bound",)

    def check(self, value: Tensor) -> Tensor:
        return value > self.lower_bound


class GreaterThanEq(Bounded):
    """Numbers from lower_bound (included)."""

    bounds = ("lower_bound",)

    def check(self, value: Tensor) -> Tensor:
        return value >= self.lower_bound


class LessThan(Bounded):
    """Numbers below upper_bound."""

    bounds = ("upper_bound",)

    def check(self, value: Tensor) -> Tensor:
        return value < self.upper_bound


class Interval(Bounded):
    """Numbers from lower_bound to upper_bound, both included."""

    bounds = ("lower_bound", "upper_bound")

    def check(self, value: Tensor) -> Tensor:
        return (value >= self.lower_bound) & (value <= self.upper_bound)


class HalfOpenInterval(Interval):
    """Numbers from lower_bound (included) to upper_bound (excluded)."""

    def check(self, value: Tensor) -> Tensor:
        return (value >= self.lower_bound) & (value < self.upper_bound)


class Simplex(Constraint):
    """Vectors of non-negative numbers with the sum 1, to 1e-6."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class Multinomial(Bounded):
    """Vectors of counts with a sum of at most upper_bound."""

    is_discrete = True
    event_dim = 1
    bounds = ("upper_bound",)

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


class LowerTriangular(Constraint):
    """Matrices with zeros above the diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        return _of_all(value.tril() == value)


class LowerCholesky(LowerTriangular):
    """Lower-triangular matrices with a positive diagonal."""

    def check(self, value: Tensor) -> Tensor:
        return super().check(value) & (value.diagonal(0, -2, -1) > 0).all(-1)


class CorrCholesky(LowerCholesky):
    """Cholesky factors of correlation matrices: their rows have length 1."""

    def check(self, value: Tensor) -> Tensor:
        limit = finfo(value.dtype).eps * value.shape[-1] * 10
        length = value.detach().square().sum(-1).sqrt()
        return super().check(value) & ((length - 1).abs() <= limit).all(-1)


class Square(Constraint):
    """Square matrices."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        return full(value.shape[:-2], value.shape[-2] == value.shape[-1], dtype=dtypes.bool_)


class Symmetric(Square):
    """Square matrices that equal their transpose."""

    def check(self, value: Tensor) -> Tensor:
        if value.shape[-2] != value.shape[-1]:
            return super().check(value)
        return _of_all((value - value.mT).abs() <= 1e-6 + 1e-5 * value.abs())


class PositiveSemidefinite(Symmetric):
    """Symmetric matrices without a negative eigenvalue."""

    def check(self, value: Tensor) -> Tensor:
        if value.shape[-2] != value.shape[-1]:
            return super().check(value)
        return super().check(value) & (eigvalsh(value.detach()) >= 0).all(-1)


class PositiveDefinite(Symmetric):
    """Symmetric matrices that have a Cholesky factor."""

    def check(self, value: Tensor) -> Tensor:
        if value.shape[-2] != value.shape[-1]:
            return super().check(value)
        return super().check(value) & (cholesky_ex(value.detach()).info == 0)


def _of_all(holds: Tensor) -> Tensor:
    """Whether something holds for all elements of a matrix."""
    return holds.flatten(-2).all(-1)


class Stack(Constraint):
    """One constraint for each place on an axis, as `stack` joins tensors.

    The axis belongs to the event if it is counted from the end.
    """

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        self.cseq = list(cseq)
        self.dim = dim

    @property
    def is_discrete(self) -> bool:
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> int:
        axes = max(c.event_dim for c in self.cseq)
        return axes + 1 if self.dim + axes < 0 else axes

    def check(self, value: Tensor) -> Tensor:
        parts = value.unbind(self.dim)
        found = [c.check(x) for c, x in zip(self.cseq, parts, strict=True)]
        if self.event_dim > max(c.event_dim for c in self.cseq):
            return stacked(found, 0).all(0)
        return stacked(found, self.dim)


class Cat(Stack):
    """One constraint for each run of `lengths` places on an axis, as `cat` joins tensors."""

    def __init__(
        self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None
    ) -> None:
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)

    @property
    def event_dim(self) -> int:
        return max(c.event_dim for c in self.cseq)

    def check(self, value: Tensor) -> Tensor:
        parts = value.split(self.lengths, self.dim)
        pairs = zip(self.cseq, parts, strict=True)
        return joined([c.check(x) for c, x in pairs], self.dim)


dependent = Dependent()
dependent_property = DependentProperty
independent = IndependentConstraint
boolean = Boolean()
one_hot = OneHot()
nonnegative_integer = IntegerGreaterThan(0)
positive_integer = IntegerGreaterThan(1)
integer_interval = IntegerInterval
real = Real()
real_vector = IndependentConstraint(real, 1)
positive = GreaterThan(0.0)
nonnegative = GreaterThanEq(0.0)
greater_than = GreaterThan
greater_than_eq = GreaterThanEq
less_than = LessThan
multinomial = Multinomial
unit_interval = Interval(0.0, 1.0)
interval = Interval
half_open_interval = HalfOpenInterval
simplex = Simplex()
lower_triangular = LowerTriangular()
lower_cholesky = LowerCholesky()
corr_cholesky = CorrCholesky()
square = Square()
symmetric = Symmetric()
positive_semidefinite = PositiveSemidefinite()
positive_definite = PositiveDefinite()
cat = Cat
stack = Stack
