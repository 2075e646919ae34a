"""The tape: what backward adds up, keeps, frees and refuses."""

import pytest

import chainrule as cr
from chainrule import autograd
from chainrule.errors import ArgumentError, GradientError, ShapeError


def leaf(*values):
    return cr.tensor(values, dtype=cr.float64, requires_grad=True)


def test_gradients_accumulate():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (3 * x).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]


def test_a_tensor_used_twice_gets_both_gradients():
    x = leaf(2.0)
    y = x * x
    (y * y + y).sum().backward()
    assert x.grad.tolist() == [4 * 8.0 + 2 * 2.0]


def test_a_graph_serves_once_unless_retained():
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    with pytest.raises(GradientError, match=r"CR301.*retain_graph=True"):
        y.backward()


def test_only_leaves_keep_gradients_unless_asked():
    x = leaf(1.0, 2.0)
    y = x * 3
    z = y * y
    z.retain_grad()
    z.sum().backward()
    assert y.grad is None
    assert z.grad.tolist() == [1.0, 1.0]
    assert (z.retains_grad, y.retains_grad) == (True, False)


def test_hooks_see_and_replace_gradients():
    x = leaf(1.0, 2.0)
    seen = []
    handle = x.register_hook(lambda g: g * 10)
    y = x * 3
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.sum().backward()
    assert seen == [[1.0, 1.0]]
    assert x.grad.tolist() == [30.0, 30.0]
    handle.remove()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [33.0, 33.0]


def test_a_hook_on_a_leaf_sees_the_whole_gradient_once():
    x, seen = leaf(1.0), []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [5.0]


def test_a_post_accumulate_hook_finds_the_gradient_written():
    x, seen = leaf(1.0), []
    with x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.item())):
        (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert seen == [2.0]


def test_gradients_pass_through_views():
    x = cr.arange(6.0).requires_grad_()
    (x.reshape(2, 3).T[1:, 0] * cr.tensor([2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 3.0, 0.0, 0.0, 0.0]


def test_derivatives_of_third_order():
    x = leaf(2.0)
    first, = autograd.grad((x**4).sum(), x, create_graph=True)  # fmt: skip
    second, = autograd.grad(first.sum(), x, create_graph=True)  # fmt: skip
    third, = autograd.grad(second.sum(), x)  # fmt: skip
    assert [first.item(), second.item(), third.item()] == [32.0, 48.0, 48.0]
    assert not third.requires_grad


def test_create_graph_makes_grad_differentiable():
    x = leaf(3.0)
    (x**3).sum().backward(create_graph=True)
    assert x.grad.requires_grad


def test_grad_returns_gradients_and_leaves_grad_alone():
    x, y = leaf(2.0), leaf(5.0)
    gx, gy = autograd.grad((x * y).sum(), [x, y])
    assert (gx.item(), gy.item(), x.grad) == (5.0, 2.0, None)


def test_grad_of_something_in_the_middle():
    x = leaf(2.0)
    y = x * 3
    (g,) = autograd.grad((y * y).sum(), y)
    assert g.item() == 12.0


def test_grad_refuses_inputs_that_are_not_used_unless_allowed():
    x, other = leaf(2.0), leaf(1.0)
    with pytest.raises(GradientError, match=r"CR312.*input 0"):
        autograd.grad((x * 2).sum(), [other])
    found = autograd.grad((x * 2).sum(), [x, other], allow_unused=True)
    assert (found[0].item(), found[1]) == (2.0, None)
    (zeros,) = autograd.grad((x * 2).sum(), [other], materialize_grads=True)
    assert zeros.tolist() == [0.0]


def test_grad_wants_one_cotangent_for_each_output():
    x = leaf(1.0)
    with pytest.raises(ArgumentError, match="CR902"):
        autograd.grad([x * 2, x * 3], x, [cr.ones(1)])


def test_backward_of_several_roots_in_one_walk():
    x = leaf(1.0)
    shared = x * 2
    autograd.backward([shared.sum(), (shared * 3).sum()])
    assert x.grad.item() == 8.0


def test_backward_from_a_given_cotangent():
    x = leaf(1.0, 2.0)
    (x * x).backward(cr.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]
    assert x.grad.dtype is cr.float64


def test_backward_to_some_inputs_only():
    x, y = leaf(1.0), leaf(2.0)
    (x * y).sum().backward(inputs=[x])
    assert (x.grad.item(), y.grad) == (2.0, None)


@pytest.mark.parametrize(
    "wrong, code",
    [
        (lambda: (leaf(1.0, 2.0) * 2).backward(), "CR308"),
        (lambda: cr.ones(1).backward(), "CR307"),
        (lambda: (leaf(1.0, 2.0) * 2).backward(cr.ones(3)), "CR107"),
        (lambda: autograd.grad(leaf(1.0), [cr.ones(1)]), "CR307"),
        (lambda: cr.ones(1).retain_grad(), "CR307"),
        (lambda: cr.ones(1).register_hook(print), "CR307"),
        (lambda: cr.ones(1, dtype=cr.int64).requires_grad_(), "CR306"),
        (lambda: (leaf(1.0) * 2).requires_grad_(False), "CR305"),
        (lambda: leaf(1.0).numpy(), "CR309"),
        (lambda: setattr(leaf(1.0), "grad", cr.ones(2)), "CR107"),
    ],
)
def test_what_cannot_be_had_says_why(wrong, code):
    with pytest.raises((GradientError, ShapeError)) as caught:
        wrong()
    assert caught.value.code == code


def test_detach_cuts_the_graph():
    x = leaf(3.0)
    (x.detach() * x).sum().backward()
    assert x.grad.item() == 3.0


def test_integers_and_comparisons_carry_no_gradient():
    x = leaf(1.0, -1.0)
    assert not (x > 0).requires_grad
    assert not x.long().requires_grad
    assert not x.argmax().requires_grad


def test_a_graph_of_ten_thousand_steps_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(10_000):
        y = y + x
    (g,) = autograd.grad(y.sum(), [x], retain_graph=True)
    y.sum().backward()
    assert g.item() == 10_001.0
    assert x.grad.item() == 10_001.0


def test_in_place_changes_do_not_touch_what_was_saved():
    x = leaf(1.0, 2.0)
    y = x * 1
    z = y * y
    y.add_(1)
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
