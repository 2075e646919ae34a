"""Laws for every optimizer and every schedule there is; they are found, not listed."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim
from chainrule.optim import lr_scheduler, swa_utils
from chainrule.optim.lr_scheduler.scheduler import LRScheduler


def found(base):
    """The public classes below `base` in chainrule.optim."""
    for module in pkgutil.walk_packages(optim.__path__, "chainrule.optim."):
        importlib.import_module(module.name)
    below, waiting = [], [base]
    while waiting:
        waiting += (children := waiting.pop().__subclasses__())
        below += children
    faces = {**vars(optim), **vars(lr_scheduler), **vars(swa_utils)}
    return sorted({c for c in below if c in faces.values()}, key=lambda c: c.__name__)


OPTIMIZERS = found(optim.Optimizer)
TRACED = [kind for kind in OPTIMIZERS if kind is not optim.LBFGS]  # which needs numbers
SCHEDULERS = found(LRScheduler)

#: the arguments that a schedule cannot do without
NEEDS = {
    "StepLR": lambda o: {"step_size": 3},
    "MultiStepLR": lambda o: {"milestones": [2, 5, 5]},
    "ExponentialLR": lambda o: {"gamma": 0.9},
    "LambdaLR": lambda o: {"lr_lambda": lambda t: 1 / (t + 1)},
    "CosineAnnealingLR": lambda o: {"T_max": 7},
    "OneCycleLR": lambda o: {"max_lr": 0.5, "total_steps": 30},
    "CosineAnnealingWarmRestarts": lambda o: {"T_0": 4, "T_mult": 2},
    "CyclicLR": lambda o: {"base_lr": 0.01, "max_lr": 0.5, "step_size_up": 3},
    "MultiplicativeLR": lambda o: {"lr_lambda": lambda t: 1 - 1 / (t + 1)},
    "SWALR": lambda o: {"swa_lr": 0.02, "anneal_epochs": 5},
    "SequentialLR": lambda o: {
        "schedulers": [lr_scheduler.LinearLR(o), lr_scheduler.CosineAnnealingLR(o, 6)],
        "milestones": [5],
    },
    "ChainedScheduler": lambda o: {
        "schedulers": [lr_scheduler.ConstantLR(o), lr_scheduler.ExponentialLR(o, 0.9)]
    },
}


def test_all_are_found():
    assert {c.__name__ for c in OPTIMIZERS} >= {"SGD", "Adagrad", "RMSprop", "Adam", "AdamW"}
    assert {c.__name__ for c in SCHEDULERS} >= {"StepLR", "OneCycleLR", "ReduceLROnPlateau"}


# -- optimizers ------------------------------------------------------------------------


def parameters(kind, dtype=cr.float32):
    """Those of a small network; all of them matrices for Muon."""
    rng = np.random.default_rng(1)
    shapes = [(4, 3), (1, 3), (1, 1)] if kind is optim.Muon else [(4, 3), (3,), ()]
    return [cr.tensor(rng.normal(size=s), dtype=dtype, requires_grad=True) for s in shapes]


def batch(i, dtype=cr.float32):
    return cr.tensor(np.random.default_rng(i).normal(size=(5, 4)), dtype=dtype)


def loss_of(params, x):
    weight, bias, scale = params
    return ((x @ weight + bias).tanh() * scale - 1).square().mean()


def step_of(optimizer, params):
    def step(x):
        def closure():
            optimizer.zero_grad()
            loss = loss_of(params, x)
            loss.backward()
            return loss

        if isinstance(optimizer, optim.LBFGS):
            return optimizer.step(closure).detach()
        loss = closure()
        optimizer.step()
        return loss.detach()

    return step


def bits(tensors):
    return [x.detach().double().numpy().tobytes() for x in tensors]


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [cr.float32, cr.float64])
def test_the_loss_falls(kind, dtype):
    params = parameters(kind, dtype)
    step = step_of(kind(params, lr=0.02), params)
    losses = [step(batch(0, dtype)).item() for _ in range(4 if kind is optim.LBFGS else 30)]
    assert losses[-1] < losses[0]


def options_of(kind):
    """The defaults, and then every number and switch at once that the optimizer has."""
    lively = {
        "momentum": 0.9, "weight_decay": 0.1, "amsgrad": True, "centered": True,
        "lr_decay": 0.1, "maximize": True, "betas": (0.8, 0.9), "alpha": 0.8, "eps": 1e-3,
        "decoupled_weight_decay": True, "rho": 0.8, "dampening": 0.2, "t0": 3, "lambd": 0.1,
        "adjust_lr_fn": "match_rms_adamw", "etas": (0.4, 1.3), "line_search_fn": "strong_wolfe",
    }  # fmt: skip
    if kind is optim.Adafactor:
        lively["eps"] = (1e-3, 1e-2)
    known = inspect.signature(kind).parameters
    plain = {"max_iter": 4} if kind is optim.LBFGS else {}
    return [plain, {**plain, **{name: lively[name] for name in lively if name in known}}]


@pytest.mark.parametrize("kind", TRACED)
@pytest.mark.parametrize("which", [0, 1])
def test_a_compiled_step_equals_the_eager_one_bit_for_bit(kind, which):
    """Through changes of the learning rate and of the momentum, in one recording."""
    trainings = []
    for compiled in (False, True):
        params = parameters(kind)
        optimizer = kind(params, lr=0.1, **options_of(kind)[which])
        step = step_of(optimizer, params)
        run = cr.compile(step) if compiled else step
        losses = []
        for i in range(25):
            (group,) = optimizer.param_groups
            group["lr"] *= 0.9
            if "betas" in group:
                group["betas"] = (group["betas"][0] * 0.95, group["betas"][1])
            elif group.get("momentum"):
                group["momentum"] *= 0.95
            losses.append(run(batch(i)))
            optimizer.zero_grad()
        kept = [v for s in optimizer.state.values() for v in s.values()]
        trainings.append(bits([*losses, *params, *kept]))
    assert trainings[0] == trainings[1]
    assert len(run.explain().recordings) == 1


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("dtype", [cr.float32, cr.bfloat16, cr.float64])
def test_a_resumed_training_equals_an_uninterrupted_one(kind, which, dtype):
    whole, first, second = (parameters(kind, dtype) for _ in range(3))
    optimizer = kind(whole, **options_of(kind)[which])
    for i in range(6):
        step_of(optimizer, whole)(batch(i, dtype))
    before = kind(first, **options_of(kind)[which])
    for i in range(3):
        step_of(before, first)(batch(i, dtype))
    for p, q in zip(second, first, strict=True):
        p.data.copy_(q.detach())
    after = kind(second)
    after.load_state_dict(before.state_dict())
    for i in range(3, 6):
        step_of(after, second)(batch(i, dtype))
    assert bits(whole) == bits(second)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_learning_rate_of_0_moves_nothing(kind):
    params = parameters(kind)
    before = bits(params)
    least = {"step_sizes": (0, 50)} if kind is optim.Rprop else {}
    step_of(kind(params, lr=0.0, **least), params)(batch(0))
    assert bits(params) == before


@pytest.mark.parametrize("kind", TRACED)
def test_the_gradient_is_only_read(kind):
    params = parameters(kind)
    loss_of(params, batch(0)).backward()
    before = bits([p.grad for p in params])
    kind(params, **options_of(kind)[1]).step()
    assert bits([p.grad for p in params]) == before


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_order_of_the_parameters_does_not_matter(kind):
    straight, turned = parameters(kind), parameters(kind)
    for params, order in ((straight, 1), (turned, -1)):
        optimizer = kind(params[::order])
        for i in range(3):
            step_of(optimizer, params)(batch(i))
    assert bits(straight) == bits(turned)


# -- schedules -------------------------------------------------------------------------


def scheduled(kind, lr=0.1):
    w = cr.ones(1, requires_grad=True)
    optimizer = optim.SGD([w], lr=lr, momentum=0.9)
    needs = NEEDS.get(kind.__name__, lambda o: {})(optimizer)
    if "schedulers" in needs and kind.__name__ == "ChainedScheduler":
        return optimizer, kind(**needs)
    return optimizer, kind(optimizer, **needs)


def go_on(scheduler, value):
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        scheduler.step(value)
    else:
        scheduler.step()


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_the_last_rate_is_the_one_that_is_set(kind):
    optimizer, scheduler = scheduled(kind)
    for i in range(20):
        assert scheduler.get_last_lr() == [optimizer.param_groups[0]["lr"]]
        assert all(math.isfinite(rate) and rate >= 0 for rate in scheduler.get_last_lr())
        go_on(scheduler, 1.0 + i % 2)


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_resumed_schedule_equals_an_uninterrupted_one(kind):
    optimizer, whole = scheduled(kind)
    first_optimizer, first = scheduled(kind)
    for i in range(7):
        go_on(whole, 1.0 / (1 + i % 3))
        go_on(first, 1.0 / (1 + i % 3))
    second_optimizer, second = scheduled(kind)
    second.load_state_dict(first.state_dict())
    second_optimizer.load_state_dict(first_optimizer.state_dict())
    for _ in range(20):
        go_on(whole, 1.0)
        go_on(second, 1.0)
        assert second.get_last_lr() == whole.get_last_lr()
        (group,), (other,) = optimizer.param_groups, second_optimizer.param_groups
        assert group["momentum"] == other["momentum"]


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_rate_in_a_tensor_stays_in_that_tensor(kind):
    rate = cr.tensor(0.1, dtype=cr.float64)
    plain, in_tensor = scheduled(kind), scheduled(kind, rate)
    for _ in range(20):
        for _, scheduler in (plain, in_tensor):
            go_on(scheduler, 1.0)
        assert in_tensor[0].param_groups[0]["lr"] is rate
        assert rate.item() == plain[0].param_groups[0]["lr"]


@pytest.mark.parametrize("kind", SCHEDULERS)
@pytest.mark.parametrize("in_tensor", [False, True])
def test_a_compiled_step_follows_the_schedule(kind, in_tensor):
    found = []
    for compiled in (False, True):
        optimizer, scheduler = scheduled(kind, cr.tensor(0.1) if in_tensor else 0.1)
        (w,) = optimizer.param_groups[0]["params"]

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            (w * x).sum().backward()
            optimizer.step()
            return w.detach().clone()

        run = cr.compile(step) if compiled else step
        moves = []
        for _ in range(10):
            moves.append(run(cr.ones(1)).item())
            optimizer.zero_grad()
            go_on(scheduler, 1.0)
        found.append(moves)
    assert found[0] == found[1]
    assert len(run.explain().recordings) == 1
