"""Switches that programs for PyTorch set, with the one state that chainrule has."""

from __future__ import annotations

from typing import Any

from chainrule.device import CPU, device, resolve_device
from chainrule.errors import ArgumentError

PRECISIONS = ("highest", "high", "medium")


class _Chosen:
    precision = "highest"
    deterministic = False


def set_float32_matmul_precision(precision: str) -> None:
    """Allow less precise products: noted, but float32 products stay in float32.

    Raises: ArgumentError (CR902) for another word than highest, high and medium.
    """
    if precision not in PRECISIONS:
        raise ArgumentError(
            "CR902", f"the precision is one of {', '.join(PRECISIONS)}, got {precision!r}"
        )
    _Chosen.precision = precision


def get_float32_matmul_precision() -> str:
    """The word that was set."""
    return _Chosen.precision


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for the same bits in every run: chainrule's operations give them always."""
    _Chosen.deterministic = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """Whether use_deterministic_algorithms was set."""
    return _Chosen.deterministic


def set_default_device(device: Any) -> None:
    """Make new tensors on a device, which can only be the CPU.

    Raises: DeviceError (CR207) for another one.
    """
    resolve_device(device)


def get_default_device() -> device:
    """Where new tensors are made: on the CPU."""
    return CPU
