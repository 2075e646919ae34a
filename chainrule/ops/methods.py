"""What the families' methods find on the tensor that they become part of."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from chainrule.tensor.size import Size
    from chainrule.tensor.tensor import Tensor

    class Methods:
        """Stands in for Tensor while a family is type-checked by itself."""

        _apply: Callable[..., Tensor]
        _number: Callable[[Any, np.dtype], Tensor]
        _of: Callable[[np.ndarray], Tensor]
        _promoted: Callable[[Any], tuple[Tensor, Tensor]]
        _alike: Callable[..., list[Tensor]]
        _floating: Callable[[], Tensor]
        _cast: Callable[[np.dtype], Tensor]
        _array: Callable[[str], np.ndarray]
        shape: Size
        ndim: int

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...

else:

    class Methods:
        """Empty at run time; lets every method take its arguments by PyTorch's names."""

        def __init_subclass__(cls) -> None:
            for name, member in list(vars(cls).items()):
                if inspect.isfunction(member) and not name.startswith("_"):
                    setattr(cls, name, with_all_names(member))


NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}


def with_all_names(method: Callable) -> Callable:
    """The method, called with any of the names that PyTorch knows an argument by.

    `axis` stands for `dim` and `keepdims` for `keepdim`; what is mostly given one by one,
    `x.flip(0, 1)`, may be given as one sequence by its name, `x.flip(dims=(0, 1))`.
    """
    code = method.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames[:count]
    renamed = {theirs: ours for theirs, ours in NUMPY_NAMES.items() if ours in names}
    rest = code.co_varnames[count] if code.co_flags & inspect.CO_VARARGS else "args"
    if not renamed and rest == "args":
        return method

    @functools.wraps(method)
    def either(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {renamed.get(name, name): value for name, value in kwargs.items()}
            if rest in kwargs:
                args = (*args, kwargs.pop(rest))
        return method(*args, **kwargs)

    return either
