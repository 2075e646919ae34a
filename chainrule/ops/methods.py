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
        """Empty at run time; gives every method NumPy's names for its axes."""

        def __init_subclass__(cls) -> None:
            for name, member in list(vars(cls).items()):
                if inspect.isfunction(member) and not name.startswith("_"):
                    setattr(cls, name, with_numpy_names(member))


NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}


def with_numpy_names(method: Callable) -> Callable:
    """The method, taking `axis` for `dim` and `keepdims` for `keepdim` too, as PyTorch does."""
    code = method.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    renamed = {theirs: ours for theirs, ours in NUMPY_NAMES.items() if ours in names}
    if not renamed:
        return method

    @functools.wraps(method)
    def either(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {renamed.get(name, name): value for name, value in kwargs.items()}
        return method(*args, **kwargs)

    return either
