"""Element types: bfloat16 by its definition, limits, kinds."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.dtypes import BFLOAT16, cast
from chainrule.errors import ArgumentTypeError, ChainruleError


def rounded(x):
    """The nearest number with 8 binary digits, ties to the even one."""
    mantissa, exponent = np.frexp(np.asarray(x, np.float64))
    return np.ldexp(np.rint(mantissa * 256), exponent - 8)


def bfloat16(values):
    return cast(cast(np.asarray(values, np.float32), BFLOAT16), np.dtype(np.float32))


def test_bfloat16_rounds_to_the_nearest_even():
    x = np.random.default_rng(0).standard_normal(10_000).astype(np.float32) * 1e3
    np.testing.assert_array_equal(bfloat16(x), rounded(x))
    halfway = np.array([1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, 1 + 2**-8 + 2**-20], np.float32)
    np.testing.assert_array_equal(bfloat16(halfway), [1, 1 + 2**-6, -1, 1 + 2**-7])


def test_bfloat16_keeps_what_is_special():
    special = np.array([0.0, -0.0, np.inf, -np.inf, 3.3895314e38, 1e-38], np.float32)
    got = bfloat16(special)
    np.testing.assert_array_equal(got[:5], special[:5])
    np.testing.assert_array_equal(np.signbit(got), np.signbit(special))
    assert np.isnan(bfloat16([np.nan, -np.nan])).all()
    assert bfloat16([3.4e38]) == np.inf
    assert cast(np.ones((), BFLOAT16), np.dtype(np.float32)).shape == ()


def test_halves_are_computed_wide_and_rounded_once():
    x = cr.full((4096,), 0.1, dtype=cr.bfloat16)
    assert x.sum().item() == rounded(4096 * x[0].item())
    big = cr.tensor([60000.0, 60000.0], dtype=cr.float16)
    assert big.mean().item() == np.inf
    assert (big - big).tolist() == [0.0, 0.0]
    a = cr.rand(8, 8, dtype=cr.float16)
    assert cr.equal(a @ a, (a.float() @ a.float()).half())


def test_gradients_of_halves_are_halves():
    x = cr.ones(3, dtype=cr.bfloat16, requires_grad=True)
    (x * x).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (cr.bfloat16, [2.0, 2.0, 2.0])
    y = cr.ones(3, dtype=cr.float16, requires_grad=True)
    (y.float() * 3).sum().backward()
    assert (y.grad.dtype, y.grad.tolist()) == (cr.float16, [3.0, 3.0, 3.0])


def test_the_limits_of_the_types():
    assert cr.finfo(cr.float32).eps == 2.0**-23
    assert cr.finfo(cr.float64).max == np.finfo(float).max
    assert cr.finfo(cr.bfloat16).eps == 2.0**-7
    assert cr.tensor(cr.finfo(cr.bfloat16).max).bfloat16().isfinite()
    assert cr.finfo().dtype == "float32"
    assert (cr.iinfo(cr.int8).min, cr.iinfo(cr.uint8).max) == (-128, 255)
    for wrong in (lambda: cr.finfo(cr.int8), lambda: cr.iinfo(cr.float32)):
        with pytest.raises(ChainruleError, match="CR203"):
            wrong()


def test_what_a_type_says_of_itself():
    assert repr(cr.float32) == "chainrule.float32"
    assert (cr.float, cr.double, cr.half) == (cr.float32, cr.float64, cr.float16)
    assert (cr.long, cr.int, cr.short) == (cr.int64, cr.int32, cr.int16)
    assert cr.bfloat16.itemsize == 2
    assert (cr.uint8.is_signed, cr.int8.is_signed, cr.float16.is_signed) == (False, True, True)
    assert cr.can_cast(cr.int8, cr.float16)
    assert not cr.can_cast(cr.float16, cr.int8)


def test_python_types_name_element_types():
    assert cr.zeros(2, dtype=float).dtype is cr.float64
    assert cr.tensor([0.5], dtype=int).tolist() == [0]
    assert cr.tensor([0, 2]).to(bool).dtype is cr.bool
    assert cr.ones(2).sum(dtype=float).dtype is cr.float64
    with pytest.raises(ArgumentTypeError, match="no element type 'float32'"):
        cr.zeros(2, dtype="float32")
