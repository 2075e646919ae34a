"""`chainrule train`: train a network on a dataset, or go on with a training."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chainrule import nn
from chainrule.cli import execution as executions
from chainrule.cli.execution import Execution
from chainrule.cli.recipe import DATASETS, MODELS, OPTIMIZERS, SCHEDULES, Recipe, complete
from chainrule.cli.run_folder import RunFolder, new_run_folder, restore
from chainrule.data import DataLoader, Splits
from chainrule.errors import ArgumentError, RunError
from chainrule.metrics import Accuracy
from chainrule.report import Report
from chainrule.tensor.generator import manual_seed
from chainrule.train import (
    Callback,
    Checkpoint,
    EarlyStopping,
    History,
    Progress,
    Trainer,
    evaluate,
    load_checkpoint,
)

EVALUATION_BATCH = 256
CHECKPOINT_SECONDS = 60  # between two checkpoints inside an epoch
RECIPE_OPTIONS = ("model", "epochs", "batch_size", "lr", "optimizer", "schedule", "seed")
DOCTORS: dict[str, bool | str] = {"off": False, "on": True, "fix": "fix"}
INTERRUPTED = 130  # the exit code of a program that Ctrl-C ended


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("train", help="train a network", description=__doc__)
    parser.add_argument("dataset", nargs="?", help=", ".join(DATASETS))
    parser.add_argument("--model", help=f"{', '.join(MODELS)} (cnn)")
    parser.add_argument("--epochs", type=int, help="passes over the training data")
    parser.add_argument("--batch-size", type=int, help="images per step (64)")
    parser.add_argument("--lr", type=float, help="learning rate (depends on the optimizer)")
    parser.add_argument("--optimizer", help=f"{', '.join(OPTIMIZERS)} (adamw)")
    parser.add_argument("--schedule", help=f"{', '.join(SCHEDULES)} (onecycle)")
    parser.add_argument("--seed", type=int, help="of weights, order and dropout (0)")
    parser.add_argument("--data-dir", help="the folder with the files of mnist")
    parser.add_argument("--out", help="the folder for the results (runs/digits-cnn-1, …)")
    parser.add_argument(
        "--resume", metavar="RUN", help="go on with the training in this folder"
    )
    parser.add_argument(
        "--doctor",
        choices=DOCTORS,
        default="on",
        help="say what goes wrong, or mend it too (on)",
    )
    executions.add_to(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, and say how good the result is on the test images."""
    names = ("dataset", *RECIPE_OPTIONS)
    given = {n: value for n in names if (value := getattr(arguments, n)) is not None}
    if arguments.resume is None:
        recipe = _asked(given)
        execution = executions.asked(arguments)
        splits = recipe.load(arguments.data_dir)
        folder = new_run_folder(arguments.out, recipe, execution)
    else:
        folder = RunFolder(Path(arguments.resume))
        recipe = _continued(folder, given, arguments.out)
        execution = executions.asked(arguments, folder.read_execution())
        splits = recipe.load(arguments.data_dir)
    manual_seed(recipe.seed)
    best = EarlyStopping(patience=None)
    last = Checkpoint(folder.checkpoints, every_seconds=CHECKPOINT_SECONDS)
    report = Report(folder.path, config=recipe.to_json())
    keepers = [best, History(folder.history), Progress(), report, last]
    trainer = make_trainer(recipe, splits, keepers, execution, DOCTORS[arguments.doctor])
    if arguments.resume is not None:
        latest = folder.latest_checkpoint()
        restore(trainer, load_checkpoint(latest), latest)
        folder.write_config(recipe, execution)
    _introduce(recipe, splits, trainer, folder, execution)
    if not _fit(trainer, folder):
        return INTERRUPTED
    folder.write_weights(trainer.model)
    print(f"weights     {folder.weights}, those of epoch {best.best_epoch or trainer.epoch}")
    print(f"report      {report.page}")
    print(accuracy_line(trainer.model, splits, execution), flush=True)
    return 0


