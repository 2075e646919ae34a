"""What every optimizer shares: groups, gradients, state dicts, and the errors."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim
from chainrule.errors import ArgumentError, ArgumentTypeError, TraceError


def leaf(*values):
    return cr.tensor(values, requires_grad=True)


def trained(optimizer, steps=3):
    """Some steps with gradients that differ from step to step."""
    for step in range(steps):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = p.detach() * 0.3 + step
        optimizer.step()
    return optimizer


# -- parameters and groups -------------------------------------------------------------


def test_groups_have_numbers_of_their_own_and_share_the_rest():
    a, b = leaf(1.0), leaf(1.0)
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1, momentum=0.9)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5]
    assert [group["momentum"] for group in optimizer.param_groups] == [0.9, 0.9]
    a.grad, b.grad = cr.ones(1), cr.ones(1)
    optimizer.step()
    assert (a.item(), b.item()) == (pytest.approx(0.9), pytest.approx(0.5))


def test_the_dicts_given_are_not_changed():
    given = {"params": [leaf(1.0)], "lr": 0.5}
    optim.SGD([given])
    assert set(given) == {"params", "lr"}


def test_named_parameters_keep_their_names():
    optimizer = optim.SGD([("weight", leaf(1.0)), ("bias", leaf(2.0))])
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["params"] == [0, 1]


def test_a_group_is_added_later():
    a, b = leaf(1.0), leaf(1.0)
    optimizer = optim.Adagrad([a], lr=0.1)
    optimizer.add_param_group({"params": [b], "lr": 0.2})
    b.grad = cr.ones(1)
    optimizer.step()
    assert (a.item(), b.item()) == (1.0, pytest.approx(0.8))


def test_parameters_without_a_gradient_stay_and_remember_nothing():
    a, b = leaf(1.0), leaf(1.0)
    optimizer = optim.Adam([a, b])
    a.grad = cr.ones(1)
    optimizer.step()
    assert b.item() == 1.0
    assert list(optimizer.state_dict()["state"]) == [0]


def test_each_parameter_counts_its_own_steps():
    a, b, c = leaf(1.0), leaf(1.0), leaf(1.0)
    optimizer = optim.Adam([a, b])
    alone = optim.Adam([c])
    for step in range(6):
        a.grad = cr.ones(1)
        b.grad = cr.ones(1) if step % 2 else None
        optimizer.step()
        if step % 2:
            c.grad = cr.ones(1)
            alone.step()
    steps = [optimizer.state[p]["step"].item() for p in (a, b)]
    assert steps == [6.0, 3.0]
    assert b.item() == c.item()


def test_types_and_shapes_may_be_mixed():
    params = [
        cr.ones(2, 3, requires_grad=True),
        cr.ones((), dtype=cr.float64, requires_grad=True),
        cr.ones(0, 4, requires_grad=True),
        cr.ones(2, dtype=cr.float16, requires_grad=True),
        cr.ones(2, dtype=cr.bfloat16, requires_grad=True),
    ]
    optimizer = trained(optim.Adam(params, lr=0.125, eps=1e-3))
    for p in params:
        assert optimizer.state[p]["exp_avg"].dtype is p.dtype
        assert optimizer.state[p]["exp_avg"].shape == p.shape
    assert all(p.detach().double().sum().item() < p.numel() for p in params if p.numel())


@pytest.mark.parametrize("kind", [
    optim.Adadelta, optim.Adamax, optim.NAdam, optim.RAdam, optim.Rprop, optim.ASGD,
    optim.Lion, optim.Adafactor, optim.LBFGS,
])  # fmt: skip
def test_halves_empty_ones_and_single_numbers_go_down(kind):
    kinds = cr.float32, cr.float64, cr.float16, cr.bfloat16
    params = [cr.ones(shape, requires_grad=True) for shape in ((2, 3), (), (0, 4), (2, 0))]
    params += [cr.ones(3, dtype=dtype, requires_grad=True) for dtype in kinds]
    optimizer = kind(params, lr=100 if kind is optim.Adadelta else 0.125)

    def closure():
        for p in params:
            p.grad = p.detach() * 2
        return sum((p.detach().double() ** 2).sum() for p in params)

    for _ in range(3):
        optimizer.step(closure)
    for p in params:
        now = p.detach().double()
        assert now.isfinite().all().item() and (now < 1).all().item()


def test_each_type_is_computed_in_itself():
    mixed = [leaf(1.0), cr.ones(1, dtype=cr.float64, requires_grad=True)]
    alone = [leaf(1.0), cr.ones(1, dtype=cr.float64, requires_grad=True)]
    trained(optim.Adam(mixed, lr=0.3))
    for p in alone:
        trained(optim.Adam([p], lr=0.3))
    assert [p.item() for p in mixed] == [p.item() for p in alone]


@pytest.mark.parametrize(("params", "error", "says"), [
    ([], ArgumentError, "empty list"),
    (iter([]), ArgumentError, "used up"),
    (cr.ones(2), ArgumentTypeError, r"\[x\] for a single tensor"),
    ({"weight": cr.ones(2)}, ArgumentTypeError, "got a dict"),
    (None, ArgumentTypeError, "got a NoneType"),
    (["weight"], ArgumentTypeError, r"params\[0\] is a str"),
    ([np.ones(2)], ArgumentTypeError, "ndarray"),
    ([{"lr": 0.1}], ArgumentTypeError, "under 'params', got \\['lr'\\]"),
    ([{"params": {leaf(1.0)}}], ArgumentTypeError, "a set has no order"),
    ([{"params": 3}], ArgumentTypeError, "got a int"),
    ([{"params": [leaf(1.0)]}, leaf(1.0)], ArgumentTypeError, "group 1 must be a dict"),
])  # fmt: skip
def test_what_cannot_be_optimized(params, error, says):
    with pytest.raises(error, match=says) as caught:
        optim.SGD(params)
    assert caught.value.code == "CR601"


def test_a_computed_tensor_cannot_be_optimized():
    with pytest.raises(ArgumentError, match=r"CR602: .* params\[1\] of shape \(2,\)"):
        optim.SGD([leaf(1.0), leaf(1.0, 2.0) * 2])


@pytest.mark.parametrize("twice", [
    lambda p: [p, p],
    lambda p: [{"params": [p]}, {"params": [p]}],
    lambda p: [("tied", p), ("tied", p)],
])  # fmt: skip
def test_a_parameter_cannot_be_listed_twice(twice):
    with pytest.raises(ArgumentError, match=r"CR603: Adam: (tied|params).* is listed twice"):
        optim.Adam(twice(leaf(1.0)))


@pytest.mark.parametrize(("make", "says"), [
    (lambda p: optim.SGD(p, lr=-0.1), "lr must be a number ≥ 0, got -0.1"),
    (lambda p: optim.SGD(p, lr=float("nan")), "lr must be a number ≥ 0, got nan"),
    (lambda p: optim.SGD(p, lr="0.1"), "lr must be a number ≥ 0, got '0.1'"),
    (lambda p: optim.SGD(p, lr=cr.ones(2)), "lr must be a number ≥ 0"),
    (lambda p: optim.SGD(p, momentum=-1), "momentum"),
    (lambda p: optim.SGD(p, nesterov=True), "nesterov=True needs momentum > 0"),
    (lambda p: optim.SGD(p, momentum=0.9, dampening=0.1, nesterov=True), "dampening 0.1"),
    (lambda p: optim.Adam(p, betas=(0.9, 1.0)), "betas must be two numbers ≥ 0 and < 1"),
    (lambda p: optim.Adam(p, betas=0.9), "betas must be two numbers ≥ 0 and < 1, got 0.9"),
    (lambda p: optim.Adam(p, eps=-1e-8), "eps"),
    (lambda p: optim.AdamW(p, weight_decay=-1), "AdamW: weight_decay"),
    (lambda p: optim.RMSprop(p, alpha=-1), "alpha"),
    (lambda p: optim.Adagrad(p, lr_decay=-1), "lr_decay"),
    (lambda p: optim.SGD([{"params": p, "lr": -1}]), "got -1"),
    (lambda p: optim.Adadelta(p, rho=1.5), "rho must be a number from 0 to 1, got 1.5"),
    (lambda p: optim.Adamax(p, betas=(1.0, 0.9)), "betas"),
    (lambda p: optim.NAdam(p, momentum_decay=-1), "momentum_decay"),
    (lambda p: optim.RAdam(p, eps=-1), "eps"),
    (lambda p: optim.Rprop(p, etas=(1.2, 0.5)), r"0 < η₋ < 1 < η₊, got \(1.2, 0.5\)"),
    (lambda p: optim.ASGD(p, weight_decay=-1), "weight_decay"),
    (lambda p: optim.Lion(p, betas=(0.9, -0.1)), "betas"),
    (lambda p: optim.Adafactor(p, beta2_decay=0.5), "beta2_decay must be ≤ 0, got 0.5"),
    (lambda p: optim.Adafactor(p, d=0.5), "d must be a number ≥ 1, got 0.5"),
    (lambda p: optim.Adafactor(p, eps=(-1, 0)), "two numbers ≥ 0, or None and one"),
    (lambda p: optim.Muon(p, adjust_lr_fn="mine"), "'original' or 'match_rms_adamw', got 'm"),
    (lambda p: optim.Muon(p, ns_steps=100), "ns_steps is a whole number < 100, got 100"),
    (lambda p: optim.Muon(p, ns_coefficients=(1, 2)), "are three numbers"),
])  # fmt: skip
def test_numbers_out_of_range(make, says):
    with pytest.raises(ArgumentError, match=says) as caught:
        make([leaf(1.0)])
    assert caught.value.code == "CR604"


def test_muon_takes_matrices_only():
    named = [("fc.weight", cr.ones(2, 2, requires_grad=True)), ("fc.bias", leaf(1.0))]
    with pytest.raises(ArgumentError, match=r"CR611: Muon: fc.bias has shape \(1,\)"):
        optim.Muon(named)


def test_a_differentiable_step_is_not_offered():
    with pytest.raises(ArgumentError, match="CR610"):
        optim.Adam([leaf(1.0)], differentiable=True)


# -- the step --------------------------------------------------------------------------


def test_a_closure_is_called_with_gradients_on():
    w = leaf(4.0)
    optimizer = optim.SGD([w], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with cr.no_grad():
        assert optimizer.step(closure).item() == 16.0
    assert w.item() == pytest.approx(3.2)
    assert w.is_leaf and w.requires_grad


def test_a_step_leaves_the_gradient_as_it_was():
    w = leaf(4.0)
    w.grad = cr.ones(1)
    before = w.grad
    optim.SGD([w], lr=1.0).step()
    assert w.grad is before and before.item() == 1.0 and not before.requires_grad


def test_zero_grad_forgets_or_zeroes():
    w = leaf(4.0)
    optimizer = optim.SGD([w])
    optimizer.zero_grad()
    w.grad = cr.ones(1)
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.item() == 0.0
    optimizer.zero_grad()
    assert w.grad is None


def test_a_learning_rate_in_a_tensor():
    plain, held = leaf(4.0), leaf(4.0)
    rate = cr.tensor(0.25)
    optimizers = optim.Adam([plain], lr=0.25), optim.Adam([held], lr=rate)
    for optimizer in optimizers:
        trained(optimizer)
    assert plain.item() == held.item()
    rate.fill_(0.5)
    optimizers[0].param_groups[0]["lr"] = 0.5
    for optimizer in optimizers:
        trained(optimizer)
    assert plain.item() == held.item()


def test_views_of_a_parameter_see_the_step():
    w = leaf(4.0)
    data = w.data
    w.grad = cr.ones(1)
    optim.SGD([w], lr=1.0).step()
    assert data.item() == 3.0


# -- state dicts -----------------------------------------------------------------------


def test_a_state_dict_counts_parameters_through_all_groups():
    params = [leaf(1.0), leaf(2.0), leaf(3.0)]
    optimizer = optim.Adam([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}])
    found = trained(optimizer).state_dict()
    assert [group["params"] for group in found["param_groups"]] == [[0], [1, 2]]
    assert list(found["state"]) == [0, 1, 2]
    assert list(found["state"][0]) == ["step", "exp_avg", "exp_avg_sq"]
    assert found["state"][0]["step"].shape == () and found["state"][0]["step"].item() == 3.0
    assert found["param_groups"][1]["lr"] == 0.5


def test_loaded_state_is_a_copy():
    source = trained(optim.Adam([leaf(1.0)]))
    target = optim.Adam([leaf(1.0)])
    target.load_state_dict(source.state_dict())
    before = source.state_dict()["state"][0]["exp_avg"].item()
    trained(target)
    assert source.state_dict()["state"][0]["exp_avg"].item() == before
    assert source.param_groups[0] is not target.param_groups[0]


def test_loading_takes_the_type_of_the_parameter_and_keeps_the_count():
    source = trained(optim.Adam([leaf(1.0)]))
    target = optim.Adam([cr.ones(1, dtype=cr.float64, requires_grad=True)])
    target.load_state_dict(source.state_dict())
    (state,) = target.state.values()
    assert state["exp_avg"].dtype is cr.float64
    assert state["step"].dtype is cr.float32


def test_a_count_kept_as_a_number_is_taken_over():
    saved = trained(optim.Adam([leaf(1.0)])).state_dict()
    saved["state"][0]["step"] = 3
    target = optim.Adam([leaf(1.0)])
    target.load_state_dict(saved)
    assert trained(target, 1).state_dict()["state"][0]["step"].item() == 4.0


def test_what_an_older_state_dict_lacks_has_the_default():
    saved = trained(optim.SGD([leaf(1.0)], momentum=0.9)).state_dict()
    del saved["param_groups"][0]["maximize"]
    target = optim.SGD([leaf(1.0)])
    target.load_state_dict(saved)
    assert target.param_groups[0]["maximize"] is False
    assert target.param_groups[0]["momentum"] == 0.9


def test_groups_stay_the_same_dicts_when_a_state_dict_is_loaded():
    target = optim.SGD([leaf(1.0)])
    (group,) = target.param_groups
    target.load_state_dict(optim.SGD([leaf(1.0)], lr=0.5).state_dict())
    assert target.param_groups == [group] and group["lr"] == 0.5


@pytest.mark.parametrize(("change", "says"), [
    (lambda s: s.pop("state"), "needs the entries 'state' and 'param_groups'"),
    (lambda s: s["param_groups"].append(s["param_groups"][0]), r"groups have \[2, 2\]"),
    (lambda s: s["param_groups"][0]["params"].pop(), r"have \[1\] parameters, .* \[2\]"),
    (lambda s: s["state"][1].pop("exp_avg"), "parameter 1 lacks 'exp_avg'"),
    (lambda s: s["state"][0].update(exp_avg=cr.ones(3)), r"\(3,\) instead of \(1,\)"),
])  # fmt: skip
def test_a_state_dict_that_does_not_fit(change, says):
    saved = trained(optim.Adam([leaf(1.0), leaf(2.0)])).state_dict()
    change(saved)
    target = optim.Adam([leaf(1.0), leaf(2.0)])
    with pytest.raises(ArgumentError, match=says) as caught:
        target.load_state_dict(saved)
    assert caught.value.code == "CR605"
    assert not target.state


def test_the_state_of_another_optimizer_does_not_fit():
    sgd = trained(optim.SGD([leaf(1.0)], momentum=0.9)).state_dict()
    adam = trained(optim.Adam([leaf(1.0)])).state_dict()
    with pytest.raises(ArgumentError, match=r"CR605.*fit the Adam: its groups have no betas"):
        optim.Adam([leaf(1.0)]).load_state_dict(sgd)
    with pytest.raises(ArgumentError, match=r"CR605.*fit the SGD: its groups have no momentum"):
        optim.SGD([leaf(1.0)]).load_state_dict(adam)
    adam["state"] = sgd["state"]
    with pytest.raises(ArgumentError, match=r"lacks 'step', it has \['momentum_buffer'\]"):
        optim.Adam([leaf(1.0)]).load_state_dict(adam)


def test_an_optimizer_says_what_it_is():
    text = repr(optim.SGD([leaf(1.0)], lr=0.5))
    assert text.startswith("SGD (\nParameter Group 0\n    dampening: 0\n")
    assert "    lr: 0.5\n" in text


# -- a rule of one's own ---------------------------------------------------------------


class SignDescent(optim.Optimizer):
    """p ← p - η sign(g), written as users write theirs: with a step of its own."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @cr.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["moves"] = state.get("moves", 0) + 1
                p.add_(p.grad.sign(), alpha=-group["lr"])


