"""Two hundred steps of small character models: the losses follow PyTorch's.

They are compared with losses recorded from PyTorch 2.13, and with the installed PyTorch (where
there is one). Running this file as a program, with tests/support in PYTHONPATH, records anew.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_cases.making import numbers

import chainrule

RECORDED = Path(__file__).parent / "sequence_losses.json"
STEPS, LENGTH, BATCH = 200, 12, 6

pytestmark = pytest.mark.slow


def generated_text() -> list[int]:
    """Sums written out, "3+4=7;" one after the other, as numbers of characters."""
    digits = [(i * i * 7 + i * 3) % 5 for i in range(400)]
    sums = [f"{a}+{b}={a + b};" for a, b in pairwise(digits)]
    return ["0123456789+=;".index(c) for c in "".join(sums)]


def recurrent(t: Any, kind: str) -> Any:
    class Model(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = t.nn.Embedding(13, 8)
            self.rnn = getattr(t.nn, kind)(8, 16, batch_first=True)
            self.head = t.nn.Linear(16, 13)

        def forward(self, x: Any) -> Any:
            return self.head(self.rnn(self.embedding(x))[0])

    return Model()


def transformer(t: Any) -> Any:
    class Model(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = t.nn.Embedding(13, 16)
            self.positions = t.nn.Parameter(t.zeros(LENGTH, 16))
            layer = t.nn.TransformerEncoderLayer(16, 2, 32, 0.0, "gelu", batch_first=True)
            self.encoder = t.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = t.nn.Linear(16, 13)

        def forward(self, x: Any) -> Any:
            mask = t.nn.Transformer.generate_square_subsequent_mask(x.shape[1])
            x = self.embedding(x) * math.sqrt(16) + self.positions
            return self.head(self.encoder(x, mask, is_causal=True))

    return Model()


MODELS = {
    "LSTM": lambda t: recurrent(t, "LSTM"),
    "GRU": lambda t: recurrent(t, "GRU"),
    "transformer": transformer,
}


def losses(t: Any, name: str, compiled: bool = False) -> list[float]:
    model = MODELS[name](t)
    start = {
        key: t.from_numpy((numbers(f"{name} {key}", tuple(p.shape)) * 0.15).astype(np.float32))
        for key, p in model.state_dict().items()
    }
    model.load_state_dict(start)
    optimizer = t.optim.Adam(model.parameters(), lr=0.002 if name == "transformer" else 0.01)
    text = t.tensor(generated_text())

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = t.nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = t.compile(step) if compiled else step
    found = []
    for i in range(STEPS):
        starts = [(i * 37 + j * 211) % (len(text) - LENGTH - 1) for j in range(BATCH)]
        x = t.stack([text[s : s + LENGTH] for s in starts])
        y = t.stack([text[s + 1 : s + LENGTH + 1] for s in starts])
        found.append(run(x, y).item())
    return found


@pytest.mark.parametrize("name", MODELS)
def test_losses_follow_the_recorded_ones(name):
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))[name]
    found = losses(chainrule, name, compiled=True)
    np.testing.assert_allclose(found, recorded, rtol=1e-4)
    assert np.mean(found[-10:]) < 0.6 * found[0]


@pytest.mark.parametrize("name", MODELS)
def test_losses_follow_the_installed_torch(name):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    np.testing.assert_allclose(losses(chainrule, name), losses(torch, name), rtol=1e-4)


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    found = {name: [round(x, 7) for x in losses(torch, name)] for name in MODELS}
    RECORDED.write_text(json.dumps(found) + "\n", encoding="utf-8")
