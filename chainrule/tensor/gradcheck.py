"""Derivatives compared with finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import GradientError
from chainrule.tensor.grad_mode import enable_grad, no_grad
from chainrule.tensor.gradient import grad
from chainrule.tensor.tensor import Tensor


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether the gradient of every output to every input equals the central difference.

    (f(x + ε) - f(x - ε)) / 2ε, element by element; use float64 inputs.

    Raises: GradientError (CR313) with the largest deviation, unless raise_exception is off.
    """
    arguments = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    checked = [i for i, x in enumerate(arguments) if isinstance(x, Tensor) and x.requires_grad]
    for i in checked:
        analytic = _analytic(func, arguments, i)
        numeric = _numeric(func, arguments, i, eps)
        wrong = ~np.isclose(analytic, numeric, rtol=rtol, atol=atol, equal_nan=True)
        if wrong.any():
            if not raise_exception:
                return False
            worst = np.unravel_index(np.abs(analytic - numeric).argmax(), analytic.shape)
            raise GradientError(
                "CR313",
                f"the gradient to input {i} is {analytic[worst]:.6g} where the difference "
                f"quotient is {numeric[worst]:.6g} (output element {worst[0]}, input element "
                f"{worst[1]}; {int(wrong.sum())} of {wrong.size} are off)",
            )
    return True


def gradgradcheck(
    func: Callable[..., Any], inputs: Tensor | Sequence[Any], **options: Any
) -> bool:
    """gradcheck of the gradient itself: second derivatives."""
    arguments = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    outputs = _outputs(func, arguments)
    random = np.random.default_rng(0)
    cotangents = [
        Tensor._of(random.standard_normal(y.shape)).to(y.dtype).requires_grad_()
        for y in outputs
    ]
    count = len(arguments)

    def gradient(*everything: Any) -> tuple[Tensor, ...]:
        xs, gs = everything[:count], everything[count:]
        ys = _outputs(func, list(xs))
        wanted = [x for x in xs if isinstance(x, Tensor) and x.requires_grad]
        found = grad(ys, wanted, list(gs), create_graph=True, materialize_grads=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(gradient, [*arguments, *cotangents], **options)


def _outputs(func: Callable[..., Any], arguments: list[Any]) -> list[Tensor]:
    with enable_grad():
        found = func(*arguments)
    ys = found if isinstance(found, (tuple, list)) else [found]
    return [y for y in ys if isinstance(y, Tensor) and y.is_floating_point()]


def _analytic(func: Callable[..., Any], arguments: list[Any], i: int) -> np.ndarray:
    """The Jacobian (all output elements, elements of input i), by one backward pass a row."""
    x = arguments[i]
    rows = []
    for y in _outputs(func, arguments):
        for element in range(y.numel()):
            start = np.zeros(y.numel())
            start[element] = 1
            seed = Tensor._of(start.reshape(y.shape)).to(y.dtype)
            row = None
            if y.requires_grad:
                (row,) = grad(y, x, seed, retain_graph=True, allow_unused=True)
            rows.append(
                np.zeros(x.numel()) if row is None else row.detach().numpy().reshape(-1)
            )
    return np.array(rows).reshape(len(rows), x.numel())


def _numeric(func: Callable[..., Any], arguments: list[Any], i: int, eps: float) -> np.ndarray:
    """The same Jacobian by central differences."""
    x = arguments[i].detach().numpy()
    columns = []
    for element in range(x.size):
        sides = []
        for step in (eps, -eps):
            moved = x.copy()
            moved.reshape(-1)[element] += step
            shifted = Tensor._of(moved).requires_grad_()
            with no_grad():
                ys = _outputs(func, [*arguments[:i], shifted, *arguments[i + 1 :]])
            sides.append(np.concatenate([y.detach().numpy().reshape(-1) for y in ys]))
        columns.append((sides[0] - sides[1]) / (2 * eps))
    rows = sum(y.numel() for y in _outputs(func, arguments))
    return np.array(columns).T.reshape(rows, x.size)
