"""Scores of a model on data that it does not learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chainrule.metrics import Mean
from chainrule.nn.module import Module
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


def evaluate(
    model: Module,
    batches: Iterable[Any],
    loss_function: Callable[[Tensor, Tensor], Tensor],
    metrics: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """The mean loss per sample, and the metrics, in evaluation mode and without gradients.

    Args: metrics: names and things with reset(), update(outputs, targets), compute().
    """
    metrics = metrics or {}
    loss = Mean()
    for metric in metrics.values():
        metric.reset()
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            for inputs, targets in batches:
                outputs = model(inputs)
                loss.update(loss_function(outputs, targets).item(), weight=len(inputs))
                for metric in metrics.values():
                    metric.update(outputs, targets)
    finally:
        model.train(was_training)
    scores = {name: metric.compute() for name, metric in metrics.items()}
    return {"loss": loss.compute(), **scores}
