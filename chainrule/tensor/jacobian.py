"""Jacobians, Hessians, and their products with vectors: `autograd.functional`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.errors import ArgumentTypeError, ShapeError
from chainrule.tensor.creation import ones_like, zeros_like
from chainrule.tensor.functions.joining import stack
from chainrule.tensor.grad_mode import enable_grad
from chainrule.tensor.gradient import grad
from chainrule.tensor.tensor import Tensor

Tensors = tuple[Tensor, ...]


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The derivatives of every output by every input:  J[i, j] = ∂yᵢ/∂xⱼ

    Shapes: for an output (*m) and an input (*n) → (*m, *n); a tuple of inputs gives a tuple,
    a tuple of outputs a tuple of those.

    Args: create_graph: make the result differentiable; strict: raise for an output that does
    not depend on an input; vectorize, strategy: taken, the result is the same.

    Example:
        >>> import chainrule as cr
        >>> jacobian(lambda x: x ** 2, cr.tensor([1.0, 3.0]))
        tensor([[2., 0.],
                [0., 6.]])
    """
    xs, ys, one_x, one_y = _evaluated(func, inputs, create_graph)
    rows = [_rows(y, xs, create_graph, strict) for y in ys]
    table = tuple(row[0] if one_x else row for row in rows)
    return table[0] if one_y else table


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a function with one number as output:  H[i, j] = ∂²y/∂xᵢ∂xⱼ

    Shapes: for inputs (*n) and (*m) → (*n, *m); a tuple of inputs gives a tuple of tuples.

    Example:
        >>> import chainrule as cr
        >>> hessian(lambda x: (x ** 3).sum(), cr.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """

    def first(*xs: Tensor) -> Any:
        return _gradient_of(func, xs, strict)

    result = jacobian(first, inputs, create_graph, strict)
    return result[0] if isinstance(inputs, Tensor) else result


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The outputs, and the product of a vector with the Jacobian:  vᵀ J

    Args: v: like the outputs; may be left out for one number.
    """
    xs, ys, one_x, one_y = _evaluated(func, inputs, create_graph)
    products = _pulled(ys, xs, _like(v, ys, "v"), create_graph, strict)
    return _packed(ys, one_y, create_graph), _packed(products, one_x, create_graph)


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The outputs, and the product of the Jacobian with a vector:  J v

    Args: v: like the inputs; may be left out for one number.

    Notes: uᵀ J is linear in u, and its derivative by u in the direction of v is J v, so two
    passes backwards give what one forwards would.

    Example:
        >>> import chainrule as cr
        >>> jvp(cr.sin, cr.tensor([0.0]), cr.tensor([2.0]))
        (tensor([0.]), tensor([2.]))
    """
    xs, ys, _, one_y = _evaluated(func, inputs, True)
    with enable_grad():
        us = tuple(zeros_like(y).requires_grad_() for y in ys)
        rows = _pulled(ys, xs, us, True, strict)
        products = _pulled(rows, us, _like(v, xs, "v"), create_graph, False)
    return _packed(ys, one_y, create_graph), _packed(products, one_y, create_graph)


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The output, and the product of a vector with the Hessian:  vᵀ H"""
    xs, ys, one_x, one_y = _evaluated(func, inputs, True)
    with enable_grad():
        gradients = _pulled(ys, xs, _like(None, ys, "v"), True, strict)
        products = _pulled(gradients, xs, _like(v, xs, "v"), create_graph, False)
    return _packed(ys, one_y, create_graph), _packed(products, one_x, create_graph)


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The output, and the product of the Hessian with a vector; as H = Hᵀ, the same as vhp."""
    return vhp(func, inputs, v, create_graph, strict)


def _evaluated(
    func: Callable[..., Any], inputs: Any, keep_graph: bool
) -> tuple[Tensors, Tensors, bool, bool]:
    """Inputs and outputs as tuples, and whether each was a single tensor."""
    one_x = isinstance(inputs, Tensor)
    given = (inputs,) if one_x else tuple(inputs)
    with enable_grad():
        xs = tuple(x * 1 if keep_graph and x.requires_grad else x.detach() for x in given)
        xs = tuple(x if x.requires_grad else x.requires_grad_() for x in xs)
        outputs = func(*xs)
    one_y = isinstance(outputs, Tensor)
    ys = (outputs,) if one_y else outputs
    if not isinstance(ys, tuple) or not all(isinstance(y, Tensor) for y in ys):
        raise ArgumentTypeError(
            "CR209",
            "autograd.functional: the function returns a tensor or a tuple of tensors, got "
            f"{type(outputs).__name__}",
        )
    return xs, ys, one_x, one_y


def _pulled(ys: Tensors, xs: Tensors, gs: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """The sum over the outputs of gᵀ ∂y/∂x, for each input; zeros where it does not matter."""
    used = [(y, g) for y, g in zip(ys, gs, strict=True) if y.requires_grad]
    if not used:
        return tuple(zeros_like(x) for x in xs)
    outputs, cotangents = zip(*used, strict=True)
    return grad(
        outputs,
        xs,
        cotangents,
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=not strict,
        materialize_grads=not strict,
    )  # type: ignore[return-value]


def _gradient_of(func: Callable[..., Any], xs: Tensors, strict: bool) -> Tensors:
    y = func(*xs)
    return _pulled((y,), xs, _like(None, (y,), "the output"), True, strict)


def _rows(y: Tensor, xs: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """∂y/∂x for each input, one row for each element of y."""
    flat = y.reshape(-1)
    one = ones_like(y).reshape(-1)[:1].sum()
    rows = [_pulled((y_i,), xs, (one,), create_graph, strict) for y_i in flat.unbind()]
    return tuple(_table([row[k] for row in rows], y, x) for k, x in enumerate(xs))


def _table(gradients: list[Tensor], y: Tensor, x: Tensor) -> Tensor:
    """The gradients of y's elements by x, in one tensor."""
    shape = (*y.shape, *x.shape)
    return stack(gradients).reshape(shape) if gradients else y.new_zeros(*shape)


def _like(v: Any, references: Tensors, name: str) -> Tensors:
    """The vector as a tuple; ones where it is left out and there is one number only."""
    if v is None:
        if len(references) != 1 or references[0].numel() != 1:
            raise ShapeError(
                "CR107",
                f"autograd.functional: {name} may only be left out for a single number",
            )
        return (ones_like(references[0]),)
    vs = (v,) if isinstance(v, Tensor) else tuple(v)
    shapes, wanted = [tuple(a.shape) for a in vs], [tuple(b.shape) for b in references]
    if shapes != wanted:
        raise ShapeError(
            "CR107", f"autograd.functional: {name} has the shapes {shapes}, expected {wanted}"
        )
    return vs


def _packed(tensors: Tensors, single: bool, keep_graph: bool) -> Any:
    """A tuple, or its only tensor."""
    kept = tensors if keep_graph else tuple(x.detach() for x in tensors)
    return kept[0] if single else kept
