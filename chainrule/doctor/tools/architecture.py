"""The tree of a summary: plain values, in the form of a journal's architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chainrule.doctor.tools.parts import Part


@dataclass(frozen=True)
class Architecture:
    """A module: figures include those of the modules in it.

    Args:
        calls: how often it ran; where 0, shapes are None.
        input_shape, output_shape: of its first call; of several tensors lists or dicts.
        same_as: the path of the place where a shared module stands already.
    """

    name: str
    type: str
    parameters: int
    trainable: int
    calls: int
    input_shape: Any
    output_shape: Any
    flops: int
    multiply_adds: int
    activation_bytes: int
    milliseconds: float
    same_as: str
    children: tuple[Architecture, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        figures = {name: getattr(self, name) for name in self.__dataclass_fields__}
        if not self.same_as:
            del figures["same_as"]
        return figures | {"children": [child.as_dict() for child in self.children]}

    def kind(self) -> tuple[Any, ...]:
        """What modules that repeat have in common; names and times differ."""
        shapes = str(self.input_shape), str(self.output_shape)
        figures = self.type, self.parameters, self.trainable, self.flops, self.calls
        return (*figures, *shapes, self.same_as, *[child.kind() for child in self.children])


def architecture(part: Part) -> Architecture:
    """The figures of a tree, added up."""
    kind = type(part.module).__name__
    return Architecture(
        part.name or kind, kind, part.total("parameters"), part.total("trainable"), part.calls,
        part.inputs, part.outputs, part.total("flops"), part.total("multiply_adds"),
        part.total("activation_bytes"), 1e3 * part.total("seconds"), part.same_as,
        tuple(architecture(child) for child in part.children),
    )  # fmt: skip
