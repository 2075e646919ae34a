"""What a tensor says about itself, and how it meets Python and NumPy."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import dtypes, settings
from chainrule.device import CPU, device, resolve_device
from chainrule.errors import (
    ArgumentTypeError,
    DtypeError,
    GradientError,
    ShapeError,
)
from chainrule.ops.creation import Full
from chainrule.ops.methods import Methods
from chainrule.shapes import axis, flat
from chainrule.tensor import printing, trace
from chainrule.tensor.size import Size

if TYPE_CHECKING:
    from chainrule.dtypes import dtype as Dtype
    from chainrule.tensor.tensor import Tensor


class Cell:
    """Where the array of a tensor sits; `detach()`, `.data` and state dicts share it."""

    __slots__ = ("__weakref__", "array")

    def __init__(self, array: Any) -> None:
        self.array = array


class Handle:
    """Takes a hook off again."""

    def __init__(self, hooks: dict[int, Callable], key: int) -> None:
        self._hooks = hooks
        self._key = key

    def remove(self) -> None:
        self._hooks.pop(self._key, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class AttributeMethods(Methods):
    """What a user reads and calls."""

    @property
    def shape(self) -> Size:  # type: ignore[override]
        return Size(self._cell.array.shape)

    @property
    def ndim(self) -> int:  # type: ignore[override]
        return self._cell.array.ndim

    @property
    def dtype(self) -> Dtype:
        return dtypes.OF_NUMPY[self._cell.array.dtype]

    @property
    def device(self) -> device:
        return CPU

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one axis."""
        return self.shape if dim is None else self.shape[axis(dim, self.ndim)]

    def dim(self) -> int:
        return self.ndim

    ndimension = dim

    def numel(self) -> int:
        """How many elements there are."""
        return self.shape.numel()

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.numel() * self.element_size()

    def stride(self, dim: int | None = None) -> Any:
        """Elements between neighbours on each axis, as a row-major tensor has them."""
        strides, step = [], 1
        for size in reversed(self.shape):
            strides.append(step)
            step *= max(size, 1)
        found = tuple(reversed(strides))
        return found if dim is None else found[dim]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return True

    def is_floating_point(self) -> bool:
        return self._cell.array.dtype.kind in "fV"

    def is_complex(self) -> bool:
        return False

    is_cuda = False

    # -- numbers out -------------------------------------------------------------------

    def item(self) -> Any:
        """The only element, as a Python number."""
        array = self._array("item()")
        if array.size != 1:
            raise ShapeError(
                "CR111",
                f"only a tensor with one element is a number; this one has {array.size} "
                f"(shape {tuple(self.shape)}). Use tolist(), or reduce it with sum() or mean()",
            )
        return _readable(array).item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._readable_array("tolist()").tolist()

    def _known(self) -> np.ndarray | None:
        """The numbers, or None while tracing, where the next call may bring others."""
        return self._cell.array if trace.current.get() is None else None

    def _readable_array(self, what: str) -> np.ndarray:
        """The numbers in a type that NumPy can compute with and show."""
        return _readable(self._array(what))

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The elements as a NumPy array on the tensor's own memory.

        Notes: an in-place method gives the tensor new memory; the array keeps the old.
        """
        if self.requires_grad and not force:
            raise GradientError(
                "CR309",
                "a tensor that requires a gradient has no numpy(): changes would pass by the "
                "tape. Use x.detach().numpy()",
            )
        array = self._array("numpy()")
        if array.dtype == dtypes.BFLOAT16:
            raise DtypeError("CR206", "NumPy has no bfloat16; convert first, x.float().numpy()")
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def _taken_in(self, data: Any, what: str) -> Tensor:
        """Numbers in a list, tuple or array (or a tensor, without history) as a tensor."""
        if isinstance(data, Methods):
            return data.detach()
        if isinstance(data, np.ndarray):
            trace.refuse_array(what)
        return self._of(np.asarray(data))

    def __array_wrap__(
        self, array: np.ndarray, context: Any = None, return_scalar: bool = False
    ) -> Any:
        """What a NumPy function of this tensor returns: a tensor, if there is such a type."""
        return self._of(array) if array.dtype in dtypes.OF_NUMPY else array

    def __dlpack__(self, **options: Any) -> Any:
        return np.ascontiguousarray(self.numpy()).__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.numpy().__dlpack_device__()

    def __bool__(self) -> bool:
        array = self._array("the truth of a tensor (an if, while, and, or, not)")
        if array.size != 1:
            raise ShapeError(
                "CR112",
                f"a tensor of {array.size} elements is neither true nor false; use x.any() or "
                "x.all()",
            )
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.category == dtypes.FLOAT:
            raise ArgumentTypeError("CR903", f"a {self.dtype} tensor cannot serve as an index")
        return int(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise ArgumentTypeError("CR113", "a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise ArgumentTypeError("CR113", "a 0-d tensor cannot be iterated over")
        return iter(self.unbind(0))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __repr__(self) -> str:
        held = self._cell.array
        if not isinstance(held, np.ndarray):
            return f"tensor(<traced>, size={tuple(self.shape)}, dtype={self.dtype})"
        usual = (settings.defaults.float_dtype, dtypes.int64.numpy, dtypes.bool_.numpy)
        return printing.format_tensor(
            _readable(held),
            dtype_suffix=None if held.dtype in usual else repr(self.dtype),
            requires_grad=self.requires_grad,
            grad_fn=getattr(self.grad_fn, "name", lambda: None)(),
        )

    def __format__(self, spec: str) -> str:
        special = type(self).__repr__ is not AttributeMethods.__repr__
        if not spec and (self.ndim or special or self._known() is None):
            return repr(self)
        if self.ndim:
            raise ArgumentTypeError(
                "CR903",
                f"a format such as {spec!r} is for one number; this tensor has shape "
                f"{tuple(self.shape)}. Use x.item() or x.mean()",
            )
        return format(self.item(), spec)

    # -- history -----------------------------------------------------------------------

    def detach(self) -> Tensor:
        """The same memory without history: no gradient flows through."""
        return self._alias()

    def detach_(self) -> Tensor:
        """Forget the history of this very tensor."""
        self._edge, self._requires_grad = None, False
        return self  # type: ignore[return-value]

    @property
    def data(self) -> Tensor:
        """The same memory without history; assigning replaces what the tensor holds."""
        return self._alias()

    @data.setter
    def data(self: Any, value: Tensor) -> None:
        if (writing := trace.current.get()) is None:
            self._cell = value._cell
        else:
            writing.write(self, writing.read(value))

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor too, although it is not a leaf."""
        if not self.requires_grad:
            raise GradientError("CR307", "retain_grad: this tensor does not require a gradient")
        if self.grad_fn is not None:
            self.grad_fn.retained = weakref.ref(self)

    @property
    def retains_grad(self) -> Any:
        return getattr(self.grad_fn, "retained", None) is not None

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Handle:
        """Call `hook(gradient)` when the gradient is known; it may return another."""
        if not self.requires_grad:
            raise GradientError(
                "CR307", "register_hook: this tensor does not require a gradient"
            )
        owner, name = (self, "_hooks") if self.grad_fn is None else (self.grad_fn, "hooks")
        return add_hook(owner, name, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Handle:
        """Call `hook(self)` after backward has added to `.grad`."""
        return add_hook(self, "_accumulated", hook)

    def __deepcopy__(self: Any, memo: dict[Any, Any]) -> Tensor:
        if not self.is_leaf:
            raise GradientError(
                "CR310", "only leaves can be deep-copied; use x.detach().clone()"
            )
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin._cell = Cell(self._array("deepcopy()").copy())
        twin._requires_grad = self._requires_grad
        if self._grad is not None:
            twin._grad = copy.deepcopy(self._grad, memo)
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        array = self.detach()._array("pickling")
        return _rebuild, (type(self), array, self._requires_grad)

    # -- others like it ----------------------------------------------------------------

    def _filled(self, shape: Any, value: Any, dtype: Dtype | None) -> Tensor:
        kind = self._cell.array.dtype if dtype is None else dtypes.numpy_of(dtype)
        return self._apply(Full, shape=tuple(shape), value=value, dtype=kind)

    def zeros_like(self) -> Tensor:
        return self._filled(self.shape, 0, None)

    def ones_like(self) -> Tensor:
        return self._filled(self.shape, 1, None)

    def full_like(self, value: Any) -> Tensor:
        return self._filled(self.shape, value, None)

    def new(self, *data: Any) -> Tensor:
        """An older name: new_empty of a size, or new_tensor of a list or an array."""
        is_size = not data or isinstance(data[0], (Size, int))
        return self.new_empty(*data) if is_size else self.new_tensor(*data)

    def __reversed__(self) -> Tensor:
        return self.flip(0) if self.ndim else self  # type: ignore[return-value]

    def new_zeros(self, *size: Any, **options: Any) -> Tensor:
        """0 everywhere, in this tensor's type; options: dtype, device, requires_grad."""
        return self._new(flat(size), 0, **options)

    def new_ones(self, *size: Any, **options: Any) -> Tensor:
        """1 everywhere, in this tensor's type; options: dtype, device, requires_grad."""
        return self._new(flat(size), 1, **options)

    def new_empty(self, *size: Any, **options: Any) -> Tensor:
        """Any content, in this tensor's type; options: dtype, device, requires_grad."""
        return self._new(flat(size), 0, **options)

    def new_full(self, size: Any, fill_value: Any, **options: Any) -> Tensor:
        """`fill_value` everywhere, in this tensor's type; options as in new_zeros."""
        return self._new(flat((size,)), fill_value, **options)

    def new_tensor(
        self,
        data: Any,
        *,
        dtype: Dtype | None = None,
        device: Any = None,
        requires_grad: bool = False,
    ) -> Tensor:
        """A copy of `data` in this tensor's type."""
        resolve_device(device)
        kind = self._cell.array.dtype if dtype is None else dtypes.numpy_of(dtype)
        y = self._taken_in(data, "new_tensor(array)").clone()._cast(kind)
        return y.requires_grad_() if requires_grad else y

    def _new(
        self,
        shape: tuple[int, ...],
        value: Any,
        *,
        dtype: Dtype | None = None,
        device: Any = None,
        requires_grad: bool = False,
    ) -> Tensor:
        resolve_device(device)
        y = self._filled(shape, value, dtype)
        return y.requires_grad_() if requires_grad else y


def add_hook(owner: Any, name: str, hook: Callable) -> Handle:
    """Put a hook into the dict `owner.name`, made if need be."""
    hooks = getattr(owner, name)
    if hooks is None:
        hooks = {}
        setattr(owner, name, hooks)
    key = max(hooks, default=-1) + 1
    hooks[key] = hook
    return Handle(hooks, key)


def _readable(array: np.ndarray) -> np.ndarray:
    return dtypes.cast(array, np.dtype(np.float32)) if array.dtype == dtypes.BFLOAT16 else array


def _rebuild(cls: type[Tensor], array: np.ndarray, requires_grad: bool) -> Tensor:
    tensor = object.__new__(cls)
    tensor._cell = Cell(array)
    tensor._requires_grad = requires_grad
    return tensor
