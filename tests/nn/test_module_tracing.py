"""Modules while a function is traced: guards, places, compiled modes."""

from __future__ import annotations

import copy

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ChainruleError, ShapeError
from chainrule.tensor import trace


def traced(function, *args):
    """The trace of a call."""
    writing = trace.Trace()
    with trace.active(writing):
        function(*args)
    return writing


def broken(writing):
    return [guard.what for guard in writing.guards if not guard.holds()]


def test_a_trace_guards_the_plain_state_of_modules():
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.open, self.sizes, self.table = True, [1, 2], {"a": (1, [2])}
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            return self.fc(x) if self.open else x

    net = Gate()
    writing = traced(net, cr.ones(1, 2))
    assert broken(writing) == []
    changes = [
        (lambda: net.eval(), lambda: net.train()),
        (lambda: setattr(net, "open", False), lambda: setattr(net, "open", True)),
        (lambda: setattr(net, "open", 1), lambda: setattr(net, "open", True)),
        (lambda: net.sizes.append(3), lambda: net.sizes.pop()),
        (lambda: net.table["a"][1].append(3), lambda: net.table["a"][1].pop()),
        (lambda: setattr(net, "new", 1), lambda: delattr(net, "new")),
        (lambda: net.fc.weight.requires_grad_(False), lambda: net.fc.weight.requires_grad_()),
    ]
    for change, undo in changes:
        change()
        assert broken(writing)
        undo()
        assert broken(writing) == []
    net.fc = nn.Linear(2, 2)
    assert broken(writing) == ["an attribute of a Gate"]


def test_each_module_is_guarded_once_in_a_trace():
    layer = nn.Linear(2, 2)
    x = cr.ones(1, 2)
    once = len(traced(layer, x).guards)
    assert len(traced(lambda: layer(layer(x))).guards) == once


def test_a_hook_is_part_of_the_state():
    net = nn.Linear(2, 2)
    writing = traced(net, cr.ones(1, 2))
    net.register_forward_hook(lambda m, args, y: y * 2)
    assert broken(writing)


def test_a_trace_knows_the_modules_it_is_in():
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append([type(m).__name__ for m in trace.current.get().modules])
            return x

    class Failing(nn.Module):
        def forward(self, x):
            raise ShapeError("CR101", "no")

    net = nn.Sequential(Spy())
    writing = traced(net, cr.ones(1))
    assert seen == [["Sequential", "Spy"]] and writing.modules == []
    with pytest.raises(ShapeError, match=r"in module Failing '0'"), trace.active(writing):
        nn.Sequential(Failing())(cr.ones(1))
    assert writing.modules == []


def test_compiled_modules_follow_their_state():
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
    run = cr.compile(lambda x: net(x))
    x = cr.randn(4, 3)
    for mode in (True, False, True):
        net.train(mode)
        cr.manual_seed(1)
        twin = copy.deepcopy(net)
        expected = twin(x)
        cr.manual_seed(1)
        assert run(x).equal(expected)
        assert net[2].running_mean.equal(twin[2].running_mean)
        assert net[2].num_batches_tracked.equal(twin[2].num_batches_tracked)


def test_a_loss_made_inside_a_compiled_step():
    net = nn.Linear(3, 2)

    def step(x, t):
        return nn.CrossEntropyLoss()(net(x), t)

    x, t = cr.randn(5, 3), cr.tensor([0, 1, 1, 0, 1])
    run = cr.compile(step)
    assert run(x, t).equal(step(x, t)) and run(x, t).equal(step(x, t))


def test_a_compiled_function_that_changes_the_mode_raises():
    net = nn.Dropout()
    with pytest.raises(ChainruleError, match=r"CR404.*mode of a Dropout"):
        cr.compile(lambda x: net.eval()(x))(cr.ones(2))
