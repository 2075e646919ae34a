"""Run folders as trainings leave them, written by hand: quick, and with anything in them."""

import math
import zlib

import numpy as np

from chainrule.journal import Journal
from chainrule.report.pictures import shown

#: what would run as a script or break the page, if anything of a run were taken for markup
HOSTILE = (
    '</script><script>window.ran = 1</script><img src=x onerror="window.ran = 1">&{{script}}'
)
LAYERS = ["features.0", "features.1", "features.2", "classifier"]


def item(seed, **rest):
    """A sample as a picture."""
    pixels = np.random.default_rng(seed).random((1, 1, 8, 8))
    return {**next(shown(pixels)), **rest}


def unsteady(step, name=""):
    """A number from 0 to 1 that looks random and never changes."""
    return zlib.crc32(f"{step} {name}".encode()) / 2**32


def write_curves(journal, epochs=6, per_epoch=20, rate=0.1):
    """Losses, a learning rate and scores."""
    for step in range(1, epochs * per_epoch + 1):
        loss = 2.3 * math.exp(-step * rate / 4) + 0.1 + 0.1 * unsteady(step)
        journal.scalars(step, {"train_loss": loss, "learning_rate": rate})
        if step % per_epoch == 0:
            scores = {
                "train_loss": loss, "validation_loss": loss + 0.1,
                "validation_accuracy": 1 - loss / 3, "learning_rate": rate, "seconds": 0.5,
            }  # fmt: skip
            journal.scalars(step, scores, epoch=step // per_epoch, epoch_end=True)


def write_layers(journal, steps=range(10, 121, 10)):
    """What a doctor sees of the layers."""
    for step in steps:
        journal.layers(step, {name: layer(i, step) for i, name in enumerate(LAYERS)})


def layer(i, step):
    """What is seen of one layer in one step."""
    return {
        "gradient_norm": 0.5 * 10**-i, "update_ratio": 1e-4 * 4**i, "dead": 0.1 * i,
        "saturated": 0.05, "weight_norm": 5.0 + i, "activation_mean": 0.1,
        "activation_std": 1.0,
        "histogram": {"low": -1.0, "high": 1.0 + step / 100, "counts": [1, 5, 9, 5, 1]},
    }  # fmt: skip


def finding(**other):
    """A finding as the doctor writes it."""
    return {
        "code": "D21", "title": "Dead ReLU", "severity": "serious", "layer": "features.0",
        "step": 30, "evidence": "0.62 of the units, above 0.5",
        "cause": "The rate is too high.",
        "change": "lr = 0.01", "source": "Lecture 7", "verified": True, "trial": "2.1 to 0.9",
        "applied": False, "consequences": ["Vanishing gradient"], **other,
    }  # fmt: skip


def module(name, kind="Linear", children=(), **other):
    """A module of an architecture."""
    return {
        "name": name, "type": kind, "parameters": 100, "output_shape": [32, 10],
        "flops": 2000, "milliseconds": 0.1, "children": list(children), **other,
    }  # fmt: skip


def write_run(folder, text="", rate=0.1, pictures=True):
    """A run with all there can be; `text` is added to every text that a run can bring."""
    labels = [f"class {i}{text}" for i in range(3)]
    with Journal(folder) as journal:
        journal.write(
            "run", config={"lr": rate, "data": f"digits{text}", f"key{text}": text or "x"},
            environment={"python": f"3{text}"}, seed=0, model=f"Net{text}", optimizer="SGD",
            parameters=1234,
        )  # fmt: skip
        write_curves(journal, rate=rate)
        journal.scalars(60, {f"extra{text}": 1.0})
        write_layers(journal)
        journal.finding(30, finding(title=f"Dead ReLU{text}", change=f"lr = 0.01{text}"))
        blocks = [
            module(f"blocks.{i}", "Block", [module(f"blocks.{i}.fc{text}")]) for i in range(5)
        ]
        parts = [module("blocks", "Sequential", blocks), module("fc")]
        root = module(f"Net{text}", "Net", parts)
        journal.write("architecture", root=root)
        counts = [[20, 1, 0], [2, 18, 3], [0, 0, 25]]
        journal.write("confusion", step=120, labels=labels, counts=counts)
        if pictures:
            items = [item(i, target=i % 3, prediction=1, loss=3.0 - i) for i in range(4)]
            journal.write("mistakes", items=items)
            journal.write("batch", items=[item(9 + i, target=i % 3) for i in range(8)])
        else:
            rows = [{"row": [0.5, i], "target": 1.5, "prediction": 2.5} for i in range(4)]
            journal.write("mistakes", items=rows)
        journal.write("end", state="finished")
    return folder
