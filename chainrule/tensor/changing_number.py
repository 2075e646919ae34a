"""A number that a compiled function is called with, and that differs from call to call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from chainrule.errors import TraceError
from chainrule.tensor.symbol import user_line

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class ChangingNumber:
    """An int or a float whose value is an input of the graph, a 0-d tensor.

    It can be computed with as a Python number can, in 64 bits; its value is not known. What
    asks for the value raises TraceError (CR412), and the function is recorded for this value.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """isinstance(number, float) says the same as without compile."""
        return float if self.is_float else int

    @property
    def is_float(self) -> bool:
        return self.tensor.is_floating_point()

    def _with(self, name: str, other: Any, always_float: bool = False) -> Any:
        """The operator `name` of this number and another one."""
        if isinstance(other, ChangingNumber):
            b, is_float = other.tensor, other.is_float
        elif type(other) in (int, float):
            b, is_float = other, type(other) is float
        else:
            return NotImplemented
        if always_float or is_float or self.is_float:
            a, b = self.tensor.double(), b if type(b) in (int, float) else b.double()
            return ChangingNumber(getattr(a, name)(b))
        return ChangingNumber(getattr(self.tensor, name)(b))

    def __add__(self, other: Any) -> Any:
        return self._with("__add__", other)

    def __sub__(self, other: Any) -> Any:
        return self._with("__sub__", other)

    def __mul__(self, other: Any) -> Any:
        return self._with("__mul__", other)

    def __truediv__(self, other: Any) -> Any:
        return self._with("__truediv__", other, always_float=True)

    def __radd__(self, other: Any) -> Any:
        return self._with("__radd__", other)

    def __rsub__(self, other: Any) -> Any:
        return self._with("__rsub__", other)

    def __rmul__(self, other: Any) -> Any:
        return self._with("__rmul__", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with("__rtruediv__", other, always_float=True)

    def __neg__(self) -> ChangingNumber:
        return ChangingNumber(-self.tensor)

    def __pos__(self) -> ChangingNumber:
        return self

    def _unknown(self, *_: Any, **__: Any) -> NoReturn:
        raise TraceError(
            "CR412",
            f"the value of a number that differs from call to call is needed{user_line()}, "
            "which is not known while a function is compiled",
        )

    __bool__ = __int__ = __float__ = __index__ = __complex__ = __round__ = __abs__ = _unknown

    def _compared(self, other: Any) -> Any:
        return self._unknown() if isinstance(other, (int, float)) else NotImplemented

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _compared
    __repr__ = __str__ = __format__ = __array__ = __reduce_ex__ = _unknown
