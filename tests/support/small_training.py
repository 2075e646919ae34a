"""A training that takes no time: a linear model, four batches, two of validation."""

import numpy as np

import chainrule as cr
from chainrule.metrics import Accuracy
from chainrule.train import Trainer
from chainrule.utils.data import DataLoader, TensorDataset


def points(n: int = 40) -> TensorDataset:
    x = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    return TensorDataset(cr.from_numpy(x), cr.from_numpy((x.sum(1) > 0).astype(np.int64)))


def trainer(epochs=3, **options):
    cr.manual_seed(7)
    model = cr.nn.Linear(2, 2)
    sgd = cr.optim.SGD(model.parameters(), lr=0.5)
    settings = {
        "validation": DataLoader(points(20), 10), "metrics": {"accuracy": Accuracy()},
        "compile": False,
    }  # fmt: skip
    settings["batches"] = DataLoader(points(), 10)
    loss = cr.nn.CrossEntropyLoss()
    return Trainer(model, loss, sgd, epochs=epochs, **(settings | options))
