"""What a constraint is, and constraints of events that have more axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.tensor.tensor import Tensor


class Constraint:
    """A set of values. `event_dim` last axes together are one event, which is checked whole."""

    is_discrete: Any = False
    event_dim: Any = 0
    bounds: tuple[str, ...] = ()

    def check(self, value: Tensor) -> Tensor:
        """Whether each event of `value` lies in the set."""
        raise NotImplementedError

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)}" for name in self.bounds)
        return f"{type(self).__name__}({inside})"


class Dependent(Constraint):
    """A set that depends on other arguments, so that it is known of an instance only."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented):
        self._is_discrete = is_discrete
        self._event_dim = event_dim

    @property
    def is_discrete(self) -> bool:
        return self._told(self._is_discrete, "is_discrete")

    @property
    def event_dim(self) -> int:
        return self._told(self._event_dim, "event_dim")

    def _told(self, value: Any, name: str) -> Any:
        if value is NotImplemented:
            raise _depends(f"its {name}")
        return value

    def __call__(
        self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented
    ) -> Dependent:
        """A dependent constraint of which more is known."""
        discrete = self._is_discrete if is_discrete is NotImplemented else is_discrete
        axes = self._event_dim if event_dim is NotImplemented else event_dim
        return Dependent(is_discrete=discrete, event_dim=axes)

    def check(self, value: Tensor) -> Tensor:
        raise _depends("the set")


def _depends(what: str) -> ArgumentError:
    return ArgumentError(
        "CR956",
        f"{what} depends on the arguments of the distribution; ask an instance, "
        "distribution.support",
    )


class DependentProperty(property, Dependent):
    """A property that computes the constraint of an instance; seen on the class, dependent."""

    def __init__(
        self,
        compute: Callable | None = None,
        *,
        is_discrete: Any = NotImplemented,
        event_dim: Any = NotImplemented,
    ) -> None:
        super().__init__(compute)
        self._is_discrete = is_discrete
        self._event_dim = event_dim

    def __call__(self, compute: Any) -> Any:  # type: ignore[override]
        """As a decorator with what is known of all instances."""
        return DependentProperty(
            compute, is_discrete=self._is_discrete, event_dim=self._event_dim
        )


def is_dependent(constraint: Any) -> bool:
    """Whether the set is known of an instance only."""
    return isinstance(constraint, Dependent)


class IndependentConstraint(Constraint):
    """Another constraint, of events with `reinterpreted_batch_ndims` more axes."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> bool:
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        found, axes = self.base_constraint.check(value), self.reinterpreted_batch_ndims
        if found.ndim < axes:
            raise too_few_axes(value, self.event_dim)
        return found.reshape((*found.shape[: found.ndim - axes], -1)).all(-1) if axes else found

    def __repr__(self) -> str:
        return (
            f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"
        )


def too_few_axes(value: Tensor, needed: int) -> ArgumentError:
    """The error for a tensor that is smaller than one event."""
    return ArgumentError(
        "CR953",
        f"an event has {needed} axes here, the value has shape {tuple(value.shape)}; give it "
        "the axes of an event last",
    )


class MixtureSameFamilyConstraint(Constraint):
    """The constraint of a mixture's component, which has one axis more before the event."""

    def __init__(self, base_constraint: Constraint) -> None:
        self.base_constraint = base_constraint

    @property
    def is_discrete(self) -> bool:
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:
        return self.base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        if value.ndim < self.event_dim:
            raise too_few_axes(value, self.event_dim)
        found = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        return found.reshape((*value.shape[: value.ndim - self.event_dim], -1)).all(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"
