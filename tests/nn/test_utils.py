"""nn.utils: gradients clipped, parameters as one vector."""

from __future__ import annotations

import copy
import math

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import GradientError, ShapeError
from chainrule.nn.utils.clip_grad import clip_grad_norm_ as by_full_name


def parameters(*gradients):
    found = []
    for gradient in gradients:
        p = nn.Parameter(cr.zeros(len(gradient)))
        p.grad = cr.tensor(gradient)
        found.append(p)
    return found


def gradients(found):
    return [p.grad.tolist() for p in found]


def test_the_norm_of_all_gradients_together_is_clipped():
    found = parameters([3.0, 0.0], [0.0, 4.0])
    assert by_full_name is nn.utils.clip_grad_norm_
    total = nn.utils.clip_grad_norm_(found, 2.5)
    assert total.item() == 5 and total.shape == ()
    first, second = gradients(found)
    assert first + second == pytest.approx([1.5, 0, 0, 2], rel=1e-6)


def test_small_gradients_stay():
    found = parameters([0.3, 0.4])
    assert nn.utils.clip_grad_norm_(found, 1.0).item() == pytest.approx(0.5)
    assert gradients(found) == [pytest.approx([0.3, 0.4])]


@pytest.mark.parametrize(
    ("norm_type", "expected"), [(1.0, 9.0), (math.inf, 4.0), (3.0, (27 + 64 + 8) ** (1 / 3))]
)
def test_norm_types(norm_type, expected):
    found = parameters([-3.0], [4.0, 2.0])
    total = nn.utils.clip_grad_norm_(found, 1.0, norm_type=norm_type)
    assert total.item() == pytest.approx(expected)
    clipped = nn.utils.get_total_norm([p.grad for p in found], norm_type)
    assert clipped.item() == pytest.approx(1, rel=1e-5)


def test_one_tensor_none_and_no_gradients():
    (p,) = parameters([6.0, 8.0])
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == 10
    assert nn.utils.clip_grad_norm_([nn.Parameter(cr.ones(2))], 1.0).item() == 0
    assert nn.utils.clip_grad_norm_(iter([]), 1.0).item() == 0


def test_a_gradient_that_two_parameters_share_is_scaled_once():
    a, b = (nn.Parameter(cr.zeros(2)) for _ in range(2))
    (a + b).sum().backward()
    nn.utils.clip_grad_norm_([a, b], 1.0)
    assert a.grad.tolist() == b.grad.tolist() == [pytest.approx(0.5)] * 2


def test_gradients_that_are_not_finite():
    found = parameters([math.inf, 1.0])
    with pytest.raises(GradientError, match=r"CR532.*inf"):
        nn.utils.clip_grad_norm_(found, 1.0, error_if_nonfinite=True)
    assert nn.utils.clip_grad_norm_(found, 1.0).item() == math.inf


def test_values_are_clipped():
    found = parameters([-3.0, 0.5], [2.0])
    nn.utils.clip_grad_value_(found, 1.0)
    assert gradients(found) == [[-1, 0.5], [1]]


def test_clipping_in_a_compiled_step():
    net = nn.Linear(3, 2)
    twin = copy.deepcopy(net)
    x = cr.randn(4, 3)

    def step(module, x):
        module.zero_grad()
        module(x).square().sum().backward()
        return nn.utils.clip_grad_norm_(module.parameters(), 0.1)

    total = cr.compile(lambda x: step(net, x))(x)
    assert total.equal(step(twin, x))
    assert net.weight.grad.equal(twin.weight.grad)


def test_parameters_as_a_vector_and_back():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (13,) and vector.requires_grad
    assert vector[:6].tolist() == net[0].weight.flatten().tolist()
    nn.utils.vector_to_parameters(cr.arange(13.0), net.parameters())
    assert net[0].bias.tolist() == [6, 7, 8] and net[1].bias.tolist() == [12]
    assert net[0].bias.requires_grad and net[0].bias.is_leaf
    for size in (12, 14):
        with pytest.raises(ShapeError, match=rf"CR533.*\({size},\).*13 elements"):
            nn.utils.vector_to_parameters(cr.ones(size), net.parameters())
