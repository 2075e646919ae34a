"""What can be changed in a training for a trial, each remedy by its name.

A remedy changes a Scene: the model, the optimizers, the batches, or what is done in a step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import dtypes, nn
from chainrule.doctor.training_call import CompiledCall, EagerCall, TrainingCall
from chainrule.nn.module import Module
from chainrule.nn.utils.clip_grad import clip_grad_norm_
from chainrule.tensor.creation import tensor
from chainrule.tensor.tensor import Tensor

REMEDIES: dict[str, Callable[..., None]] = {}
#: those that can be made to a training that runs
LASTING = ("lr", "clip", "weight_decay")
#: losses that take probabilities, and those that take logits in their place
OF_LOGITS = {
    "binary_cross_entropy": "binary_cross_entropy_with_logits",
    "nll_loss": "cross_entropy",
}


class Scene:
    """A training on trial; it stands in a sandbox, which takes back every change."""

    def __init__(
        self,
        model: Module,
        optimizers: Sequence[Any],
        calls: list[TrainingCall],
    ) -> None:
        self.model = model
        self.optimizers = optimizers
        self.calls = calls
        self.loss_names: dict[str, str] = {}
        self.targets: Callable[[Tensor], Tensor] = lambda y: y
        self.loss_options: dict[str, Any] = {}
        self.unit = 1.0  # of the loss, where the remedy changes it
        self.clears = False  # gradients before a compiled step

    def step(self, call: TrainingCall) -> float:
        """One step; its loss."""
        loss = self.traced(call)
        return self.unit * float(loss.item()) if loss is not None else math.nan

    def traced(self, call: TrainingCall) -> Tensor | None:
        """One step, which may be traced: no number is asked for."""
        for optimizer in self.optimizers if self.clears or isinstance(call, EagerCall) else ():
            optimizer.zero_grad()
        if isinstance(call, CompiledCall):
            return call.run()
        loss = call.loss_of(self.loss_names, self.targets, self.loss_options)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return loss

    @property
    def groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def only_eager(self) -> None:
        """A remedy that changes the loss needs steps that are put together here."""
        if not all(isinstance(call, EagerCall) for call in self.calls):
            raise NotImplementedError("the loss is computed inside a compiled step")


def remedy(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that gives a remedy its name."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        REMEDIES[name] = function
        return function

    return decorate


# -- the optimizer -------------------------------------------------------------------------


@remedy("lr")
def scale_learning_rate(scene: Scene, factor: float) -> None:
    for group in scene.groups:
        group["lr"] = group["lr"] * factor


@remedy("weight_decay")
def set_weight_decay(scene: Scene, decay: float) -> None:
    for group in scene.groups:
        group["weight_decay"] = decay


@remedy("sign")
def minimize(scene: Scene) -> None:
    """The loss functions of eager steps are called as they are, without the minus."""
    for group in scene.groups if isinstance(scene.calls[0], CompiledCall) else ():
        group["maximize"] = not group.get("maximize", False)


@remedy("clip")
def clip(scene: Scene, norm: float) -> None:
    for optimizer in scene.optimizers:
        optimizer.register_step_pre_hook(
            lambda *_: clip_grad_norm_(scene.model.parameters(), norm) and None
        )


@remedy("zero_grad")
def clear_gradients(scene: Scene) -> None:
    """Steps that are put together here clear them anyway."""
    scene.clears = True


# -- the model -----------------------------------------------------------------------------


@remedy("initialize")
def initialize(scene: Scene) -> None:
    for module in scene.model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()


@remedy("recurrent")
def make_orthogonal(scene: Scene, layer: str, norm: float) -> None:
    """Recurrent weights that keep the length of what they multiply; and clipping."""
    parameters = dict(scene.model.get_submodule(layer).named_parameters())
    between = [p for name, p in parameters.items() if "weight_hh" in name]
    for weight in between or [p for p in parameters.values() if p.ndim > 1]:
        nn.init.orthogonal_(weight)
    clip(scene, norm)


@remedy("dropout")
def set_dropout(scene: Scene, p: float) -> None:
    for module in scene.model.modules():
        if "Dropout" in type(module).__name__:
            module.p = min(module.p, p)


@remedy("relu for sigmoid")
def use_relu(scene: Scene) -> None:
    """ReLU between the layers, and weights that suit it."""
    for parent in list(scene.model.modules()):
        for name, child in list(parent._modules.items()):
            if isinstance(child, (nn.Sigmoid, nn.Tanh)):
                setattr(parent, name, nn.ReLU())
    for module in scene.model.modules():
        weight = module._parameters.get("weight")
        if weight is not None and weight.ndim > 1:
            nn.init.kaiming_uniform_(weight, nonlinearity="relu")


@remedy("relu")
def insert_relu(scene: Scene) -> None:
    """ReLU behind every layer with weights but the last."""
    layers = [m for m in scene.model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    for layer in layers[:-1]:
        layer.register_forward_hook(lambda module, args, y: y.relu())


@remedy("logits")
def remove_last_activation(scene: Scene) -> None:
    """The model gives logits, to a loss that takes them."""
    leaves = [m for m in scene.model.modules() if not m._modules]
    last = leaves[-1]
    if not isinstance(last, (nn.Softmax, nn.Sigmoid, nn.LogSoftmax)):
        raise NotImplementedError("the activation at the end is no module of its own")
    if not isinstance(scene.calls[0], CompiledCall):
        scene.loss_names |= OF_LOGITS
    last.register_forward_hook(lambda module, args, y: args[0])


@remedy("standardize inputs")
def standardize_inputs(scene: Scene) -> None:
    xs = [call.input for call in scene.calls]
    whole = np.concatenate([np.asarray(x._cell.array, np.float64) for x in xs])
    mean, std = whole.mean(axis=0), whole.std(axis=0) + 1e-8

    def standardize(module: Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        x = args[0]
        return ((x - tensor(mean, dtype=x.dtype)) / tensor(std, dtype=x.dtype), *args[1:])

    scene.model.register_forward_pre_hook(standardize)


# -- targets and batches ---------------------------------------------------------------------


@remedy("standardize targets")
def standardize_targets(scene: Scene) -> None:
    scene.only_eager()
    whole = np.concatenate([call.target._cell.array for call in scene.calls])
    mean, std = float(whole.mean()), float(whole.std()) + 1e-8
    scene.targets = lambda y: (y - mean) / std
    names = {call.loss[0] for call in scene.calls if isinstance(call, EagerCall) and call.loss}
    scene.unit = std**2 if names == {"mse_loss"} else std


@remedy("targets to 0, 1")
def move_targets(scene: Scene) -> None:
    scene.only_eager()
    scene.targets = lambda y: (y + 1) / 2


@remedy("unsqueeze targets")
def add_axis_to_targets(scene: Scene) -> None:
    scene.only_eager()
    scene.targets = lambda y: y.unsqueeze(1)


@remedy("class weights")
def weigh_classes(scene: Scene) -> None:
    scene.only_eager()
    labels = np.concatenate([call.target._cell.array.reshape(-1) for call in scene.calls])
    _, counts = np.unique(labels, return_counts=True)
    weights = labels.size / len(counts) / counts
    names = {call.loss[0] for call in scene.calls if isinstance(call, EagerCall) and call.loss}
    if names == {"cross_entropy"}:
        scene.loss_options["weight"] = tensor(weights, dtype=dtypes.float32)
    else:
        ratio = [weights[-1] / weights[0]]
        scene.loss_options["pos_weight"] = tensor(ratio, dtype=dtypes.float32)


@remedy("shuffle")
def shuffle(scene: Scene) -> None:
    """The samples of the kept batches, in another order."""
    sizes = {len(call.input) for call in scene.calls}
    if len(sizes) > 1:
        raise NotImplementedError("the batches have different sizes")
    (size,) = sizes
    order = np.random.default_rng(0).permutation(size * len(scene.calls))
    parts = [order[i : i + size] for i in range(0, len(order), size)]
    gathered = [call.arrays for call in scene.calls]
    whole = [np.concatenate(columns) for columns in itertools.zip_longest(*gathered)]
    scene.calls = [
        call.with_arrays([column[rows] for column in whole])
        for call, rows in zip(scene.calls, parts, strict=True)
    ]
