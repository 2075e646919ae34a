"""ONNX files as TensorBoard's graphs; the files are put together field by field."""

import random

import numpy as np
import pytest
from event_reader import fields, records

from chainrule.errors import ArgumentError
from chainrule.journal.event_file import message
from chainrule.journal.onnx_graph import DTYPES, onnx_graph
from chainrule.utils.tensorboard import SummaryWriter

FLOAT, INT64 = 1, 7


def value(name, dtype, *axes):
    """A ValueInfoProto; axes are sizes or names."""
    dims = [message({2: x} if isinstance(x, str) else {1: x}) for x in axes]
    return message({1: name, 2: message({1: message({1: dtype, 2: message({1: dims})})})})


def weight(name, dtype, *sizes):
    """A TensorProto; packed sizes, as newer programs write them."""
    return message({1: bytes(sizes), 2: dtype, 8: name, 9: b"\0" * 99})


def operation(kind, name, inputs, outputs, *attributes):
    """A NodeProto."""
    return message({4: kind, 3: name, 1: inputs, 2: outputs, 5: list(attributes)})


def model(*nodes, **more):
    """A ModelProto of a linear layer, what comes behind it, and an output y."""
    inputs = ["x", "body.fc.weight", "", "b:0"]
    graph = {
        1: [operation("Gemm", "/body/fc/Gemm", inputs, ["h"]), *nodes],
        5: [weight("body.fc.weight", FLOAT, 3, 4), weight("b:0", FLOAT, 3)],
        11: [value("x", FLOAT, "batch", 4), value("b:0", FLOAT, 3)],
        12: [value("y", INT64, "batch", 3)],
        13: [value("h", FLOAT, 2, 3)],
    }  # fmt: skip
    return message({1: 8, 2: "by hand", 7: message(graph | more.get("graph", {}))})


def nodes_of(graph):
    """Kind, inputs and attributes of the nodes of a GraphDef, by name."""
    found = {}
    for node in map(fields, fields(graph)[1]):
        attributes = {}
        for attribute in map(fields, node.get(5, [])):
            name, content = attribute[1][0].decode(), fields(attribute[2][0])
            if name == "_output_shapes":
                (shape,) = fields(content[1][0])[7]
                sizes = [fields(dim)[1][0] for dim in fields(shape).get(2, [])]
                attributes[name] = [size - (size >> 63 << 64) for size in sizes]
            else:
                attributes[name] = content[2][0].decode()
        inputs = [x.decode() for x in node.get(3, [])]
        found[node[1][0].decode()] = node[2][0].decode(), inputs, attributes
    return found


@pytest.fixture
def read(tmp_path):
    """The nodes of a file with this content."""
    path = tmp_path / "model.onnx"

    def nodes(content):
        path.write_bytes(content)
        return nodes_of(onnx_graph(path))

    return nodes


def test_nodes_have_paths_shapes_and_types(read):
    nodes = read(model(operation("ArgMax", "", ["h"], ["y"])))
    fc = ["input/x", "body/fc/weight", "b_0"]  # an input left out has no name
    assert nodes == {
        "body/fc/weight": ("Const", [], {"_output_shapes": [3, 4], "type": "float32"}),
        "b_0": ("Const", [], {"_output_shapes": [3], "type": "float32"}),
        "input/x": ("Placeholder", [], {"_output_shapes": [-1, 4], "type": "float32"}),
        "body/fc/Gemm": ("Gemm", fc, {"_output_shapes": [2, 3], "type": "float32"}),
        "ArgMax_1": (
            "ArgMax", ["body/fc/Gemm"], {"_output_shapes": [-1, 3], "type": "int64"}
        ),
        "output/y": ("Identity", ["ArgMax_1"], {"_output_shapes": [-1, 3], "type": "int64"}),
    }  # fmt: skip
    assert DTYPES[FLOAT - 1] == "float32" and DTYPES[INT64 - 1] == "int64"


def test_names_given_twice_and_several_outputs(read):
    nodes = read(
        model(
            operation("Split", "s", ["h"], ["a", "b"]),
            operation("Split", "s", ["b"], ["", "y"]),
        )
    )
    assert nodes["s"][1] == ["body/fc/Gemm"] and nodes["s_1"][1] == ["s:1"]
    assert nodes["output/y"][1] == ["s_1"]


@pytest.mark.parametrize(
    ("fields_of_value", "text"),
    [
        ({2: np.float32(0.5)}, "k=0.5"),
        ({3: -2}, "k=-2"),
        ({4: "SAME"}, "k=SAME"),
        ({5: message({1: [2, 3]})}, "k=tensor[2, 3]"),
        ({6: b""}, "k=a graph"),
        ({7: b"\0\0\0\x3f\0\0\x80\x3f"}, "k=[0.5, 1.0]"),
        ({8: [1, -1]}, "k=[1, -1]"),
        ({8: b"\x01\xac\x02"}, "k=[1, 300]"),
        ({9: ["a", "b"]}, "k=['a', 'b']"),
    ],
)
def test_settings(read, fields_of_value, text):
    attribute = message({1: "k"} | fields_of_value)
    nodes = read(model(operation("Act", "act", ["h"], ["y"], attribute)))
    assert nodes["act"][2]["settings"] == text


def test_values_that_are_no_tensors(read):
    sequence = message({1: "y", 2: message({4: message({})})})
    nodes = read(model(operation("Pack", "", ["h"], ["y"]), graph={12: [sequence]}))
    assert nodes["Pack_1"][2] == nodes["output/y"][2] == {}


def test_the_writer_writes_it(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model(operation("Relu", "relu", ["h"], ["y"])))
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_onnx_graph(path)
        (events,) = (tmp_path / "run").iterdir()
        (graph,) = [fields(r)[4][0] for r in records(events) if 4 in fields(r)]
        assert nodes_of(graph)["relu"][1] == ["body/fc/Gemm"]
        with pytest.raises(ArgumentError, match=r"CR851: cannot show .*none\.onnx: No such"):
            writer.add_onnx_graph(tmp_path / "none.onnx")


def test_damaged_files_are_read_or_refused(tmp_path):
    chance, whole = random.Random(0), model(operation("Relu", "relu", ["h"], ["y"]))
    path, refused = tmp_path / "model.onnx", 0
    for _ in range(400):
        content = bytearray(whole[: chance.choice([None, chance.randrange(1, len(whole))])])
        for _ in range(chance.randrange(4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            onnx_graph(path)
        except ArgumentError as error:
            refused += "it is damaged" in str(error)
    assert 100 < refused < 400
