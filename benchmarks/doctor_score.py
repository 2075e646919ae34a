"""How often the doctor is right, and whether what it prints restores a training.

    python benchmarks/doctor_score.py              # 3 seeds, eager and compiled: minutes
    python benchmarks/doctor_score.py --seeds 1 --eager
    python benchmarks/doctor_score.py --real       # wine, breast cancer, diabetes

Each of the twenty broken set-ups is trained with the doctor looking on; its first finding is
right or not. Then the change that it prints is made by hand, as a user would make it, with the
numbers that it prints, and the set-up is trained again, as is its healthy twin. The change is
good if the two differ by at most 0.03, in accuracy, or in explained variance for a regression,
or in the mean recall of the classes for the set-up with a rare class.
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import set_up_data as data_of
import sick_trainings as sick

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn

NEAR = 0.03
LONGER = 4  # epochs of twin and mended set-up, by those of the sick one


def number(change: str, name: str) -> float:
    """A number that a change gives."""
    found = re.search(rf"{name}[=(]?(?:torch\.tensor\()?([0-9.e+-]+)", change)
    return float(found.group(1)) if found else float("nan")


def kaiming(model):
    """What the doctor prints about initialization."""
    for module in model:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return model


def without_gaps(data):
    keep = np.isfinite(data[0]).all(axis=1)
    return [data[0][keep], data[1][keep], *data[2:]]


def train(data, model, optimizer, **options):
    options["epochs"] = LONGER * options.get("epochs", 5)
    return sick.Training(data, model, optimizer(model), **options)


def mended(id: str, seed: int, change: str, tables):
    """A broken set-up with the printed change."""
    d, mlp, sgd, adam = data_of.digits, sick.mlp, sick.sgd, sick.adam
    logits = F.binary_cross_entropy_with_logits

    def weighted(outputs, targets):
        return logits(outputs, targets, pos_weight=cr.tensor(number(change, "pos_weight")))

    rate = number(change, "lr")
    makers = {
        "G01": lambda: train(d(), mlp(64, 64, 10), lambda m: sgd(m, rate)),
        "G02": lambda: train(d(), mlp(64, 64, 10), lambda m: sgd(m, rate)),
        "G05": lambda: train(data_of.circles(seed), mlp(2, 32, 32, 1), lambda m: adam(m, 1e-2),
                             loss=logits, epochs=10),
        "G06": lambda: train(data_of.standardized(tables.wine(seed, raw=True)),
                             mlp(13, 32, 3), lambda m: sgd(m, 0.01), epochs=20),
        "G07": lambda: train(d(), kaiming(mlp(64, *[32] * 10, 10)), lambda m: sgd(m, 0.1)),
        "G08": lambda: train(d(), kaiming(mlp(64, 64, 64, 10)), lambda m: sgd(m, 0.05)),
        "G09": lambda: train(d(), kaiming(mlp(64, 64, 10, activation=nn.Tanh)),
                             lambda m: sgd(m, 0.1)),
        "G11": lambda: train(sick._sorted(d()), mlp(64, 64, 10), lambda m: sgd(m, 0.5)),
        "G12": lambda: sick.Training(
            data_of.noisy_few(seed), (m := mlp(64, 512, 512, 10)), adam(m, 1e-3), batch=16,
            epochs=int(number(change, "epoch "))),
        "G13": lambda: train(without_gaps(sick._with_nan(tables.cancer(seed))), mlp(30, 32, 1),
                             lambda m: adam(m, 1e-2), loss=logits),
        "G14": lambda: train(tables.cancer(seed), mlp(30, 32, 1), lambda m: adam(m, 1e-2),
                             loss=logits),
        "G15": lambda: train(data_of.standardized(tables.diabetes(seed, raw=True), (1, 3)),
                             mlp(10, 64, 64, 1), lambda m: sgd(m, 0.01), loss=F.mse_loss),
        "G16": lambda: train(d(), nn.Sequential(
            nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(128, 10)), lambda m: adam(m, 1e-3)),
        "G17": lambda: train(data_of.rare(seed), mlp(10, 8, 1), lambda m: adam(m, 1e-2),
                             loss=weighted),
        "G18": lambda: train(tables.diabetes(seed), mlp(10, 64, 1), lambda m: adam(m, 1e-2),
                             loss=F.mse_loss),
        "G19": lambda: train(d(), mlp(64, 64, 10), lambda m: sgd(
            m, 0.1, weight_decay=number(change, "weight_decay"))),
    }  # fmt: skip
    plain = lambda: train(d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1))  # noqa: E731
    return makers.get(id, plain)()


def twin(id: str, seed: int, tables):
    """The same set-up as it should have been from the beginning."""
    d, mlp, sgd, adam = data_of.digits, sick.mlp, sick.sgd, sick.adam
    if id in ("G01", "G02"):
        return train(d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1))
    if id == "G07":
        return train(d(), mlp(64, 32, 32, 10), lambda m: sgd(m, 0.1))
    if id == "G08":
        return train(d(), mlp(64, 64, 64, 10), lambda m: sgd(m, 0.05))
    if id == "G09":
        return train(d(), mlp(64, 64, 10, activation=nn.Tanh), lambda m: sgd(m, 0.1))
    if id == "G12":  # as good as it gets with so few samples and so much noise
        model = mlp(64, 512, 512, 10)
        return sick.Training(
            data_of.noisy_few(seed), model, adam(model, 1e-3), batch=16, epochs=15
        )
    if id == "G19":
        return train(d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1, weight_decay=1e-4))
    y = data_of.rare(seed)[1]
    ratio = float((y == 0).sum() / (y == 1).sum())
    return mended(id, seed, f"pos_weight=torch.tensor({ratio})", tables)


def quality(training) -> float:
    """Accuracy, explained variance of a regression, or mean recall where a class is rare."""
    y = training.data[3]
    training.model.eval()
    with cr.no_grad():
        outputs = training.model(cr.tensor(training.data[2])).numpy()
    if training.loss is F.mse_loss:
        return 1 - float(((outputs - y) ** 2).mean() / y.var())
    if outputs.shape[-1] > 1:
        return float(np.mean(outputs.argmax(1) == y))
    right = (outputs > 0) == y
    return float(np.mean([right[y == c].mean() for c in np.unique(y)]))


def trained(training) -> float:
    training.run(watched=False)
    return quality(training)


def diagnoses(seed: int, compiled: bool, tables) -> tuple[int, int, int]:
    """How many first findings are right, and how many printed changes of how many restore."""
    right = restored = tried = 0
    for id, (expected, make) in sick.broken(seed, tables).items():
        cr.manual_seed(seed)
        training = make()
        training.run(compiled)
        first = training.found[0] if training.found else None
        is_right = first is not None and first.code == expected
        right += is_right
        line = f"  {id} {expected} {first.code if first else 'nothing'}"
        if is_right and first is not None:
            scores = []
            for again in (mended(id, seed, first.change, tables), twin(id, seed, tables)):
                cr.manual_seed(seed)
                scores.append(trained(again))
            tried += 1
            good = scores[0] > scores[1] - NEAR
            restored += good
            line += f"  mended {scores[0]:.3f}, twin {scores[1]:.3f}" + "  NOT" * (not good)
        print(line, flush=True)
    return right, restored, tried


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--eager", action="store_true", help="not compiled as well")
    parser.add_argument("--real", action="store_true", help="scikit-learn's tables")
    arguments = parser.parse_args()
    tables = data_of.Real if arguments.real else data_of.Drawn
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    for compiled in (False,) if arguments.eager else (False, True):
        for seed in range(arguments.seeds):
            right, restored, tried = diagnoses(seed, compiled, tables)
            alarms = 0
            for make in sick.healthy(seed, tables).values():
                cr.manual_seed(seed)
                training = make()
                training.run(compiled)
                alarms += bool(training.found)
            how = "compiled" if compiled else "eager"
            changes = f", {restored} of {tried} changes restore" if tried else ""
            print(f"{how}, seed {seed}: {right} of 20 right, {alarms} false alarms{changes}")


if __name__ == "__main__":
    main()