def test_users_write_their_own():
    w = leaf(1.0, -1.0)
    optimizer = trained(SignDescent([w], lr=0.25), steps=1)
    assert w.tolist() == [0.75, -0.75]
    twin = SignDescent([leaf(1.0, -1.0)], lr=1.0)
    twin.load_state_dict(optimizer.state_dict())
    assert twin.param_groups[0]["lr"] == 0.25
    assert next(iter(twin.state.values()))["moves"] == 1


# -- compiled steps --------------------------------------------------------------------


def compiled_step(optimizer, *params):
    def step(x):
        optimizer.zero_grad()
        loss = sum((p * p * x).sum() for p in params)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return cr.compile(step)


def test_loading_a_state_dict_is_seen_by_a_compiled_step():
    twins = [leaf(4.0), leaf(4.0)]
    optimizers = [optim.Adam([w], lr=0.1) for w in twins]
    saved = trained(optim.Adam([leaf(1.0)], lr=0.5)).state_dict()
    run = compiled_step(optimizers[0], twins[0])
    x = cr.ones(1)
    for reload in (False, False, True, False):
        if reload:
            for optimizer in optimizers:
                optimizer.load_state_dict(saved)
        run(x)
        twins[1].grad = 2 * twins[1].detach()
        optimizers[1].step()
        assert twins[0].item() == twins[1].item()


