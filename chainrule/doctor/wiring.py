"""What can be read off a model and its optimizers before they are used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.doctor import measures
from chainrule.doctor.facts import WiringFacts
from chainrule.errors import ArgumentError
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


def check(model: Any, optimizers: Sequence[Any]) -> None:
    """Raises: ArgumentError where optimizers move nothing (CR860), or for no model (CR861)."""
    if not isinstance(model, Module):
        raise ArgumentError(
            "CR861",
            f"watch(model, optimizer) follows an nn.Module, got {type(model).__name__}; give "
            "the network whose parameters the optimizer moves",
        )
    for optimizer in optimizers:
        if not hasattr(optimizer, "param_groups") or not hasattr(optimizer, "step"):
            raise ArgumentError(
                "CR860",
                f"watch(model, optimizer) takes optimizers, got {type(optimizer).__name__}",
            )
    if not any(moved_by(optimizer) for optimizer in optimizers):
        names = ", ".join(type(optimizer).__name__ for optimizer in optimizers)
        raise ArgumentError(
            "CR860",
            f"{names or 'no optimizer'} moves no parameters, so nothing can be learned; make "
            "it with model.parameters()",
        )


def moved_by(optimizer: Any) -> list[Tensor]:
    """The tensors that an optimizer moves."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def smallest(optimizer: Any) -> Tensor | None:
    """The smallest tensor that an optimizer moves, whose gradient stands for all."""
    return min(moved_by(optimizer), key=lambda p: p.numel(), default=None)


def read_wiring(wiring: WiringFacts, model: Module, optimizers: Sequence[Any]) -> None:
    """Note what hangs together with what."""
    ours = dict(model.named_parameters())
    theirs = {id(p) for optimizer in optimizers for p in moved_by(optimizer)}
    wiring.missing = [n for n, p in ours.items() if p.requires_grad and id(p) not in theirs]
    wiring.foreign = len(theirs - {id(p) for p in ours.values()})
    wiring.frozen = [name for name, p in ours.items() if not p.requires_grad]
    unmoved = [*wiring.missing, *wiring.frozen]
    wiring.as_initialized = [
        name for name in unmoved if measures.as_initialized(measures.numbers(ours[name]))
    ]
    for name, module in model.named_modules():
        kind = type(module).__name__
        if "Dropout" in kind:
            wiring.dropout[name] = float(getattr(module, "p", 0.0))
        if kind.startswith("BatchNorm"):
            wiring.momentum_of_statistics[name] = getattr(module, "momentum", None)


class StaleGradients:
    """Notes whether the gradients of each optimizer were cleared since its last step."""

    def __init__(self, optimizers: Sequence[Any]) -> None:
        self.optimizers = optimizers
        self._cleared: dict[int, bool] = {}  # by id of the optimizer
        self.find_probes()

    def find_probes(self) -> None:
        """Choose of each optimizer the tensor whose gradient stands for all."""
        self._probes = {id(optimizer): smallest(optimizer) for optimizer in self.optimizers}

    def backward_begins(self) -> None:
        """See which gradients are not there, or 0."""
        for known, probe in self._probes.items():
            gradient = None if probe is None else probe.grad
            if gradient is None or not measures.numbers(gradient).any():
                self._cleared[known] = True

    def step_begins(self, optimizer: Any) -> bool:
        """Whether they were not cleared."""
        return not self._cleared.pop(id(optimizer), False)
