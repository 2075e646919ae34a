"""Looking at one step from near: what passes through the modules, the loss and the gradients.

The arrays are read and measured while the step runs; nothing is changed, and nothing is kept
but numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import observers
from chainrule.doctor import measures, step_structure, through_time
from chainrule.doctor.facts import LayerFacts, Look, Record
from chainrule.doctor.given import Given
from chainrule.doctor.likelihood import makes_unlikely
from chainrule.doctor.moves import Moves, is_normalization
from chainrule.nn.module import Module
from chainrule.tensor import tape, trace
from chainrule.tensor.tensor import Tensor


@dataclass(slots=True)
class Call:
    """A module that was called, and which steps of the tape it made."""

    path: str
    module: Module
    first: int
    is_outer: bool  # not called by another one
    last: int = 0
    inputs: tuple[int, ...] = ()  # ids of the tensors that went in
    output: int = 0  # id of the tensor that came out
    result: Tensor | None = None


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
        self._paths = {id(module): path for path, module in model.named_modules()}
        self._moves = Moves(model, optimizers, self.look)
        for optimizer in optimizers:
            self._moves.remember(optimizer)
        self._calls: list[Call] = []
        self._open: list[Call] = []
        self.waits_for_backward = False  # there is more to see in it
        self._held: list[Any] = []  # so that ids stay theirs
        self._output: Tensor | None = None

    # -- the forward pass -------------------------------------------------------------------

    def module_begins(self, module: Module, arguments: tuple[Any, ...]) -> None:
        if id(module) not in self._paths or trace.current.get() is not None:
            return
        call = Call(self._paths[id(module)], module, next(tape.numbers), not self._open)
        call.inputs = tuple(id(x) for x in arguments if isinstance(x, Tensor))
        self._held += arguments
        self._see_cuts(arguments)
        if call.is_outer and not self._is_from_within(arguments):
            self.see_inputs(arguments)
        self._calls.append(call)
        self._open.append(call)

    @property
    def running(self) -> Module | None:
        """The outermost module that was called and has not returned."""
        return self._open[0].module if self._open else None

    def _is_from_within(self, arguments: tuple[Any, ...]) -> bool:
        """Whether what comes in is what another part has made, such as an encoder."""
        x = first_tensor(arguments)
        made = [c.result for c in self._calls if c.is_outer and c.result is not None]
        if x is None or not made:
            return False
        return x._edge is not None or any(x._cell.array is y._cell.array for y in made)

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
        while self._open and id(module) in self._paths:
            call = self._open.pop()
            if call.module is module:
                break
        else:
            return
        call.last = next(tape.numbers)
        y = first_tensor(output)
        if y is None:
            return
        call.output, call.result = id(y), y
        self._held.append(y)
        if call.is_outer:
            self._output = y
        whole = module is self.model or bool(module._modules)
        if not whole and measures.is_float(measures.numbers(y)):
            layer = self._layer(call.path, module)
            array = measures.numbers(y)
            layer.activation, layer.histogram = measures.spread_and_histogram(array)

    def see_inputs(self, arguments: tuple[Any, ...]) -> None:
        """Measure what went into the model."""
        x = first_tensor(arguments)
        if x is None or not isinstance(measures.numbers(x), np.ndarray):
            return
        array, data = measures.numbers(x), self.record.data
        data.batches += 1
        data.last_batch = len(array) if array.ndim else 0
        data.largest_batch = max(data.largest_batch, data.last_batch)
        data.are_ids = array.dtype.kind in "iub"
        if data.are_ids:
            return
        found = measures.spread(array)
        data.all_inputs = found.joined(data.all_inputs)
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
        self.look.loss = float(array.reshape(-1)[0]) if array.size == 1 else None
        nodes = step_structure.nodes_behind(root)
        boundary = max((c.last for c in self._calls if c.is_outer), default=0)
        inner = [node for node in nodes if node.number <= boundary]
        self._see_structure(inner)
        self._see_activations(inner)
        self._follow_through_time(inner)
        facts = self.record.loss
        if self._output is not None:
            facts.output_activation = step_structure.last_activation(self._output)
            facts.output_std = _std_over_samples(measures.numbers(self._output))
        facts.broadcast = step_structure.blown_up([n for n in nodes if n.number > boundary])
        own = {id(p) for p in self.model.parameters()}
        own |= {id(p) for group in self._groups for p in group["params"]}
        self.record.adversarial |= bool(step_structure.others_in(nodes, own))
        self._see_losses(root)

    def _see_losses(self, root: Tensor) -> None:
        """What the loss functions were given, and what backward makes of their results."""
        facts, given = self.record.loss, self.given
        self.given = []
        parts = step_structure.made_of(root, [each.loss for each in given])
        facts.known = bool(parts)
        facts.unlikely = makes_unlikely(root)
        for each in given:
            each.tell(self.record, self.look)
            if (labels := each.answers()[0]) is not None:
                self._labels.append(labels)
        if not given:
            facts.name, facts.of_model, facts.negated = "", False, False
            return
        outputs = given[-1].arguments[0]
        facts.output_activation = step_structure.last_activation(outputs)
        facts.of_model = self._output is not None and step_structure.comes_from(
            outputs, self._output
        )
        facts.tempered = step_structure.is_tempered(outputs)
        facts.negated = False
        if parts and self.look.loss is not None:
            value = sum(given[i].mean for i in parts) / len(parts)
            facts.negated = (value * self.look.loss < 0) != self._maximize
            self.look.loss = -value if value * self.look.loss < 0 else value

    def backward_ends(self, root: Any) -> None:
        wiring = self.record.wiring
        trainable = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
        wiring.without_gradient = [name for name, p in trainable if p.grad is None]
        wiring.trainable = len(trainable) - len(wiring.without_gradient)
        wiring.cut_off = [path for path, module in self._cuts.items() if _without(module)]

    def _see_structure(self, nodes: list[Any]) -> None:
        facts = self.record.structure
        facts.contractions, facts.nonlinear = step_structure.count_nonlinear(nodes)
        facts.parameters = measures.parameter_count(self.model)
        facts.normalized = any(is_normalization(c.module) for c in self._calls)
        facts.notes = list(self._notes())

    def _notes(self) -> Iterator[str]:
        """Neighbours that do not go well together."""
        made_by = {c.output: c for c in self._calls if not c.module._modules}
        for call in self._calls:
            before = next((made_by[i] for i in call.inputs if i in made_by), None)
            if before is None or not type(call.module).__name__.startswith("BatchNorm"):
                continue
            if getattr(before.module, "bias", None) is not None:
                yield f"{before.path}: its bias is undone by {call.path}, a batch norm"
            if type(before.module).__name__.startswith("Dropout"):
                yield f"{before.path}: dropout before {call.path} upsets its statistics"

    def _see_activations(self, nodes: list[Any]) -> None:
        """Dead and saturated units, told of the layer that feeds the activation."""
        output = None if self._output is None else self._output._edge
        for node, kind, y in step_structure.activations(nodes):
            layer = self._feeding(node.number)
            if layer is None:
                continue
            layer.is_output = node is output
            if kind == "Relu":
                layer.dead = max(layer.dead or 0.0, measures.dead_units(y))
                layer.samples = max(layer.samples, measures.times_seen(y))
            else:
                layer.saturated = max(layer.saturated or 0.0, measures.saturated_share(y, kind))

    def _follow_through_time(self, nodes: list[Any]) -> None:
        """Measure, when backward comes to them, gradients of layers that are used in each of
        many time steps."""
        through_time.follow_walks(nodes, self._feeding)
        repeated: dict[str, list[Call]] = {}
        for call in self._calls:
            if call.result is not None and call.module._parameters:
                repeated.setdefault(call.path, []).append(call)
        for path, calls in repeated.items():
            if len(calls) >= through_time.FEWEST_TIMES:
                results = [call.result for call in calls if call.result is not None]
                through_time.follow_calls(results, self._layer(path, calls[0].module))
        self.waits_for_backward = any(getattr(node, "hooks", None) for node in nodes)

    def _feeding(self, number: int) -> LayerFacts | None:
        """The layer with parameters that was called last before a step of the tape; a
        recurrent layer holds its activations itself."""
        best: Call | None = None
        for call in self._calls:
            if call.module._modules or not call.module._parameters:
                continue
            if call.first < number and (best is None or call.first > best.first):
                best = call
        return None if best is None else self._layer(best.path, best.module)

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
        self._held.clear()
        self._output = None
        order = {c.path: i for i, c in reversed(list(enumerate(self._calls)))}
        ranked = sorted(self.look.layers, key=lambda path: order.get(path, len(order)))
        self.look.layers = {path: self.look.layers[path] for path in ranked}
        return self.look

    def _layer(self, path: str, module: Module) -> LayerFacts:
        return self.look.layers.setdefault(path, LayerFacts(type(module).__name__))


def first_tensor(thing: Any) -> Tensor | None:
    """The first tensor of what a module takes or gives."""
    if isinstance(thing, Tensor):
        return thing
    parts = thing.values() if isinstance(thing, dict) else thing
    if isinstance(thing, (tuple, list, dict)):
        return next((t for part in parts if (t := first_tensor(part)) is not None), None)
    return None


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
