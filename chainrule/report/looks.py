"""Looks at a training from outside: a batch, the architecture, what the model gets wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.compiler.compile import running_plainly
from chainrule.doctor.tools.restoring import restored
from chainrule.doctor.tools.summary import summary
from chainrule.nn.loss import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss
from chainrule.nn.module import Module
from chainrule.report.batches import as_array, pairs
from chainrule.report.pictures import shown
from chainrule.tensor.creation import from_numpy
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

MOST_SECONDS = 2.0  # that looking at samples may take, but for the first batch
BATCH_ITEMS, MISTAKES = 32, 32
SUMMARY_ROWS = 32  # of the batch that the summary runs on
MOST_CLASSES = 100
ONE_BY_ONE = 256  # samples of which the loss is computed one by one


@dataclass(frozen=True)
class Answers:
    """What a model said of samples, and what it should have said."""

    inputs: np.ndarray
    targets: np.ndarray
    outputs: np.ndarray


def batch_items(batches: Iterable[Any]) -> list[dict[str, Any]]:
    """The first samples of the first batch, with their targets."""
    for inputs, targets in pairs(batches):
        x, y = as_array(inputs), as_array(targets)
        if x is None or x.ndim == 0:
            return []
        rows = list(shown(x[:BATCH_ITEMS]))
        known = y is not None and len(y) == len(x) and y[0].size == 1
        return [
            {**row, "target": y[i].item()} if known and y is not None else row
            for i, row in enumerate(rows)
        ]
    return []


def architecture(model: Module, batches: Iterable[Any]) -> dict[str, Any] | None:
    """The modules with their shapes, parameters, work and time; None without a batch."""
    for inputs, _ in pairs(batches):
        if isinstance(inputs, Tensor):
            return summary(model, inputs[:SUMMARY_ROWS]).as_dict()
    return None


def answers(model: Module, batches: Iterable[Any], most: int) -> Answers | None:
    """Let the model answer up to `most` samples in evaluation mode; all is put back.

    Returns: None where the samples, targets or outputs are not tensors of a sample each.
    """
    rows: list[tuple[np.ndarray, ...]] = []
    began = time.perf_counter()
    with restored(model, batches), running_plainly(), no_grad():
        model.eval()
        for inputs, targets in pairs(batches):
            arrays = [as_array(each) for each in (inputs, targets, model(inputs))]
            row = tuple(a for a in arrays if a is not None and a.ndim > 0)
            if len(row) < 3 or len({len(a) for a in row}) != 1:
                return None
            rows.append(row)
            done = sum(len(r[0]) for r in rows)
            if done >= most or time.perf_counter() - began > MOST_SECONDS:
                break
    try:
        return Answers(*(np.concatenate(column) for column in zip(*rows))) if rows else None
    except ValueError:  # batches of different shapes, such as texts
        return None


def decided(answers: Answers, loss_function: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """The true and the chosen classes; None where no classes are told apart."""
    targets, outputs = answers.targets, answers.outputs
    if outputs.ndim == 2 and outputs.shape[1] > 1 and targets.ndim == 1:
        chosen = np.nan_to_num(outputs, nan=-np.inf).argmax(axis=1)
        return (targets, chosen) if _are_classes(targets, outputs.shape[1]) else None
    binary = isinstance(loss_function, (BCELoss, BCEWithLogitsLoss))
    if binary and outputs.size == targets.size == len(targets):
        threshold = 0.5 if isinstance(loss_function, BCELoss) else 0.0
        truth = targets.ravel()
        if np.isin(truth, (0, 1)).all():
            return truth.astype(np.int64), (outputs.ravel() > threshold).astype(np.int64)
    return None


def _are_classes(targets: np.ndarray, classes: int) -> bool:
    whole = targets.dtype.kind in "iub"
    return whole and classes <= MOST_CLASSES and 0 <= targets.min() <= targets.max() < classes


def confusion(truth: np.ndarray, chosen: np.ndarray, classes: int) -> list[list[int]]:
    """How often each class (row) was taken for each (column).

    Example:
        >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
        [[1, 0], [1, 1]]
    """
    found = np.bincount(truth * classes + chosen, minlength=classes**2)
    return found.reshape(classes, classes).tolist()


def mistakes(
    answers: Answers, loss_function: Callable[..., Any], classes: Any
) -> list[dict[str, Any]]:
    """The samples with the highest loss; of classes, among those that are taken wrongly."""
    candidates = np.arange(len(answers.targets))
    if classes is not None:
        candidates = candidates[classes[0] != classes[1]]
    if not isinstance(loss_function, CrossEntropyLoss):
        candidates = candidates[:ONE_BY_ONE]
    losses = _losses(answers, loss_function, candidates)
    order = np.argsort(-np.nan_to_num(losses, nan=np.inf), kind="stable")[:MISTAKES]
    worst = candidates[order]
    rows = shown(answers.inputs[worst])
    return [
        {**row, **_said(answers, i, classes), "loss": loss}
        for row, i, loss in zip(rows, worst, losses[order].tolist())
    ]


def _losses(answers: Answers, loss_function: Any, at: np.ndarray) -> np.ndarray:
    """The loss of single samples: what the loss function says of batches of one."""
    if isinstance(loss_function, CrossEntropyLoss) and answers.targets.ndim == 1:
        logits = answers.outputs[at].astype(np.float64)
        top = logits.max(axis=1, keepdims=True) if len(logits) else logits
        normalizers = np.log(np.exp(logits - top).sum(axis=1)) + top.ravel()[: len(logits)]
        return normalizers - logits[np.arange(len(logits)), answers.targets[at]]
    with no_grad():
        pairs = ((answers.outputs[i : i + 1], answers.targets[i : i + 1]) for i in at)
        found = [loss_function(_tensor(output), _tensor(target)) for output, target in pairs]
    return np.array([float(loss.item()) for loss in found])


def _tensor(array: np.ndarray) -> Tensor:
    kind = np.float32 if array.dtype.kind == "f" else array.dtype
    return from_numpy(array.astype(kind))


def _said(answers: Answers, i: int, classes: Any) -> dict[str, Any]:
    """Target and prediction of one sample."""
    if classes is not None:
        return {"target": int(classes[0][i]), "prediction": int(classes[1][i])}
    target, output = answers.targets[i], answers.outputs[i]
    if target.size == output.size == 1:
        return {"target": target.item(), "prediction": output.item()}
    return {}
