"""Linear algebra beyond single expressions: derivatives that are missing or second, errors."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import grad, gradcheck, gradgradcheck
from chainrule.errors import LinAlgError, ShapeError, TraceError

NUMBERS = np.random.default_rng(3)


def matrix(*shape):
    return cr.tensor(NUMBERS.standard_normal(shape), requires_grad=True)


def rotated(values):
    """A symmetric matrix with the given eigenvalues."""
    q, _ = np.linalg.qr(NUMBERS.standard_normal((len(values),) * 2))
    return cr.tensor(q @ np.diag(values) @ q.T, requires_grad=True)


@pytest.mark.parametrize("values", [cr.linalg.eigvalsh, cr.linalg.svdvals])
def test_equal_eigenvalues_have_a_finite_gradient(values):
    """The sum of eigenvalues is the trace, whatever they are; on the identity all are equal."""
    x = cr.eye(3, dtype=cr.float64).requires_grad_()
    values(x).sum().backward()
    cr.testing.assert_close(x.grad, cr.eye(3, dtype=cr.float64))


def test_a_singular_value_of_zero_has_a_finite_gradient():
    x = cr.tensor([[3.0, 0.0], [0.0, 0.0], [0.0, 0.0]], requires_grad=True)
    cr.linalg.svdvals(x)[0].backward()
    assert x.grad.tolist() == [[1, 0], [0, 0], [0, 0]]


def test_vectors_of_equal_eigenvalues_do_not_pretend_to_have_a_gradient():
    x = cr.eye(2, dtype=cr.float64).requires_grad_()
    (cr.linalg.eigh(x).eigenvectors * cr.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert not x.grad.isfinite().all()


def test_the_gradient_of_a_determinant_of_zero_is_its_cofactors():
    x = cr.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=cr.float64, requires_grad=True)
    cr.linalg.det(x).backward()
    cr.testing.assert_close(x.grad, cr.tensor([[4.0, -2], [-2, 1]], dtype=cr.float64))
    cr.linalg.det(rotated([1.0, 0.0, 0.0])).backward()  # the cofactors are 0 too


FUNCTIONS = {
    "eigh": lambda x: cr.linalg.eigh(x @ x.T).eigenvectors ** 2,
    "svd": lambda x: cr.linalg.svd(x, full_matrices=False).U ** 2,
    "cholesky": lambda x: cr.linalg.cholesky(x @ x.T + cr.eye(3)),
    "qr": lambda x: cr.linalg.qr(x).Q,
    "wide qr": lambda x: cr.linalg.qr(x[:2]).R,
    "lu": lambda x: cr.linalg.lu(x).U,
    "tall lu": lambda x: cr.linalg.lu_factor(x[:, :2]).LU,
    "wide lu": lambda x: cr.linalg.lu_factor(x[:2]).LU,
    "pinv": lambda x: cr.linalg.pinv(x[:, :2]),
    "solve": lambda x: cr.linalg.solve(x, x[0]),
    "lstsq": lambda x: cr.linalg.lstsq(x[:, :2], x).solution,
    "lu_solve": lambda x: cr.linalg.lu_solve(*cr.linalg.lu_factor(x), x, adjoint=True),
    "cholesky_solve": lambda x: x.cholesky_solve(x.tril()),
    "householder": lambda x: cr.linalg.householder_product(x[:, :2], x[0, :2]),
    "matrix_exp": lambda x: cr.linalg.matrix_exp(x),
    "matrix_power": lambda x: cr.linalg.matrix_power(x, -2),
    "matrix_norm": lambda x: cr.linalg.matrix_norm(x, "nuc"),
    "cond": lambda x: cr.linalg.cond(x),
    "slogdet": lambda x: cr.linalg.slogdet(x).logabsdet,
    "det": lambda x: cr.linalg.det(x),
    "kron": lambda x: cr.kron(x, x[:1]),
    "cross": lambda x: cr.linalg.cross(x, x.T),
    "scatter_reduce": lambda x: x.scatter_reduce(0, cr.tensor([[0, 1, 1]]), x[:1] * 2, "prod"),
    "diag_embed": lambda x: x.diag_embed(1) ** 2,
    "diagonal_scatter": lambda x: x.diagonal_scatter(x[0] ** 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_derivatives_equal_finite_differences(name):
    x = cr.tensor(
        [[1.3, -0.4, 0.7], [0.2, 1.9, -0.6], [-1.1, 0.5, 2.4]], dtype=cr.float64,
        requires_grad=True,
    )  # fmt: skip
    assert gradcheck(FUNCTIONS[name], [x], rtol=1e-5, atol=1e-6)
    assert gradgradcheck(FUNCTIONS[name], [x], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("function", [cr.linalg.cholesky, cr.linalg.eigvalsh])
def test_one_triangle_is_read_and_the_gradient_is_symmetric(function):
    whole = rotated([1.0, 2.0, 4.0])
    lower = whole.detach().tril().requires_grad_()
    cr.testing.assert_close(function(whole), function(lower))
    (g,) = grad(function(lower).sum(), [lower])
    cr.testing.assert_close(g, g.T)
    cr.testing.assert_close(g, grad(function(whole).sum(), [whole])[0])


def test_eigenvalues_that_are_real_come_as_real_numbers():
    x = cr.tensor([[2.0, 1.0], [0.0, 3.0]], dtype=cr.float64, requires_grad=True)
    values, vectors = cr.linalg.eig(x)
    cr.testing.assert_close(x @ vectors, vectors * values)
    assert gradcheck(lambda x: cr.linalg.eig(x).eigenvectors ** 2, [x])
    with pytest.raises(LinAlgError, match=r"CR135.*complex.*eigh"):
        cr.linalg.eigvals(cr.tensor([[0.0, -1.0], [1.0, 0.0]]))


def test_columns_that_fill_up_a_basis_are_orthonormal():
    x = matrix(2, 5, 3)
    for q in (cr.linalg.qr(x, "complete").Q, cr.linalg.svd(x).U):
        cr.testing.assert_close(q.mT @ q, cr.eye(5, dtype=cr.float64).expand(2, 5, 5))
    u, s, vh = cr.linalg.svd(x)
    cr.testing.assert_close(u[..., :3] @ (s[..., None] * vh), x)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: cr.linalg.inv(cr.ones(2, 2)), r"CR131: inv.*singular.*pinv"),
        (
            lambda: cr.linalg.inv(cr.stack([cr.eye(2), cr.ones(2, 2)])),
            r"CR131: .*matrix \(1,\)",
        ),
        (lambda: cr.linalg.solve(cr.zeros(3, 3), cr.ones(3)), "CR131: solve.*singular"),
        (lambda: cr.linalg.lu_factor(cr.zeros(3, 3)), "CR131: lu_factor"),
        (lambda: cr.linalg.cholesky(-cr.eye(2)), "CR132.*order 1.*1e-6"),
        (lambda: cr.linalg.svd(cr.full((2, 2), cr.nan)), "CR134: svd.*4 of 4"),
    ],
)
def test_what_does_not_exist_is_said(call, said):
    with pytest.raises(cr.linalg.LinAlgError, match=said):
        call()


def test_a_compiled_function_raises_as_the_eager_one():
    inverse = cr.compile(cr.linalg.inv)
    cr.testing.assert_close(inverse(cr.eye(2) * 2), cr.eye(2) / 2)
    with pytest.raises(LinAlgError, match="CR131"):
        inverse(cr.ones(2, 2))


def test_residuals_that_depend_on_the_rank_are_not_compiled():
    fit = cr.compile(lambda a, b: cr.linalg.lstsq(a, b, driver="gelsd").residuals)
    with pytest.raises(TraceError):
        fit(cr.randn(4, 2), cr.randn(4, 1))


def test_solutions_of_systems_that_are_not_checked():
    x, info = cr.linalg.solve_ex(cr.stack([cr.eye(2) * 2, cr.zeros(2, 2)]), cr.ones(2, 2))
    assert info.tolist() == [0, 1]
    assert x[0].tolist() == [0.5, 0.5] and not x[1].isfinite().any()


def test_out_takes_the_result():
    out = cr.empty(0)
    assert cr.linalg.inv(cr.eye(2) * 2, out=out) is out
    assert out.tolist() == [[0.5, 0], [0, 0.5]]
    values, vectors = cr.empty(2), cr.empty(2, 2)
    found = cr.linalg.eigh(cr.eye(2), out=(values, vectors))
    assert found.eigenvalues is values and values.tolist() == [1, 1]


def test_a_tensor_takes_another_size():
    x = cr.arange(6.0)
    assert x.resize_(2, 2).tolist() == [[0, 1], [2, 3]]
    assert x.resize_as_(cr.ones(5)).tolist() == [0, 1, 2, 3, 0]
    assert cr.arange(6.0).as_strided_((2, 2), (1, 3)).tolist() == [[0, 3], [1, 4]]
    with pytest.raises(ShapeError, match=r"CR137.*6 elements"):
        cr.arange(6.0).as_strided((2, 2), (1, 9))


def test_an_extremum_is_shared_among_those_that_come_there():
    """The number that stands there has no part, if it is not included."""
    x = cr.tensor([2.0, 5.0], requires_grad=True)
    v = cr.tensor([2.0, 2.0, 1.0], requires_grad=True)
    index = cr.tensor([0, 0, 1])
    x.scatter_reduce(0, index, v, "amax", include_self=False).sum().backward()
    assert (x.grad.tolist(), v.grad.tolist()) == ([0, 0], [0.5, 0.5, 1])
