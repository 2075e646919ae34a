"""The base of the optimizers: what they move, with which numbers, and what they remember."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from chainrule import dtypes, observers
from chainrule.errors import ArgumentError
from chainrule.optim import state_dict as state_dicts
from chainrule.optim.hooks import HookMethods
from chainrule.optim.hyperparameters import (
    Hyperparameters,
    check_ranges,
    in_type,
    refuse_while_tracing,
)
from chainrule.optim.parameter_groups import (
    Params,
    as_groups,
    completed,
    refuse_repeated,
)
from chainrule.optim.parameter_groups import required as required
from chainrule.tensor import trace
from chainrule.tensor.grad_mode import enable_grad, no_grad
from chainrule.tensor.tensor import Tensor


class Optimizer(HookMethods):
    """Moves parameters against their gradients.

    A new optimizer is one file: its `defaults` and their `ranges`, `_new_state` and the rule,
    `_update`. The rule is made of tensor operations, so `compile` can trace a training step.

    Args:
        params: tensors, (name, tensor) pairs, or dicts with "params" and hyper-parameters of
            their own
        defaults: the hyper-parameters of groups that do not say otherwise
    """

    #: smallest allowed hyper-parameter, and the limit that it stays below
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        for group in as_groups(type(self).__name__, params):
            self.add_param_group(group)
        for observer in observers.told(observers.present):
            observer.optimizer_made(self)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more tensors, with hyper-parameters of their own.

        Raises: ArgumentTypeError (CR601), ArgumentError (CR601 to CR604, CR610).
        """
        owner = type(self).__name__
        refuse_while_tracing(f"giving parameters to {owner}")
        group = completed(owner, param_group, self.defaults, len(self.param_groups))
        refuse_repeated(owner, self.param_groups, group)
        self._check(group)
        self.param_groups.append(group)

    def _check(self, group: Mapping[str, Any]) -> None:
        """Refuse hyper-parameters that make no sense."""
        owner = type(self).__name__
        check_ranges(owner, group, self.ranges)
        if group.get("differentiable"):
            raise ArgumentError(
                "CR610",
                f"{owner}: differentiable=True is not offered, step() records no gradient. "
                "Write the update as an expression, w_next = w - lr * grad(loss, w, "
                "create_graph=True)[0], and differentiate that",
            )

    # -- the step ----------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; returns what `closure` returns.

        Args: closure: computes the loss anew and calls backward() on it.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                numbers = Hyperparameters(group)
                for step, params in self._by_step(group):
                    self._update(params, step, numbers)
        if (writing := trace.current.get()) is not None:
            writing.guard(self._bound, f"what {type(self).__name__} works on")
        return loss

    def _update(self, params: list[Tensor], step: Tensor, numbers: Hyperparameters) -> None:
        """The rule, for parameters of one type that are at the same step (1, 2, …)."""
        raise NotImplementedError

    def _new_state(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        """What is remembered about a parameter, before its first step."""
        return {}

    def _by_step(self, group: Mapping[str, Any]) -> list[tuple[Tensor, list[Tensor]]]:
        """Parameters that have a gradient, one type and one step count, with that count.

        So what depends on the count alone is computed once, not for every parameter.
        """
        alike: dict[Any, list[Tensor]] = {}
        tracing = trace.current.get() is not None
        for p in group["params"]:
            if p.grad is not None:
                step = self._state_of(p, group).get("step")
                count = step if tracing or step is None else step.item()
                alike.setdefault((p.dtype, count), []).append(p)
        return [(self._count(params), params) for params in alike.values()]

    def _state_of(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Any]:
        """The state of a parameter; made now, and of numbers even in a trace, if need be."""
        state = self.state.get(p)
        if not state:
            with trace.active(None):
                state = self._new_state(p, group)
            if state:
                self.state[p] = state
        return state

    def _count(self, params: list[Tensor]) -> Tensor:
        """The next step of parameters that go together, as float64; 0 if none is kept."""
        steps = [self.state[p]["step"] for p in params if "step" in self.state.get(p, ())]
        if not steps:
            return in_type(dtypes.float64, 0)[0]
        following = steps[0] + 1
        for step in steps:
            step._assign(following, "step()")
        return following.double()

    def _gradient(self, p: Tensor, numbers: Hyperparameters, decay: bool = True) -> Tensor:
        """g = ∂L/∂p + λ p, with ∂L/∂p turned round where the loss is to be maximized."""
        g: Tensor = p.grad  # type: ignore[assignment]
        if numbers.on("maximize"):
            g = -g
        if decay and numbers.on("weight_decay"):
            (weight_decay,) = in_type(p.dtype, numbers.number("weight_decay"))
            g = g + weight_decay * p
        return g

    def _decay(self, p: Tensor, numbers: Hyperparameters) -> None:
        """p ← (1 - η λ) p"""
        if numbers.on("weight_decay"):
            kept = 1 - numbers.number("lr") * numbers.number("weight_decay")
            p.mul_(*in_type(p.dtype, kept))

    def _gradient_after_decay(self, p: Tensor, numbers: Hyperparameters) -> Tensor:
        """The gradient; weight decay goes into it, or decoupled into p before."""
        decoupled = numbers.on("decoupled_weight_decay")
        if decoupled:
            self._decay(p, numbers)
        return self._gradient(p, numbers, decay=not decoupled)

    # -- around the step ---------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or make them 0: backward adds to what is there."""
        for group in self.param_groups:
            for p in group["params"]:
                p._forget_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """The state and the hyper-parameters, with positions in place of the parameters."""
        self._tell("_state_dict_pre_hooks")
        packed = state_dicts.pack(self.state, self.param_groups)
        return self._through("_state_dict_post_hooks", packed)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over copies of what another optimizer remembered.

        Raises: ArgumentError (CR605) where groups, parameters or shapes differ.
        """
        owner = type(self).__name__
        refuse_while_tracing(f"{owner}.load_state_dict()")
        if self._load_state_dict_pre_hooks and isinstance(state_dict, Mapping):
            state_dict = self._through("_load_state_dict_pre_hooks", dict(state_dict))
        groups = state_dicts.merged_groups(
            owner, state_dict, self.param_groups, self.defaults, self.ranges
        )
        for group in groups:
            self._check(group)
        state = state_dicts.unpacked(owner, state_dict, groups, self._new_state)
        for group, merged in zip(self.param_groups, groups, strict=True):
            group.update(merged)
        self.__setstate__({"state": state, "param_groups": self.param_groups})
        self._tell("_load_state_dict_post_hooks")

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what was pickled or loaded; users add here what older versions lack."""
        vars(self).update(state)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])
