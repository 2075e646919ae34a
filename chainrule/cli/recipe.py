"""Recipes: what is trained on what, and how. A run folder keeps the recipe it was made by."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule import nn, optim
from chainrule.cli.choice import choose
from chainrule.data import RandomAffine, Splits, digits, mnist
from chainrule.errors import ArgumentError
from chainrule.models import CNN, MLP


@dataclass(frozen=True)
class Source:
    """A dataset by name: how to load it, what its pictures look like, the network for it."""

    load: Callable[[str | None], Splits]
    image_size: int
    margin: int  # empty pixels around the digit
    hidden: tuple[int, ...]  # widths of the perceptron's layers
    channels: tuple[int, ...]  # of the convolutional network's blocks


@dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule: how to make it, and after what it steps."""

    make: Callable[[Any, Recipe, int], Any]  # optimizer, recipe, steps in all
    each: str = "epoch"
    planned: bool = True  # made for a number of epochs, so that it cannot be prolonged


DATASETS = {
    "digits": Source(
        lambda data_dir: digits(), image_size=8, margin=0, hidden=(64, 32), channels=(32, 64)
    ),
    "mnist": Source(mnist, image_size=28, margin=4, hidden=(256, 128), channels=(8, 16, 32)),
}
MODELS: dict[str, Callable[[Source], nn.Module]] = {
    "mlp": lambda source: MLP(source.image_size**2, source.hidden),
    "cnn": lambda source: CNN(source.image_size, source.channels),
}
OPTIMIZERS: dict[str, Callable[[Any, float], Any]] = {
    "sgd": lambda parameters, lr: optim.SGD(parameters, lr=lr, momentum=0.9),
    "adagrad": lambda parameters, lr: optim.Adagrad(parameters, lr=lr),
    "rmsprop": lambda parameters, lr: optim.RMSprop(parameters, lr=lr, momentum=0.9),
    "adam": lambda parameters, lr: optim.Adam(parameters, lr=lr),
    "adamw": lambda parameters, lr: optim.AdamW(parameters, lr=lr),
}
LEARNING_RATES = {"sgd": 0.05, "adagrad": 0.02, "rmsprop": 5e-4, "adam": 3e-3, "adamw": 3e-3}
SCHEDULES = {
    "constant": Schedule(lambda optimizer, recipe, steps: None, planned=False),
    "step": Schedule(
        lambda optimizer, recipe, steps: optim.lr_scheduler.StepLR(
            optimizer, step_size=math.ceil(recipe.epochs / 3), gamma=0.1
        ),
    ),
    "cosine": Schedule(
        lambda optimizer, recipe, steps: optim.lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=steps
        ),
        each="step",
    ),
    "onecycle": Schedule(
        lambda optimizer, recipe, steps: optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=recipe.lr,
            total_steps=steps,
            cycle_momentum=bool({"momentum", "betas"} & optimizer.defaults.keys()),
        ),
        each="step",
    ),
    "plateau": Schedule(
        lambda optimizer, recipe, steps: optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, patience=2
        ),
        each="score",
        planned=False,
    ),
}
EPOCHS = {
    ("digits", "mlp"): 30,
    ("digits", "cnn"): 20,
    ("mnist", "mlp"): 3,
    ("mnist", "cnn"): 3,
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is trained on what, and how."""

    dataset: str
    model: str
    epochs: int
    batch_size: int
    lr: float
    optimizer: str
    schedule: str
    seed: int
    augment: bool

    def __post_init__(self) -> None:
        choose("dataset", self.dataset, DATASETS)
        choose("model", self.model, MODELS)
        choose("optimizer", self.optimizer, OPTIMIZERS)
        choose("schedule", self.schedule, SCHEDULES)
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ArgumentError("CR808", f"{name} is at least 1, got {getattr(self, name)}")
        if not 0 < self.lr < math.inf:
            raise ArgumentError("CR808", f"lr, the learning rate, is above 0, got {self.lr}")

    @property
    def source(self) -> Source:
        return DATASETS[self.dataset]

    def make_model(self) -> nn.Module:
        """The network, with fresh weights."""
        return MODELS[self.model](self.source)

    def make_optimizer(self, model: nn.Module) -> Any:
        """The optimizer over the model's parameters."""
        return OPTIMIZERS[self.optimizer](model.parameters(), self.lr)

    def load(self, data_dir: str | None) -> Splits:
        """The dataset in its parts.

        Raises: DataError (CR709 to CR711) where it cannot be had.
        """
        return self.source.load(data_dir)

    def augmented(self, dataset: Any) -> Any:
        """The training part, varied at random if the recipe says so."""
        if not self.augment:
            return dataset
        return RandomAffine(dataset, degrees=10, shift=0.5, scale=0.1)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return dataclasses.asdict(self)


def complete(
    dataset: str,
    model: str = "cnn",
    epochs: int | None = None,
    batch_size: int = 64,
    lr: float | None = None,
    optimizer: str = "adamw",
    schedule: str = "onecycle",
    seed: int = 0,
) -> Recipe:
    """A recipe in which everything that was left open has the value that works well."""
    return Recipe(
        dataset=dataset,
        model=model,
        epochs=EPOCHS.get((dataset, model), 1) if epochs is None else epochs,
        batch_size=batch_size,
        lr=LEARNING_RATES.get(optimizer, 1.0) if lr is None else lr,
        optimizer=optimizer,
        schedule=schedule,
        seed=seed,
        augment=(dataset, model) == ("digits", "cnn"),
    )
