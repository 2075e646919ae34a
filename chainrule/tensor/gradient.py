"""Gradients as values: `autograd.grad` and what is built on it."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import ArgumentError, GradientError
from chainrule.tensor import tape
from chainrule.tensor.tensor import Tensor


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """∂outputs/∂inputs, without touching `.grad`.

    Args:
        grad_outputs: the cotangent of each output; may be left out for single numbers
        create_graph: record the gradient's own computation, for higher derivatives
        only_inputs: always so, whatever is given; older programs name it
        allow_unused: return None for an input that the outputs do not depend on
        is_grads_batched: not supported; call grad once for each cotangent
    """
    if is_grads_batched:
        raise ArgumentError(
            "CR902", "grad: is_grads_batched is not supported; call it for each cotangent"
        )
    ys = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    xs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if grad_outputs is None or isinstance(grad_outputs, Tensor):
        grad_outputs = [grad_outputs] * len(ys) if grad_outputs is None else [grad_outputs]
    if len(grad_outputs) != len(ys):
        raise ArgumentError(
            "CR902",
            f"{len(grad_outputs)} grad_outputs for {len(ys)} outputs; give one for each",
        )
    _check_inputs(xs)
    found = tape.backward(
        [(tape.edge_of(y), y._start(g)) for y, g in zip(ys, grad_outputs, strict=True)],
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
        targets=[tape.edge_of(x) for x in xs],
    )
    gradients = [found.get(tape.edge_of(x)) for x in xs]
    if materialize_grads:
        return tuple(
            x.detach().zeros_like() if g is None else g
            for x, g in zip(xs, gradients, strict=True)
        )
    unused = [i for i, g in enumerate(gradients) if g is None]
    if unused and not allow_unused:
        raise GradientError(
            "CR312",
            f"input {unused[0]} of grad() was not used to compute the outputs; pass "
            "allow_unused=True to get None for it",
        )
    return tuple(gradients)


def _check_inputs(xs: list[Tensor]) -> None:
    for i, x in enumerate(xs):
        if not x.requires_grad:
            raise GradientError(
                "CR307", f"input {i} of grad() does not require a gradient; x.requires_grad_()"
            )


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Add the gradients of several tensors to the `.grad` of their leaves, in one walk."""
    ys = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    gs = [grad_tensors] if isinstance(grad_tensors, Tensor) else grad_tensors
    pairs = zip(ys, [None] * len(ys) if gs is None else gs, strict=True)
    found = tape.backward(
        [(tape.edge_of(y), y._start(g)) for y, g in pairs],
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    for leaf, g in found.items():
        leaf._accumulate(g)
