"""A training killed again and again equals one that nobody disturbed, bit for bit.

    python benchmarks/kill_and_resume.py --kills 200

A small convolutional network (batch normalization, dropout, augmented batches, a schedule,
early stopping, a checkpoint after every step) trains in a process of its own, which gets
SIGKILL at a random moment and is started again, with another number of loader workers, until
it is through. Then its weights, optimizer, schedule, random states, history and best-so-far
are compared with those of the undisturbed training, and the next round begins.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule import nn
from chainrule.metrics import Accuracy
from chainrule.train import Checkpoint, EarlyStopping, History, Trainer
from chainrule.utils.data import DataLoader, Dataset

EPOCHS, SAMPLES, BATCH = 3, 96, 8


class Images(Dataset):
    """Bright and dark halves, shifted and with noise from three generators."""

    def __init__(self) -> None:
        self.x = np.random.default_rng(0).random((SAMPLES, 1, 8, 8)).astype(np.float32)
        self.y = (self.x[:, 0, :4].mean((1, 2)) > self.x[:, 0, 4:].mean((1, 2))).astype(int)

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, i: int) -> tuple[cr.Tensor, int]:
        shifted = np.roll(self.x[i], random.randint(-1, 1), 2)
        noise = np.random.rand(1, 8, 8).astype(np.float32) + cr.randn(1, 8, 8).numpy()
        return cr.from_numpy(shifted + 0.1 * noise), int(self.y[i])


def make_trainer(folder: Path, workers: int) -> Trainer:
    cr.manual_seed(1)
    random.seed(2)
    np.random.seed(3)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2),
        nn.Linear(288, 2),
    )  # fmt: skip
    optimizer = cr.optim.AdamW(model.parameters(), lr=0.01)
    steps = EPOCHS * SAMPLES // BATCH
    return Trainer(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        DataLoader(Images(), BATCH, shuffle=True, num_workers=workers),
        DataLoader(Images(), 32),
        epochs=EPOCHS,
        scheduler=cr.optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=steps),
        schedule_each="step",
        metrics={"accuracy": Accuracy()},
        callbacks=[
            EarlyStopping(None),
            History(folder / "history.jsonl"),
            Checkpoint(folder / "checkpoints", every_steps=1),
        ],
    )


def train(folder: Path, workers: int) -> None:
    trainer = make_trainer(folder, workers)
    trainer.resume(folder / "checkpoints")
    trainer.fit()
    cr.save(trainer.state_dict(), folder / "finished.safetensors")


def plain(value: Any) -> Any:
    """Values that compare bit for bit, without times."""
    if isinstance(value, cr.Tensor):
        return str(value.dtype), tuple(value.shape), value.numpy().tobytes()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k != "seconds"}
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else repr(value)


def outcome(folder: Path) -> Any:
    lines = (folder / "history.jsonl").read_text().splitlines()
    state = cr.load(folder / "finished.safetensors")
    return plain(state), plain([json.loads(line) for line in lines])


def start(folder: Path, workers: int) -> subprocess.Popen:
    command = [sys.executable, __file__, "--train", str(folder), "--workers", str(workers)]
    return subprocess.Popen(command, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})


def killed(program: subprocess.Popen, seconds: float) -> bool:
    """Whether the program had to be killed after so many seconds."""
    try:
        program.wait(seconds)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
        return True
    if program.returncode != 0:
        raise SystemExit(f"the training failed with exit code {program.returncode}")
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train is not None:
        train(arguments.train, arguments.workers)
        return
    chance = random.Random(arguments.seed)
    root = Path(tempfile.mkdtemp())
    try:
        soak(root, arguments.kills, chance)
    finally:
        shutil.rmtree(root)


def soak(root: Path, kills: int, chance: random.Random) -> None:
    (root / "whole").mkdir()
    began = time.perf_counter()
    killed(start(root / "whole", 0), 600)
    undisturbed = time.perf_counter() - began
    expected = outcome(root / "whole")
    longest = undisturbed / 2  # that a process may run
    done = unfinished = rounds = 0
    while done < kills:
        rounds += 1
        folder = root / f"round-{rounds}"
        folder.mkdir()
        while killed(start(folder, chance.choice([0, 1, 2])), chance.uniform(0, longest)):
            done += 1
            unfinished += bool(list((folder / "checkpoints").glob(".writing-*")))
        assert outcome(folder) == expected, f"round {rounds} is another training"
        shutil.rmtree(folder)
        print(
            f"{done} kills, {rounds} rounds, all equal; {unfinished} inside a write", flush=True
        )


if __name__ == "__main__":
    main()
