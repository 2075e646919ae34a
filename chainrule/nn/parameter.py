"""Tensors that a module holds: learned ones, and state that is kept beside them.

A lazy layer holds an uninitialized one until its first input says which shape it has.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeGuard

import numpy as np

from chainrule import settings
from chainrule.device import resolve_device
from chainrule.dtypes import dtype as Dtype
from chainrule.dtypes import numpy_of
from chainrule.errors import ArgumentTypeError, ModuleError
from chainrule.tensor.attributes import Cell
from chainrule.tensor.creation import empty
from chainrule.tensor.tensor import Tensor


class Parameter(Tensor):
    """A tensor that registers with the module it is assigned to, and requires a gradient.

    Args:
        data: the values; the parameter lives on the memory of this tensor
        requires_grad: whether it is learned

    Example:
        >>> import chainrule as cr
        >>> Parameter(cr.tensor([1.0, 2.0]))
        Parameter containing:
        tensor([1., 2.], requires_grad=True)
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        parameter = object.__new__(cls)
        parameter._cell = _tensor_of(data, "Parameter").detach()._cell
        parameter.requires_grad_(requires_grad)
        return parameter

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that registers as state that is not learned with the module it is assigned to.

    Args:
        data: the values; the buffer lives on the memory of this tensor
        persistent: whether it belongs into the state dict

    Example:
        >>> from chainrule import nn, zeros
        >>> layer = nn.Linear(2, 1)
        >>> layer.seen = nn.Buffer(zeros(2))
        >>> list(layer.state_dict())
        ['weight', 'bias', 'seen']
    """

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Buffer:
        buffer = object.__new__(cls)
        buffer._cell = _tensor_of(data, "Buffer").detach()._cell
        buffer.persistent = persistent
        return buffer


def _tensor_of(data: Any, what: str) -> Tensor:
    if data is None:
        return empty(0)
    if not isinstance(data, Tensor):
        raise ArgumentTypeError(
            "CR503",
            f"{what} takes a tensor, got {type(data).__name__}; "
            "chainrule.tensor(value) makes one",
        )
    return data


class NoNumbersYet:
    """What an uninitialized tensor holds in place of an array: an element type alone."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype

    def __getattr__(self, name: str) -> Any:
        """What an array has and this has not: somebody asks for a shape or for numbers."""
        _refuse()

    def __array_ufunc__(self, *_: Any, **__: Any) -> Any:
        _refuse()

    def __array__(self, *_: Any, **__: Any) -> Any:
        _refuse()


def _refuse() -> NoReturn:
    raise ModuleError(
        "CR560",
        "a parameter of a lazy layer has no shape and no numbers yet; call the network once, "
        "net(x), with an input of the shape it is for (or load a state dict into it) before "
        "its parameters are counted, initialized or used",
    )


class Uninitialized(Tensor):
    """The family of tensors that have an element type, but no shape and no numbers yet."""

    def _hold_nothing(self, dtype: np.dtype) -> None:
        self._cell = Cell(NoNumbersYet(dtype))

    def materialize(
        self, shape: tuple[int, ...], device: Any = None, dtype: Dtype | None = None
    ) -> None:
        """Give the tensor a shape and any numbers; from now on it is like others."""
        resolve_device(device)
        kind = self._cell.array.dtype if dtype is None else numpy_of(dtype)
        self._cell.array = np.zeros(shape, kind)
        self.__class__ = Parameter if isinstance(self, Parameter) else Tensor  # type: ignore

    def _array(self, what: str) -> np.ndarray:
        _refuse()

    def _alias(self) -> Tensor:
        alias = object.__new__(UninitializedBuffer)
        alias._cell = self._cell
        return alias

    def _convert(self, to: np.dtype) -> Tensor:
        converted = object.__new__(UninitializedBuffer)
        converted._hold_nothing(to)
        return converted

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        twin = object.__new__(type(self))
        twin._hold_nothing(self._cell.array.dtype)
        twin._requires_grad = self._requires_grad
        memo[id(self)] = twin
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuilt, (type(self), self._cell.array.dtype, self._requires_grad)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(Uninitialized, Parameter):
    """A parameter whose shape is found out later, by materialize(shape).

    Raises:  ModuleError (CR560) where its shape or its numbers are asked for before.

    Example:
        >>> p = UninitializedParameter()
        >>> p.materialize((2, 3))
        >>> p.shape
        chainrule.Size([2, 3])
    """

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: Dtype | None = None
    ) -> UninitializedParameter:
        resolve_device(device)
        parameter = object.__new__(cls)
        parameter._hold_nothing(_type_or_default(dtype))
        parameter.requires_grad_(requires_grad)
        return parameter


class UninitializedBuffer(Uninitialized):
    """A buffer whose shape is found out later, by materialize(shape)."""

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Dtype | None = None
    ) -> UninitializedBuffer:
        resolve_device(device)
        buffer = object.__new__(cls)
        buffer._hold_nothing(_type_or_default(dtype))
        buffer.requires_grad_(requires_grad)
        return buffer


def _type_or_default(dtype: Dtype | None) -> np.dtype:
    return settings.defaults.float_dtype if dtype is None else numpy_of(dtype)


def _rebuilt(cls: type[Uninitialized], dtype: np.dtype, requires_grad: bool) -> Uninitialized:
    tensor = object.__new__(cls)
    tensor._hold_nothing(dtype)
    tensor._requires_grad = requires_grad
    return tensor


def is_lazy(tensor: Any) -> TypeGuard[Uninitialized]:
    """Whether a tensor has no shape yet."""
    return isinstance(tensor, Uninitialized)
