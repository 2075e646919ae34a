"""Variable and the other names of old programs."""

import pytest

import chainrule as cr
from chainrule.autograd import Variable
from chainrule.errors import ArgumentTypeError


def test_it_is_a_leaf_that_shares_the_numbers():
    x = cr.ones(2, requires_grad=True)
    y = 2 * x
    leaf = Variable(y, requires_grad=True)
    (leaf**2).sum().backward()
    assert leaf.grad.tolist() == [4, 4]
    assert x.grad is None
    with cr.no_grad():
        leaf.zero_()
    assert y.tolist() == [0, 0]


def test_it_requires_no_gradient_unless_asked():
    x = Variable(cr.ones(2, requires_grad=True) * 2)
    assert not x.requires_grad
    assert x.grad_fn is None


def test_every_tensor_is_one_and_nothing_else():
    assert isinstance(cr.ones(1), Variable)
    assert isinstance(cr.nn.Parameter(cr.ones(1)), Variable)
    assert not isinstance(1.0, Variable)
    with pytest.raises(ArgumentTypeError, match=r"CR903: Variable takes a tensor, got list"):
        Variable([1.0])


def test_old_types_take_a_size_as_shape():
    std = cr.ones(2, 3)
    assert cr.FloatTensor(std.size()).normal_().shape == (2, 3)
    assert cr.LongTensor(std.shape).dtype is cr.int64
    assert cr.FloatTensor((2, 3)).tolist() == [2, 3]
