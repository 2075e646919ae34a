"""In-place methods and writing by index: what they change, and what they refuse."""

import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, DtypeError, GradientError, ShapeError


def leaf(*values):
    return cr.tensor(values, requires_grad=True)


def test_methods_change_the_tensor_itself():
    x = cr.ones(3)
    same = x
    assert x.mul_(4).sqrt_().add_(1) is x
    x += 1
    x[0] = 7
    assert same is x
    assert x.tolist() == [7.0, 4.0, 4.0]


def test_detach_and_data_share_memory():
    p = leaf(1.0, 2.0)
    p.data.mul_(3)
    p.detach()[1] = 10
    p.data.uniform_(5, 5)
    assert p.tolist() == [5.0, 5.0]
    assert p.requires_grad
    assert p.is_leaf


def test_assigning_data_replaces_what_a_tensor_holds():
    p = leaf(1.0, 2.0)
    p.data = p.data - 0.5
    (p * p).sum().backward()
    assert p.grad.tolist() == [1.0, 3.0]


def test_clone_and_numpy_are_not_changed_by_later_writes():
    x = cr.ones(2)
    copy, array = x.clone(), x.numpy()
    x.zero_()
    assert copy.tolist() == [1.0, 1.0]
    assert array.tolist() == [1.0, 1.0]


def test_gradients_pass_through_in_place_methods():
    x = leaf(1.0, 2.0)
    y = x * 1
    y.mul_(y)
    y[0] = y[1] * 3
    y += x
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 2 * 2.0 * 4 + 1]


def test_what_is_overwritten_gets_no_gradient():
    x = leaf(1.0, 2.0)
    y = x * 1
    y[1:] = 0
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0]
    z = x * 1
    z.zero_()
    assert not z.requires_grad


def test_a_leaf_is_changed_under_no_grad_only():
    p = leaf(1.0)
    for change in (lambda: p.add_(1), lambda: p.__setitem__(0, 1), lambda: p.zero_()):
        with pytest.raises(GradientError, match=r"CR303.*no_grad"):
            change()
    with cr.no_grad():
        p.add_(1)
    assert (p.item(), p.requires_grad, p.is_leaf) == (2.0, True, True)


def test_a_view_whose_tensor_is_gone_may_be_written_to():
    x = cr.zeros(2, 3).reshape(-1)
    assert x.fill_(2).sum().item() == 12


@pytest.mark.parametrize(
    "turn", [lambda x: x.T, lambda x: x.expand(4, 2, 3), lambda x: x[:, 1:], lambda x: x.T[1:]]
)
def test_contiguous_of_a_turned_view_may_be_written_to(turn):
    x = leaf(0.0, 1.0, 2.0, 3.0, 4.0, 5.0).reshape(2, 3)
    own = turn(x).contiguous()
    own[0] = 7.0
    assert x.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert own[0].unique().tolist() == [7.0] and own.requires_grad


def test_contiguous_of_other_views_is_the_view():
    x = cr.zeros(2, 3)
    for view in (x, x[0], x.view(-1), x[1:]):
        assert view.contiguous() is view


def test_copies_may_be_written_to():
    x = cr.zeros(2, 3)
    for own in (x.clone(), x[[0]], x[x == 0], x + 0, x.flip(0), x.repeat(1, 1), x.diag()):
        own.fill_(1)
    assert x.sum().item() == 0


def test_augmented_assignment_to_a_part_writes_to_the_whole():
    x = cr.zeros(2, 3)
    x[0] += 1
    x[:, 1] *= 5
    x[1, 2] -= 2
    row = x[0]
    row += 1
    row += 1
    assert x.tolist() == [[3.0, 7.0, 3.0], [0.0, 0.0, -2.0]]
    assert row.tolist() == [3.0, 7.0, 3.0]


def test_augmented_assignment_carries_gradients():
    w = leaf(1.0, 2.0, 3.0)
    y = w * 1
    y[0] += w[1]
    y[1:] *= w[2]
    y.sum().backward()
    assert w.grad.tolist() == [1.0, 1.0 + 3.0, 2.0 + 2 * 3.0]


@pytest.mark.parametrize(
    "change, error, code",
    [
        (lambda x: x.add_(cr.ones(2, 3)), ShapeError, "CR106"),
        (lambda x: x.mul_(cr.ones(4)), ShapeError, "CR102"),
        (lambda x: x.long().add_(0.5), DtypeError, "CR201"),
        (lambda x: x.long().copy_(x) is None or x.long().sqrt_(), DtypeError, "CR201"),
        (lambda x: x.__setitem__(3, 0), IndexError, "CR103"),
        (lambda x: x.__setitem__(0, cr.ones(2)), ShapeError, "CR102"),
        (lambda x: x.__setitem__(slice(0, 2), cr.ones(3)), ShapeError, "CR102"),
        (lambda x: x.__setitem__("a", 0), TypeError, "CR903"),
        (lambda x: x.__setitem__(cr.tensor([True]), 0), ShapeError, "CR102"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, code):
    x = cr.ones(3)
    with pytest.raises(error) as caught:
        change(x)
    assert isinstance(caught.value, ChainruleError)
    assert caught.value.code == code
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_a_write_keeps_the_element_type():
    k = cr.zeros(2, dtype=cr.int64)
    k[0] = 2.9
    k.copy_(cr.tensor([3.7, 1.2]))
    assert (k.dtype, k.tolist()) == (cr.int64, [3, 1])
    h = cr.zeros(2, dtype=cr.float16)
    h += cr.tensor([1.0, 2.0])
    assert h.dtype is cr.float16