@pytest.mark.parametrize("change", [
    {"weight_decay": 0.1}, {"maximize": True}, {"momentum": 0.5}, {"nesterov": False},
    {"lr": 0.05}, {"lr": cr.tensor(0.05)}, {"dampening": 0.5, "nesterov": False},
])  # fmt: skip
@pytest.mark.parametrize("lr", [0.1, cr.tensor(0.1)])
def test_changed_numbers_and_switches_are_seen_by_a_compiled_step(change, lr):
    twins = [leaf(4.0), leaf(4.0)]
    optimizers = [optim.SGD([w], lr=lr, momentum=0.9, nesterov=True) for w in twins]
    run = compiled_step(optimizers[0], twins[0])
    for i in range(6):
        if i == 3:
            for optimizer in optimizers:
                optimizer.param_groups[0].update(change)
        run(cr.ones(1))
        twins[1].grad = 2 * twins[1].detach()
        optimizers[1].step()
        assert twins[0].item() == twins[1].item()


@pytest.mark.parametrize(("kind", "change"), [
    (optim.Muon, {"ns_steps": 2}), (optim.Muon, {"adjust_lr_fn": "match_rms_adamw"}),
    (optim.Muon, {"nesterov": False, "ns_coefficients": (2.0, -1.5, 0.5)}),
    (optim.Adafactor, {"eps": (0.5, 0.1)}), (optim.Adafactor, {"d": 2.0, "beta2_decay": -0.3}),
    (optim.NAdam, {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    (optim.NAdam, {"momentum_decay": 0.1}), (optim.RAdam, {"betas": (0.5, 0.6)}),
    (optim.Rprop, {"etas": (0.3, 1.5), "step_sizes": (0.01, 0.02)}),
    (optim.ASGD, {"t0": 2, "lambd": 0.1}), (optim.Adadelta, {"rho": 0.5}),
    (optim.Adamax, {"maximize": True}), (optim.Lion, {"weight_decay": 0.1}),
])  # fmt: skip
def test_all_numbers_and_switches_are_seen_by_a_compiled_step(kind, change):
    found = []
    for compiled in (False, True):
        w = cr.tensor([[4.0, -3.0], [0.5, 1.0]], requires_grad=True)
        optimizer = kind([w], lr=0.1)

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            (w * w * x).sum().backward()
            optimizer.step()

        run = cr.compile(step) if compiled else step
        moves = []
        for i in range(8):
            if i == 4:
                optimizer.param_groups[0].update(change)
            run(cr.ones(1))
            moves.append(w.tolist())
        found.append(moves)
    assert found[0] == found[1]


def test_an_added_group_is_seen_by_a_compiled_step():
    a, b = leaf(4.0), leaf(4.0)
    optimizer = optim.SGD([a], lr=0.1)
    run = compiled_step(optimizer, a, b)
    run(cr.ones(1))
    assert b.item() == 4.0
    optimizer.add_param_group({"params": [b]})
    optimizer.zero_grad()
    run(cr.ones(1))
    assert b.item() == pytest.approx(3.2)


def test_python_state_is_not_changed_inside_a_compiled_function():
    w = leaf(1.0)
    optimizer = optim.SGD([w])
    saved = optimizer.state_dict()
    for change in (
        lambda: optimizer.load_state_dict(saved),
        lambda: optimizer.add_param_group({"params": [leaf(1.0)]}),
        lambda: optim.SGD([w]),
    ):
        with pytest.raises(TraceError, match="CR609"):
            cr.compile(lambda x, change=change: (change(), x)[1])(cr.ones(1))


def test_the_first_compiled_step_with_dampening_takes_the_gradient_whole():
    found = []
    for compiled in (False, True):
        w = leaf(4.0, -3.0)
        optimizer = optim.SGD([w], lr=0.1, momentum=0.9, dampening=0.5)

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            (w * w * x).sum().backward()
            optimizer.step()
            return w.detach().clone()

        run = cr.compile(step) if compiled else step
        moves = [run(cr.ones(1)).tolist() for _ in range(4)]
        saved = optimizer.state_dict()
        again = leaf(*moves[-1])
        other = optim.SGD([again])
        other.load_state_dict(saved)
        again.grad = cr.ones(2)
        other.step()
        found.append([*moves, again.tolist(), saved["state"][0]["momentum_buffer"].tolist()])
    assert found[0] == found[1]
    assert found[0][0] == pytest.approx([3.2, -2.4])
    assert len(run.explain().recordings) == 1
