"""Schedules set the rates that PyTorch's set, and state dicts have PyTorch's form."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import chainrule as cr
from chainrule.optim import swa_utils

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

EPOCHS = 100
OPTIONS = {
    "exponential": ("gamma",),
    "linear up": ("start_factor", "end_factor", "total_iters"),
    "linear down": ("start_factor", "end_factor", "total_iters"),
    "polynomial": ("total_iters", "power"),
    "cosine": ("T_max", "eta_min"),
    "cosine turning": ("T_max", "eta_min"),
    "step": ("step_size", "gamma"),
}
LIBRARIES = cr, torch


def chained(s, o):
    return s.ChainedScheduler([s.ConstantLR(o, 0.5, 30), s.CosineAnnealingLR(o, 40, 0.01)])


def warmed_up(s, o):
    parts = [s.LinearLR(o, 0.1, total_iters=10), s.CosineAnnealingLR(o, 60), s.StepLR(o, 7)]
    return s.SequentialLR(o, parts, milestones=[10, 70])


def nested(s, o):
    both = s.ChainedScheduler([s.ConstantLR(o, 0.5, 5), s.LinearLR(o, 0.9, 0.1, 9)])
    return s.SequentialLR(o, [both, s.LambdaLR(o, lambda t: 1 / (t + 1))], milestones=[20])


def then_restarts(s, o):
    parts = [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingWarmRestarts(o, 6)]
    return s.SequentialLR(o, parts, milestones=[5])


def multiplied_later(s, o):
    parts = [s.CyclicLR(o, 0.01, 0.3, 4), s.MultiplicativeLR(o, lambda t: 0.9)]
    return s.SequentialLR(o, parts, milestones=[9])


def averaging(schedulers):
    library = cr if schedulers is cr.optim.lr_scheduler else torch
    return library.optim.swa_utils


SCHEDULES = {
    "step": lambda s, o: s.StepLR(o, 7, gamma=0.6),
    "milestones": lambda s, o: s.MultiStepLR(o, [3, 30, 30, 80], gamma=0.5),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.97),
    "constant": lambda s, o: s.ConstantLR(o, 0.2, 12),
    "linear up": lambda s, o: s.LinearLR(o, 0.1, 1.0, 33),
    "linear down": lambda s, o: s.LinearLR(o, 1.0, 0.05, 77),
    "polynomial": lambda s, o: s.PolynomialLR(o, 60, 1.7),
    "lambda": lambda s, o: s.LambdaLR(o, lambda t: 0.95**t),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda t: 0.95**t, lambda t: 1 / (t + 1)]),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 100),
    "cosine turning": lambda s, o: s.CosineAnnealingLR(o, 13, eta_min=0.01),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=100),
    "one cycle for groups": lambda s, o: s.OneCycleLR(
        o, [0.5, 0.1], epochs=4, steps_per_epoch=25, pct_start=0.4, anneal_strategy="linear",
        base_momentum=[0.8, 0.7], max_momentum=0.9, div_factor=10, final_div_factor=100,
    ),
    "one cycle in three": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=100, three_phase=True),
    "one cycle of the rate": lambda s, o: s.OneCycleLR(o, 0.5, 100, cycle_momentum=False),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda t: 1 - 1 / (t + 2)),
    "multiplicatives": lambda s, o: s.MultiplicativeLR(o, [lambda t: 0.9, lambda t: 0.99]),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 7),
    "slower restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, 2, eta_min=0.01),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.3, step_size_up=7),
    "cyclic halved": lambda s, o: s.CyclicLR(
        o, [0.01, 0.02], [0.3, 0.5], 7, 3, mode="triangular2", base_momentum=0.5,
    ),
    "cyclic falling": lambda s, o: s.CyclicLR(o, 0.01, 0.3, 8, mode="exp_range", gamma=0.98),
    "cyclic scaled": lambda s, o: s.CyclicLR(
        o, 0.01, 0.3, 8, scale_fn=lambda x: 1 / (1 + x), scale_mode="iterations",
        cycle_momentum=False,
    ),
    "linear of no length": lambda s, o: s.LinearLR(o, 0.1, total_iters=0),
    "polynomial of no length": lambda s, o: s.PolynomialLR(o, 0),
    "chained": chained,
    "warmed up": warmed_up,
    "nested": nested,
    "warmed up, then restarts": then_restarts,
    "multiplied later": multiplied_later,
    "averaged": lambda s, o: averaging(s).SWALR(o, 0.03),
    "averaged straight": lambda s, o: averaging(s).SWALR(o, [0.03, 0.01], 7, "linear"),
    "averaged at once": lambda s, o: averaging(s).SWALR(o, 0.03, 0),
}  # fmt: skip

#: those that cannot be told an epoch, by PyTorch at least
NOT_TOLD = (
    "chained", "warmed up", "nested", "warmed up, then restarts", "multiplied later",
    "linear of no length", "polynomial of no length",
)  # fmt: skip


def optimizers(library, kind="SGD"):
    params = [library.ones(2, requires_grad=True) for _ in range(2)]
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.03}]
    options = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(library.optim, kind)(groups, lr=0.2, **options)


def noted(optimizer):
    """What a schedule may turn, of each group."""
    return [
        number
        for group in optimizer.param_groups
        for number in (group["lr"], group.get("momentum", 0), *group.get("betas", ()))
    ]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_100_epochs(name, kind):
    found = []
    for library in LIBRARIES:
        optimizer = optimizers(library, kind)
        scheduler = SCHEDULES[name](library.optim.lr_scheduler, optimizer)
        rows = []
        for _ in range(EPOCHS):
            rows.append(noted(optimizer) + scheduler.get_last_lr())
            scheduler.step()
        found.append(rows)
    np.testing.assert_allclose(*found, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name not in NOT_TOLD])
def test_epochs_that_are_told(name):
    epochs = [3, 4, None, None, 17, 5, None, 30, None, None]
    if "restarts" in name:
        epochs += [5.25, 8.5, 39.9]
    found = []
    for library in LIBRARIES:
        optimizer = optimizers(library)
        scheduler = SCHEDULES[name](library.optim.lr_scheduler, optimizer)
        rows = []
        for epoch in epochs:
            scheduler.step(epoch)
            rows.append([*noted(optimizer), scheduler.last_epoch])
        found.append(rows)
    np.testing.assert_allclose(*found, rtol=1e-11, atol=1e-15)


def test_the_arguments_are_torchs():
    ours, theirs = cr.optim, torch.optim
    rooms = [
        (ours, theirs, [name for name in theirs.__all__ if name[0].isupper()]),
        (ours.lr_scheduler, theirs.lr_scheduler, theirs.lr_scheduler.__all__),
        (swa_utils, theirs.swa_utils, theirs.swa_utils.__all__),
    ]
    compared = 0
    for room, other, names in rooms:
        for name in names:
            if name in ("SparseAdam", "Optimizer"):
                continue
            found, expected = (
                [(p.name, p.default, p.kind) for p in inspect.signature(f).parameters.values()]
                for f in (getattr(room, name), getattr(other, name))
            )
            assert found == expected, name
            compared += 1
    assert compared == 37


@pytest.mark.parametrize("name", [
    "exponential", "linear up", "linear down", "polynomial", "lambda", "cosine",
    "cosine turning", "step",
])  # fmt: skip
def test_a_training_taken_up_again(name):
    found = []
    for library in LIBRARIES:
        optimizer = optimizers(library)
        first = SCHEDULES[name](library.optim.lr_scheduler, optimizer)
        for _ in range(12):
            first.step()
        state = first.state_dict()
        kind = type(first)
        options = {key: state[key] for key in OPTIONS.get(name, ())}
        options |= {"lr_lambda": lambda t: 0.95**t} if name == "lambda" else {}
        second = kind(optimizer, **options, last_epoch=11)
        rows = [second.get_last_lr()]
        for _ in range(30):
            second.step()
            rows.append(second.get_last_lr())
        found.append(rows)
    np.testing.assert_allclose(*found, rtol=1e-11)


@pytest.mark.parametrize("options", [
    {}, {"mode": "max", "factor": 0.5, "patience": 3}, {"threshold_mode": "abs", "patience": 2},
    {"mode": "max", "threshold_mode": "abs", "threshold": 0.5, "cooldown": 4, "patience": 1},
    {"min_lr": [0.05, 0.001], "patience": 0}, {"factor": 0.9, "eps": 0.01, "patience": 0},
])  # fmt: skip
def test_100_epochs_of_a_plateau(options):
    values = np.cumsum(np.random.default_rng(3).normal(size=EPOCHS) - 0.05)
    found = []
    for library in LIBRARIES:
        optimizer = optimizers(library)
        scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        rows = []
        for value in values:
            scheduler.step(value)
            rows.append([*scheduler.get_last_lr(), scheduler.best, scheduler.num_bad_epochs])
        found.append(rows)
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_state_dict_of_a_schedule_of_torch_is_taken_over(name):
    optimizer, theirs_optimizer = (optimizers(library) for library in LIBRARIES)
    ours = SCHEDULES[name](cr.optim.lr_scheduler, optimizer)
    theirs = SCHEDULES[name](torch.optim.lr_scheduler, theirs_optimizer)
    assert ours.state_dict().keys() <= theirs.state_dict().keys()
    for _ in range(37):
        theirs.step()
    ours.load_state_dict(theirs.state_dict())
    for group, other in zip(optimizer.param_groups, theirs_optimizer.param_groups, strict=True):
        group.update({key: value for key, value in other.items() if key != "params"})
    for _ in range(40):
        ours.step()
        theirs.step()
        np.testing.assert_allclose(noted(optimizer), noted(theirs_optimizer), rtol=1e-11)


# -- state dicts of optimizers ---------------------------------------------------------


def trained(library, name, options, steps, params=None):
    if params is None:
        shapes = [(3, 1), (1, 1)] if name == "Muon" else [(3,), ()]
        params = [library.ones(shape, requires_grad=True) for shape in shapes]
    optimizer = getattr(library.optim, name)(params, **options)
    move(library, optimizer, range(steps))
    return optimizer


def move(library, optimizer, steps):
    for step in steps:
        for p in optimizer.param_groups[0]["params"]:
            p.grad = library.tensor(np.asarray(p.detach().numpy()) * 0.3 + step)
        optimizer.step()


def form(value):
    """The structure of a state dict: keys, types, shapes and element types."""
    if isinstance(value, dict):
        return {key: form(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [form(entry) for entry in value]
    if isinstance(value, (cr.Tensor, torch.Tensor)):
        return tuple(value.shape), str(value.dtype).split(".")[1]
    return value


def from_torch(value):
    """A state dict with torch's tensors as ours."""
    if isinstance(value, dict):
        return {key: from_torch(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [from_torch(entry) for entry in value]
    return cr.tensor(value.numpy().copy()) if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("steps", [0, 3])
def test_the_state_dict_of_an_optimizer_has_the_form_of_torchs(case, steps):
    ours, theirs = (trained(library, case.name, case.options, steps) for library in LIBRARIES)
    assert form(ours.state_dict()) == form(theirs.state_dict())


def test_the_state_of_an_optimizer_of_torch_is_taken_over(recorded_case):
    theirs = trained(torch, recorded_case.name, recorded_case.options, 5)
    weights = [p.detach().numpy().copy() for p in theirs.param_groups[0]["params"]]
    params = [cr.tensor(w, requires_grad=True) for w in weights]
    ours = getattr(cr.optim, recorded_case.name)(params)
    ours.load_state_dict(from_torch(theirs.state_dict()))
    for library, optimizer in zip(LIBRARIES, (ours, theirs), strict=True):
        move(library, optimizer, range(5, 25))
    for p, q in zip(params, theirs.param_groups[0]["params"], strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-5)
