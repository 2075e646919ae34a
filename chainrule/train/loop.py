"""The training loop: everything that happens between the first step and the last."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chainrule.metrics import Mean
from chainrule.train.evaluation import evaluate

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer


def train(t: Trainer) -> None:
    """Train the trainer's model; at each t.call(...) the callbacks have their turn."""
    t.call("training_begins")
    while t.epoch < t.epochs and not t.stopped:
        started = time.perf_counter()
        train_loss = Mean()
        t.model.train()
        t.call("epoch_begins")

        for inputs, targets in t.batches:
            t.optimizer.zero_grad()
            loss = t.loss_function(t.model(inputs), targets)
            loss.backward()
            t.call("gradients_ready")
            t.optimizer.step()
            if t.scheduler is not None and t.schedule_each == "step":
                t.scheduler.step()
            t.step += 1
            t.loss = loss.item()
            train_loss.update(t.loss, weight=len(inputs))
            t.call("step_ends")

        record = {"epoch": t.epoch + 1, "step": t.step, "train_loss": train_loss.compute()}
        record["learning_rate"] = t.optimizer.param_groups[0]["lr"]
        if t.validation is not None:
            scores = evaluate(t.model, t.validation, t.loss_function, t.metrics)
            record |= {f"validation_{name}": score for name, score in scores.items()}
        if t.scheduler is not None and t.schedule_each == "epoch":
            t.scheduler.step()
        elif t.scheduler is not None and t.schedule_each == "score":
            t.scheduler.step(record["validation_loss"])
        record["seconds"] = time.perf_counter() - started
        t.history.append(record)
        t.epoch += 1
        t.call("epoch_ends")
    t.call("training_ends")
