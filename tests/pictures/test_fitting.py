"""Under- and overfitting: where to stop, and what the curves say."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, optim, pictures
from chainrule.errors import ArgumentError
from chainrule.train import Trainer

E = np.arange(1, 31)


def records(train, validation):
    pairs = zip(train.tolist(), validation.tolist())
    return [{"train_loss": a, "validation_loss": b} for a, b in pairs]


@pytest.mark.parametrize(
    ("validation", "best", "verdict"),
    [
        (1 + (E - 12) ** 2 / 100, 12, "overfits after epoch 12"),
        (np.exp(-E / 10), 30, "still improves: train longer"),
        (0.5 + np.exp(-E), 30, "has levelled off"),
        (1 + (E - 29) ** 2 / 1000, 29, "has levelled off"),
    ],
)
def test_verdicts(validation, best, verdict):
    found = pictures.loss_curves(records(np.exp(-E / 5), validation))
    assert (found.best, found.verdict) == (best, verdict)


def test_losses_that_are_not_finite_are_never_the_best():
    found = pictures.loss_curves(
        [{"train_loss": 1.0, "validation_loss": v} for v in (float("nan"), 2.0, None, 1.0, 3.0)]
    )
    assert found.best == 4 and found.lowest == 1.0


def test_the_history_of_a_trainer_is_read(points):
    data = cr.utils.data.DataLoader(cr.utils.data.TensorDataset(*points), batch_size=10)
    model = nn.Linear(2, 2)
    trainer = Trainer(
        model,
        nn.CrossEntropyLoss(),
        optim.SGD(model.parameters(), lr=0.1),
        data,
        data,
        epochs=3,
    )
    history = trainer.fit()
    found = pictures.loss_curves(trainer)
    assert found.epochs.tolist() == [1, 2, 3]
    assert found.validation.tolist() == [r["validation_loss"] for r in history]
    assert "stop at epoch 3 of 3" in str(found)


@pytest.mark.parametrize(
    ("history", "code"),
    [
        ([], "CR847"),
        ([{"train_loss": 1.0}], "CR847.*validation_loss"),
        ([3.0], "CR847"),
        ([{"train_loss": 1.0, "validation_loss": float("inf")}], "CR849"),
    ],
)
def test_wrong_use_is_explained(history, code):
    with pytest.raises(ArgumentError, match=code):
        pictures.loss_curves(history)
