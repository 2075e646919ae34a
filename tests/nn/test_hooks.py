"""Hooks before and after forward, and in backward."""

from __future__ import annotations

import chainrule as cr
from chainrule import nn


def test_forward_hooks_see_and_replace():
    net, seen = nn.Identity(), []
    before = net.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    net.register_forward_pre_hook(lambda m, args: args[0] * 10)
    after = net.register_forward_hook(
        lambda m, args, y: seen.append((args[0].item(), y.item()))
    )
    net.register_forward_hook(lambda m, args, y: -y)
    assert net(cr.tensor(1.0)).item() == -20
    assert seen == [(20.0, 20.0)]
    before.remove()
    after.remove()
    assert net(cr.tensor(1.0)).item() == -10 and len(seen) == 1
    with net.register_forward_hook(lambda m, args, y: y + 100, prepend=True):
        assert net(cr.tensor(1.0)).item() == -110


def test_hooks_with_keywords():
    class Scale(nn.Module):
        def forward(self, x, by=1.0):
            return x * by

    net, seen = Scale(), []
    net.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True
    )
    net.register_forward_hook(lambda m, args, kwargs, y: seen.append(kwargs), with_kwargs=True)
    assert net(cr.tensor(2.0), by=3.0).item() == 8
    assert seen == [{"by": 4.0}]


def test_full_backward_hooks():
    net, seen = nn.Linear(2, 2, bias=False), []

    def watch(module, grad_input, grad_output):
        seen.append((module, [g.tolist() for g in grad_input], grad_output[0].tolist()))
        return (grad_input[0] * 2,)

    handle = net.register_full_backward_hook(watch)
    x = cr.ones(1, 2).requires_grad_()
    net(x).backward(cr.tensor([[1.0, 2.0]]))
    expected = (cr.tensor([[1.0, 2.0]]) @ net.weight).detach()
    assert seen == [(net, [expected.tolist()], [[1.0, 2.0]])]
    assert x.grad.equal(expected * 2)
    handle.remove()
    net(x).sum().backward()
    assert len(seen) == 1


def test_full_backward_hook_without_a_gradient_to_the_input():
    net, seen = nn.Linear(2, 1), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    net(cr.ones(3, 2)).sum().backward()
    assert seen == [((None,), [[1.0], [1.0], [1.0]])]
    assert net.weight.grad is not None


def test_full_backward_hook_of_a_module_with_two_outputs():
    class Split(nn.Module):
        def forward(self, x):
            return x * 2, x * 3

    net, seen = Split(), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append([g.item() for g in gi + go]))
    x = cr.tensor(1.0, requires_grad=True)
    a, b = net(x)
    (a + 5 * b).backward()
    assert seen == [[17.0, 1.0, 5.0]] and x.grad.item() == 17


def test_full_backward_pre_hooks_replace_the_gradient_that_comes_in():
    net, seen = nn.Linear(2, 1, bias=False), []
    net.register_full_backward_pre_hook(lambda m, g: (g[0] * 10,))
    net.register_backward_hook(lambda m, g_in, g_out: seen.append(g_out[0].item()))
    x = cr.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    assert seen == [10.0]
    assert x.grad.allclose(10 * net.weight.detach())
    assert net.weight.grad.allclose(cr.full((1, 2), 10.0))
