"""Hooks around steps and state dicts, and optimizers that users write."""

from __future__ import annotations

import copy
import pickle

import pytest

import chainrule as cr
from chainrule import optim
from chainrule.errors import ArgumentError, ArgumentTypeError, TraceError
from chainrule.optim.optimizer import Optimizer, required


def leaf(*values):
    return cr.tensor(values, requires_grad=True)


def stepped(optimizer):
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = cr.ones_like(p)
    optimizer.step()
    return optimizer


# -- hooks -----------------------------------------------------------------------------


def test_step_hooks_run_in_order_and_come_off():
    optimizer = optim.SGD([leaf(1.0)])
    seen = []
    handles = [
        optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after")),
        optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before")),
        optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(o)),
    ]
    stepped(optimizer)
    assert seen == ["before", optimizer, "after"]
    for handle in handles:
        handle.remove()
    stepped(optimizer)
    assert len(seen) == 3


def test_a_hook_before_step_may_change_the_arguments():
    w = leaf(4.0)
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((lambda: 7.0,), {}))
    assert optimizer.step() == 7.0
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(ArgumentTypeError, match="CR613: a hook before the step of SGD"):
        optimizer.step()


def test_hooks_run_once_where_a_step_calls_that_of_its_base():
    class Clipped(optim.Adam):
        def step(self, closure=None):
            for p in self.param_groups[0]["params"]:
                p.grad.clamp_(-1, 1)
            return super().step(closure)

    optimizer = Clipped([leaf(1.0)])
    seen = []
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    stepped(optimizer)
    assert seen == [1]


def test_a_hook_is_part_of_a_compiled_step():
    found = []
    for compiled in (False, True):
        w = leaf(4.0)
        optimizer = optim.SGD([w], lr=0.1)

        def halve(o, args, kwargs):
            for p in o.param_groups[0]["params"]:
                p.grad.mul_(0.5)

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            (w * w * x).sum().backward()
            optimizer.step()

        run = cr.compile(step) if compiled else step
        moves = []
        for i in range(6):
            if i == 2:
                handle = optimizer.register_step_pre_hook(halve)
            if i == 4:
                handle.remove()
            run(cr.ones(1))
            moves.append(w.item())
        found.append(moves)
    assert found[0] == found[1]


def test_state_dict_hooks():
    optimizer = stepped(optim.SGD([leaf(1.0)], lr=0.1, momentum=0.9))
    seen = []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("second"))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, found: found.update(note=1))
    optimizer.register_state_dict_post_hook(lambda o, found: {**found, "other": 2})
    saved = optimizer.state_dict()
    assert seen == ["first", "second"]
    assert set(saved) == {"state", "param_groups", "note", "other"}

    def renamed(o, given):
        given["param_groups"] = [{**given["param_groups"][0], "lr": 0.5}]

    target = optim.SGD([leaf(1.0)])
    target.register_load_state_dict_pre_hook(renamed)
    target.register_load_state_dict_post_hook(lambda o: seen.append(o.param_groups[0]["lr"]))
    target.load_state_dict(saved)
    assert seen[-1] == 0.5 and saved["param_groups"][0]["lr"] == 0.1


def test_hooks_are_no_part_of_the_state():
    optimizer = stepped(optim.Adam([leaf(1.0)]))
    optimizer.register_step_post_hook(print)
    assert set(optimizer.state_dict()) == {"state", "param_groups"}


# -- optimizers that users write -------------------------------------------------------


class Momentum(Optimizer):
    """As in PyTorch's tutorials: state made when it is needed, p.data changed."""

    def __init__(self, params, lr=required, momentum=0.0, weight_decay=0.0):
        if lr is not required and lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("weight_decay", 0.0)

    def step(self, closure=None):
        loss = None
        if closure is not None:
            loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                d_p = p.grad.data
                if group["weight_decay"] != 0:
                    d_p = d_p.add(p.data, alpha=group["weight_decay"])
                if group["momentum"] != 0:
                    state = self.state[p]
                    if "momentum_buffer" not in state:
                        state["momentum_buffer"] = cr.clone(d_p).detach()
                    else:
                        state["momentum_buffer"].mul_(group["momentum"]).add_(d_p)
                    d_p = state["momentum_buffer"]
                p.data.add_(d_p, alpha=-group["lr"])
        return loss


