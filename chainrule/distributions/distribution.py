"""What every distribution has."""

from __future__ import annotations

import warnings
from typing import Any, NoReturn, TypeVar

import numpy as np

from chainrule.distributions.constraints import Constraint, is_dependent
from chainrule.distributions.parameters import lazy_property
from chainrule.errors import AbsentError, ArgumentError, ArgumentTypeError
from chainrule.tensor import trace
from chainrule.tensor.creation import rand
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.size import Size
from chainrule.tensor.tensor import Tensor

D = TypeVar("D", bound="Distribution")


class Distribution:
    """A batch of independent distributions over events.

    Shapes:  a sample is sample_shape + batch_shape + event_shape; log_prob of it
             sample_shape + batch_shape
    Args:    validate_args: whether parameters and values are checked (the default is True,
             unless Python runs with -O).
    Notes:   checks read numbers, so a compiled function makes none.
    """

    is_plain_state = True  # a compiled function looks at the attributes

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__

    def __init__(
        self,
        batch_shape: Any = (),
        event_shape: Any = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._checks():
            self._validate_parameters()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check parameters and values unless they are told."""
        if value not in (True, False):
            raise ArgumentError("CR950", f"validate_args is True or False, got {value!r}")
        Distribution._validate_args = value

    # -- shapes ------------------------------------------------------------------------

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters: one distribution for each element."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one event: () for numbers."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        return Size((*self._sizes(sample_shape), *self._batch_shape, *self._event_shape))

    def _sizes(self, sample_shape: Any) -> tuple[int, ...]:
        """How many samples are wanted along each axis."""
        if isinstance(sample_shape, int):
            raise ArgumentTypeError(
                "CR953",
                f"{type(self).__name__}: sample_shape is a tuple of sizes, got {sample_shape}; "
                f"write sample(({sample_shape},))",
            )
        return tuple(sample_shape)

    def _enumerated(self, events: Tensor, expand: bool) -> Tensor:
        """Events along a first axis, behind it those of the batch: of length 1, or expanded."""
        batch, shape = tuple(self._batch_shape), tuple(self._event_shape)
        values = events.reshape(-1, *(1,) * len(batch), *shape)
        return values.expand(-1, *batch, *shape) if expand else values

    def _uniform(self, sample_shape: Any, like: Tensor) -> Tensor:
        """Uniform numbers in the shape of a sample."""
        return rand(self._extended_shape(sample_shape), dtype=like.dtype)

    def expand(self: D, batch_shape: Any, _instance: Any = None) -> D:
        """The same distributions with parameters expanded to another batch_shape."""
        new = self._get_checked_instance(type(self), _instance)
        for name, value in vars(self).items():
            vars(new)[name] = self._expanded(value, tuple(batch_shape))
        new._batch_shape = Size(batch_shape)
        return new

    def _expanded(self, value: Any, batch_shape: tuple[int, ...]) -> Any:
        """A parameter, or a distribution that is part of this one, in a larger batch."""
        axes = len(self._batch_shape)
        if isinstance(value, Tensor) and value.shape[:axes] == self._batch_shape:
            return value.expand(batch_shape + tuple(value.shape[axes:]))
        if isinstance(value, Distribution):
            return value.expand(batch_shape + tuple(value.batch_shape[axes:]))
        return value

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        return object.__new__(type(self)) if _instance is None else _instance

    # -- what is known of it -----------------------------------------------------------

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """Where each parameter may lie."""
        raise self._has_no("arg_constraints")

    @property
    def support(self) -> Any:
        """Where samples lie."""
        raise self._has_no("support")

    @property
    def mean(self) -> Tensor:
        """E[x]"""
        raise self._has_no("mean")

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise self._has_no("mode")

    @property
    def variance(self) -> Tensor:
        """E[(x - E[x])²]"""
        raise self._has_no("variance")

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw from every distribution; nothing flows back through what is drawn."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw so that the sample is differentiable in the parameters."""
        raise self._has_no("rsample")

    def sample_n(self, n: int) -> Tensor:
        """n samples; `sample((n,))` is the way to write it."""
        warnings.warn("sample_n(n) is old; write sample((n,))", FutureWarning, stacklevel=2)
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """ln p(value), the logarithm of the probability or of its density."""
        raise self._has_no("log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """P(x ≤ value), the distribution function."""
        raise self._has_no("cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile: x with cdf(x) = value."""
        raise self._has_no("icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Every possible event, along a new first axis; `expand` repeats them for the batch."""
        raise self._has_no("enumerate_support")

    def entropy(self) -> Tensor:
        """-E[ln p(x)], in nats."""
        raise self._has_no("entropy")

    def perplexity(self) -> Tensor:
        """exp(entropy): as uncertain as a choice between so many equally likely values."""
        return self.entropy().exp()

    def _has_no(self, what: str) -> AbsentError:
        return AbsentError(
            "CR954", f"{type(self).__name__} has no {what}: there is no closed form for it here"
        )

    # -- checks ------------------------------------------------------------------------

    def _checks(self) -> bool:
        """Whether there are checks to make, and numbers to make them with."""
        return self._validate_args and trace.current.get() is None

    def _validate_parameters(self) -> None:
        for name, constraint in self.arg_constraints.items():
            lazy = isinstance(getattr(type(self), name, None), lazy_property)
            if is_dependent(constraint) or (lazy and name not in vars(self)):
                continue
            value = getattr(self, name)
            valid = constraint.check(value)
            if not valid.all():
                self._refuse("CR950", f"parameter {name}", constraint, value, valid)

    def _check_value(self, value: Any) -> None:
        """What `log_prob` and `cdf` begin with: the check, unless validate_args is False."""
        if self._validate_args:
            self._validate_sample(value)

    def _validate_sample(self, value: Any) -> None:
        """Refuse a value that is no event of these distributions."""
        if not isinstance(value, Tensor):
            raise ArgumentError(
                "CR951",
                f"{type(self).__name__}: a value is a tensor, got {type(value).__name__}; "
                "chainrule.tensor(value) makes one",
            )
        self._check_event(value)
        if trace.current.get() is None:
            support = self.support
            valid = support.check(value)
            if not valid.all():
                self._refuse("CR951", "a value", support, value, valid)

    def _check_event(self, value: Tensor) -> None:
        axes, shape = len(self._event_shape), tuple(value.shape)
        expected = tuple(self._batch_shape) + tuple(self._event_shape)
        pairs = zip(reversed(shape), reversed(expected), strict=False)
        fits = all(a == b or 1 in (a, b) for a, b in pairs)
        if shape[len(shape) - axes :] != tuple(self._event_shape) or not fits:
            raise ArgumentError(
                "CR953",
                f"{type(self).__name__}: a value of shape {shape} does not go with batch_shape "
                f"{tuple(self._batch_shape)} and event_shape {tuple(self._event_shape)}",
            )

    def _refuse(
        self, code: str, what: str, constraint: Constraint, value: Tensor, valid: Tensor
    ) -> NoReturn:
        """Name the first of the values that break a constraint."""
        held = valid.numpy()
        place = tuple(int(i) for i in np.argwhere(~held)[0])
        if held.ndim > value.ndim:
            place = ()
        found = value.detach()[place].tolist() if place else value.detach().tolist()
        where = f" at {place}" if place else ""
        raise ArgumentError(
            code,
            f"{type(self).__name__}: {what} must satisfy {constraint!r}, got {found}{where} "
            f"(shape {tuple(value.shape)}); validate_args=False leaves this check out",
        )

    def __repr__(self) -> str:
        shown = [
            f"{name}: {value if value.numel() == 1 else value.shape}"
            for name in self.arg_constraints
            if isinstance(value := vars(self).get(name), Tensor)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"
