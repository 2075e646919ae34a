"""A graph as TensorBoard reads it: named nodes that name the nodes which they read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.journal.event_file import message

PRODUCER = 22  # the version of the format that graphs are written in
UNKNOWN = -1  # the size of an axis that is not fixed


def graph_def(nodes: Sequence[bytes]) -> bytes:
    """A GraphDef of nodes."""
    return message({1: list(nodes), 4: message({1: PRODUCER})})


def node(
    name: str,
    kind: str,
    inputs: Sequence[str],
    shape: Sequence[int] | None,
    dtype: str,
    settings: dict[str, Any] | None = None,
) -> bytes:
    """A node with the shape and type of what it makes, and its settings as text.

    Args: name: its path, whose parts but the last are the boxes that it is in; shape: None
    where nothing is known of it.
    """
    attributes = {}
    if shape is not None:
        sizes = message({2: [message({1: size}) for size in shape]})
        attributes["_output_shapes"] = message({1: message({7: [sizes]})})
    text = ", ".join(f"{key}={value}" for key, value in (settings or {}).items())
    for key, content in (("settings", text), ("type", dtype)):
        if content:
            attributes[key] = message({2: content})
    entries = [message({1: key, 2: value}) for key, value in attributes.items()]
    return message({1: name, 2: kind, 3: list(inputs), 5: entries})


def unused(name: str, used: dict[str, int]) -> str:
    """The name with a number behind it: TensorBoard knows a node by its name alone."""
    used[name] = used.get(name, 0) + 1
    return f"{name}_{used[name]}"
