"""The tensor: an array (or a symbol while tracing), and how it was made."""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes, settings
from chainrule.errors import DtypeError, GradientError, ShapeError
from chainrule.ops.arithmetic import ArithmeticMethods
from chainrule.ops.bitwise import BitwiseMethods
from chainrule.ops.comparison import ComparisonMethods
from chainrule.ops.contraction import ContractionMethods
from chainrule.ops.conversion import CopyMethods
from chainrule.ops.cumulative import CumulativeMethods
from chainrule.ops.elementwise import ElementwiseMethods
from chainrule.ops.extremum import ExtremumMethods
from chainrule.ops.indexing import IndexingMethods
from chainrule.ops.movement import MovementMethods
from chainrule.ops.reduction import ReductionMethods
from chainrule.ops.rounding import RoundingMethods
from chainrule.ops.selection import SelectionMethods
from chainrule.ops.slicing import SlicingMethods
from chainrule.ops.softmax import SoftmaxMethods
from chainrule.ops.sorting import SortingMethods
from chainrule.ops.triangular import TriangularMethods
from chainrule.ops.trigonometry import TrigonometryMethods
from chainrule.ops.update import UpdateMethods
from chainrule.ops.window import WindowMethods
from chainrule.tensor import tape, trace
from chainrule.tensor.attributes import AttributeMethods, Cell
from chainrule.tensor.conversion import ConversionMethods
from chainrule.tensor.inplace import InPlaceMethods
from chainrule.tensor.promotion import plain_number, result_dtype
from chainrule.tensor.random import RandomMethods
from chainrule.tensor.symbol import Symbol

if TYPE_CHECKING:
    from chainrule.ops.primitive import Primitive


def apply(primitive: type[Primitive], *inputs: Tensor, **params: Any) -> Tensor:
    """Compute the result, remember how it was made."""
    writing = trace.current.get()
    y: Any
    if writing is None:
        values = tuple([x._cell.array for x in inputs])
        y = primitive.evaluate(values, params)
        result = object.__new__(Tensor)
        result._cell = Cell(y)
    else:
        values = tuple([writing.read(x) for x in inputs])
        y = writing.emit(primitive, values, params)
        result = Tensor._wrap(y)
    if primitive.is_view:
        result._base = inputs[0]._base_cell()
    if settings.grad_enabled.get():
        for x in inputs:
            if x._requires_grad:
                _remember(result, tape.Node(primitive, inputs, values, params, y))
                break
    return result


def _remember(result: Tensor, node: tape.Node) -> None:
    """Put the step on the tape if a gradient can flow through it."""
    if result._cell.array.dtype.kind not in "fV":
        return
    for edge in node.edges:
        if edge is not None:
            result._edge = node
            result._requires_grad = True
            break


