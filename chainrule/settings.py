"""What the whole program agrees on: gradient recording and the default float type."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np

grad_enabled: ContextVar[bool] = ContextVar("grad_enabled", default=True)
#: the type in which products are computed, where it is not that of their operands
autocast: ContextVar[np.dtype | None] = ContextVar("autocast", default=None)
inference: ContextVar[bool] = ContextVar("inference", default=False)


class Defaults:
    """Process-wide defaults that a program may change."""

    float_dtype: np.dtype = np.dtype(np.float32)
    generator: Any = None  # the random generator that is used where none is named


defaults = Defaults()
