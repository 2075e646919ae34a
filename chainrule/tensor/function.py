"""Operations with a derivative written by the user, as `autograd.Function`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from chainrule import settings
from chainrule.errors import GradientError
from chainrule.tensor import tape, trace
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


class Context:
    """What forward leaves for backward: `ctx.save_for_backward(x)`, or any attribute."""

    materialize_grads = True

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._saved: tuple[Any, ...] = ()
        self._constant: set[int] = set()
        #: by id of what forward returned: its node, the Function's, and which output it is
        self._made: dict[int, tuple[weakref.ref[OutputNode], weakref.ref, int]] = {}

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved; outputs are connected to the graph where a derivative may follow."""
        return tuple([self._connected(tensor) for tensor in self._saved])

    def _connected(self, tensor: Tensor | None) -> Tensor | None:
        if tensor is None or id(tensor) not in self._made or not tape.creating_graph.get():
            return tensor
        made, parent, position = self._made[id(tensor)]
        node = made() or OutputNode(parent(), position, "")  # an output that nobody kept
        return Tensor._wrap(tensor._cell.array, node)

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        self._constant |= {id(tensor) for tensor in tensors}

    def set_materialize_grads(self, value: bool) -> None:
        self.materialize_grads = value


class Parts(dict):
    """Cotangents of several outputs by their number; adding merges them."""

    def __add__(self, other: Parts) -> Parts:
        merged = Parts(self)
        for i, g in other.items():
            merged[i] = merged[i] + g if i in merged else g
        return merged


class FunctionNode(tape.Walkable):
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
        self.shapes = [tuple(x.shape) if isinstance(x, Tensor) else () for x in inputs]
        self.outputs = [
            (tuple(y.shape), y.dtype) if isinstance(y, Tensor) else None for y in outputs
        ]
        self.hooks = self.retained = None

    def name(self) -> str:
        return f"{self.rule.__qualname__.split('.')[-2]}Backward"

    def pull(self, g: Parts) -> list[Tensor | None]:
        if self.ctx is None:
            raise GradientError(
                "CR301",
                "the values saved for the gradient of a Function are freed already: backward "
                "ran through here before. Call backward(retain_graph=True) the first time",
            )
        found = self.rule(self.ctx, *self._cotangents(g, self.ctx.materialize_grads))
        results = list(found) if isinstance(found, tuple) else [found]
        count = len(self.edges)
        if len(results) < count or any(extra is not None for extra in results[count:]):
            raise GradientError(
                "CR311",
                f"backward of a Function returned {len(results)} gradients for {count} "
                "inputs; return one for each input of forward, None for those that need none",
            )
        triples = zip(self.edges, results, self.shapes, strict=False)
        return [None if edge is None else _fitted(y, shape) for edge, y, shape in triples]

    def _cotangents(self, g: Parts, materialize: bool) -> list[Any]:
        """One for each output; zeros for those that nothing depends on."""
        some = next(iter(g.values()))
        return [
            some.new_zeros(like[0], dtype=like[1])
            if i not in g and like is not None and materialize
            else g.get(i)
            for i, like in enumerate(self.outputs)
        ]

    @property
    def freed(self) -> bool:
        return self.ctx is None

    def release(self) -> None:
        self.ctx = None


def _fitted(gradient: Tensor | None, shape: tuple[int, ...]) -> Tensor | None:
    """A gradient in the shape of its input; one that was broadcast is summed."""
    if gradient is None or gradient.shape == shape:
        return gradient
    padded = (1,) * (gradient.ndim - len(shape)) + shape
    if len(padded) > gradient.ndim or any(
        n not in (1, m) for n, m in zip(padded, gradient.shape, strict=True)
    ):
        raise GradientError(
            "CR311",
            f"backward of a Function returned a gradient of shape {tuple(gradient.shape)} for "
            f"an input of shape {shape}; they must be equal",
        )
    return gradient.sum_to_size(shape)


class OutputNode(tape.Walkable):
    """One output of a FunctionNode: hands its cotangent on under its number."""

    def __init__(self, parent: Any, position: int, name: str) -> None:
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
                made = OutputNode(node, i, f"{cls.__name__}Backward")
                ctx._made[id(y)] = weakref.ref(made), weakref.ref(node), i
                y = y.detach()
                y._edge = made
                y._requires_grad = True
            recorded.append(y)
        return recorded


def once_differentiable(backward: Callable) -> Callable:
    """Marks a backward whose own derivative is not to be had."""

    def without_graph(ctx: Any, *grad_outputs: Any) -> Any:
        with no_grad():
            return backward(ctx, *grad_outputs)

    return without_graph
