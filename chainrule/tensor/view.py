"""Views: parts of a tensor that know how they were cut, so that a write reaches the tensor."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from chainrule import settings
from chainrule.errors import GradientError
from chainrule.ops.methods import Methods
from chainrule.tensor import trace
from chainrule.tensor.symbol import Symbol

if TYPE_CHECKING:
    from chainrule.ops.primitive import Primitive
    from chainrule.tensor.attributes import Cell
    from chainrule.tensor.tensor import Tensor


class View:
    """How a part shows its whole: the primitives that lead from one to the other.

    Notes: the whole is held weakly; `seen` is what it held when the part was cut, and tells
    whether it has been written to since.
    """

    __slots__ = ("above", "params", "primitive", "seen", "whole")

    above: View | None
    primitive: type[Primitive]
    whole: weakref.ref[Tensor]
    seen: weakref.ref[Any]

    def __init__(
        self, source: Tensor, value: Any, primitive: type[Primitive], params: dict[str, Any]
    ) -> None:
        above = source._view
        if above is not None and source._shown() is None:
            above = None
        self.above = above
        self.primitive, self.params = primitive, params
        self.whole = weakref.ref(source) if above is None else above.whole
        self.seen = weakref.ref(value) if above is None else above.seen

    def renewed(self, value: Any) -> View:
        """The same part, cut from what the whole holds now."""
        view = object.__new__(View)
        view.above = None if self.above is None else self.above.renewed(value)
        view.primitive, view.params, view.whole = self.primitive, self.params, self.whole
        view.seen = weakref.ref(value)
        return view

    def cut(self, whole: Tensor) -> Tensor:
        """The part of `whole`."""
        return whole._apply(self.primitive, self._source(whole), **self.params)

    def put(self, whole: Tensor, part: Tensor) -> Tensor:
        """`whole` with another part in its place."""
        y = self.primitive.put(self._source(whole), part, **self.params)
        return y if self.above is None else self.above.put(whole, y)

    def _source(self, whole: Tensor) -> Tensor:
        return whole if self.above is None else self.above.cut(whole)


class ViewMethods(Methods):
    """What a view knows of the tensor that it shows."""

    _base: weakref.ref[Cell] | None = None  # of a view: the cell it shows
    _view: View | None = None  # and how, if it can be written through

    def _base_cell(self) -> weakref.ref[Cell]:
        """The cell that a view of this tensor shows, seen through other views."""
        base = self._base
        return weakref.ref(self._cell) if base is None or base() is None else base

    def _shown(self) -> Cell | None:
        """Of a view, the cell of the tensor that it shows, while that is there."""
        return None if self._base is None else self._base()

    def _as_view_of(self, base: Any) -> Tensor:
        """Marks a result that PyTorch computes as a window onto `base`: a write to it raises
        instead of being lost."""
        self._base, self._view = base._base_cell(), None
        return self  # type: ignore[return-value]

    def _whole(self) -> Tensor | None:
        """Of a view, the tensor that it shows, if it can be reached for writing."""
        view, cell = self._view, self._shown()
        if view is None or cell is None:
            return None
        tracing = trace.current.get() is not None
        if tracing and type(self._cell.array) is not Symbol:
            return None  # a view from outside may be another one at the next call
        whole = view.whole()
        if whole is not None and whole._cell is cell:
            return whole
        if tracing:
            return None
        whole = self._of(cell.array)  # the tensor was an alias, such as x.data
        whole._cell = cell
        return whole

    def _write_through(self, result: Tensor, what: str) -> None:
        """Let the tensor that this view shows take over the view's new value."""
        view, whole = self._view, self._whole()
        if view is None or whole is None:
            raise GradientError(
                "CR304",
                f"{what} on a view of a tensor that cannot be written to through it. Write to "
                "the tensor itself, x[0] = value instead of x[0].fill_(value), or clone() the "
                "view first",
            )
        if _held(whole) is not view.seen() and not self._is_cut_of(whole):
            raise GradientError(
                "CR304",
                f"{what} on a view of a tensor that was written to after the view was made; "
                "make the view anew",
            )
        whole._assign(view.put(whole, result), what)
        self._view = view.renewed(_held(whole))

    def _is_cut_of(self, whole: Tensor) -> bool:
        if self._view is None or trace.current.get() is not None:
            return False
        now: Any = self._view.cut(whole.detach())._cell.array
        return bool(now.tobytes() == self._cell.array.tobytes())

    def _refresh(self) -> None:
        """Let a view take over what its tensor holds by now, before a method changes it."""
        view, whole = self._view, self._whole()
        if view is None or whole is None or _held(whole) is view.seen():
            return
        now = view.cut(whole)
        if (writing := trace.current.get()) is None:
            self._cell.array = now._cell.array
        else:
            writing.write(self, writing.read(now))  # type: ignore[arg-type]
        self._view = view.renewed(_held(whole))
        if settings.grad_enabled.get():
            self._edge, self._requires_grad = now._edge, now._requires_grad


def _held(whole: Tensor) -> Any:
    """An array, or while tracing the symbol that stands for it now."""
    writing = trace.current.get()
    return whole._cell.array if writing is None else writing.read(whole)
