"""An ONNX file as the graph that TensorBoard draws.

The file is one protocol-buffer message, a model that holds a graph; its weights are skipped.

Source: the numbers of the fields are those of onnx.proto, https://github.com/onnx/onnx
"""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.journal.graph_def import UNKNOWN, graph_def, node, unused

Fields = dict[int, list[Any]]  # by number: integers, and runs of bytes
Kind = tuple[tuple[int, ...] | None, str]  # shape and element type, None and "" if not known
#: ONNX's numbers of element types, from 1
DTYPES = (
    "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
    "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
)  # fmt: skip
DAMAGE = (ValueError, TypeError, LookupError, struct.error)  # what reading it may raise
FIXED_SIZES = {1: 8, 5: 4}  # bytes of numbers, by kind of field
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_WEIGHT, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE = 1, 5, 11, 12, 13


def onnx_graph(path: str | os.PathLike) -> bytes:
    """The graph of an ONNX file as a GraphDef.

    Raises: ArgumentError (CR851) for a file that is not there or is none of ONNX.
    """
    try:
        content = memoryview(Path(path).read_bytes())
        return _graph_def(fields(fields(content)[MODEL_GRAPH][0]))
    except OSError as error:
        why = error.strerror or str(error)
    except DAMAGE:
        why = "it is damaged, or not a model in ONNX"
    raise ArgumentError(
        "CR851",
        f"cannot show {os.fspath(path)}: {why}. Name a file that was exported as ONNX",
    )


def fields(content: memoryview) -> Fields:
    """The fields of a message by number, in their order.

    Raises: ValueError or IndexError for bytes that are no message.
    """
    found: Fields = defaultdict(list)
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        if key & 7 == 0:
            value, at = _varint(content, at)
            found[key >> 3].append(value)
            continue
        size, at = _varint(content, at) if key & 7 == 2 else (FIXED_SIZES[key & 7], at)
        if at + size > len(content):
            raise ValueError("a field ends behind the end of the message")
        found[key >> 3].append(content[at : at + size])
        at += size
    return found


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """An integer in groups of seven bits, the lowest first, and the place behind it."""
    value = 0
    for place in range(10):
        byte = content[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value - (value >> 63 << 64), at + place + 1  # of two's complement
    raise ValueError("an integer has more than 64 bits")


def _graph_def(graph: Fields) -> bytes:
    """Inputs, weights and operations under their paths, and the outputs."""
    kinds = _kinds(graph)
    weights = [fields(tensor) for tensor in graph[GRAPH_WEIGHT]]
    kinds |= {_text(w[8][0]): (tuple(_integers(w[1])), _dtype(w[2])) for w in weights}
    names = {_text(w[8][0]): _path(_text(w[8][0])) for w in weights}
    nodes = [node(path, "Const", [], *kinds[name]) for name, path in names.items()]
    for name in _values(graph, GRAPH_INPUT):
        if name not in names:  # old files list the weights here, too
            names[name] = f"input/{_path(name)}"
            nodes.append(node(names[name], "Placeholder", [], *kinds[name]))
    used: dict[str, int] = {}
    for operation in map(fields, graph[GRAPH_NODE]):
        nodes.append(_operation(operation, names, kinds, used))
    for name in _values(graph, GRAPH_OUTPUT):
        inputs = [names[name]]
        nodes.append(node(f"output/{_path(name)}", "Identity", inputs, *kinds[name]))
    return graph_def(nodes)


def _operation(
    operation: Fields, names: dict[str, str], kinds: dict[str, Kind], used: dict[str, int]
) -> bytes:
    """A node of the file; what it makes is known by its name from now on."""
    kind = _text(operation[4][0])
    given = _path(_text(operation[3][0])) if operation[3] else ""
    name = given if given and given not in used else unused(given or kind, used)
    used.setdefault(name, 0)
    inputs = [names[x] for x in map(_text, operation[1]) if x]
    made = [y for y in map(_text, operation[2]) if y]
    for place, y in enumerate(made):
        names[y] = f"{name}:{place}" if place else name
    settings = dict(_setting(fields(attribute)) for attribute in operation[5])
    return node(name, kind, inputs, *kinds.get(made[0], (None, "")), settings)


def _values(graph: Fields, part: int) -> Iterator[str]:
    """The names of a part of the graph."""
    return (_text(fields(value)[1][0]) for value in graph[part])


def _kinds(graph: Fields) -> dict[str, Kind]:
    """What the graph says of its values; of others than tensors nothing is known."""
    found = {}
    for part in (GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE):
        for value in map(fields, graph[part]):
            tensors = fields(value[2][0])[1] if value[2] else []
            found[_text(value[1][0])] = _tensor(fields(tensors[0])) if tensors else (None, "")
    return found


def _tensor(tensor: Fields) -> Kind:
    """Shape and type; an axis that is not fixed has a name or nothing in the file."""
    if not tensor[2]:
        return None, _dtype(tensor[1])
    axes = map(fields, fields(tensor[2][0])[1])
    return tuple(axis[1][0] if axis[1] else UNKNOWN for axis in axes), _dtype(tensor[1])


def _dtype(number: list[int]) -> str:
    known = bool(number) and 0 < number[0] <= len(DTYPES)
    return DTYPES[number[0] - 1] if known else ""


def _setting(attribute: Fields) -> tuple[str, Any]:
    """Name and value of an attribute: numbers or text; of tensors and graphs, which of them."""
    reading = {
        2: lambda values: struct.unpack("<f", values[0])[0],
        3: lambda values: values[0],
        4: lambda values: _text(values[0]),
        5: lambda values: f"tensor{_integers(fields(values[0])[1])}",
        6: lambda values: "a graph",
        7: lambda values: [x for value in values for (x,) in struct.iter_unpack("<f", value)],
        8: _integers,
        9: lambda values: [_text(value) for value in values],
    }  # fmt: skip
    value = next((read(attribute[k]) for k, read in reading.items() if attribute[k]), "")
    return _text(attribute[1][0]), value


def _integers(values: list[Any]) -> list[int]:
    """Integers, each in a field of its own or all in one."""
    found = []
    for value in values:
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            found.append(number)
    return found


def _text(content: Any) -> str:
    return str(content, "utf-8")


def _path(name: str) -> str:
    """A name as TensorBoard nests it: dots and slashes part boxes, a colon names an output."""
    return name.strip("/").replace("::", "/").replace(".", "/").replace(":", "_")
