"""Looking at a network without leaving a trace: evaluation mode, and everything put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule.compiler.compile import Compiled
from chainrule.compiler.rollback import Rollback
from chainrule.doctor.tools.observing import calls_observed
from chainrule.errors import ArgumentError, ArgumentTypeError, ShapeError
from chainrule.nn.module import Module
from chainrule.observers import Observer, unobserved
from chainrule.pictures.given import array
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor

ROWS = 4096  # that a network is given at once

Model = Module | Compiled | Callable[..., Any]


@contextmanager
def undisturbed(model: Model) -> Iterator[Any]:
    """The network of a model in evaluation mode and not compiled; after it, all is as it was.

    Put back are parameters, buffers, gradients, hooks, modes and the random numbers of the
    program, whatever happened in between; of a function, those of the networks it names. A
    doctor who watches the training is told nothing.
    """
    before = Rollback(model)
    try:
        network = model.function if isinstance(model, Compiled) else model
        for module in network.modules() if isinstance(network, Module) else ():
            module.training = False
            module._compiled = None
        with unobserved():
            yield network
    finally:
        before.undo()


def network_of(model: Model, picture: str) -> Module:
    """The module in a model.

    Raises: ArgumentTypeError (CR845) for a function, whose layers nobody can see.
    """
    network = model.function if isinstance(model, Compiled) else model
    if not isinstance(network, Module):
        raise ArgumentTypeError(
            "CR845",
            f"{picture} looks into the layers of a network and needs an nn.Module, got "
            f"{type(model).__name__}",
        )
    return network


def module_named(network: Module, layer: str | Module, picture: str) -> tuple[str, Module]:
    """The name and the module of a layer, given by either.

    Raises: ArgumentError (CR842) for a layer that the network does not have.
    """
    named = dict(network.named_modules())
    for name, module in named.items():
        if module is layer or name == layer:
            return name, module
    wanted = repr(layer) if isinstance(layer, str) else type(layer).__name__
    raise ArgumentError(
        "CR842",
        f"{picture}: the network has no layer {wanted}; its layers are "
        f"{', '.join(name for name in named if name) or 'none'}",
    )


class Calls(Observer):
    """What the modules of a network were given and have returned, in the order of it."""

    def __init__(self) -> None:
        self.inputs: list[tuple[Module, Any]] = []  # the first argument of each call
        self.outputs: list[tuple[Module, Any]] = []

    def module_begins(self, module: Module, arguments: tuple[Any, ...]) -> None:
        self.inputs.append((module, arguments[0] if arguments else None))

    def module_ends(self, module: Module, output: Any) -> None:
        self.outputs.append((module, output))

    def of(self, module: Module) -> Any:
        """The last output of a module; None if it did not run."""
        found = [y for m, y in self.outputs if m is module]
        return found[-1] if found else None


def called(network: Module, *inputs: Any, **named: Any) -> tuple[Any, Calls]:
    """The output of a network, and the calls of its modules that led to it."""
    calls = Calls()
    with calls_observed(calls):
        y = network(*inputs, **named)
    return y, calls


def name_of(network: Module, module: Module) -> str:
    """The name of a module in a network; "" for the network itself.

    Its type stands for one that runs, but that the network does not know, as in a tuple.
    """
    names = (name for name, each in network.named_modules() if each is module)
    return next(names, type(module).__name__)


def as_weights(x: Tensor, network: Any) -> Tensor:
    """Inputs in the type of the network's weights."""
    network = network.function if isinstance(network, Compiled) else network
    parameters = network.parameters() if isinstance(network, Module) else ()
    kinds = [p.dtype for p in parameters if p.is_floating_point()]
    return x.to(kinds[0]) if kinds and x.is_floating_point() else x


def scores(model: Model, x: Tensor) -> np.ndarray:
    """The outputs of a model for many inputs, as an array (n, k); nothing is disturbed.

    Raises: ShapeError (CR845) where the outputs are not a row for each input.
    """
    with undisturbed(model) as network, no_grad():
        x = as_weights(x, network)
        rows = [network(x[i : i + ROWS]) for i in range(0, len(x), ROWS)]
    made = [array(y) for y in rows if isinstance(y, Tensor)]
    if len(made) < len(rows) or not all(y.ndim in (1, 2) for y in made):
        seen = [tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__ for y in rows]
        raise ShapeError(
            "CR845",
            f"this picture needs a model whose output is a row of scores for each input, "
            f"(n, k), or a number, (n,); for inputs {tuple(x.shape)} it returned {seen[0]}",
        )
    return np.concatenate([y[:, None] if y.ndim == 1 else y for y in made]).astype(np.float64)


def probabilities(outputs: np.ndarray, meaning: str = "auto") -> np.ndarray:
    """Outputs (n, k) as probabilities; a single one becomes those of class 0 and class 1.

    Args: meaning: "logits", "probabilities", or "auto": outputs that are probabilities (from 0
        to 1, and with a sum of 1 if there are several) are taken as such, all others as logits.

    Raises: ArgumentError (CR848) for another meaning.
    """
    if meaning not in ("auto", "logits", "probabilities"):
        raise ArgumentError(
            "CR848", f'outputs is "auto", "logits" or "probabilities", got {meaning!r}'
        )
    single = outputs.shape[1] == 1
    share = bool((outputs >= 0).all() and (outputs <= 1).all())
    if not single:
        share = share and bool(np.allclose(outputs.sum(1), 1, atol=1e-3))
    if meaning == "logits" or (meaning == "auto" and not share):
        if single:
            outputs = np.exp(-np.logaddexp(0, -outputs))
        else:
            powers = np.exp(outputs - outputs.max(1, keepdims=True))
            outputs = powers / powers.sum(1, keepdims=True)
    return np.concatenate([1 - outputs, outputs], 1) if single else outputs
