"""Jacobians and Hessians: closed forms, and PyTorch where it is installed."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import functional
from chainrule.errors import ArgumentTypeError, ChainruleError, ShapeError

A = cr.tensor([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]], dtype=cr.float64)
X = cr.tensor([0.3, -0.7, 1.1], dtype=cr.float64)


def test_of_a_linear_map_it_is_the_matrix():
    assert functional.jacobian(lambda x: A @ x, X).tolist() == A.tolist()
    y, product = functional.jvp(lambda x: A @ x, X, cr.ones(3, dtype=cr.float64))
    assert (y.tolist(), product.tolist()) == ((A @ X).tolist(), A.sum(1).tolist())
    _, product = functional.vjp(lambda x: A @ x, X, cr.ones(2, dtype=cr.float64))
    assert product.tolist() == A.sum(0).tolist()


def test_of_a_quadratic_form_the_hessian_is_twice_its_symmetric_part():
    form = A.T @ A
    assert functional.hessian(lambda x: x @ form @ x, X).allclose(2 * form)
    for product in (functional.vhp, functional.hvp):
        y, found = product(lambda x: x @ form @ x, X, X)
        assert found.allclose(2 * form @ X) and y.item() == (X @ form @ X).item()


CASES = {
    "two inputs": (lambda m: lambda x, y: (x * y, x.sum() * y.exp()), 2),
    "an unused input": (lambda m: lambda x, y: x.sin(), 2),
    "a number": (lambda m: lambda x: x.prod(), 1),
    "constant": (lambda m: lambda x: m.ones(2, dtype=m.float64), 1),
    "a matrix": (lambda m: lambda x: x.outer(x), 1),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("create_graph", [False, True])
def test_as_in_torch(case, create_graph):
    torch = pytest.importorskip("torch")
    make, count = CASES[case]
    found = []
    for module in (cr, torch):
        inputs = [module.tensor([0.3, -0.7, 1.1], dtype=module.float64) for _ in range(count)]
        given = inputs[0] if count == 1 else tuple(inputs)
        table = module.autograd.functional.jacobian(make(module), given, create_graph)
        found.append(flat(table))
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == tuple(theirs.shape)
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)


def flat(value):
    return [x for part in value for x in flat(part)] if isinstance(value, tuple) else [value]


def test_the_result_can_be_differentiated():
    x = X.clone().requires_grad_()
    table = functional.jacobian(lambda x: x**3, x, create_graph=True)
    table.sum().backward()
    assert x.grad.allclose(6 * X)


WRONG = {
    "no tensor": (lambda: functional.jacobian(lambda x: 3, X), ArgumentTypeError),
    "no number": (lambda: functional.vjp(lambda x: x * 2, X), ShapeError),
    "another shape": (lambda: functional.jvp(lambda x: x, X, cr.ones(2)), ShapeError),
    "not used": (
        lambda: functional.jacobian(lambda x, y: x * 2, (X, X), strict=True), ChainruleError,
    ),
    "no single number": (lambda: functional.hessian(lambda x: x * x, X), ShapeError),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_clear_error(case):
    call, kind = WRONG[case]
    with pytest.raises(kind, match="CR"):
        call()
