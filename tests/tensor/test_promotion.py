"""The element type of an operation on mixed types."""

import numpy as np
import pytest

import chainrule as cr

#: rows and columns in this order; each cell is the type of `row + column` for tensors with axes
TYPES = ["bool", "uint8", "int8", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
TABLE = """
bool     uint8    int8     int32    int64    float16  bfloat16 float32  float64
uint8    uint8    int16    int32    int64    float16  bfloat16 float32  float64
int8     int16    int8     int32    int64    float16  bfloat16 float32  float64
int32    int32    int32    int32    int64    float16  bfloat16 float32  float64
int64    int64    int64    int64    int64    float16  bfloat16 float32  float64
float16  float16  float16  float16  float16  float16  float32  float32  float64
bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 float32  bfloat16 float32  float64
float32  float32  float32  float32  float32  float32  float32  float32  float64
float64  float64  float64  float64  float64  float64  float64  float64  float64
"""
EXPECTED = {
    (a, b): result
    for a, row in zip(TYPES, TABLE.strip().splitlines(), strict=True)
    for b, result in zip(TYPES, row.split(), strict=True)
}
KINDS = {"bool": 0, "uint8": 1, "int8": 1, "int32": 1, "int64": 1}


def ones(dtype, *shape):
    return cr.ones(*shape, dtype=getattr(cr, dtype))


@pytest.mark.parametrize("a, b", list(EXPECTED))
def test_two_tensors(a, b):
    expected = getattr(cr, EXPECTED[a, b])
    assert (ones(a, 2) + ones(b, 1)).dtype is expected
    assert (ones(a) * ones(b)).dtype is expected
    assert cr.promote_types(getattr(cr, a), getattr(cr, b)) is expected
    assert (ones(a, 2) == ones(b, 2)).dtype is cr.bool


@pytest.mark.parametrize("a, b", list(EXPECTED))
def test_a_tensor_without_axes_lifts_only_the_kind(a, b):
    higher = KINDS.get(b, 2) > KINDS.get(a, 2)
    expected = getattr(cr, EXPECTED[a, b] if higher else a)
    assert (ones(a, 2) + ones(b)).dtype is expected
    assert cr.result_type(ones(a, 2), ones(b)) is expected


@pytest.mark.parametrize("a", TYPES)
def test_numbers_lift_only_the_kind(a):
    x = ones(a, 2)
    assert (x + True).dtype is x.dtype
    assert (x + 1).dtype is (cr.int64 if a == "bool" else x.dtype)
    assert (1.5 * x).dtype is (x.dtype if x.is_floating_point() else cr.float32)
    assert (x * np.float64(2)).dtype is (x.dtype if x.is_floating_point() else cr.float32)


def test_the_default_float_type_can_be_changed():
    cr.set_default_dtype(cr.float64)
    try:
        assert cr.ones(1).dtype is cr.float64
        assert (cr.tensor([1]) * 1.5).dtype is cr.float64
        assert cr.tensor([1]).sqrt().dtype is cr.float64
    finally:
        cr.set_default_dtype(cr.float32)
    with pytest.raises(cr.errors.ChainruleError, match="CR203"):
        cr.set_default_dtype(cr.int64)


def test_division_of_integers_is_a_float_and_sums_are_long():
    k = ones("uint8", 2)
    assert (k / 2).dtype is cr.float32
    assert (k // 2).dtype is cr.uint8
    assert k.sum().dtype is cr.int64
    assert k.cumsum(0).dtype is cr.int64
    assert (k > 0).sum().dtype is cr.int64


def test_integers_wrap_around():
    assert (cr.tensor([250], dtype=cr.uint8) + 10).tolist() == [4]
    assert (-cr.tensor([-128], dtype=cr.int8)).tolist() == [-128]


@pytest.mark.parametrize("other", ["text", [1.0], None, object()])
def test_other_things_are_refused_by_name(other):
    with pytest.raises(cr.errors.ChainruleError, match=f"CR205.*{type(other).__name__}"):
        cr.ones(1) + other


def test_arrays_join_in_as_tensors_of_their_type():
    x, array = cr.tensor([1.0, 2.0]), np.array([1.0, 3.0])
    assert (x * array).dtype is cr.float64
    assert (x * array).tolist() == [1.0, 6.0]
    assert (x == array).tolist() == (array == x).tolist() == [True, False]
    assert (x != array).tolist() == [False, True]
    assert (x.double() @ array).item() == 7.0
