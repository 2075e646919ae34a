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
from chainrule.ops.bessel import BesselMethods
from chainrule.ops.bitwise import BitwiseMethods
from chainrule.ops.comparison import ComparisonMethods
from chainrule.ops.contraction import ContractionMethods
from chainrule.ops.conversion import CopyMethods
from chainrule.ops.counting import CountingMethods
from chainrule.ops.cumulative import CumulativeMethods
from chainrule.ops.differences import DifferenceMethods
from chainrule.ops.elementwise import ElementwiseMethods
from chainrule.ops.error_integrals import ErrorIntegralMethods
from chainrule.ops.extremum import ExtremumMethods
from chainrule.ops.factorization import FactorizationMethods
from chainrule.ops.floating_point import FloatingPointMethods
from chainrule.ops.gamma import GammaMethods
from chainrule.ops.indexing import IndexingMethods
from chainrule.ops.logarithms import LogarithmMethods
from chainrule.ops.matrix_products import MatrixProductMethods
from chainrule.ops.movement import MovementMethods
from chainrule.ops.nonzero import NonzeroMethods
from chainrule.ops.reduction import ReductionMethods
from chainrule.ops.rounding import RoundingMethods
from chainrule.ops.scattering import ScatteringMethods
from chainrule.ops.search import SearchMethods
from chainrule.ops.selection import SelectionMethods
from chainrule.ops.slicing import SlicingMethods
from chainrule.ops.softmax import SoftmaxMethods
from chainrule.ops.solving import SolvingMethods
from chainrule.ops.sorting import SortingMethods
from chainrule.ops.spectral import SpectralMethods
from chainrule.ops.statistics import StatisticsMethods
from chainrule.ops.striding import StridingMethods
from chainrule.ops.triangular import TriangularMethods
from chainrule.ops.trigonometry import TrigonometryMethods
from chainrule.ops.update import UpdateMethods
from chainrule.ops.window import WindowMethods
from chainrule.tensor import tape, trace
from chainrule.tensor.attributes import AttributeMethods, Cell
from chainrule.tensor.changing_number import ChangingNumber
from chainrule.tensor.conversion import ConversionMethods
from chainrule.tensor.differentiation import DifferentiationMethods
from chainrule.tensor.inplace import InPlaceMethods
from chainrule.tensor.promotion import plain_number, result_dtype
from chainrule.tensor.random import RandomMethods
from chainrule.tensor.storage import StorageMethods
from chainrule.tensor.symbol import Symbol
from chainrule.tensor.view import View, ViewMethods

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
        result._view = View(inputs[0], values[0], primitive, params)
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
    DifferentiationMethods,
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
    ErrorIntegralMethods,
    GammaMethods,
    BesselMethods,
    LogarithmMethods,
    FloatingPointMethods,
    SearchMethods,
    CountingMethods,
    StatisticsMethods,
    DifferenceMethods,
    SoftmaxMethods,
    SortingMethods,
    MovementMethods,
    SlicingMethods,
    StridingMethods,
    IndexingMethods,
    NonzeroMethods,
    ScatteringMethods,
    TriangularMethods,
    ContractionMethods,
    MatrixProductMethods,
    FactorizationMethods,
    SpectralMethods,
    SolvingMethods,
    WindowMethods,
    InPlaceMethods,
    RandomMethods,
    ConversionMethods,
    StorageMethods,
    ViewMethods,
):
    """A multi-dimensional array that can be differentiated.

    The methods stand beside their primitives in chainrule/ops.
    """

    _cell: Cell
    _requires_grad = False
    _edge: Any = None  # the node that made it; None for a leaf
    _grad: Tensor | None = None
    _hooks: dict[int, Callable] | None = None
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
        if isinstance(value, ChangingNumber):
            return value.tensor._cast(dtype)
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

    def _alias(self) -> Tensor:
        """Another tensor on the same memory, without history."""
        alias = object.__new__(Tensor)
        alias._cell = self._cell
        alias._base, alias._view = self._base, self._view
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
        if self._shown() is not None:
            self._write_through(result, what)
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
        if isinstance(other, np.ndarray):
            return a._promoted(a._taken_in(other, "computing with an array"))
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


@functools.lru_cache(1024)
def _number(value: float, dtype: np.dtype, sign: float) -> Tensor:
    """A constant, kept for the next use; `sign` tells 0.0 from -0.0."""
    return Tensor._wrap(dtypes.cast(np.asarray(value), dtype))


def _own(array: np.ndarray) -> np.ndarray | Symbol:
    writing = trace.current.get()
    return array if writing is None else writing.constant(array)
