"""autocast: products in a narrow type, everything else as it is."""

from __future__ import annotations

import warnings
from typing import Any

from chainrule import dtypes, settings
from chainrule.errors import ArgumentError
from chainrule.tensor.grad_mode import _Switch

NARROW = (dtypes.bfloat16, dtypes.float16)


class autocast(_Switch):
    """Inside the `with` block, or a decorated function, products are computed in bfloat16.

    Matrix products, linear layers and convolutions turn their float32 operands into the narrow
    type, and their results stay in it; other operations compute in the type they are given.
    Gradients of float32 parameters are float32.

    Args: device_type: "cpu"; "cuda" does nothing, as there is none; dtype: bfloat16 (default)
    or float16; enabled: False computes in the operands' own type.

    Notes: chainrule computes narrow types through float32, so this saves memory, not time.

    Example:
        >>> import chainrule as cr
        >>> with autocast("cpu"):
        ...     y = cr.ones(2, 3) @ cr.ones(3, 2)
        >>> y.dtype
        chainrule.bfloat16
    """

    def __init__(
        self,
        device_type: str,
        dtype: dtypes.dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if enabled and device_type != "cpu":
            warnings.warn(
                f"autocast: there is no {device_type} device, so nothing changes", stacklevel=2
            )
            enabled = False
        narrow = dtype or dtypes.bfloat16
        if enabled and narrow not in NARROW:
            raise ArgumentError(
                "CR902", f"autocast computes in bfloat16 or float16, got dtype={narrow}"
            )
        self.values: dict[Any, Any] = {settings.autocast: narrow.numpy if enabled else None}


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Whether products are computed in a narrow type now."""
    return device_type == "cpu" and settings.autocast.get() is not None
