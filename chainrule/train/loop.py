"""The training loop: everything that happens between the first step and the last."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chainrule.nn.utils.clip_grad import clip_grad_norm_
from chainrule.tensor.tensor import Tensor
from chainrule.train.batches import check_some
from chainrule.train.evaluation import measure

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer


def stepping(trainer: Trainer) -> Callable[[Any, Any], Tensor]:
    """One step of training as one compiled function; two, with callbacks in between."""
    in_between = trainer.listens("gradients_ready")

    @trainer.compiled(when=in_between)
    def gradients(inputs: Any, targets: Any) -> Tensor:
        trainer.optimizer.zero_grad()
        loss = trainer.loss_function(trainer.model(inputs), targets)
        loss.backward()
        return loss

    @trainer.compiled(when=in_between)
    def update() -> None:
        if trainer.clip_norm is not None:
            clip_grad_norm_(trainer.model.parameters(), trainer.clip_norm)
        trainer.optimizer.step()

    @trainer.compiled(when=not in_between)
    def step(inputs: Any, targets: Any) -> Tensor:
        loss = gradients(inputs, targets)
        trainer.call("gradients_ready")
        update()
        return loss

    return step


def train(trainer: Trainer) -> None:
    """Train the trainer's model; at each trainer.call(...) the callbacks have their turn."""
    step = stepping(trainer)

    @trainer.compiled()
    def score(inputs: Any, targets: Any) -> tuple[Tensor, Tensor]:
        outputs = trainer.model(inputs)
        return outputs, trainer.loss_function(outputs, targets)

    trainer.call("training_begins")
    while trainer.epoch < trainer.epochs and not trainer.stopped:
        started = time.perf_counter() - trainer.seconds
        trainer.model.train()
        if trainer.batch == 0:  # a resumed training may be in the middle of an epoch
            trainer.call("epoch_begins")

        for inputs, targets in trainer.batches:
            trainer.loss = step(inputs, targets).item()
            if trainer.scheduler is not None and trainer.schedule_each == "step":
                trainer.scheduler.step()
            trainer.step += 1
            trainer.batch += 1
            trainer.train_loss.update(trainer.loss, weight=len(inputs))
            trainer.seconds = time.perf_counter() - started
            trainer.call("step_ends")
        check_some(trainer.batch, trainer.batches)

        record: dict[str, Any] = {"epoch": trainer.epoch + 1, "step": trainer.step}
        record["train_loss"] = trainer.train_loss.compute()
        record["learning_rate"] = trainer.optimizer.param_groups[0]["lr"]
        if trainer.validation is not None:
            scores = measure(score, trainer.model, trainer.validation, trainer.metrics)
            record |= {f"validation_{name}": value for name, value in scores.items()}
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