class Tensor(
    AttributeMethods,
    ArithmeticMethods,
    BitwiseMethods,
    UpdateMethods,
    ComparisonMethods,
    ElementwiseMethods,
    TrigonometryMethods,
    RoundingMethods,
    SelectionMethods,
    CopyMethods,
    ReductionMethods,
    ExtremumMethods,
    CumulativeMethods,
    SoftmaxMethods,
    SortingMethods,
    MovementMethods,
    SlicingMethods,
    IndexingMethods,
    TriangularMethods,
    ContractionMethods,
    WindowMethods,
    InPlaceMethods,
    RandomMethods,
    ConversionMethods,
):
    """A multi-dimensional array that can be differentiated.

    The methods stand beside their primitives in chainrule/ops.
    """

    _cell: Cell
    _requires_grad = False
    _edge: Any = None  # the node that made it; None for a leaf
    _grad: Tensor | None = None
    _hooks: dict[int, Callable] | None = None
    _base: weakref.ref[Cell] | None = None  # of a view: the cell it shows
    _accumulated: dict[int, Callable] | None = None  # hooks after .grad has been written

    __hash__ = object.__hash__
    __array_priority__ = 1000

    _apply = staticmethod(apply)

    def __new__(cls, *data: Any, **options: Any) -> Tensor:
        """`Tensor([1, 2])` in the default float type, or `Tensor(2, 3)` with any content."""
        sizes = all(isinstance(size, int) for size in data)
        array = np.zeros(data) if data and sizes else np.asarray(*data or ([],))
        return cls._wrap(_own(array.astype(settings.defaults.float_dtype)))

    @staticmethod
    def _wrap(value: np.ndarray | Symbol, edge: Any = None) -> Tensor:
        """A tensor that holds `value`, with the place its cotangent goes to."""
        tensor = object.__new__(Tensor)
        tensor._cell = Cell(value)
        if edge is not None:
            tensor._edge = edge
            tensor._requires_grad = True
        if type(value) is Symbol:
            value.trace.made.append(weakref.ref(tensor))
        return tensor

    @staticmethod
    def _of(array: np.ndarray) -> Tensor:
        """A tensor made of new numbers: an array, or a constant while tracing."""
        return Tensor._wrap(_own(array))

    @staticmethod
    def _number(value: Any, dtype: np.dtype) -> Tensor:
        """A Python number as a 0-d tensor."""
        writing = trace.current.get()
        if writing is not None:
            return Tensor._wrap(writing.literal(value, dtype))
        return _number(value, dtype, math.copysign(1, value))

    # -- memory ------------------------------------------------------------------------

    def _array(self, what: str) -> np.ndarray:
        """The numbers; raises TraceError where there are none."""
        writing = trace.current.get()
        held: Any = self._cell.array if writing is None else writing.read(self)
        if type(held) is Symbol:
            held.no_numbers(what)
        return held

    def _base_cell(self) -> weakref.ref[Cell]:
        """The cell that a view of this tensor shows, seen through other views."""
        if self._base is not None and self._base() is not None:
            return self._base
        return weakref.ref(self._cell)

    def _alias(self) -> Tensor:
        """Another tensor on the same memory, without history."""
        alias = object.__new__(Tensor)
        alias._cell = self._cell
        alias._base = self._base
        if (writing := trace.current.get()) is not None:
            writing.alias(self, alias)
        return alias

    def _twin(self) -> Tensor:
        """The same value and history in a cell of its own; one array may serve two tensors,
        as nothing writes into it."""
        writing = trace.current.get()
        value = self._cell.array if writing is None else writing.read(self)
        return Tensor._wrap(value, self._edge)

    def _assign(self, result: Tensor, what: str) -> Tensor:
        """Take over the value of `result`: the one mutation, under all in-place methods."""
        recording = settings.grad_enabled.get()
        self._check_assignable(result, what, recording)
        result = result._cast(self._cell.array.dtype)
        writing = trace.current.get()
        if writing is None:
            self._cell.array = result._cell.array
        else:
            history = recording and result._requires_grad
            writing.write(self, writing.read(result), keeps_history=history)
        if recording and result._requires_grad:
            self._edge = tape.edge_of(result)
            self._requires_grad = True
        elif recording and self._edge is not None:
            self._edge, self._requires_grad = None, False
        return self

    def _check_assignable(self, result: Tensor, what: str, recording: bool) -> None:
        if recording and self._requires_grad and self._edge is None:
            raise GradientError(
                "CR303",
                f"{what} would change a leaf that requires a gradient (shape "
                f"{tuple(self.shape)}) behind the tape's back; wrap the update in "
                "`with chainrule.no_grad():`",
            )
        if self._base is not None and self._base() is not None:
            raise GradientError(
                "CR304",
                f"{what} on a view (a slice, reshape or transpose) of another tensor would be "
                "lost: here a view is a value of its own. Write through the tensor itself, "
                "x[0] = value instead of x[0].fill_(value), or clone() the view first",
            )
        held, given = self._cell.array, result._cell.array
        if given.shape != held.shape:
            raise ShapeError(
                "CR106",
                f"{what}: the result has shape {tuple(result.shape)}, which does not fit in "
                f"the tensor's {tuple(self.shape)}",
            )
        if given.dtype != held.dtype and result.dtype.category > self.dtype.category:
            raise DtypeError(
                "CR201",
                f"{what}: a result of type {result.dtype} cannot be stored in a "
                f"{self.dtype} tensor; convert first, x = x.to({result.dtype})",
            )

    # -- promotion ---------------------------------------------------------------------

    def _promoted(self, other: Any) -> tuple[Tensor, Tensor]:
        """This tensor and another (or a number) with a common element type."""
        a: Tensor = self
        if isinstance(other, Tensor):
            x, y = a._cell.array.dtype, other._cell.array.dtype
            if x == y:
                return a, other
            common = result_dtype(a, other)
            return a._cast(common), other._cast(common)
        own = a._cell.array.dtype
        if own.kind == "f" and type(other) in (float, int):
            return a, Tensor._number(other, own)
        common = result_dtype(a, other)
        return a._cast(common), Tensor._number(plain_number(other), common)

    def _alike(self, *others: Any) -> list[Tensor]:
        """As _promoted, for any number of tensors and numbers."""
        common = own = self._cell.array.dtype
        for x in others:
            if isinstance(x, Tensor):
                fits = x._cell.array.dtype == own
            else:
                fits = own.kind == "f" and type(x) in (float, int)
            if not fits:
                common = result_dtype(self, *others)
                break
        return [
            x._cast(common)
            if isinstance(x, Tensor)
            else Tensor._number(plain_number(x), common)
            for x in (self, *others)
        ]

    def _cast(self, to: np.dtype) -> Tensor:
        return self if self._cell.array.dtype == to else self._convert(to)

    def _floating(self) -> Tensor:
        """Integers and booleans become the default float type."""
        if self._cell.array.dtype.kind in "fV":
            return self
        return self._convert(settings.defaults.float_dtype)

    # -- differentiation ---------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Whether operations on this leaf are recorded for a gradient."""
        if self._edge is not None and not requires_grad:
            raise GradientError(
                "CR305", "requires_grad can only be switched off on a leaf; use detach()"
            )
        if requires_grad and not self.is_floating_point():
            raise GradientError(
                "CR306",
                f"a {self.dtype} tensor cannot require a gradient; only floating types can, "
                "x.float()",
            )
        self._requires_grad = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        return self._edge is None

    @property
    def grad_fn(self) -> Any:
        return self._edge

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward has added up here, or None."""
        writing = trace.current.get()
        if writing is None:
            return self._grad
        return writing.grad_slot(self).held

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and value.shape != self.shape:
            raise ShapeError(
                "CR107",
                f"a gradient has the shape of its tensor {tuple(self.shape)}, "
                f"got {tuple(value.shape)}",
            )
        writing = trace.current.get()
        if writing is None:
            self._grad = value
        else:
            writing.grad_slot(self).held = value

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add ∂self/∂leaf to the `.grad` of every leaf that requires it.

        Args: gradient: the cotangent to start from; needed unless self is a single number.
        """
        if isinstance(inputs, Tensor):
            inputs = [inputs]
        gradients = tape.backward(
            [(tape.edge_of(self), self._start(gradient))],
            retain_graph=create_graph if retain_graph is None else retain_graph,
            create_graph=create_graph,
            targets=None if inputs is None else [tape.edge_of(x) for x in inputs],
        )
        for tensor in gradients if inputs is None else inputs:
            if (g := gradients.get(tape.edge_of(tensor))) is not None:
                tensor._accumulate(g)

    def _start(self, gradient: Tensor | None) -> Tensor:
        """The cotangent that a backward pass starts from."""
        if not self._requires_grad:
            raise GradientError(
                "CR307",
                "this tensor does not depend on anything that requires a gradient. Were the "
                "parameters frozen, or was it made under no_grad or from detach(), item() or "
                "numpy()?",
            )
        if gradient is None:
            if self.numel() != 1:
                raise GradientError(
                    "CR308",
                    f"backward starts from a single number, not from {tuple(self.shape)}; "
                    "reduce it with mean() or sum(), or give the cotangent, backward(g)",
                )
            return self.detach().ones_like()
        if gradient.shape != self.shape:
            raise ShapeError(
                "CR107",
                f"the cotangent has shape {tuple(gradient.shape)}, the tensor "
                f"{tuple(self.shape)}; they must be equal",
            )
        return gradient._cast(self._cell.array.dtype)

    def _forget_grad(self, set_to_none: bool) -> None:
        """No gradient, or one of zeros. Dropping it does not ask whether there was one, so
        that a compiled step is the same whatever it finds."""
        if set_to_none:
            self.grad = None
        elif self.grad is not None:
            self.grad = self.grad.zeros_like()

    def _accumulate(self, g: Tensor) -> None:
        held = self.grad
        self.grad = g._twin() if held is None else held + g
        for hook in tuple((self._accumulated or {}).values()):
            hook(self)


@functools.lru_cache(1024)
def _number(value: float, dtype: np.dtype, sign: float) -> Tensor:
    """A constant, kept for the next use; `sign` tells 0.0 from -0.0."""
    return Tensor._wrap(dtypes.cast(np.asarray(value), dtype))


def _own(array: np.ndarray) -> np.ndarray | Symbol:
    writing = trace.current.get()
    return array if writing is None else writing.constant(array)
