"""What the tests of the optimizers share: cases, and a small training to run them on."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

STEPS = 200
KEEP = 40  # every so many steps the parameters are noted
RECORDED = 5  # one case in so many stands in references.npz, and is tested in float32


def choices(*extra, **options):
    """All combinations of the options, and what else is to be tried."""
    names = list(options)
    return [*(dict(zip(names, v)) for v in itertools.product(*options.values())), *extra]


def allowed(options):
    """Nesterov needs momentum and no dampening."""
    return not options["nesterov"] or (options["momentum"] > 0 and options["dampening"] == 0)


ADAM = choices(
    {"eps": 1e-2, "lr": 0.05},
    betas=[(0.9, 0.999), (0.5, 0.8)], weight_decay=[0, 0.1], amsgrad=[False, True],
    maximize=[False, True],
)  # fmt: skip

CASES = {
    "SGD": [*filter(allowed, choices(
        momentum=[0, 0.9], dampening=[0, 0.3], weight_decay=[0, 0.1], nesterov=[False, True],
        maximize=[False, True], lr=[0.01],
    ))],
    "Adagrad": choices(
        {"eps": 1e-2, "lr": 0.05},
        lr_decay=[0, 0.01], weight_decay=[0, 0.1], initial_accumulator_value=[0, 0.5],
        maximize=[False, True],
    ),
    "RMSprop": choices(
        {"maximize": True, "eps": 1e-2, "lr": 0.005},
        alpha=[0.99, 0.8], momentum=[0, 0.9], centered=[False, True], weight_decay=[0, 0.1],
    ),
    "Adam": ADAM,
    "AdamW": ADAM,
    "Adadelta": choices(
        {"eps": 1e-2, "lr": 0.5}, {"maximize": True}, rho=[0.9, 0.5], weight_decay=[0, 0.1],
    ),
    "Adamax": choices(
        {"eps": 1e-2, "lr": 0.05}, {"maximize": True},
        betas=[(0.9, 0.999), (0.5, 0.8)], weight_decay=[0, 0.1],
    ),
    "NAdam": choices(
        {"eps": 1e-2, "lr": 0.05}, {"maximize": True}, {"momentum_decay": 0.1, "lr": 0.05},
        betas=[(0.9, 0.999), (0.5, 0.8)], weight_decay=[0, 0.1],
        decoupled_weight_decay=[False, True],
    ),
    "RAdam": choices(
        {"eps": 1e-2, "lr": 0.05}, {"maximize": True}, {"betas": (0.9, 0.6)},
        {"betas": (0.9, 0.5)},
        betas=[(0.9, 0.999), (0.5, 0.8)], weight_decay=[0, 0.1],
        decoupled_weight_decay=[False, True],
    ),
    "Rprop": choices(
        {"maximize": True}, etas=[(0.5, 1.2), (0.3, 1.5)], step_sizes=[(1e-6, 50), (1e-3, 0.1)],
    ),
    "ASGD": choices(
        {"maximize": True}, {"weight_decay": 0.1, "t0": 50},
        lambd=[1e-4, 0.05], alpha=[0.75, 0.5], t0=[1e6, 50],
    ),
    "Adafactor": choices(
        {"lr": 0.05, "d": 2.0}, {"maximize": True}, {"eps": (0.5, 0.1)},
        beta2_decay=[-0.8, -0.3], eps=[(None, 1e-3), (1e-2, 0.5)], weight_decay=[0, 0.1],
    ),
    "Muon": choices(
        {"ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 8}, {"eps": 1.0, "lr": 0.02},
        {"adjust_lr_fn": "original"}, {"weight_decay": 0, "momentum": 0.5},
        nesterov=[False, True], adjust_lr_fn=[None, "match_rms_adamw"],
    ),
}  # fmt: skip

SHAPES = {"Muon": ((3, 2), (2, 5), (1, 1))}  # of the parameters, where not these:
DEFAULT_SHAPES = (3, 2), (4,), ()

#: how closely 200 steps agree, relative to the parameters; Muon rounds to bfloat16
TOLERANCES = {"Muon": {"float64": 2e-4, "float32": 2e-4}}
DEFAULT_TOLERANCES = {"float64": 1e-9, "float32": 1e-4}


def trajectory(library, name, options, dtype="float64", steps=STEPS):
    """The parameters of a small training, noted every KEEP steps.

    The gradient pulls to a target and is noisy; the second parameter, in a group of its own,
    gets none in every third step, and halfway the learning rate is halved.
    """
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape) for shape in SHAPES.get(name, DEFAULT_SHAPES)]
    kind = getattr(library, dtype)
    params = [library.tensor(x, dtype=kind, requires_grad=True) for x in start]
    groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.003}]
    optimizer = getattr(library.optim, name)(groups, **options)
    noted = []
    for step in range(steps):
        if step == steps // 2:
            for group in optimizer.param_groups:
                group["lr"] /= 2
        noise = [rng.normal(size=x.shape) for x in start]
        for i, (p, x) in enumerate(zip(params, noise)):
            now = np.asarray(p.detach().numpy(), np.float64)
            p.grad = library.tensor(now - 1 + 0.3 * x, dtype=kind)
            if i == 1 and step % 3 == 2:
                p.grad = None
        optimizer.step()
        if step % KEEP == KEEP - 1:
            noted.append(np.concatenate([p.detach().numpy().ravel() for p in params]))
    return np.stack(noted)


def cases(every=1):
    """Every optimizer with every choice above, or one choice in so many."""
    return [
        SimpleNamespace(
            name=name,
            options=options,
            key=f"{name}_{i}",
            tolerance=TOLERANCES.get(name, DEFAULT_TOLERANCES),
        )
        for name, listed in CASES.items()
        for i, options in enumerate(listed)
        if i % every == 0
    ]


def pytest_generate_tests(metafunc):
    """A test that asks for `case` runs for all of them, for `recorded_case` for some."""
    for fixture, every in (("case", 1), ("recorded_case", RECORDED)):
        if fixture in metafunc.fixturenames:
            found = cases(every)
            metafunc.parametrize(fixture, found, ids=[_identifier(case) for case in found])


def _identifier(case):
    return "-".join([case.name, *[f"{key}={value}" for key, value in case.options.items()]])


@pytest.fixture(scope="session")
def train():
    return trajectory
