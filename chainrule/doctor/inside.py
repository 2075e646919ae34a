"""A compiled step seen from inside: the facts of a look, taken while the step itself runs.

While a function is traced, this notes which value of the graph is what: the output of which
layer, an activation, what a loss function was given. At a call that is looked at, the engine
shows these values as it comes by; it computes what it always does.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.doctor import activations, measures, step_structure, through_time
from chainrule.doctor.facts import Look
from chainrule.doctor.fixed import Fixed, read_fixed
from chainrule.doctor.given import Given
from chainrule.doctor.look import StepLook
from chainrule.doctor.module_calls import ModuleCalls, first_tensor
from chainrule.engines.visits import Visitor, Watched
from chainrule.ir.graph import Variable
from chainrule.nn.module import Module
from chainrule.tensor import trace
from chainrule.tensor.tensor import Tensor

if TYPE_CHECKING:
    from chainrule.compiler.recording import Recording


class Inside:
    """What there is to see in the calls of one recording.

    Notes: `covers_a_look` says whether all that checks need can be seen from inside. Where what
        is the same at every call cannot be told without numbers, or the outputs of some layers
        are nowhere in memory, the first look must run the step beside.
    """

    def __init__(self, model: Module) -> None:
        self._was_beside = False  # such a step
        #: the optimizers, by id, whose gradients the function clears before backward, and those
        #: of which that is not known
        self.clears: set[int] = set()
        self.may_clear: set[int] = set()
        self._model = weakref.ref(model)
        self._fixed: Fixed | None = None
        self._is_sure = True  # nothing depends on numbers
        self._weighty: list[Variable | None] = []  # outputs of layers with parameters
        self._losses: list[Given] = []  # while traced
        self._calls = ModuleCalls(model)
        self._order: list[str] = []  # of the layers
        self._layers: dict[Variable | None, list[Callable[[Look, Any], None]]] = {}
        self._inputs: list[Variable | None] = []
        self._activations: list[Variable | None] = []
        #: loss functions, what they were given and gave, with variables in place of tensors
        self._given: list[tuple[str, list[Any]]] = []
        self._told: set[Any] = set()  # those variables
        self._output: Variable | None = None
        self._root: Variable | None = None
        self._follows_time = False
        self._recording: Callable[[], Recording | None] = lambda: None
        self._looking: StepLook | None = None  # at the call that comes next
        self._kept: dict[Variable | None, np.ndarray] = {}  # of it, until it is over

    # -- while the function is traced ---------------------------------------------------------

    def module_begins(self, module: Module, arguments: tuple[Any, ...]) -> None:
        """A module is called."""
        call = self._calls.begins(module, arguments)
        x = first_tensor(arguments)
        self._is_sure &= call is None or not self._calls.is_perhaps_cut(arguments)
        if call is None or x is None or not call.is_outer:
            return
        if not self._calls.is_from_within(arguments):
            self._inputs.append(_variable(x))

    def module_ends(self, module: Module, output: Any) -> None:
        """It returned."""
        call = self._calls.ends(module, output)
        if call is None or call.result is None:
            return
        variable = _variable(call.result)
        if call.is_outer:
            self._output = variable
        if not self._calls.is_whole(module):
            self._weighty += [variable] if module._parameters else []
            self._add(variable, activations.see_output, call.path, call.kind)

    def loss_traced(self, name: str, arguments: tuple[Any, ...], loss: Tensor) -> None:
        """A loss function was called."""
        tensors = {id(a): _variable(a) for a in (*arguments, loss) if isinstance(a, Tensor)}
        self._given.append((name, [tensors.get(id(a), a) for a in (*arguments, loss)]))
        self._told |= set(tensors.values())
        self._losses.append(Given(name, arguments, loss))

    def backward_traced(self, root: Tensor, clears: set[int], optimizers: set[int]) -> None:
        """A backward pass begins; the tape is still there.

        Args: clears: those of the optimizers whose gradients were dropped.
        """
        self.clears, self.may_clear = clears, optimizers - clears
        self._root = _variable(root)
        self._told.add(self._root)
        nodes = step_structure.nodes_behind(root)
        inner, _ = self._calls.parted(nodes)
        repeated = self._calls.repeated().values()
        self._follows_time = any(
            step_structure.name_of(node) in step_structure.WALKS for node in inner
        ) or any(len(calls) >= through_time.FEWEST_TIMES for calls in repeated)
        if self._follows_time or (model := self._model()) is None:
            return
        self._note_activations(inner)
        fixed = read_fixed(model, self._calls, root, nodes, self._losses)
        if self._is_sure and fixed.loss["unlikely"] is not None:
            self._fixed = fixed

    def _note_activations(self, nodes: list[Any]) -> None:
        output = None if self._calls.output is None else self._calls.output._edge
        for node, kind, y in step_structure.activations(nodes):
            if (call := self._calls.feeding(node.number)) is None:
                continue
            variable = getattr(y, "variable", None)
            self._activations.append(variable)
            self._add(
                variable, activations.see_activation, call.path, call.kind, kind,
                is_output=output is not None and node is output,
            )  # fmt: skip

    def _add(self, variable: Variable | None, see: Callable, *facts: str, **more: bool) -> None:
        def tell(look: Look, y: Any) -> None:
            see(look, *facts, y, **more)

        self._layers.setdefault(variable, []).append(tell)

    def recorded(self, recording: Recording) -> None:
        """The function is compiled; from now on no tensor is held."""
        self._order = [call.path for call in self._calls]
        self._calls.forget()
        self._losses.clear()
        self._recording = weakref.ref(recording)

    # -- when it is called --------------------------------------------------------------------

    @functools.cached_property
    def covers_a_look(self) -> bool:
        """Whether all that is needed can be seen."""
        more = () if self._was_beside else self._weighty
        return self._fixed is not None and self._can_see(more)

    def learn(self, fixed: Fixed, absent: set[int], cleared: set[int]) -> None:
        """Learn what is the same at every call, from one that was run beside.

        Args: absent, cleared: optimizers without gradients before the call, and before its
            backward pass.
        """
        self._fixed = fixed
        self.clears |= cleared - absent
        self.may_clear = cleared & absent - self.clears
        self._was_beside = True
        vars(self).pop("covers_a_look", None)

    def _can_see(self, more: Iterable[Variable | None]) -> bool:
        """Whether all that checks need can be seen, and more."""
        if self._root is None or self._follows_time or self._program is None:
            return False
        needed = {*self._inputs, *self._activations, *self._told, *more}
        return needed <= self._program.seen

    @functools.cached_property
    def _program(self) -> Watched | None:
        """The program of the recording, as one looks on."""
        recording = self._recording()
        if recording is None:
            return None
        wanted = (*self._layers, *self._inputs, *self._told, self._output)
        return recording.program.watched(v for v in wanted if v is not None)

    def show(self, visitor: Visitor) -> None:
        """Show a visitor what is to be seen at the call that comes next."""
        recording, program = self._recording(), self._program
        if recording is not None and program is not None:
            program.visitor, recording.watched = visitor, program

    def begins(self, looking: StepLook) -> None:
        """The call that comes next is looked at."""
        self._kept.clear()
        self._looking, looking.order = looking, self._order
        if self._fixed is not None:
            looking.recall(self._fixed)

    def is_of_layer(self, variable: Variable) -> bool:
        """Whether there is something to measure for a layer."""
        return variable in self._layers

    def see_layers(self, look: Look, variable: Variable, array: np.ndarray) -> None:
        """Measure a value, if it is one of a layer."""
        for tell in self._layers.get(variable, ()):
            tell(look, measures.readable(array))

    def see(self, looking: StepLook, variable: Variable, array: np.ndarray) -> None:
        """Measure a value; what is needed at the end is kept until then."""
        self.see_layers(looking.look, variable, array)
        if variable in self._inputs:
            looking.see_inputs(measures.readable(array))
        if variable == self._output:
            looking.see_model_output(measures.readable(array))
        if variable in self._told:
            self._kept[variable] = array.copy()

    def ends(self, looking: StepLook) -> bool:
        """The call is over: see what the loss functions were given; whether that can be."""
        if self._looking is not looking or self._fixed is None:
            return True
        self._looking = None
        if not self._told <= self._kept.keys():
            return False
        looking.see_minimized(measures.readable(self._kept[self._root]))
        given = []
        for name, known in self._given:
            *arguments, loss = [self._tensor(a) for a in known]
            given.append(Given(name, tuple(arguments), loss))
        looking.see_losses(given, self._fixed.losses)
        self._kept.clear()
        return True

    def _tensor(self, known: Any) -> Any:
        return Tensor._wrap(self._kept[known]) if isinstance(known, Variable) else known


def _variable(tensor: Tensor) -> Variable | None:
    """The variable of a tensor in the graph that is being written."""
    writing = trace.current.get()
    return None if writing is None else writing.variable_of(tensor)
