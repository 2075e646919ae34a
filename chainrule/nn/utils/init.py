"""Modules without the work of starting values."""

from __future__ import annotations

from typing import Any

from chainrule.nn.module import Module


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """module_cls(*args, **kwargs), for programs that set its parameters themselves.

    Notes:  here the starting values are there all the same.
    """
    return module_cls(*args, **kwargs)
