"""Twenty broken trainings and nine healthy ones, each a small loop as people write them."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.data.digits import digits as shipped_digits
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

    def run(self, compiled=False, watched=True):
        """Train; returns the watch, or None."""
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
        if doctor is not None:
            doctor.diagnose()
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


def split(x, y, seed=0, share=0.25):
    order = np.random.default_rng(seed).permutation(len(x))
    cut = int(len(x) * share)
    return x[order[cut:]], y[order[cut:]], x[order[:cut]], y[order[:cut]]


def digits():
    """The shipped digits as rows of 64 numbers from 0 to 1."""
    splits = shipped_digits()
    parts = []
    for part in (splits.train, splits.validation):
        images, labels = part.tensors
        parts += [images.numpy().reshape(len(images), -1), labels.numpy()]
    return parts


def table(features, classes, seed, scales=False, n=240):
    """Classes that lie around points of their own; features of very different scales."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 1.5, (classes, features))
    y = rng.integers(0, classes, n)
    x = centers[y] + rng.normal(0, 1, (n, features))
    if scales:
        x = x * np.logspace(-1, 2.5, features) + np.logspace(0, 3, features)
    return split(x.astype(np.float32), y, seed)


def line(features, seed, raw=False, n=442):
    """A noisy linear relation; raw targets go from about 25 to 350."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, features))
    y = x @ rng.normal(0, 1, features) + 0.3 * np.sin(3 * x[:, 0]) + rng.normal(0, 0.5, n)
    y = y / y.std()
    y = (152 + 77 * y) if raw else y
    return split(x.astype(np.float32), y.astype(np.float32)[:, None], seed)


def circles(seed=0, n=600):
    rng = np.random.default_rng(seed)
    angle, outer = rng.uniform(0, 2 * np.pi, n), rng.integers(0, 2, n)
    radius = np.where(outer, 1.0, 0.4) + rng.normal(0, 0.06, n)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)
    return split(x, outer.astype(np.float32)[:, None], seed)


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


def _rare(seed, n=1600):
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=n) < 0.03).astype(np.float32)
    x = rng.normal(0, 1, (n, 10)) + 0.6 * y[:, None]
    return split(x.astype(np.float32), y[:, None], seed)


def _noisy_few(seed):
    x, y, vx, vy = digits()
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(x))[:80]
    y = y[rows].copy()
    wrong = rng.permutation(80)[:20]
    y[wrong] = rng.integers(0, 10, 20)
    return [x[rows], y, vx, vy]


def _binary(seed):
    x, y, vx, vy = table(30, 2, seed, n=420)
    return [x, y.astype(np.float32)[:, None], vx, vy.astype(np.float32)[:, None]]


def _moons(seed, n=600):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    t = rng.uniform(0, np.pi, n)
    x = np.stack([np.cos(t) + y, np.sin(t) * (1 - 2 * y) + 0.5 * y], 1)
    x += rng.normal(0, 0.1, x.shape)
    x, y, vx, vy = split(x.astype(np.float32), y, seed)
    flip = rng.uniform(size=len(y)) < 0.1
    return [x, np.where(flip, 1 - y, y), vx, vy]


def raw_square(outputs, targets):
    return ((outputs - targets) ** 2).mean()


def minus(outputs, targets):
    return -F.cross_entropy(outputs, targets)


bce, bce_logits = F.binary_cross_entropy, F.binary_cross_entropy_with_logits


def g10(seed):
    model = mlp(64, 64, 10)
    return Training(digits(), model, sgd(mlp(64, 64, 10), 0.1))


def broken(seed):
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
            table(13, 3, seed, scales=True), mlp(13, 32, 3), lambda m: sgd(m, 0.01),
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
            _noisy_few(seed), mlp(64, 512, 512, 10), lambda m: adam(m, 1e-3), batch=16,
            epochs=120)),
        "G13": ("D11", lambda: make(
            _with_nan(_binary(seed)), mlp(30, 32, 1), lambda m: adam(m, 1e-2),
            loss=bce_logits)),
        "G14": ("D06", lambda: make(
            _binary(seed), mlp(30, 32, 1, end=[nn.Softmax(1)]), lambda m: adam(m, 1e-2),
            loss=bce)),
        "G15": ("D14", lambda: make(
            line(10, seed, raw=True), mlp(10, 64, 64, 1), lambda m: sgd(m, 0.01),
            loss=F.mse_loss)),
        "G16": ("D30", lambda: make(
            d(), nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(),
                               nn.Dropout(0.5), nn.Linear(128, 10)),
            lambda m: adam(m, 1e-3), evaluate_in_eval=False)),
        "G17": ("D32", lambda: make(
            _rare(seed), mlp(10, 8, 1), lambda m: adam(m, 1e-2), loss=bce_logits)),
        "G18": ("D08", lambda: make(
            _flat(line(10, seed)), mlp(10, 64, 1), lambda m: adam(m, 1e-2),
            loss=raw_square)),
        "G19": ("D28", lambda: make(
            d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1, weight_decay=1.0))),
        "G20": ("D10", lambda: make(d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1), loss=minus)),
    }  # fmt: skip


def healthy(seed):
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
            line(10, seed), mlp(10, 64, 64, 1), lambda m: sgd(m, 0.01), loss=F.mse_loss,
            epochs=10),
        "table": lambda: make(
            table(13, 3, seed), mlp(13, 32, 3), lambda m: sgd(m, 0.05), epochs=10),
        "autoencoder": lambda: make(
            [x, x, vx, vx], autoencoder, lambda m: adam(m, 1e-3), loss=bce),
        "accumulation": lambda: make(d(), mlp(64, 64, 10), lambda m: sgd(m, 0.1), every=4),
        "label noise": lambda: make(
            _moons(seed), mlp(2, 32, 2), lambda m: adam(m, 1e-2), epochs=20),
    }  # fmt: skip
