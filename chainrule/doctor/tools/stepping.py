"""The parts of a training step that tools repeat, with errors that say what they need."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chainrule.compiler.compile import Compiled
from chainrule.data.loader import DataLoader
from chainrule.errors import (
    ArgumentError,
    ArgumentTypeError,
    DataError,
    GradientError,
    ModuleError,
)
from chainrule.nn.module import Module
from chainrule.nn.parameter import is_lazy
from chainrule.optim.lbfgs import LBFGS
from chainrule.tensor.tensor import Tensor

LossOf = Callable[[Any], Tensor]


def module_of(tool: str, model: Any) -> Module:
    """The module, of which a compiled one is made.

    Raises: ArgumentTypeError (CR836) for anything else; ModuleError (CR837) for a lazy one,
    which would keep the sizes of the first input, where a tool is to change nothing.
    """
    module = model.function if isinstance(model, Compiled) else model
    if not isinstance(module, Module):
        raise ArgumentTypeError(
            "CR836",
            f"{tool} takes a module, got a {type(module).__name__}; of a compiled function "
            "compiled.profile(…) shows the kernels",
        )
    named = (*module.named_parameters(), *module.named_buffers())
    if lazy := next((name for name, x in named if is_lazy(x)), None):
        raise ModuleError(
            "CR837",
            f"{tool}: {lazy} has no shape yet, as its lazy module has seen no input; call "
            "model(input) once, which fixes the sizes, or give the layer its input size",
        )
    return module


def loss_of_pair(tool: str, model: Any, loss_function: Any) -> LossOf:
    """The loss of a batch that is a pair of inputs and targets."""

    def loss_of(batch: Any) -> Tensor:
        inputs, targets = pair(tool, batch)
        return loss_function(model(inputs), targets)

    return loss_of


def pair(tool: str, batch: Any) -> tuple[Any, Any]:
    """Inputs and targets.

    Raises: DataError (CR831) for a batch that is no pair.
    """
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, (tuple, list, dict)) else ""
        raise DataError(
            "CR831",
            f"{tool}: a batch is a pair (inputs, targets), got a {type(batch).__name__}{size}; "
            "for batches of another form give loss_of=, a function that makes the loss of one",
        )
    return batch[0], batch[1]


def checked_loss(tool: str, loss: Any) -> Tensor:
    """The loss, if backward can start from it.

    Raises: ArgumentTypeError (CR832) for what is no single number; GradientError (CR833) for
    a number that does not depend on anything that learns.
    """
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        found = type(loss).__name__
        if isinstance(loss, Tensor):
            found = f"a tensor of shape {tuple(loss.shape)}"
        raise ArgumentTypeError(
            "CR832",
            f"{tool}: the loss must be one number that backward can start from, got {found}; "
            "reduce it with mean(), or with reduction='mean' in the loss function",
        )
    if not loss.requires_grad:
        raise GradientError(
            "CR833",
            f"{tool}: no gradient leads from the loss to anything that learns. Are all "
            "parameters frozen, is no_grad() on, or does detach(), item() or numpy() stand "
            "between the model and the loss?",
        )
    return loss


def check_optimizer(tool: str, optimizer: Any) -> None:
    """Raises: ArgumentError (CR834) for an optimizer that moves nothing, or has no rate."""
    groups = getattr(optimizer, "param_groups", None)
    if groups is None:
        raise ArgumentError(
            "CR834", f"{tool}: it takes an optimizer, got a {type(optimizer).__name__}"
        )
    if isinstance(optimizer, LBFGS):
        raise ArgumentError(
            "CR834",
            f"{tool}: LBFGS looks for the length of each step itself, on one batch several "
            "times; the tool takes optimizers that step once for each gradient",
        )
    if not any(p.requires_grad for group in groups for p in group["params"]):
        raise ArgumentError(
            "CR834",
            f"{tool}: {type(optimizer).__name__} holds no parameter that requires a gradient; "
            "give it model.parameters(), of which some are not frozen",
        )
    if any("lr" not in group for group in groups):
        raise ArgumentError(
            "CR834", f"{tool}: {type(optimizer).__name__} has no learning rate 'lr'"
        )


def check_reached(tool: str, optimizer: Any) -> None:
    """Raises: ArgumentError (CR834) where backward gave the optimizer's parameters nothing."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    if all(p.grad is None for p in parameters):
        raise ArgumentError(
            "CR834",
            f"{tool}: backward reached none of the {len(parameters)} parameters that "
            f"{type(optimizer).__name__} holds. Does it hold another model's? Give it this "
            "model's parameters(), and make it anew after replacing layers",
        )


def endless(tool: str, batches: Iterable[Any]) -> Iterator[Any]:
    """Batch after batch; after the last one it goes on with the first.

    Raises: DataError (CR830) where there are none.

    Notes: a DataLoader is read through a twin of its own, so that a pass that somebody is in
    the middle of is not touched. An iterator cannot be put back; its batches are kept.
    """
    if isinstance(batches, DataLoader):
        batches = copy.copy(batches)
    elif is_iterator(batches):
        batches = _Kept(iter(batches))
    while True:
        empty = True
        for batch in batches:
            empty = False
            yield batch
        if empty:
            raise DataError(
                "CR830", f"{tool}: there are no batches; an iterator that was used up has none"
            )


def is_iterator(batches: Any) -> bool:
    """Whether it is used up by reading."""
    return isinstance(batches, Iterator)


class _Kept:
    """An iterator that can be gone through again."""

    def __init__(self, rest: Iterator[Any]) -> None:
        self.rest = rest
        self.read: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        yield from self.read
        for batch in self.rest:
            self.read.append(batch)
            yield batch
