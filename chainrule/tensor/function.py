"""Operations with a derivative written by the user, as `autograd.Function`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule import settings
from chainrule.errors import GradientError
from chainrule.tensor import tape, trace
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


class Context:
    """What forward leaves for backward: `ctx.save_for_backward(x)`, or any attribute."""

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._saved: tuple[Any, ...] = ()
        self._constant: set[int] = set()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return self._saved

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        self._constant |= {id(tensor) for tensor in tensors}

    def set_materialize_grads(self, value: bool) -> None:
        self.materialize_grads = value

    materialize_grads = True


class Parts(dict):
    """Cotangents of several outputs by their number; adding merges them."""

    def __add__(self, other: Parts) -> Parts:
        merged = Parts(self)
        for i, g in other.items():
            merged[i] = merged[i] + g if i in merged else g
        return merged


class FunctionNode:
    """The step on the tape that a Function makes; one for all of its outputs."""

    def __init__(
        self, ctx: Context, rule: Callable, inputs: tuple, outputs: list[Tensor]
    ) -> None:
        self.ctx: Context | None = ctx
        self.rule = rule
        self.number = next(tape.numbers)
        self.trace = trace.current.get()
        self.edges = tuple(
            tape.edge_of(x) if isinstance(x, Tensor) and x._requires_grad else None
            for x in inputs
        )
        self.like = [y.detach() if isinstance(y, Tensor) else None for y in outputs]
        self.hooks = self.retained = None

    def pull(self, g: Parts) -> list[Tensor | None]:
        if self.ctx is None:
            raise GradientError(
                "CR301",
                "the values saved for the gradient of a Function are freed already: backward "
                "ran through here before. Call backward(retain_graph=True) the first time",
            )
        cotangents = [g.get(i) for i in range(len(self.like))]
        if self.ctx.materialize_grads:
            pairs = zip(cotangents, self.like, strict=True)
            cotangents = [
                y.zeros_like() if c is None and y is not None else c for c, y in pairs
            ]
        found = self.rule(self.ctx, *cotangents)
        results = list(found) if isinstance(found, tuple) else [found]
        if len(results) < len(self.edges):
            raise GradientError(
                "CR311",
                f"backward of a Function returned {len(results)} gradients for "
                f"{len(self.edges)} inputs; return one for each input of forward, None for "
                "those that need none",
            )
        pairs = zip(self.edges, results, strict=False)
        return [None if edge is None else result for edge, result in pairs]

    def release(self) -> None:
        self.ctx = None


class OutputNode:
    """One output of a FunctionNode: hands its cotangent on under its number."""

    def __init__(self, parent: FunctionNode, position: int, name: str) -> None:
        self.edges = (parent,)
        self.position = position
        self.number = next(tape.numbers)
        self.trace = parent.trace
        self.hooks = self.retained = None
        self._name = name

    def name(self) -> str:
        return self._name

    def pull(self, g: Tensor) -> list[Any]:
        return [Parts({self.position: g})]

    def release(self) -> None:
        """Nothing is saved here."""


class Function:
    """Subclass it with static `forward(ctx, *inputs)` and `backward(ctx, *gradients)`.

    Call it as `MyFunction.apply(*inputs)`.
    """

    @staticmethod
    def forward(*args: Any) -> Any:
        raise NotImplementedError("a Function needs a static forward(ctx, *inputs)")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError("a Function needs a static backward(ctx, *gradients)")

    @classmethod
    def apply(cls, *inputs: Any) -> Any:
        """Compute forward; record backward if some input requires a gradient."""
        ctx = Context()
        ctx.needs_input_grad = tuple(isinstance(x, Tensor) and x._requires_grad for x in inputs)
        with no_grad():
            found = cls._run_forward(ctx, inputs)
        outputs = list(found) if isinstance(found, tuple) else [found]
        if settings.grad_enabled.get() and any(ctx.needs_input_grad):
            outputs = cls._record(ctx, inputs, outputs)
        return tuple(outputs) if isinstance(found, tuple) else outputs[0]

    @classmethod
    def _run_forward(cls, ctx: Context, inputs: tuple) -> Any:
        setup = getattr(cls, "setup_context", None)
        if setup is None:
            return cls.forward(ctx, *inputs)
        found = cls.forward(*inputs)
        setup(ctx, inputs, found)
        return found

    @classmethod
    def _record(cls, ctx: Context, inputs: tuple, outputs: list) -> list:
        node = FunctionNode(ctx, cls.backward, inputs, outputs)
        recorded = []
        for i, y in enumerate(outputs):
            if isinstance(y, Tensor) and y.is_floating_point() and id(y) not in ctx._constant:
                y = y.detach()
                y._edge = OutputNode(node, i, f"{cls.__name__}Backward")
                y._requires_grad = True
            recorded.append(y)
        return recorded


def once_differentiable(backward: Callable) -> Callable:
    """Marks a backward whose own derivative is not to be had."""

    def without_graph(ctx: Any, *grad_outputs: Any) -> Any:
        with no_grad():
            return backward(ctx, *grad_outputs)

    return without_graph
