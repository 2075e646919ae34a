"""What the families' methods find on the tensor that they become part of."""

from __future__ import annotations

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

else:

    class Methods:
        """Empty at run time."""
