"""einsum against NumPy's, with gradients and errors."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import gradcheck
from chainrule.errors import ArgumentError, ChainruleError

RANDOM = np.random.default_rng(0)
EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iij->j", (2, 2, 3)),
    ("iii->i", (2, 2, 2)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("i,j,k->kji", (2,), (3,), (4,)),
    ("bij,bkj->bik", (2, 3, 4), (2, 5, 4)),
    ("bhqd,bhkd->bhqk", (2, 1, 3, 4), (2, 1, 5, 4)),
    ("...ij,jk->...ik", (2, 2, 3), (3, 4)),
    ("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
    ("...,...->...", (3, 1), (4,)),
    ("i...->...", (2, 3, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ij,kj,lj->ikl", (2, 3), (4, 3), (2, 3)),
    ("ij,ij,ij->j", (2, 3), (2, 3), (2, 3)),
    ("i,->i", (3,), ()),
    ("ij,jk->ik", (0, 3), (3, 2)),
    ("ij,jk->ik", (2, 0), (0, 2)),
    ("A j, j b -> bA", (2, 3), (3, 4)),
]


def operands(shapes):
    return [RANDOM.standard_normal(shape) for shape in shapes]


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in EQUATIONS], ids=str)
def test_values(equation, shapes):
    arrays = operands(shapes)
    got = cr.einsum(equation, *map(cr.from_numpy, map(np.asarray, arrays)))
    expected = np.einsum(equation, *arrays)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in EQUATIONS[:19]], ids=str)
def test_gradients(equation, shapes):
    inputs = [cr.from_numpy(array).requires_grad_() for array in operands(shapes)]
    assert gradcheck(lambda *xs: cr.einsum(equation, *xs), inputs)


def test_integers_keep_their_type():
    k = cr.arange(4, dtype=cr.int32).reshape(2, 2)
    y = cr.einsum("ij,kj->i", k, k)
    assert (y.dtype, y.tolist()) == (cr.int32, [4, 16])


@pytest.mark.parametrize(
    "equation, shapes",
    [
        ("ij,jk->ik", [(2, 3)]),
        ("ijk->i", [(2, 3)]),
        ("i->i", [(2, 3)]),
        ("ij->ik", [(2, 3)]),
        ("ij->ii", [(2, 3)]),
        ("i1->i", [(2, 3)]),
        ("i....->i", [(2, 3)]),
    ],
)
def test_equations_that_do_not_fit(equation, shapes):
    with pytest.raises(ArgumentError, match=r"CR905: einsum '.*'"):
        cr.einsum(equation, *[cr.ones(shape) for shape in shapes])


def test_sizes_that_do_not_fit():
    with pytest.raises(ChainruleError, match=r"CR102.*'j' stands for axes of size 3 and 4"):
        cr.einsum("ij,jk", cr.ones(2, 3), cr.ones(4, 2))
