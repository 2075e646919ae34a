"""Modules called with other parameters than their own."""

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError
from chainrule.nn.utils.stateless import functional_call


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


X = cr.randn(6, 3, generator=cr.Generator().manual_seed(0))


def test_the_given_tensors_are_used_and_the_module_keeps_its_own():
    net = network().eval()
    before = {name: p.clone() for name, p in net.state_dict().items()}
    given = {name: cr.zeros_like(p) for name, p in net.named_parameters()}
    given["2.bias"] = cr.tensor([1.0, 2.0])
    assert functional_call(net, given, X).equal(cr.tensor([[1.0, 2.0]]).expand(6, 2))
    assert functional_call(net, {}, (X,)).equal(net(X))
    for name, tensor in net.state_dict().items():
        assert tensor.equal(before[name])


def test_gradients_reach_what_was_given_and_nothing_else():
    net = network()
    given = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}
    functional_call(net, given, kwargs={"input": X}).sum().backward()
    expected = network()
    expected.load_state_dict(net.state_dict())
    expected.zero_grad()
    expected(X).sum().backward()
    assert all(p.grad is None for p in net.parameters())
    for name, p in expected.named_parameters():
        assert given[name].grad.allclose(p.grad)


def test_one_step_of_gradient_descent_differentiated_through():
    net = nn.Linear(1, 1, bias=False)
    weight = cr.tensor([[2.0]], requires_grad=True)
    loss = (functional_call(net, {"weight": weight}, cr.ones(1, 1)) ** 2).sum()
    (g,) = cr.autograd.grad(loss, weight, create_graph=True)
    later = functional_call(net, {"weight": weight - 0.1 * g}, cr.ones(1, 1)).sum()
    later.backward()
    assert weight.grad.item() == pytest.approx(0.8)


def test_buffers_that_were_given_are_changed_and_not_those_of_the_module():
    net = network()
    given = {"1.running_mean": cr.zeros(4)}
    functional_call(net, given, X)
    assert given["1.running_mean"].abs().sum() > 0
    assert net[1].running_mean.equal(cr.zeros(4))


def test_compiled_it_is_recorded_once():
    net = network().eval()
    run = cr.compile(lambda w, x: functional_call(net, {"0.weight": w}, (x,)))
    for scale in (1.0, 2.0, 3.0):
        w = cr.full((4, 3), scale)
        assert run(w, X).equal(functional_call(net, {"0.weight": w}, X))
    assert len(run.explain().recordings) == 1


def test_tied_weights_are_replaced_under_all_their_names():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    x = cr.ones(1, 2)
    given = {"0.weight": 2 * cr.eye(2)}
    assert functional_call(net, given, x).tolist() == [[4.0, 4.0]]
    loose = functional_call(net, given, x, tie_weights=False)
    assert loose.allclose((2 * x) @ net[1].weight.T)


@pytest.mark.parametrize(
    ("given", "strict", "message"),
    [
        ({"3.weight": X}, False, "not there: 3.weight"),
        ({"0.weight": X}, True, "not given: .*2.bias"),
        ([{"0.weight": X}, {"0.weight": X}], False, "0.weight is given twice"),
    ],
)
def test_names_that_do_not_fit(given, strict, message):
    with pytest.raises(ArgumentError, match=rf"CR567.*{message}"):
        functional_call(network(), given, X, strict=strict)
