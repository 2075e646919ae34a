"""Looking at one step from near: what passes through the modules, the loss and the gradients.

The arrays are read and measured while the step runs; nothing is changed, and nothing is kept
but numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import observers
from chainrule.doctor import activations, measures, step_structure, through_time
from chainrule.doctor.facts import LayerFacts, Look, Record
from chainrule.doctor.fixed import Fixed, read_fixed
from chainrule.doctor.given import Given
from chainrule.doctor.module_calls import ModuleCalls, first_tensor
from chainrule.doctor.moves import Moves
from chainrule.nn.module import Module
from chainrule.tensor import trace
from chainrule.tensor.tensor import Tensor


class StepLook(observers.Observer):
    """One step of training, from its forward pass to the optimizer's; of several optimizers
    that take turns, one of each."""

    def __init__(self, model: Module, record: Record, optimizers: Sequence[Any] = ()) -> None:
        self.model = model
        self._groups = [group for each in optimizers for group in each.param_groups]
        self._maximize = any(group.get("maximize") for group in self._groups)
        self.record = record
        self.look = Look(record.step)
        self.given: list[Given] = []  # what loss functions were given since the last backward
        self._labels: list[np.ndarray] = []  # of the whole step
        self._cuts: dict[str, Module] = {}  # whose results went on without their history
        self._moves = Moves(model, optimizers, self.look)
        for optimizer in optimizers:
            self._moves.remember(optimizer)
        self._calls = ModuleCalls(model)
        self._fixed: Fixed | None = None
        self.waits_for_backward = False  # there is more to see in it
        self.order: list[str] = []  # the layers as they are called, if that was not seen

    # -- the forward pass -------------------------------------------------------------------

    def module_begins(self, module: Module, arguments: tuple[Any, ...]) -> None:
        if trace.current.get() is not None:
            return
        call = self._calls.begins(module, arguments)
        if call is None:
            return
        self._see_cuts(arguments)
        if call.is_outer and not self._calls.is_from_within(arguments):
            x = first_tensor(arguments)
            if x is not None:
                self.see_inputs(measures.numbers(x))

    @property
    def running(self) -> Module | None:
        """The outermost module that was called and has not returned."""
        return self._calls.running

    def _see_cuts(self, arguments: tuple[Any, ...]) -> None:
        """Note results of modules that come in again, but without their history."""
        for x in arguments:
            if not isinstance(x, Tensor) or x.requires_grad:
                continue
            for call in self._calls:
                y = call.result
                if y is not None and y.requires_grad and measures.is_part(x, y):
                    self._cuts[call.path] = call.module

    def module_ends(self, module: Module, output: Any) -> None:
        call = self._calls.ends(module, output)
        if call is None:
            return
        if not self._calls.is_whole(module):
            y = measures.numbers(call.result)
            activations.see_output(self.look, call.path, call.kind, y)

    def see_inputs(self, array: Any) -> None:
        """Measure what went into the model."""
        if not isinstance(array, np.ndarray):
            return
        data = self.record.data
        data.batches += 1
        data.last_batch = len(array) if array.ndim else 0
        data.largest_batch = max(data.largest_batch, data.last_batch)
        data.are_ids = array.dtype.kind in "iub"
        if data.are_ids:
            return
        found = measures.spread(array)
        data.all_inputs = found.joined(data.all_inputs)
        data.first_inputs = data.first_inputs or found
        if data.inputs is None or found.largest > data.inputs.largest or found.nonfinite:
            data.inputs = found
        if found.nonfinite and data.bad_step is None:
            bad = ~np.isfinite(array.reshape(len(array), -1))
            data.bad_rows = np.flatnonzero(bad.any(axis=1))[:20].tolist()
            data.bad_columns = np.flatnonzero(bad.any(axis=0))[:20].tolist()
            data.bad_step = self.look.step
        ratio, constant = measures.feature_ratio(array)
        if ratio is not None:
            data.feature_ratio = max(ratio, data.feature_ratio or 0)
            data.constant_features = constant

    # -- the loss ---------------------------------------------------------------------------

    def loss_computed(self, name: str, arguments: tuple[Any, ...], loss: Any) -> None:
        """Keep what the loss function was given."""
        self.given.append(Given(name, arguments, loss))

    def backward_begins(self, root: Any) -> None:
        """Read the tape while what it saved is still there."""
        array = measures.numbers(root)
        if trace.current.get() is not None or not isinstance(array, np.ndarray):
            return
        self.see_minimized(array)
        given, self.given = self.given, []
        nodes = step_structure.nodes_behind(root)
        fixed = self._fixed = read_fixed(self.model, self._calls, root, nodes, given)
        self.recall(fixed)
        inner, _ = self._calls.parted(nodes)
        self._see_activations(inner)
        self._follow_through_time(inner)
        if (output := self._calls.output) is not None:
            self.see_model_output(measures.numbers(output))
        own = {id(p) for p in self.model.parameters()}
        own |= {id(p) for group in self._groups for p in group["params"]}
        self.record.adversarial |= bool(step_structure.others_in(nodes, own))
        self.see_losses(given, fixed.losses)

    def see_minimized(self, array: np.ndarray) -> None:
        """Note the number that is minimized, if it is one."""
        self.look.loss = float(array.reshape(-1)[0]) if array.size == 1 else None

    def see_model_output(self, array: Any) -> None:
        """Measure what the model returned."""
        self.record.loss.output_std = _std_over_samples(array)

    def see_losses(self, given: Sequence[Given], parts: list[int]) -> None:
        """Measure what the loss functions were given.

        Args: parts: those of which the minimized number is made.
        """
        facts = self.record.loss
        for each in given:
            each.tell(self.record, self.look)
            if (labels := each.answers()[0]) is not None:
                self._labels.append(labels)
        facts.negated = False
        if not given:
            facts.name = ""
        elif parts and self.look.loss is not None:
            value = sum(given[i].mean for i in parts) / len(parts)
            facts.negated = (value * self.look.loss < 0) != self._maximize
            self.look.loss = -value if value * self.look.loss < 0 else value

    # -- what is the same at each call ----------------------------------------------------

    @property
    def fixed(self) -> Fixed | None:
        """What would be the same if the step were run again."""
        return None if self._fixed is None else replace(self._fixed, cuts=list(self._cuts))

    def recall(self, fixed: Fixed) -> None:
        """Write down what is the same at every call."""
        self.record.structure = replace(fixed.structure)
        for name, fact in fixed.loss.items():
            setattr(self.record.loss, name, fact)
        self._cuts |= {path: self.model.get_submodule(path) for path in fixed.cuts}

    def backward_ends(self, root: Any) -> None:
        wiring = self.record.wiring
        trainable = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
        wiring.without_gradient = [name for name, p in trainable if p.grad is None]
        wiring.trainable = len(trainable) - len(wiring.without_gradient)
        wiring.cut_off = [path for path, module in self._cuts.items() if _without(module)]

    def _see_activations(self, nodes: list[Any]) -> None:
        """Dead and saturated units, told of the layer that feeds the activation."""
        output = self._calls.output
        for node, kind, y in step_structure.activations(nodes):
            if (call := self._calls.feeding(node.number)) is not None:
                is_output = output is not None and node is output._edge
                activations.see_activation(self.look, call.path, call.kind, kind, y, is_output)

    def _follow_through_time(self, nodes: list[Any]) -> None:
        """Measure, when backward comes to them, gradients of layers that are used in each of
        many time steps."""
        through_time.follow_walks(nodes, self._feeding)
        for path, calls in self._calls.repeated().items():
            if len(calls) >= through_time.FEWEST_TIMES:
                results = [call.result for call in calls if call.result is not None]
                layer = activations.layer(self.look, path, calls[0].kind)
                through_time.follow_calls(results, layer)
        self.waits_for_backward = any(getattr(node, "hooks", None) for node in nodes)

    def _feeding(self, number: int) -> LayerFacts | None:
        """The layer that feeds a step of the tape."""
        call = self._calls.feeding(number)
        return None if call is None else activations.layer(self.look, call.path, call.kind)

    # -- the optimizer's step ---------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to see."""
        return self._moves.is_over

    def waits_for(self, optimizer: Any) -> bool:
        """Whether the step of this optimizer was not seen yet."""
        return self._moves.waits_for(optimizer)

    def step_begins(self, optimizer: Any, *, has_gradients: bool) -> None:
        """Measure the gradients, and remember the weights."""
        self._moves.step_begins(optimizer, has_gradients=has_gradients)

    def step_ends(self, optimizer: Any) -> None:
        """Measure how far the weights went."""
        self._moves.step_ends(optimizer)

    def finish(self) -> Look:
        """The facts; layers in the order of the forward pass."""
        if self._labels:
            labels = np.concatenate(self._labels)
            self.record.data.batch_classes.append((len(np.unique(labels)), labels.size))
        order = {path: i for i, path in reversed(list(enumerate(self._order())))}
        ranked = sorted(self.look.layers, key=lambda path: order.get(path, len(order)))
        self.look.layers = {path: self.look.layers[path] for path in ranked}
        self._calls.forget()
        return self.look

    def _order(self) -> list[str]:
        return self.order or [call.path for call in self._calls]


def _without(module: Module) -> bool:
    """Whether a module has parameters that should learn, and none has a gradient."""
    trainable = [p for p in module.parameters() if p.requires_grad]
    return bool(trainable) and all(p.grad is None for p in trainable)


def _std_over_samples(array: Any) -> float | None:
    """How much the outputs differ between the samples of a batch."""
    if not measures.is_float(array) or array.ndim == 0 or len(array) < 2:
        return None
    with np.errstate(all="ignore"):
        rows = array[: measures.ROWS].astype(np.float64, copy=False)
        return float(rows.std(axis=0).max()) if array.size else None
