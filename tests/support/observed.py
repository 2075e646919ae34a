"""Small trainings, to compare what they are with a doctor and without."""

import numpy as np

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import watch

RNG = np.random.default_rng(0)
X = RNG.normal(size=(192, 6)).astype(np.float32)
Y = (X @ RNG.normal(size=(6, 3))).argmax(1)


class Net(nn.Module):
    """Dropout, BatchNorm and an output layer that shares its weight with an inner one."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(6, 6)
        self.norm = nn.BatchNorm1d(6)
        self.drop = nn.Dropout(0.2)
        self.tied = nn.Linear(6, 6)
        self.tied.weight = self.inner.weight
        self.frozen = nn.Linear(6, 6)
        for p in self.frozen.parameters():
            p.requires_grad_(False)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.drop(F.relu(self.norm(self.inner(x))))
        return self.head(F.relu(self.frozen(self.tied(x))))


def train(
    optimizer=lambda ps: cr.optim.Adam(ps, lr=1e-2),
    *,
    watched,
    engine=None,
    every=1,
    steps=60,
    model=Net,
    step=None,
):
    """Some steps; the state after them as one comparable thing, and the watch."""
    cr.manual_seed(0)
    net = model()
    learner = optimizer([p for p in net.parameters() if p.requires_grad])
    doctor = watch(net, learner, tell=lambda finding: None) if watched else None

    def gradients(x, y):
        loss = F.cross_entropy(net(x), y) / every
        loss.backward()
        return loss

    def update():
        learner.step()
        learner.zero_grad()

    def whole(x, y):
        learner.zero_grad()
        loss = gradients(x, y)
        learner.step()
        return loss

    if engine is not None:
        gradients, update, whole = (
            cr.compile(f, engine=engine) for f in (gradients, update, whole)
        )
    losses = []
    for i in range(steps):
        rows = slice(i % 6 * 32, i % 6 * 32 + 32)
        x, y = cr.tensor(X[rows]), cr.tensor(Y[rows])
        if step is not None:
            losses.append(step(net, learner, x, y))
        elif every == 1:
            losses.append(whole(x, y).item())
        else:
            losses.append(gradients(x, y).item())
            if (i + 1) % every == 0:
                update()
    reasons = (
        [] if engine is None else whole.explain().reasons() + gradients.explain().reasons()
    )
    return whole_state(net, learner, losses), doctor, reasons


def whole_state(net, learner, losses=()):
    """Weights, buffers, gradients, modes, what the optimizer remembers, random numbers."""
    state = {name: p.tolist() for name, p in net.state_dict().items()}
    state["grad"] = [None if p.grad is None else p.grad.tolist() for p in net.parameters()]
    state["modes"] = [module.training for module in net.modules()]
    state["optimizer"] = str(
        [
            [v.tolist() if isinstance(v, cr.Tensor) else v for v in kept.values()]
            for kept in learner.state.values()
        ]
    )
    state["losses"] = list(losses)
    state["random"] = cr.get_rng_state().tolist(), np.random.random(), cr.rand(2).tolist()
    return state
