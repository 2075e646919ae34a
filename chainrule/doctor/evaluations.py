"""What is seen of the evaluations between epochs of a loop that somebody wrote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from chainrule.doctor import measures
from chainrule.doctor.facts import Epoch, Record
from chainrule.doctor.given import Given
from chainrule.doctor.overlap import Overlap
from chainrule.doctor.training_call import TrainingCall
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor

CHANGED_BY_MODE = ("Dropout", "BatchNorm")
MOST_HELD = 1 << 22  # bytes of outputs, about
RISEN = 1.25  # validation loss by the least, from which on the steps are seen


def changed_by_mode(model: Module, *, training: bool) -> list[str]:
    """The modules in a mode that compute something else in the other one."""
    return [
        path
        for path, module in model.named_modules()
        if module.training is training and type(module).__name__.startswith(CHANGED_BY_MODE)
        if not training or not _collects(module)
    ]


def _collects(module: Module) -> bool:
    """Whether a batch norm averages over all batches, as it does to be calibrated anew."""
    return getattr(module, "momentum", 0) is None


class Evaluations:
    """Forward passes without gradients: the mode they ran in, their losses and answers.

    Args: makes_epochs: each evaluation ends an epoch; a Trainer counts its own.
    """

    def __init__(self, record: Record, makes_epochs: bool = True) -> None:
        self.record = record
        self.makes_epochs = makes_epochs
        self._overlap = Overlap()
        self._step = 0  # at the evaluation before
        self._clear()

    def _clear(self) -> None:
        self._losses: list[tuple[float, int]] = []
        self._given: list[Given] = []  # of which the answers were not read yet
        self._labels: list[np.ndarray] = []
        self._answers: list[np.ndarray] = []
        self._in_training_mode = self._begun = False
        self._last: np.ndarray | None = None  # what went in last

    def forward(self, model: Module, arguments: tuple[Any, ...]) -> None:
        """The model is called."""
        arrays = [a._cell.array for a in arguments if isinstance(a, Tensor)]
        self.begins(model, [array for array in arrays if isinstance(array, np.ndarray)])

    def begins(
        self, model: Module, given: list[np.ndarray], changed: list[str] | None = None
    ) -> None:
        """The model is called, perhaps in a compiled function, with these arrays.

        Args: changed: the modules that compute something else in evaluation mode, if known.
        """
        wiring = self.record.wiring
        wiring.evaluations += 1
        if self.record.step > 0 and (model.training or not self._begun):
            found = changed_by_mode(model, training=True) if changed is None else changed
            self._in_training_mode = bool(found)
            wiring.training_in_evaluation = wiring.training_in_evaluation or found
            wiring.evaluation_blocks += bool(found) and not self._begun
            self._begun = True
        self._last = measures.readable(given[0]) if given and given[0].ndim > 1 else None

    def loss(self, name: str, arguments: tuple[Any, ...], loss: Tensor) -> None:
        """A loss was computed."""
        given = Given(name, arguments, loss)
        if given.value is None:
            return
        self.record.wiring.evaluated_with_loss |= self._in_training_mode
        outputs, targets = given.arrays()
        self._see_inputs(targets)
        self._losses.append((given.value, len(outputs) if loss.ndim == 0 else 1))
        self._see_answers(given.held())

    def _see_answers(self, given: Given) -> None:
        """Have the answers read when somebody asks for them, unless too much is held then."""
        self._given.append(given)
        if given.arrays()[0].nbytes * len(self._given) > MOST_HELD:
            self._read_answers()

    def _read_answers(self) -> None:
        for given in self._given:
            labels, answers = given.answers()
            if labels is not None and answers is not None and len(labels) == len(answers):
                self._labels.append(labels)
                self._answers.append(answers)
        self._given.clear()

    def results(self, results: list[np.ndarray], targets: list[np.ndarray]) -> None:
        """A compiled evaluation returned a loss, and perhaps the outputs.

        Args: targets: the last array that it was given, if there was one.
        """
        single = [measures.readable(array) for array in results if array.size == 1]
        values = [array for array in single if measures.is_float(array)]
        if not values:
            return
        outputs = [array for array in results if array.ndim > 1 and array.size > 1]
        if outputs and targets:
            given = tuple(map(Tensor._wrap, (outputs[0], targets[0])))
            self._see_answers(Given(self.record.loss.name, given, None))
        samples = 1 if self._last is None else len(self._last)
        self.record.wiring.evaluated_with_loss |= self._in_training_mode
        self._see_inputs(measures.readable(targets[0]) if targets else None)
        self._losses.append((float(values[0].item()), samples))

    def _see_inputs(self, targets: np.ndarray | None) -> None:
        """Measure what went into the pass, and remember its samples, of a first epoch."""
        array, self._last = self._last, None
        if array is None or array.dtype.kind != "f" or not self._overlap.wants_more:
            return
        data = self.record.data
        data.validation_inputs = measures.spread(array).joined(data.validation_inputs)
        self._overlap.add(array, targets)

    def end(self, calls: Iterable[TrainingCall] = ()) -> bool:
        """What was evaluated belongs to an epoch; whether there was anything.

        Args: calls: steps of training, the latest.
        """
        self._begun = False
        if not self._losses:
            return False
        self._overlap.count(self.record.data, calls)
        begin, self._step = self._step, self.record.step
        if self.makes_epochs:
            epoch = self._epoch()
            epoch.train_loss = self._training_loss(begin)
            self.record.epochs.append(epoch)
        if self._is_worse() and begin < self._step:
            self._see_classes(list(calls)[begin - self._step :])
        self._clear()
        return True

    def _is_worse(self) -> bool:
        """Whether the validation loss went up again."""
        losses = [e.validation_loss for e in self.record.epochs]
        known = [loss for loss in losses if loss is not None]
        return bool(known) and known[-1] > RISEN * min(known)

    def _see_classes(self, calls: list[TrainingCall]) -> None:
        """How many classes there were in each step."""
        targets = [call.arrays[-1] for call in calls if call.can_run and call.arrays]
        labels = [array for array in targets if array.dtype.kind in "iu" and array.ndim == 1]
        seen = [(len(np.unique(each)), each.size) for each in labels]
        self.record.data.latest_classes = seen

    def seen(self, with_classes: bool = True) -> Epoch | None:
        """The evaluation that just ended, if a loss was computed; if asked for, with how each
        class was recognized."""
        return self._epoch(with_classes) if self._losses else None

    def _epoch(self, with_classes: bool = True) -> Epoch:
        samples = sum(count for _, count in self._losses)
        epoch = Epoch(len(self.record.epochs) + 1, validation_samples=samples)
        epoch.validation_loss = sum(value * n for value, n in self._losses) / samples
        self._read_answers()
        if self._labels:
            labels, answers = np.concatenate(self._labels), np.concatenate(self._answers)
            epoch.validation_accuracy = float(np.mean(labels == answers))
            if with_classes:
                epoch.recalls, epoch.supports = measures.recalls(labels, answers)
        return epoch

    def _training_loss(self, begin: int) -> float | None:
        """The mean loss of the training steps since one."""
        steps = [loss for step, loss in self.record.losses if step >= begin]
        return sum(steps) / len(steps) if steps else None