def make_trainer(
    recipe: Recipe,
    splits: Splits,
    callbacks: Sequence[Callback],
    execution: Execution,
    doctor: bool | str = False,
) -> Trainer:
    """The training that the recipe describes."""
    model = recipe.make_model()
    optimizer = recipe.make_optimizer(model)
    batches = DataLoader(recipe.augmented(splits.train), recipe.batch_size, shuffle=True)
    schedule = SCHEDULES[recipe.schedule]
    return Trainer(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        batches,
        DataLoader(splits.validation, EVALUATION_BATCH),
        epochs=recipe.epochs,
        scheduler=schedule.make(optimizer, recipe, recipe.epochs * len(batches)),
        schedule_each=schedule.each,
        metrics={"accuracy": Accuracy()},
        callbacks=callbacks,
        doctor=doctor,
        compile=execution.compile,
        engine=execution.engine,
    )


def accuracy_line(model: nn.Module, splits: Splits, execution: Execution) -> str:
    """How much of the test part the model reads rightly."""
    scores = evaluate(
        model,
        DataLoader(splits.test, EVALUATION_BATCH),
        nn.CrossEntropyLoss(),
        {"accuracy": Accuracy()},
        **execution.to_json(),
    )
    return f"test accuracy {100 * scores['accuracy']:.1f} %"


def _asked(given: dict[str, Any]) -> Recipe:
    """The recipe of a new training."""
    if "dataset" not in given:
        raise ArgumentError(
            "CR802", f"train needs a dataset, {' or '.join(DATASETS)}: chainrule train digits"
        )
    return complete(**given)


def _continued(folder: RunFolder, given: dict[str, Any], out: str | None) -> Recipe:
    """The recipe of the run to go on with; only the number of epochs may grow.

    Raises: ArgumentError (CR811) for options that would make it another training.
    """
    recipe = folder.read_recipe()
    before = recipe.to_json()
    changed = [n for n, value in given.items() if n != "epochs" and value != before[n]]
    changed += [] if out is None else ["out"]
    if changed:
        options = ", ".join(f"--{n.replace('_', '-')}" for n in changed)
        raise ArgumentError(
            "CR811",
            f"--resume goes on with the recipe of {folder.path}; leave out {options}, or start "
            "a new run without --resume",
        )
    epochs = given.get("epochs", recipe.epochs)
    if epochs != recipe.epochs and SCHEDULES[recipe.schedule].planned:
        raise ArgumentError(
            "CR811",
            f"the schedule {recipe.schedule!r} of {folder.path} was planned for "
            f"{recipe.epochs} epochs and cannot become one for {epochs}; start a new run with "
            f"--epochs {epochs}. Schedules that can go on: {', '.join(_prolongable())}",
        )
    return dataclasses.replace(recipe, epochs=epochs)


def _prolongable() -> list[str]:
    return [name for name, schedule in SCHEDULES.items() if not schedule.planned]


def _introduce(
    recipe: Recipe, splits: Splits, trainer: Trainer, folder: RunFolder, execution: Execution
) -> None:
    """Say what is going to happen."""
    parameters = sum(p.numel() for p in trainer.model.parameters())
    height, width = splits.train.tensors[0].shape[-2:]
    train, validation, test = map(len, splits)
    print(
        f"data        {recipe.dataset}: {train} training, {validation} validation and {test} "
        f"test images, {height} x {width}"
    )
    print(f"model       {recipe.model}, {parameters:,} parameters")
    print(f"engine      {execution}")
    print(
        f"recipe      {recipe.optimizer}, learning rate {recipe.lr:g}, {recipe.schedule}, "
        f"batches of {recipe.batch_size}, {recipe.epochs} epochs, seed {recipe.seed}"
        f"{', augmented' if recipe.augment else ''}"
    )
    done = f" (going on after epoch {trainer.epoch})" if trainer.epoch else ""
    print(f"run         {folder.path}{done}", flush=True)


def _fit(trainer: Trainer, folder: RunFolder) -> bool:
    """Train; False if Ctrl-C ended it."""
    started = time.perf_counter()
    try:
        trainer.fit()
    except KeyboardInterrupt:
        print("interrupted; the last checkpoint is kept. To go on:", file=sys.stderr)
        print(folder.how_to_go_on, file=sys.stderr)
        return False
    except RunError as error:
        if not folder.has_checkpoint:
            raise
        message = f"{error.message}. Then go on: {folder.how_to_go_on}"
        raise RunError(error.code, message) from None
    print(f"trained in  {time.perf_counter() - started:.1f} s")
    return True
