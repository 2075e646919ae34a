"""Twenty broken trainings and nine healthy ones, each a small loop as people write them."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from set_up_data import Drawn, circles, digits, moons, noisy_few, rare

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.doctor import watch


@dataclass
class Training:
    """A loop with its knobs; the defaults are healthy."""

    data: Any  # (train inputs, train targets, validation inputs, validation targets)
    model: nn.Module
    optimizer: Any
    loss: Any = F.cross_entropy
    batch: int = 32
    epochs: int = 5
    shuffle: bool = True
    clear: bool = True
    every: int = 1  # backward passes for one step
    evaluate_in_eval: bool = True
    found: list = field(default_factory=list)

    def run(self, compiled=False, watched=True, to_the_end=True):
        """Train, or no longer than the epoch of the first finding; the watch, or None."""
        x, y, vx, vy = (cr.tensor(a) for a in self.data)
        rng = np.random.default_rng(0)
        doctor = watch(self.model, self.optimizer, tell=self.found.append) if watched else None

        def step(a, b):
            if self.clear and self.every == 1:
                self.optimizer.zero_grad()
            loss = self.loss(self.model(a), b)
            loss.backward()
            if self.every == 1:
                self.optimizer.step()
            return loss

        run = cr.compile(step) if compiled else step
        for _ in range(self.epochs):
            self.model.train()
            order = rng.permutation(len(x)) if self.shuffle else np.arange(len(x))
            for number, i in enumerate(range(0, len(x) - self.batch + 1, self.batch)):
                rows = cr.tensor(order[i : i + self.batch])
                run(x[rows], y[rows])
                if self.every > 1 and (number + 1) % self.every == 0:
                    self.optimizer.step()
                    self.optimizer.zero_grad()
            if self.evaluate_in_eval:
                self.model.eval()
            with cr.no_grad():
                self.loss(self.model(vx), vy)
            if self.found and not to_the_end:
                break
        if doctor is not None:
            doctor.diagnose()
            if to_the_end or not self.found:
                doctor.verify()
            doctor.close()
        return doctor

    def accuracy(self):
        """On the validation data."""
        self.model.eval()
        with cr.no_grad():
            answers = self.model(cr.tensor(self.data[2])).numpy()
        y = self.data[3]
        if answers.shape[-1] > 1:
            return float(np.mean(answers.argmax(1) == y))
        threshold = 0.0 if self.loss is F.binary_cross_entropy_with_logits else 0.5
        return float(np.mean((answers > threshold) == y))


def mlp(*sizes, activation=nn.ReLU, end=()):
    layers = []
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        layers.append(nn.Linear(a, b))
        if i < len(sizes) - 2 and activation is not None:
            layers.append(activation())
    return nn.Sequential(*layers, *end)


def sgd(model, lr, **options):
    return cr.optim.SGD(model.parameters(), lr=lr, **options)


def adam(model, lr, **options):
    return cr.optim.Adam(model.parameters(), lr=lr, **options)


def _fill(model, value):
    with cr.no_grad():
        for p in model.parameters():
            p.fill_(value)
    return model


def _bias(model, value):
    with cr.no_grad():
        for module in model:
            if isinstance(module, nn.Linear):
                module.bias.fill_(value)
    return model


def _with_nan(data):
    data[0][7, 3] = np.nan
    return data


def _sorted(data):
    order = np.argsort(data[1], kind="stable")
    return [data[0][order], data[1][order], *data[2:]]


def _flat(data):
    return [data[0], data[1][:, 0], data[2], data[3][:, 0]]


def raw_square(outputs, targets):
    return ((outputs - targets) ** 2).mean()


def minus(outputs, targets):
    return -F.cross_entropy(outputs, targets)


bce, bce_logits = F.binary_cross_entropy, F.binary_cross_entropy_with_logits


def g10(seed):
    model = mlp(64, 64, 10)
    return Training(digits(), model, sgd(mlp(64, 64, 10), 0.1))


def broken(seed, tables=Drawn):
    """Each set-up as a function, and the finding it must lead to."""

    def make(data, model, optimizer, **options):
        return Training(data, model, optimizer(model), **options)

    d = digits
    return {
        "G01": ("D18", lambda: make(d(), mlp(64, 64, 10), lambda m: sgd(m, 20.0))),
        "G02": ("D19", lambda: make(d(), mlp(64, 64, 10), lambda m: sgd(m, 1e-5))),
        "G03": ("D01", lambda: make(d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1), clear=False)),
        "G04": ("D05", lambda: make(
            d(), mlp(64, 64, 10, end=[nn.Softmax(1)]), lambda m: sgd(m, 0.1))),
        "G05": ("D23", lambda: make(
            circles(seed), mlp(2, 32, 32, 1, activation=None), lambda m: adam(m, 1e-2),
            loss=bce_logits, epochs=10)),
        "G06": ("D12", lambda: make(
            tables.wine(seed, raw=True), mlp(13, 32, 3), lambda m: sgd(m, 0.01),
            epochs=20)),
        "G07": ("D20", lambda: make(
            d(), mlp(64, *[32] * 10, 10, activation=nn.Sigmoid), lambda m: sgd(m, 0.1))),
        "G08": ("D21", lambda: make(
            d(), _bias(mlp(64, 64, 64, 10), -4.0), lambda m: sgd(m, 0.05))),
        "G09": ("D15", lambda: make(
            d(), _fill(mlp(64, 64, 10, activation=nn.Tanh), 0.01), lambda m: sgd(m, 0.1))),
        "G10": ("D02", lambda: g10(seed)),
        "G11": ("D24", lambda: make(
            _sorted(d()), mlp(64, 64, 10), lambda m: sgd(m, 0.5), shuffle=False)),
        "G12": ("D27", lambda: make(
            noisy_few(seed), mlp(64, 512, 512, 10), lambda m: adam(m, 1e-3), batch=16,
            epochs=120)),
        "G13": ("D11", lambda: make(
            _with_nan(tables.cancer(seed)), mlp(30, 32, 1), lambda m: adam(m, 1e-2),
            loss=bce_logits)),
        "G14": ("D06", lambda: make(
            tables.cancer(seed), mlp(30, 32, 1, end=[nn.Softmax(1)]), lambda m: adam(m, 1e-2),
            loss=bce)),
        "G15": ("D14", lambda: make(
            tables.diabetes(seed, raw=True), mlp(10, 64, 64, 1), lambda m: sgd(m, 0.01),
            loss=F.mse_loss)),
        "G16": ("D30", lambda: make(
            d(), nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(),
                               nn.Dropout(0.5), nn.Linear(128, 10)),
            lambda m: adam(m, 1e-3), evaluate_in_eval=False)),
        "G17": ("D32", lambda: make(
            rare(seed), mlp(10, 8, 1), lambda m: adam(m, 1e-2), loss=bce_logits)),
        "G18": ("D08", lambda: make(
            _flat(tables.diabetes(seed)), mlp(10, 64, 1), lambda m: adam(m, 1e-2),
            loss=raw_square)),
        "G19": ("D28", lambda: make(
            d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1, weight_decay=1.0))),
        "G20": ("D10", lambda: make(d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1), loss=minus)),
    }  # fmt: skip


def healthy(seed, tables=Drawn):
    """Set-ups about which there is nothing to say."""

    def make(data, model, optimizer, **options):
        return Training(data, model, optimizer(model), **options)

    d = digits
    x, _, vx, _ = digits()
    autoencoder = mlp(64, 32, 64, end=[nn.Sigmoid()])
    return {
        "mlp": lambda: make(d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1)),
        "batch norm, dropout": lambda: make(
            d(), nn.Sequential(nn.Linear(64, 128, bias=False), nn.BatchNorm1d(128), nn.ReLU(),
                               nn.Dropout(0.3), nn.Linear(128, 10)),
            lambda m: adam(m, 1e-3)),
        "logistic regression": lambda: make(d(), mlp(64, 10), lambda m: sgd(m, 0.5)),
        "tanh": lambda: make(
            circles(seed), mlp(2, 32, 32, 1, activation=nn.Tanh), lambda m: adam(m, 1e-2),
            loss=bce_logits, epochs=10),
        "regression": lambda: make(
            tables.diabetes(seed), mlp(10, 64, 64, 1), lambda m: sgd(m, 0.01), loss=F.mse_loss,
            epochs=10),
        "table": lambda: make(
            tables.wine(seed), mlp(13, 32, 3), lambda m: sgd(m, 0.05), epochs=10),
        "autoencoder": lambda: make(
            [x, x, vx, vx], autoencoder, lambda m: adam(m, 1e-3), loss=bce),
        "accumulation": lambda: make(d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1), every=4),
        "label noise": lambda: make(
            moons(seed), mlp(2, 32, 2), lambda m: adam(m, 1e-2), epochs=20),
    }  # fmt: skip
