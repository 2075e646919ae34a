"""Devices by name; the CPU is the one that computes."""

from __future__ import annotations

from typing import Any

from chainrule.errors import DeviceError

KINDS = ("cpu", "cuda", "mps", "xla", "xpu", "hpu", "meta")  # the names that programs ask for


class device:
    """A place where tensors live, such as `device("cpu")`."""

    __slots__ = ("index", "type")

    def __init__(self, type: str | device, index: int | None = None) -> None:
        name = type.type if isinstance(type, device) else str(type)
        kind, _, number = name.partition(":")
        if kind not in KINDS or (number and not number.isdigit()):
            raise DeviceError(
                "CR207", f"{name!r} names no device; there are {', '.join(KINDS)} and 'cuda:0'"
            )
        self.type: str = kind
        self.index: int | None = int(number) if number else index

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


CPU = device("cpu")


def resolve_device(asked: Any) -> device:
    """The device asked for; raises DeviceError (CR207) unless it is the CPU."""
    found = CPU if asked is None else device(asked) if isinstance(asked, str) else asked
    if not isinstance(found, device) or found.type != "cpu":
        raise DeviceError(
            "CR207",
            f"there is no device {str(found)!r} here; chainrule computes on 'cpu'. Write "
            'device = "cuda" if chainrule.cuda.is_available() else "cpu"',
        )
    return found
