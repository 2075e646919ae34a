"""Functions that run before and after a module, and when its gradient is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from chainrule import observers
from chainrule.tensor.attributes import Handle, add_hook
from chainrule.tensor.function import Context, Function
from chainrule.tensor.tensor import Tensor


class Hook(NamedTuple):
    """A function, and whether it wants to see keyword arguments."""

    function: Callable[..., Any]
    with_kwargs: bool = False


class HookMethods:
    """What a user of a module calls; every method returns a handle whose remove() undoes it."""

    _hooked = False  # whether any hook was ever registered
    _forward_pre_hooks: dict[int, Hook] | None = None
    _forward_hooks: dict[int, Hook] | None = None
    _backward_hooks: dict[int, Hook] | None = None
    _backward_pre_hooks: dict[int, Hook] | None = None

    forward: Callable[..., Any]

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call `hook(module, args)` before forward; what it returns replaces the arguments.

        Args: with_kwargs: call hook(module, args, kwargs), which may return both replaced.
        """
        return self._register("_forward_pre_hooks", Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call `hook(module, args, output)` after forward; it may return another output.

        Args: with_kwargs: call hook(module, args, kwargs, output).
        """
        return self._register("_forward_hooks", Hook(hook, with_kwargs), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call `hook(module, grad_input, grad_output)` when both are known in backward.

        Both are tuples, with None where there is no gradient. What the hook returns replaces
        grad_input. Only tensors that are positional arguments or outputs are seen.
        """
        return self._register("_backward_hooks", Hook(hook), prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> Handle:
        """An older name of register_full_backward_hook."""
        return self.register_full_backward_hook(hook)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> Handle:
        """Call `hook(module, grad_output)` before backward passes through the module.

        What it returns replaces grad_output, a tuple.
        """
        return self._register("_backward_pre_hooks", Hook(hook), prepend)

    def _register(self, name: str, hook: Hook, prepend: bool) -> Handle:
        handle = add_hook(self, name, hook)  # type: ignore[arg-type]
        if prepend:
            hooks = getattr(self, name)
            *others, added = hooks.items()
            hooks.clear()
            hooks.update([added, *others])
        self._hooked = True
        return handle

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs = self._before(args, kwargs)
        for observer in observers.told(observers.close):
            observer.module_begins(self, args)
        watch = None
        if self._backward_hooks or self._backward_pre_hooks:
            watch = _BackwardWatch(self)
        if watch is not None:
            args = watch.inputs(args)
        y = self.forward(*args, **kwargs)
        for hook, with_kwargs in tuple((self._forward_hooks or {}).values()):
            seen = (args, kwargs, y) if with_kwargs else (args, y)
            replaced = hook(self, *seen)
            y = y if replaced is None else replaced
        y = y if watch is None else watch.outputs(y)
        for observer in observers.told(observers.close):
            observer.module_ends(self, y)
        return y

    def _before(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as the pre-hooks leave them."""
        for hook, with_kwargs in tuple((self._forward_pre_hooks or {}).values()):
            replaced = hook(self, args, kwargs) if with_kwargs else hook(self, args)
            if replaced is None:
                continue
            if with_kwargs:
                args, kwargs = replaced
            else:
                args = _tuple(replaced)
        return args, kwargs


class _BackwardWatch:
    """One call of a module: its inputs, outputs and gradients pass through here."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.hooks: dict[int, Hook] = module._backward_hooks or {}
        self.pre_hooks: dict[int, Hook] = module._backward_pre_hooks or {}
        self.grad_output: tuple[Tensor | None, ...] = ()
        self.without_input: tuple[None, ...] | None = None  # no input requires a gradient

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        tensors = [x for x in args if isinstance(x, Tensor)]
        if not any(x.requires_grad for x in tensors):
            self.without_input = (None,) * len(tensors)
            return args
        seen = iter(_Inputs.apply(self, *tensors))
        return tuple(next(seen) if isinstance(x, Tensor) else x for x in args)

    def outputs(self, y: Any) -> Any:
        """A tensor, or a tuple or list of tensors; anything else passes unseen."""
        if isinstance(y, Tensor):
            return _Outputs.apply(self, y)[0]
        if isinstance(y, (tuple, list)) and y and all(isinstance(part, Tensor) for part in y):
            return type(y)(_Outputs.apply(self, *y))
        return y

    def begin(self, grad_output: tuple[Any, ...]) -> tuple[Any, ...]:
        """The pre-hooks; then it is known what comes in."""
        for hook, _ in tuple(self.pre_hooks.values()):
            replaced = hook(self.module, grad_output)
            if replaced is not None:
                grad_output = _tuple(replaced)
        self.grad_output = grad_output
        return grad_output

    def run(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        """The hooks, each with the gradients as the one before left them."""
        for hook, _ in tuple(self.hooks.values()):
            replaced = hook(self.module, grad_input, self.grad_output)
            if replaced is not None:
                grad_input = _tuple(replaced)
        return grad_input


def _tuple(replaced: Any) -> tuple[Any, ...]:
    """What a hook returned for a tuple, which may be its only element."""
    return replaced if isinstance(replaced, tuple) else (replaced,)


class _Inputs(Function):
    """Inputs as they are; in backward the hooks see their gradients."""

    @staticmethod
    def forward(ctx: Context, watch: _BackwardWatch, *xs: Tensor) -> Any:
        ctx.watch = watch  # type: ignore[attr-defined]
        return xs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None, *ctx.watch.run(gradients)


class _Outputs(Function):
    """Outputs as they are; in backward their gradients are remembered."""

    @staticmethod
    def forward(ctx: Context, watch: _BackwardWatch, *ys: Tensor) -> Any:
        ctx.watch = watch  # type: ignore[attr-defined]
        return ys

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        gradients = ctx.watch.begin(gradients)
        if ctx.watch.without_input is not None:
            ctx.watch.run(ctx.watch.without_input)
        return None, *gradients
