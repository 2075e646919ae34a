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
}  # fmt: skip


def trajectory(library, name, options, dtype="float64", steps=STEPS):
    """The parameters of a small training, noted every KEEP steps.

    The gradient pulls to a target and is noisy; the second parameter, in a group of its own,
    gets none in every third step, and halfway the learning rate is halved.
    """
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape) for shape in ((3, 2), (4,), ())]
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
        SimpleNamespace(name=name, options=options, key=f"{name}_{i}")
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
