"""From a constraint to a transform that leads into it.

`biject_to(constraint)` gives a bijective one, for sampling in an unconstrained space;
`transform_to(constraint)` one that is good to optimize through, which need not be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.distributions import constraints
from chainrule.distributions import transforms as t
from chainrule.errors import AbsentError, ArgumentTypeError


class ConstraintRegistry:
    """Which transform leads into a constraint.

    Example:
        >>> import chainrule as cr
        >>> scale = transform_to(constraints.positive)(cr.tensor(0.0))
        >>> scale, transform_to(constraints.positive).inv(scale)
        (tensor(1.), tensor(0.))
    """

    def __init__(self) -> None:
        self._registry: dict[type, Callable[[Any], t.Transform]] = {}

    def register(self, constraint: Any, factory: Callable | None = None) -> Callable:
        """Let factory(constraint) make the transform for a class of constraints.

        As a decorator without `factory`.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = (
            type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        )
        if not (isinstance(kind, type) and issubclass(kind, constraints.Constraint)):
            raise ArgumentTypeError(
                "CR956", f"a transform is registered for a constraint, got {constraint!r}"
            )
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> t.Transform:
        """The transform for a constraint.

        Raises: AbsentError (CR955) if there is none.
        """
        if type(constraint) not in self._registry:
            raise AbsentError(
                "CR955",
                f"no transform is registered for the constraint {constraint!r}; "
                "register one with @transform_to.register(its class)",
            )
        return self._registry[type(constraint)](constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _in_both(*kinds: Any) -> Callable:
    """Register a factory for several constraints in both registries."""

    def decorate(factory: Callable) -> Callable:
        for kind in kinds:
            biject_to.register(kind, factory)
            transform_to.register(kind, factory)
        return factory

    return decorate


@_in_both(constraints.real)
def _to_real(constraint: Any) -> t.Transform:
    return t.identity_transform


@_in_both(constraints.greater_than, constraints.greater_than_eq)
def _above(constraint: Any) -> t.Transform:
    if isinstance(constraint.lower_bound, (int, float)) and constraint.lower_bound == 0:
        return t.ExpTransform()
    return t.ComposeTransform([t.ExpTransform(), t.AffineTransform(constraint.lower_bound, 1)])


@_in_both(constraints.less_than)
def _below(constraint: Any) -> t.Transform:
    return t.ComposeTransform([t.ExpTransform(), t.AffineTransform(constraint.upper_bound, -1)])


@_in_both(constraints.interval, constraints.half_open_interval)
def _between(constraint: Any) -> t.Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if (type(low), type(high)) == (float, float) and (low, high) == (0.0, 1.0):
        return t.SigmoidTransform()
    return t.ComposeTransform([t.SigmoidTransform(), t.AffineTransform(low, high - low)])


@_in_both(constraints.corr_cholesky)
def _to_corr_cholesky(constraint: Any) -> t.Transform:
    return t.CorrCholeskyTransform()


biject_to.register(constraints.simplex, lambda _: t.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda _: t.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda _: t.LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda _: t.PositiveDefiniteTransform())
transform_to.register(
    constraints.positive_semidefinite, lambda _: t.PositiveDefiniteTransform()
)


def _register_made_of_others(registry: ConstraintRegistry) -> None:
    @registry.register(constraints.independent)
    def _independent(constraint: Any) -> t.Transform:
        inner = registry(constraint.base_constraint)
        return t.IndependentTransform(inner, constraint.reinterpreted_batch_ndims)

    @registry.register(constraints.cat)
    def _cat(constraint: Any) -> t.Transform:
        parts = [registry(c) for c in constraint.cseq]
        return t.CatTransform(parts, constraint.dim, constraint.lengths)

    @registry.register(constraints.stack)
    def _stack(constraint: Any) -> t.Transform:
        return t.StackTransform([registry(c) for c in constraint.cseq], constraint.dim)


_register_made_of_others(biject_to)
_register_made_of_others(transform_to)
