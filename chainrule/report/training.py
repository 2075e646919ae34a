"""What a training is made of, as the configuration of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainrule.train.trainer import Trainer


def configuration(trainer: Trainer) -> dict[str, Any]:
    """The options of a trainer and of its parts, by name."""
    found: dict[str, Any] = {
        "epochs": trainer.epochs,
        "batch_size": getattr(trainer.batches, "batch_size", None),
        "loss_function": _name(trainer.loss_function),
        "optimizer": {
            "name": _name(trainer.optimizer),
            **_plain(trainer.optimizer.param_groups[0]),
        },
        "scheduler": None if trainer.scheduler is None else _name(trainer.scheduler),
        "clip_norm": trainer.clip_norm,
        "compile": trainer.compile,
        "engine": trainer.engine,
    }
    return {name: value for name, value in found.items() if value is not None}


def _name(thing: Any) -> str:
    return getattr(thing, "__qualname__", type(thing).__name__)


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, texts and switches; the parameters themselves are left out."""
    kinds = (bool, int, float, str, tuple)
    return {
        name: value
        for name, value in options.items()
        if name != "params" and isinstance(value, kinds)
    }
