"""Small networks whose pictures are known, and what must not change when they are looked at."""

from __future__ import annotations

import random

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn


def state_of(model):
    """All that a picture could disturb, as bytes."""
    tensors = [*model.parameters(), *model.buffers()]
    gradients = [p.grad for p in model.parameters()]
    return {
        "tensors": [t.detach().numpy().tobytes() for t in tensors],
        "gradients": [g if g is None else g.numpy().tobytes() for g in gradients],
        "same gradients": [id(g) for g in gradients],
        "modes": [m.training for m in model.modules()],
        "requires": [p.requires_grad for p in model.parameters()],
        "hooks": [len(m._forward_hooks or {}) for m in model.modules()],
        "compiled": [id(m._compiled) for m in model.modules()],
        "chainrule": cr.get_rng_state().tolist(),
        "numpy": np.random.get_state(legacy=False)["state"]["key"].tolist(),
        "python": random.getstate(),
        "grad mode": cr.is_grad_enabled(),
    }


@pytest.fixture
def unchanged():
    """Asserts, at the end of the test, that the models handed to it are as they were."""
    seen = []

    def watch(*models):
        seen.extend((model, state_of(model)) for model in models)

    yield watch
    assert seen
    for model, before in seen:
        assert state_of(model) == before


def trained_a_little(model, x, y):
    """Some gradients, and buffers that are not what they began with."""
    for _ in range(2):
        nn.CrossEntropyLoss()(model(x), y).backward()
    return model.train()


@pytest.fixture
def images():
    cr.manual_seed(5)
    return cr.rand(12, 1, 8, 8), cr.arange(12) % 3


@pytest.fixture
def cnn(images):
    cr.manual_seed(6)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(6, 3),
    )  # fmt: skip
    return trained_a_little(model, *images)


@pytest.fixture
def points():
    cr.manual_seed(7)
    return cr.data.moons(30, noise=0.1).tensors


@pytest.fixture
def mlp(points):
    cr.manual_seed(8)
    model = nn.Sequential(
        nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 2)
    )
    return trained_a_little(model, *points)
