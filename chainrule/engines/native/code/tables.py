"""Constants that a rewriting made: their numbers stand in the code itself."""

from __future__ import annotations

import hashlib
import math

from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.values import literal
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.pointwise.kinds import KINDS


def table(e: Emitter, node: Node) -> tuple[str, tuple[int, ...]]:
    """The name under which the emitter knows the numbers, and their strides."""
    assert node.array is not None
    kind, numbers = KINDS[node.dtype], node.array.reshape(-1).tolist()
    name = f"table.{kind}.{hashlib.sha256(node.array.tobytes()).hexdigest()[:16]}"
    listed = ", ".join(f"{kind} {literal(kind, number)}" for number in numbers)
    type_ = f"[{len(numbers)} x {kind}]"
    e.helpers[name] = f"@{name} = private constant {type_} [{listed}], align 64"
    e.pointers[name] = Value(f"@{name}", "ptr", 1, 0)
    shape = node.shape
    return name, tuple([math.prod(shape[axis + 1 :]) for axis in range(len(shape))])
