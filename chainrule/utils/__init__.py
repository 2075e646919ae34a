"""Public face only: programs import `chainrule.utils.data`, `.tensorboard`, `.benchmark`."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from chainrule.utils import benchmark as benchmark
    from chainrule.utils import data as data
    from chainrule.utils import tensorboard as tensorboard

#: what is loaded when it is first used
_LATER = ("benchmark", "data", "tensorboard")


def __getattr__(name: str) -> _Any:
    if name in _LATER:
        return _importlib.import_module(f"chainrule.utils.{name}")
    raise AttributeError(f"module 'chainrule.utils' has no attribute {name!r}")
