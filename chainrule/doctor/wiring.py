"""What can be read off a model and its optimizers before they are used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.doctor import measures
from chainrule.doctor.facts import WiringFacts
from chainrule.errors import ArgumentError
from chainrule.nn.module import Module
from chainrule.nn.parameter import is_lazy
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import Trace


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
                f"watch(model, optimizer, …) takes optimizers, got {type(optimizer).__name__}; "
                "give those that move the model's parameters, one after the other",
            )
    if not any(moved_by(optimizer) for optimizer in optimizers):
        names = ", ".join(type(optimizer).__name__ for optimizer in optimizers)
        raise ArgumentError(
            "CR860",
            f"{names or 'no optimizer'} moves no parameters, so nothing can be learned; make "
            "it with model.parameters()",
        )


def entrances(model: Module) -> list[Module]:
    """The modules that a program calls: the model; where that only holds others, these."""
    if type(model).forward is not Module.forward:
        return [model]
    found = [part for child in model.children() for part in entrances(child)]
    parts = {id(part) for module in found for part in list(module.modules())[1:]}
    return [module for module in found if id(module) not in parts] or [model]


def moved_by(optimizer: Any) -> list[Tensor]:
    """The tensors that an optimizer moves."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def smallest(optimizer: Any) -> Tensor | None:
    """The smallest tensor that an optimizer moves, whose gradient stands for all."""
    known = [p for p in moved_by(optimizer) if not is_lazy(p)]
    return min(known, key=lambda p: p.numel(), default=None)


def read_wiring(wiring: WiringFacts, model: Module, optimizers: Sequence[Any]) -> None:
    """Note what hangs together with what."""
    ours = dict(model.named_parameters())
    theirs = {id(p) for optimizer in optimizers for p in moved_by(optimizer)}
    wiring.missing = [n for n, p in ours.items() if p.requires_grad and id(p) not in theirs]
    wiring.foreign = len(theirs - {id(p) for p in ours.values()})
    wiring.frozen = [name for name, p in ours.items() if not p.requires_grad]
    unmoved = [*wiring.missing, *wiring.frozen]
    known: dict[str, Tensor] = {n: ours[n] for n in unmoved if not is_lazy(ours[n])}
    wiring.as_initialized = _as_initialized(known)
    for name, module in model.named_modules():
        wiring.kinds[name] = kind = type(module).__name__
        if (symbols := getattr(module, "num_embeddings", None)) is not None:
            wiring.vocabularies.add(symbols)
        if "Dropout" in kind:
            wiring.dropout[name] = float(getattr(module, "p", 0.0))
        if kind.startswith("BatchNorm"):
            wiring.momentum_of_statistics[name] = getattr(module, "momentum", None)
            updates = getattr(module, "num_batches_tracked", None)
            wiring.updates_before.setdefault(name, 0 if updates is None else int(updates))


def _as_initialized(parameters: dict[str, Tensor]) -> list[str]:
    """Those that nothing has trained yet; embeddings that look so, where nothing else of them
    was trained."""
    arrays = {name: measures.numbers(p) for name, p in parameters.items() if p.ndim > 1}
    fresh = [name for name, array in arrays.items() if measures.as_initialized(array)]
    others = [name for name in arrays if name not in fresh]
    if all(measures.is_standard_normal(arrays[name]) for name in others):
        return [*fresh, *others]
    return fresh


class StaleGradients:
    """Notes whether the gradients of each optimizer were cleared since its last step."""

    def __init__(self, optimizers: Sequence[Any]) -> None:
        self.optimizers = optimizers
        self._cleared: dict[int, bool] = {}  # by id of the optimizer
        self._unused = dict.fromkeys(map(id, optimizers), 0)  # how often they were
        self._there: set[int] = set()  # optimizers that backward has given a gradient
        self.find_probes()

    def find_probes(self) -> None:
        """Choose of each optimizer the tensor whose gradient stands for all."""
        self._probes = {id(optimizer): smallest(optimizer) for optimizer in self.optimizers}

    def backward_begins(self) -> None:
        """See which gradients are not there, or 0."""
        for known in self.absent():
            self._cleared[known] = True
            self._unused[known] += known in self._there

    def absent(self) -> set[int]:
        """The optimizers whose gradients are not there, or 0."""
        gradients = {known: p if p is None else p.grad for known, p in self._probes.items()}
        return {
            known
            for known, gradient in gradients.items()
            if gradient is None or not measures.numbers(gradient).any()
        }

    def dropped(self, writing: Trace) -> set[int]:
        """Those whose gradients a function that is being compiled has dropped so far."""
        probes = self._probes.items()
        return {known for known, p in probes if p is not None and writing.has_dropped_grad(p)}

    def are_cleared(self, optimizers: set[int]) -> None:
        """These are, as is known from elsewhere."""
        self._cleared |= dict.fromkeys(optimizers, True)

    @property
    def seen_cleared(self) -> set[int]:
        """Those that were cleared since their last step."""
        return {known for known, cleared in self._cleared.items() if cleared}

    def backward_ends(self, idle: Sequence[Any]) -> int:
        """See which gradients there are now; how often, at most, those of idle optimizers,
        which have not stepped yet, were cleared."""
        self._there = {
            known
            for known, probe in self._probes.items()
            if probe is not None and probe.grad is not None
        }
        return max((self._unused[id(optimizer)] for optimizer in idle), default=0)

    def step_begins(self, optimizer: Any) -> bool:
        """Whether they were not cleared."""
        return not self._cleared.pop(id(optimizer), False)
