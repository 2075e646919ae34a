"""Memory: graphs go when nobody holds them, without waiting for the garbage collector."""

import gc
import weakref

import pytest

import chainrule as cr
from chainrule.autograd import Function, grad


@pytest.fixture(autouse=True)
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def chain(x):
    """Some steps of every kind; the nodes of the graph, weakly held."""
    y = (x.reshape(2, 2) @ x.reshape(2, 2)).softmax(1)
    y = cr.cat([y, y[:1] * 2]).relu().sum(0)
    nodes, edges = [], [y.grad_fn]
    while edges:
        node = edges.pop()
        if hasattr(node, "edges"):
            nodes.append(weakref.ref(node))
            edges += [edge for edge in node.edges if edge is not None]
    return y.sum(), nodes


def alive(references):
    return [r for r in references if r() is not None]


def test_a_graph_is_freed_with_its_last_tensor():
    x = cr.rand(4, requires_grad=True)
    y, nodes = chain(x)
    assert len(alive(nodes)) > 5
    del y
    assert not alive(nodes)


def test_a_graph_is_freed_after_backward_and_its_values_at_once():
    x = cr.rand(4, requires_grad=True)
    y, nodes = chain(x)
    y.backward()
    assert all(r().saved is None for r in alive(nodes))
    del y
    assert not alive(nodes)
    assert x.grad is not None


def test_detached_numbers_hold_no_graph():
    x = cr.rand(4, requires_grad=True)
    y, nodes = chain(x)
    kept = [y.detach(), y.data, y.item()]
    del y
    assert not alive(nodes)
    assert len(kept) == 3


def test_parts_of_a_tensor_do_not_hold_the_tensor():
    whole = cr.zeros(4)
    part = whole[1:]
    held = weakref.ref(whole)
    del whole
    assert held() is None
    assert part.tolist() == [0.0, 0.0, 0.0]


def test_higher_derivatives_are_freed():
    x = cr.rand(3, requires_grad=True)
    (g,) = grad((x**3).sum(), x, create_graph=True)
    node = weakref.ref(g.grad_fn)
    (gg,) = grad(g.sum(), x)
    del g, gg
    assert node() is None


def test_hooks_and_retained_gradients_make_no_cycle():
    x = cr.rand(3, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 1)
    y.sum().backward()
    node = weakref.ref(y.grad_fn)
    assert y.grad.tolist() == [1.0, 1.0, 1.0]
    del y
    assert node() is None


def test_user_functions_are_freed():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            y = x * 2
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = cr.rand(3, requires_grad=True)
    y = Double.apply(x)
    node = weakref.ref(y.grad_fn)
    y.sum().backward()
    del y
    assert node() is None


def test_training_steps_leave_nothing_behind():
    w = cr.rand(8, 8, requires_grad=True)
    data = cr.rand(4, 8)

    def step():
        loss = ((data @ w).tanh() ** 2).mean()
        loss.backward()
        with cr.no_grad():
            w.sub_(0.1 * w.grad)
        w.grad = None

    step()
    before = len(gc.get_objects())
    for _ in range(20):
        step()
    assert len(gc.get_objects()) <= before + 5
