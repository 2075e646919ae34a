"""The data of the set-ups: shipped digits, toy sets, and tables, drawn at random or real."""

import importlib

import numpy as np

from chainrule.data.digits import digits as shipped_digits


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


def moons(seed, n=600):
    """Two half moons; a tenth of the training labels is wrong."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    t = rng.uniform(0, np.pi, n)
    x = np.stack([np.cos(t) + y, np.sin(t) * (1 - 2 * y) + 0.5 * y], 1)
    x += rng.normal(0, 0.1, x.shape)
    x, y, vx, vy = split(x.astype(np.float32), y, seed)
    flip = rng.uniform(size=len(y)) < 0.1
    return [x, np.where(flip, 1 - y, y), vx, vy]


def rare(seed, n=1600):
    """Two classes that overlap, one of them with three samples in a hundred."""
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=n) < 0.03).astype(np.float32)
    x = rng.normal(0, 1, (n, 10)) + 0.6 * y[:, None]
    return split(x.astype(np.float32), y[:, None], seed)


def noisy_few(seed):
    """80 digits, a quarter of them with a wrong label."""
    x, y, vx, vy = digits()
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(x))[:80]
    y = y[rows].copy()
    wrong = rng.permutation(80)[:20]
    y[wrong] = rng.integers(0, 10, 20)
    return [x[rows], y, vx, vy]


def standardized(data, columns=(0, 2)):
    """Inputs, or targets, less the mean of the training data, by its deviation."""
    new = list(data)
    mean, std = data[columns[0]].mean(0), data[columns[0]].std(0) + 1e-8
    for i in columns:
        new[i] = ((data[i] - mean) / std).astype(np.float32)
    return new


def binary(data):
    """Class numbers as a column of 0.0 and 1.0."""
    x, y, vx, vy = data
    return [x, y.astype(np.float32)[:, None], vx, vy.astype(np.float32)[:, None]]


class Drawn:
    """Tables that are drawn at random, of the shapes of the real ones."""

    @staticmethod
    def wine(seed, raw=False):
        return table(13, 3, seed, scales=raw)

    @staticmethod
    def cancer(seed):
        return binary(table(30, 2, seed, n=420))

    @staticmethod
    def diabetes(seed, raw=False):
        return line(10, seed, raw=raw)


def _read(name, seed):
    load = getattr(importlib.import_module("sklearn.datasets"), f"load_{name}")
    x, y = load(return_X_y=True)
    return split(x.astype(np.float32), y, seed)


class Real:
    """Wine, breast cancer and diabetes, which come with scikit-learn."""

    @staticmethod
    def wine(seed, raw=False):
        data = _read("wine", seed)
        return data if raw else standardized(data)

    @staticmethod
    def cancer(seed):
        return standardized(binary(_read("breast_cancer", seed)))

    @staticmethod
    def diabetes(seed, raw=False):
        data = standardized(binary(_read("diabetes", seed)))
        return data if raw else standardized(data, (1, 3))