class Counting(Optimizer):
    """Adam without its averages of squares, counting in a Python number."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @cr.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["exp_avg"] = cr.zeros_like(p)
                state["step"] += 1
                state["exp_avg"].lerp_(p.grad, 0.1)
                p.sub_(group["lr"] / (1 - 0.9 ** state["step"]) * state["exp_avg"])


def training(optimizer, w, compiled=False, steps=6, change=lambda i: None, before=0):
    """The parameter after each of some steps."""

    def step(x):
        optimizer.zero_grad()
        (w * w * x).sum().backward()
        optimizer.step()

    run = cr.compile(step) if compiled else step
    found = []
    for i in range(steps):
        change(i)
        (step if i < before else run)(cr.ones(1))
        found.append(w.tolist())
    return found


@pytest.mark.parametrize("options", [
    {"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.2}, {"lr": 0.1, "momentum": 0.9},
])  # fmt: skip
@pytest.mark.parametrize("compiled", [False, True])
def test_a_user_s_own_does_what_ours_does(options, compiled):
    a, b = leaf(3.0, -2.0), leaf(3.0, -2.0)
    theirs, ours = Momentum([a], **options), optim.SGD([b], **options)

    def change(i):
        for optimizer in (theirs, ours):
            optimizer.param_groups[0]["lr"] = 0.1 if i < 3 else 0.05

    found = training(theirs, a, compiled, change=change, before=1)
    expected = training(ours, b, change=change)
    assert found == [pytest.approx(row, rel=1e-5) for row in expected]


def test_a_plain_step_needs_no_first_one_outside():
    a, b = leaf(3.0), leaf(3.0)
    assert training(Momentum([a], lr=0.1), a, compiled=True) == training(
        Momentum([b], lr=0.1), b
    )


def test_python_numbers_that_change_in_a_compiled_step_are_refused_and_put_back():
    a, b = leaf(3.0), leaf(3.0)
    optimizer, twin = Counting([a]), Counting([b])
    for before in (0, 1):
        training(optimizer, a, steps=before)
        training(twin, b, steps=before)
        kept = {p: dict(state) for p, state in optimizer.state.items()}
        with pytest.raises(TraceError, match=r"CR612: Counting.step\(\) inside a compiled"):
            training(optimizer, a, compiled=True)
        assert optimizer.state == kept
    assert training(optimizer, a) == training(twin, b)


def test_state_that_is_made_in_a_compiled_step_is_refused_and_taken_away():
    w = leaf(3.0)
    optimizer = Momentum([w], lr=0.1, momentum=0.9)
    with pytest.raises(TraceError, match="CR612: Momentum"):
        training(optimizer, w, compiled=True)
    assert not optimizer.state and w.item() == 3.0


def test_an_optimizer_that_adds_to_one_of_ours_is_compiled_from_the_first_step():
    class Clipped(optim.SGD):
        def step(self, closure=None):
            for p in self.param_groups[0]["params"]:
                p.grad.clamp_(-1, 1)
            return super().step(closure)

    options = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
    a, b = leaf(3.0), leaf(3.0)
    assert training(Clipped([a], **options), a, compiled=True) == training(
        Clipped([b], **options), b
    )


def test_what_is_required():
    with pytest.raises(ArgumentError, match="CR604: Momentum: group 0 gives no lr"):
        Momentum([leaf(1.0)])
    assert repr(required) == "<required parameter>"
    groups = [{"params": [leaf(1.0)], "lr": 0.5}]
    assert Momentum(groups).param_groups[0]["lr"] == 0.5


def test_loading_calls_setstate_as_in_torch():
    saved = stepped(Momentum([leaf(1.0)], lr=0.1, momentum=0.9)).state_dict()
    del saved["param_groups"][0]["weight_decay"]
    target = Momentum([leaf(1.0)], lr=0.5)
    del target.defaults["weight_decay"]
    target.load_state_dict(saved)
    assert target.param_groups[0]["weight_decay"] == 0.0
    assert target.state[target.param_groups[0]["params"][0]]["momentum_buffer"].item() == 1


def test_a_count_that_is_a_number_stays_one():
    saved = stepped(Counting([leaf(1.0)])).state_dict()
    target = Counting([leaf(1.0)])
    target.load_state_dict(saved)
    assert target.state_dict()["state"][0]["step"] == 1
    assert stepped(target).state_dict()["state"][0]["step"] == 2


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.NAdam])
def test_optimizers_are_copied_and_pickled(kind, twin):
    w = leaf(3.0)
    optimizer = stepped(kind([w], lr=0.1))
    other = twin(optimizer)
    (theirs,) = other.param_groups[0]["params"]
    assert theirs is not w and theirs.tolist() == w.tolist()
    stepped(optimizer)
    stepped(other)
    assert theirs.tolist() == w.tolist()
