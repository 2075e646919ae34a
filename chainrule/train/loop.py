"""The training loop: everything that happens between the first step and the last."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from chainrule.train.evaluation import evaluate

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer


def train(trainer: Trainer) -> None:
    """Train the trainer's model; at each trainer.call(...) the callbacks have their turn."""
    trainer.call("training_begins")
    while trainer.epoch < trainer.epochs and not trainer.stopped:
        started = time.perf_counter() - trainer.seconds
        trainer.model.train()
        if trainer.batch == 0:  # a resumed training may be in the middle of an epoch
            trainer.call("epoch_begins")

        for inputs, targets in trainer.batches:
            trainer.optimizer.zero_grad()
            loss = trainer.loss_function(trainer.model(inputs), targets)
            loss.backward()
            trainer.call("gradients_ready")
            trainer.optimizer.step()
            if trainer.scheduler is not None and trainer.schedule_each == "step":
                trainer.scheduler.step()
            trainer.step += 1
            trainer.batch += 1
            trainer.loss = loss.item()
            trainer.train_loss.update(trainer.loss, weight=len(inputs))
            trainer.seconds = time.perf_counter() - started
            trainer.call("step_ends")

        record: dict[str, Any] = {"epoch": trainer.epoch + 1, "step": trainer.step}
        record["train_loss"] = trainer.train_loss.compute()
        record["learning_rate"] = trainer.optimizer.param_groups[0]["lr"]
        if trainer.validation is not None:
            scores = evaluate(
                trainer.model, trainer.validation, trainer.loss_function, trainer.metrics
            )
            record |= {f"validation_{name}": score for name, score in scores.items()}
        if trainer.scheduler is not None and trainer.schedule_each == "epoch":
            trainer.scheduler.step()
        elif trainer.scheduler is not None and trainer.schedule_each == "score":
            trainer.scheduler.step(record["validation_loss"])
        record["seconds"] = time.perf_counter() - started
        trainer.history.append(record)
        trainer.epoch += 1
        trainer.begin_epoch()
        trainer.call("epoch_ends")
    trainer.call("training_ends")
