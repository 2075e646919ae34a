"""The divergence of two distributions, and the rules for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from chainrule.distributions.distribution import Distribution
from chainrule.errors import AbsentError, ArgumentTypeError
from chainrule.tensor.tensor import Tensor

Rule = Callable[..., Tensor]

_rules: dict[tuple[type, type], Rule] = {}
_found: dict[tuple[type, type], Rule | None] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Rule], Rule]:
    """A decorator: the function computes kl_divergence of a type_p and a type_q.

    Of several rules that fit, the one for the most special types is taken.

    Example:
        >>> from chainrule.distributions import Normal
        >>> class Mine(Normal): pass
        >>> @register_kl(Mine, Mine)
        ... def kl_mine_mine(p, q):
        ...     return p.loc - q.loc
        >>> kl_divergence(Mine(3.0, 1.0), Mine(1.0, 1.0))
        tensor(2.)
    """
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise ArgumentTypeError(
                "CR955", f"register_kl takes two subclasses of Distribution, got {kind!r}"
            )

    def register(rule: Rule) -> Rule:
        _rules[type_p, type_q] = rule
        _found.clear()
        return rule

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p ‖ q) = E[ln p(x) - ln q(x)] for x from p: how far q is from p, in nats.

    Shapes:  batch_shape of both, broadcast → the same
    Raises:  AbsentError (CR955) if there is no rule for the two.

    Example:
        >>> from chainrule.distributions import Normal
        >>> kl_divergence(Normal(1.0, 1.0), Normal(0.0, 1.0))
        tensor(0.5000)
    """
    pair = type(p), type(q)
    if pair not in _found:
        _found[pair] = _most_special(*pair)
    rule = _found[pair]
    if rule is None:
        raise no_rule(p, q)
    return rule(p, q)


def no_rule(p: Distribution, q: Distribution, why: str = "") -> AbsentError:
    """The error for a pair without a closed form."""
    return AbsentError(
        "CR955",
        f"there is no rule for kl_divergence({type(p).__name__}, {type(q).__name__}){why}; "
        "register one with @register_kl, or take the mean of p.log_prob(x) - q.log_prob(x) "
        "over samples x of p",
    )


def _most_special(type_p: type, type_q: type) -> Rule | None:
    """The rule for the nearest ancestors of both, those of p first."""
    fits = [
        (type_p.__mro__.index(a), type_q.__mro__.index(b), rule)
        for (a, b), rule in _rules.items()
        if issubclass(type_p, a) and issubclass(type_q, b)
    ]
    if not fits:
        return None
    by_p = min(fits, key=lambda fit: fit[:2])[2]
    by_q = min(fits, key=lambda fit: (fit[1], fit[0]))[2]
    if by_p is not by_q:
        warnings.warn(
            f"two rules fit kl_divergence({type_p.__name__}, {type_q.__name__}) equally; "
            "register one for exactly these two",
            RuntimeWarning,
            stacklevel=3,
        )
    return by_p
