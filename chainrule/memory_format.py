"""Orders of a tensor's elements in memory, by name; every tensor here is row-major."""

from __future__ import annotations


class memory_format:
    """A wish for the order in memory, such as `channels_last`: it may be uttered anywhere.

    Notes: it changes no value and no shape, and chainrule keeps its own order all the same.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"chainrule.{self._name}"


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
