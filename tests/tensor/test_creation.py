"""Making tensors: from data, from nothing, in the likeness of others."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError


@pytest.mark.parametrize(
    "data, dtype, shape",
    [
        (3, cr.int64, ()),
        (2.5, cr.float32, ()),
        (True, cr.bool, ()),
        ([], cr.float32, (0,)),
        ([[], []], cr.float32, (2, 0)),
        ([1, 2.5], cr.float32, (2,)),
        ([True, 2], cr.int64, (2,)),
        ([[1, 2], [3, 4]], cr.int64, (2, 2)),
        (np.ones((2, 1)), cr.float64, (2, 1)),
        (np.arange(3, dtype=np.int16), cr.int16, (3,)),
        (np.float32(1), cr.float32, ()),
        ([cr.tensor(1.0), cr.tensor(2.0)], cr.float32, (2,)),
        ([np.float64(1), 2.0], cr.float64, (2,)),
        ([np.float32(1), 2], cr.float32, (2,)),
        ([[np.float16(1)], [np.float16(2)]], cr.float16, (2, 1)),
        ([np.ones(2, np.float32), [1.0, 2.0]], cr.float32, (2, 2)),
        ([cr.tensor(1.0, dtype=cr.float64), 2], cr.float64, (2,)),
        (range(3), cr.int64, (3,)),
    ],
)
def test_tensor_takes_its_type_and_shape_from_the_data(data, dtype, shape):
    x = cr.tensor(data)
    assert (x.dtype, x.shape) == (dtype, shape)


def test_tensor_copies_and_from_numpy_does_not():
    array = np.zeros(2, np.float32)
    copied, shared, also = cr.tensor(array), cr.from_numpy(array), cr.as_tensor(array)
    array[0] = 5
    assert copied.tolist() == [0.0, 0.0]
    assert shared.tolist() == also.tolist() == [5.0, 0.0]


def test_as_tensor_returns_a_tensor_as_it_is():
    x = cr.ones(2)
    assert cr.as_tensor(x) is x
    assert cr.as_tensor(x, dtype=cr.int8).dtype is cr.int8


def test_sizes_one_by_one_as_a_sequence_or_by_name():
    for made in (cr.zeros(2, 3), cr.zeros((2, 3)), cr.zeros([2, 3]), cr.zeros(size=(2, 3))):
        assert (made.shape, made.sum().item()) == ((2, 3), 0)
    assert cr.ones(()).shape == ()
    assert cr.full((2,), 7).dtype is cr.int64
    assert cr.full((2,), 7.0).dtype is cr.float32
    assert cr.full((2,), True).dtype is cr.bool


def test_in_the_likeness_of_another():
    x = cr.ones(2, 3, dtype=cr.float64)
    for made in (cr.zeros_like(x), cr.ones_like(x), cr.rand_like(x), cr.full_like(x, 2)):
        assert (made.shape, made.dtype) == (x.shape, x.dtype)
    assert x.new_zeros(4).dtype is cr.float64
    assert x.new_tensor([1, 2]).dtype is cr.float64
    assert cr.zeros_like(x, dtype=cr.bool).dtype is cr.bool


@pytest.mark.parametrize(
    "made, values",
    [
        (lambda: cr.arange(4), [0, 1, 2, 3]),
        (lambda: cr.arange(1, 4), [1, 2, 3]),
        (lambda: cr.arange(5, 0, -2), [5, 3, 1]),
        (lambda: cr.arange(start=1, end=3), [1, 2]),
        (lambda: cr.arange(0, 1, 0.25), [0.0, 0.25, 0.5, 0.75]),
        (lambda: cr.arange(2.5, dtype=cr.int64), [0, 1]),
        (lambda: cr.arange(0), []),
        (lambda: cr.linspace(0, 1, 5), [0.0, 0.25, 0.5, 0.75, 1.0]),
        (lambda: cr.linspace(3, 1, 3), [3.0, 2.0, 1.0]),
        (lambda: cr.linspace(2, 9, 1), [2.0]),
        (lambda: cr.linspace(0, 9, 4, dtype=cr.int64), [0, 3, 6, 9]),
        (lambda: cr.logspace(0, 2, 3), [1.0, 10.0, 100.0]),
        (lambda: cr.eye(2, 3), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        (lambda: cr.eye(0), []),
        (lambda: cr.Tensor([1, 2]), [1.0, 2.0]),
        (lambda: cr.LongTensor([2**40 + 1]), [2**40 + 1]),
        (lambda: cr.BoolTensor([0, 2]), [False, True]),
    ],
)
def test_rows_of_numbers(made, values):
    assert made().tolist() == values


def test_old_type_names():
    assert cr.FloatTensor(2, 3).shape == (2, 3)
    assert isinstance(cr.ones(1), cr.FloatTensor)
    assert not isinstance(cr.ones(1), cr.LongTensor)
    assert cr.ones(1).type() == "chainrule.FloatTensor"
    for name in (cr.LongTensor, "torch.LongTensor", cr.int64, "int64"):
        assert cr.ones(1).type(name).dtype is cr.int64


@pytest.mark.parametrize(
    "wrong, code",
    [
        (lambda: cr.tensor([[1, 2], [3]]), "CR114"),
        (lambda: cr.tensor("text"), "CR208"),
        (lambda: cr.tensor(None), "CR208"),
        (lambda: cr.tensor([1], requires_grad=True), "CR306"),
        (lambda: cr.from_numpy([1]), "CR208"),
        (lambda: cr.from_numpy(np.ones(1, complex)), "CR208"),
        (lambda: cr.zeros(2, -1), "CR120"),
        (lambda: cr.eye(-1), "CR120"),
        (lambda: cr.arange(3, 0), "CR902"),
        (lambda: cr.arange(0, 3, 0), "CR902"),
        (lambda: cr.linspace(0, 1, -1), "CR902"),
        (lambda: cr.randint(3, 3, (1,)), "CR902"),
        (lambda: cr.zeros(1, device="cuda"), "CR207"),
        (lambda: cr.device("nowhere"), "CR207"),
        (lambda: cr.ones(1).type("Text"), "CR208"),
    ],
)
def test_what_cannot_be_made_says_why(wrong, code):
    with pytest.raises(ChainruleError) as caught:
        wrong()
    assert caught.value.code == code


def test_devices_by_name():
    assert cr.ones(1).device == cr.device("cpu")
    assert str(cr.device("cuda:1")) == "cuda:1"
    assert cr.device("cuda", 1).index == 1
    assert cr.ones(1).to("cpu").to(cr.device("cpu"), cr.float64).dtype is cr.float64
    assert not cr.cuda.is_available()
    with pytest.raises(ChainruleError, match=r"CR207.*is_available"):
        cr.ones(1).cuda()
