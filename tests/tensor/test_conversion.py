"""Tensors and the world around: Python numbers, NumPy, DLPack, copies, pickles, formats."""

import copy
import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError


def test_one_element_is_a_number():
    x = cr.tensor([[2.5]])
    assert (x.item(), float(x), int(x), bool(x)) == (2.5, 2.5, 2, True)
    assert cr.tensor(3).item() == 3
    assert isinstance(cr.tensor(True).item(), bool)
    assert [10, 20, 30][cr.tensor(1)] == 20
    assert cr.ones(2, dtype=cr.bfloat16).tolist() == [1.0, 1.0]


def test_formats_are_those_of_the_number():
    assert f"{cr.tensor(2.71828):.2f}" == "2.72"
    assert f"{cr.tensor(7):03d}" == "007"
    assert f"{cr.ones(2)}" == "tensor([1., 1.])"


def test_repr_says_type_gradient_and_history():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<MultiplyBackward0>)"
    assert repr(x.detach().double()) == "tensor([1., 2.], dtype=chainrule.float64)"
    assert repr(cr.tensor([1, 2])) == "tensor([1, 2])"
    assert repr(cr.tensor(True)) == "tensor(True)"
    assert repr(cr.ones(1, dtype=cr.bfloat16)) == "tensor([1.], dtype=chainrule.bfloat16)"
    assert repr(cr.zeros(0, 3)) == "tensor([], size=(0, 3))"


def test_numpy_shares_memory_and_takes_part():
    x = cr.arange(3.0)
    assert x.numpy().base is not None or x.numpy() is x.numpy()
    assert np.asarray(x).tolist() == [0.0, 1.0, 2.0]
    assert np.array(x, dtype=np.int8).dtype == np.int8
    added = np.add(np.ones(3), x)
    assert isinstance(added, cr.Tensor)
    assert (added.dtype, added.tolist()) == (cr.float64, [1.0, 2.0, 3.0])
    assert isinstance(np.exp(x), cr.Tensor)
    assert (x * np.float64(2)).dtype is cr.float32
    assert isinstance(np.float64(2) * x, cr.Tensor)


def test_strided_and_reversed_arrays_are_read_rightly():
    array = np.arange(6.0).reshape(2, 3)[::-1, ::2]
    assert cr.from_numpy(array).flatten().tolist() == [3.0, 5.0, 0.0, 2.0]
    assert (cr.from_numpy(array).T @ cr.from_numpy(array)).tolist() == (
        array.T @ array
    ).tolist()


def test_dlpack_both_ways():
    x = cr.arange(4.0)
    assert np.from_dlpack(x).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert cr.from_dlpack(np.arange(3)).tolist() == [0, 1, 2]
    assert cr.from_dlpack(x.T).tolist() == x.tolist()


def test_deep_copies_keep_values_gradients_and_sharing():
    p = cr.tensor([1.0, 2.0], requires_grad=True)
    (p * p).sum().backward()
    twin, same = copy.deepcopy([p, p])
    assert twin is same
    assert (twin.tolist(), twin.grad.tolist(), twin.requires_grad) == ([1, 2], [2, 4], True)
    with cr.no_grad():
        twin.zero_()
    assert p.tolist() == [1.0, 2.0]
    with pytest.raises(ChainruleError, match="CR310"):
        copy.deepcopy(p * 2)


@pytest.mark.parametrize("dtype", [cr.bool, cr.int8, cr.float16, cr.bfloat16, cr.float64])
def test_pickles_keep_values_and_types(dtype):
    x = cr.tensor([[0, 1, 2]]).to(dtype)
    again = pickle.loads(pickle.dumps(x))
    assert (again.dtype, again.tolist()) == (x.dtype, x.tolist())
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    assert pickle.loads(pickle.dumps(cr.ones(1, requires_grad=True))).requires_grad


def test_equality_hash_and_membership():
    x = cr.arange(3)
    assert {x: 1}[x] == 1
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711
    assert (x == "a") is False
    assert 2 in x
    assert 7 not in x
    assert x.T.tolist() == [0, 1, 2]
    assert [int(element) for element in x] == [0, 1, 2]
    assert len(x) == 3


@pytest.mark.parametrize(
    "wrong, code",
    [
        (lambda x: x.item(), "CR111"),
        (lambda x: float(x), "CR111"),
        (lambda x: bool(x), "CR112"),
        (lambda x: bool(x[:0]), "CR112"),
        (lambda x: len(x[0]), "CR113"),
        (lambda x: list(x[0]), "CR113"),
        (lambda x: f"{x:.2f}", "CR903"),
        (lambda x: range(3)[x[1]], "CR903"),
        (lambda x: x.bfloat16().numpy(), "CR206"),
        (lambda x: cr.exp([1.0]), "CR209"),
        (lambda x: cr.cat([x, 1]), "CR209"),
    ],
)
def test_what_is_no_number_says_so(wrong, code):
    with pytest.raises(ChainruleError) as caught:
        wrong(cr.ones(3))
    assert caught.value.code == code


def test_sizes():
    size = cr.ones(2, 3).shape
    assert repr(size) == "chainrule.Size([2, 3])"
    assert size == (2, 3)
    assert (size.numel(), size[0], size[1:], (*size, 4)) == (6, 2, (3,), (2, 3, 4))
    assert isinstance(size[1:], cr.Size)
