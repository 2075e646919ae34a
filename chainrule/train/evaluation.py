"""Scores of a model on data that it does not learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chainrule.metrics import Mean
from chainrule.nn.module import Module
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor
from chainrule.train.batches import check_some, length_of
from chainrule.train.where_possible import CompiledWherePossible

#: batches from which on compiling for a single evaluation is worth its time
WORTHWHILE = 10

Score = Callable[[Any, Any], tuple[Tensor, Tensor]]


def evaluate(
    model: Module,
    batches: Iterable[Any],
    loss_function: Callable[[Tensor, Tensor], Tensor],
    metrics: Mapping[str, Any] | None = None,
    *,
    compile: bool | None = None,
    engine: str | None = None,
) -> dict[str, float]:
    """The mean loss per sample, and the metrics, in evaluation mode and without gradients.

    Args:
        metrics: names and things with reset(), update(outputs, targets), compute().
        compile: True or False; None compiles from 10 batches on, if their number is known.
        engine: "native" or "reference", see chainrule.compile.

    Notes: each evaluation compiles anew. To evaluate often, give it a model that was compiled
    once, chainrule.compile(model), with compile=False.
    """

    def score(parts: Any, inputs: Any, targets: Any) -> tuple[Tensor, Tensor]:
        model, loss_function = parts
        outputs = model(inputs)
        return outputs, loss_function(outputs, targets)

    call: Callable = score
    if compile or (compile is None and (length_of(batches) or 0) >= WORTHWHILE):
        call = CompiledWherePossible(
            score, engine, "the evaluation", [], set(), strict=bool(compile)
        )
    parts = model, loss_function
    return measure(lambda *batch: call(parts, *batch), model, batches, metrics or {})


def measure(
    score: Score, model: Module, batches: Iterable[Any], metrics: Mapping[str, Any]
) -> dict[str, float]:
    """The mean of the losses that `score` returns, and the metrics of its outputs.

    Raises: DataError (CR815) without batches.
    """
    loss = Mean()
    for metric in metrics.values():
        metric.reset()
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            for inputs, targets in batches:
                outputs, value = score(inputs, targets)
                loss.update(value.item(), weight=len(inputs))
                for metric in metrics.values():
                    metric.update(outputs, targets)
    finally:
        model.train(was_training)
    check_some(loss.weight, batches)
    scores = {name: metric.compute() for name, metric in metrics.items()}
    return {"loss": loss.compute(), **scores}
