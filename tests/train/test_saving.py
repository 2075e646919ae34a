"""save, load and the safetensors format."""

import errno
import io
import json
import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentTypeError, DeviceError, RunError
from chainrule.files import make_folder, write_file, write_text
from chainrule.train.safetensors import TYPES
from chainrule.train.saving import load, save

DTYPES = [cr.bool, cr.uint8, cr.int8, cr.int16, cr.int32, cr.int64,
          cr.float16, cr.bfloat16, cr.float32, cr.float64]  # fmt: skip
SHAPES = [(), (1,), (3,), (0, 2), (2, 3, 1)]


def same(a, b) -> bool:
    """Equal in kind, type, shape and every bit."""
    if isinstance(a, cr.Tensor):
        return (
            isinstance(b, cr.Tensor)
            and (a.dtype, a.shape) == (b.dtype, b.shape)
            and a._cell.array.tobytes() == b._cell.array.tobytes()
        )
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


def round_trip(obj, folder: Path):
    save(obj, folder / "x.safetensors")
    return load(folder / "x.safetensors")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_tensor_comes_back_bit_for_bit(tmp_path, dtype, shape):
    x = (cr.rand(*shape) * 9 - 4).to(dtype)
    assert same(round_trip(x, tmp_path), x)


NESTED = {
    "model": OrderedDict([("fc.weight", cr.randn(3, 2)), ("fc.bias", cr.randn(3))]),
    "optimizer": {
        "state": {0: {"step": cr.tensor(4.0), "moment": cr.randn(2)}, 1: {}},
        "param_groups": [{"lr": 0.1 + 0.2, "betas": (0.9, 0.999), "foreach": None}],
    },
    "flags": [True, False, None, "text with ä\n", -(2**70), 1e-320],
    "odd numbers": [float("inf"), float("-inf"), float("nan"), -0.0],
    "nothing": [{}, [], (), ""],
    ("a", 1): (cr.tensor(True), [cr.zeros(0)]),
    None: {True: 1, 2.5: 2},
}


def test_nested_values_come_back_as_they_were(tmp_path):
    back = round_trip(NESTED, tmp_path)
    assert same(back, {**NESTED, "model": dict(NESTED["model"])})
    assert str(back["odd numbers"][3]) == "-0.0"


@pytest.mark.parametrize(
    "value", [3, 2.5, "text", None, True, [1, 2], (1,), {}, np.float32(0.5), np.int64(3)]
)
def test_plain_values_alone(tmp_path, value):
    plain = value.item() if isinstance(value, np.generic) else value
    assert same(round_trip(value, tmp_path), plain)


def test_places_that_read_alike_stay_apart(tmp_path):
    both = {
        "a": {"b": cr.tensor(1)},
        "a.b": cr.tensor(2),
        "": cr.tensor(3),
        "tensor": cr.tensor(4),
    }
    assert same(round_trip(both, tmp_path), both)


def test_what_is_loaded_can_be_changed_and_trained(tmp_path):
    w = round_trip({"w": cr.ones(2)}, tmp_path)["w"]
    w.numpy()[0] = 5
    w.requires_grad_()
    (w * w).sum().backward()
    assert w.grad.tolist() == [10, 2]


def test_parts_and_gradients_do_not_disturb(tmp_path):
    w = cr.arange(12.0).reshape(3, 4).requires_grad_()
    found = round_trip({"turned": w.T, "cut": w[1:, ::2], "product": w * 2}, tmp_path)
    assert found["turned"].tolist() == w.T.tolist()
    assert found["cut"].tolist() == [[4, 6], [8, 10]]
    assert not found["product"].requires_grad


def test_arguments_that_programs_for_pytorch_give(tmp_path):
    save({"w": cr.ones(1)}, str(tmp_path / "w.pt"))
    assert load(str(tmp_path / "w.pt"), map_location="cpu", weights_only=True)["w"].item() == 1
    with pytest.raises(DeviceError, match="cuda"):
        load(tmp_path / "w.pt", map_location="cuda")


@pytest.mark.parametrize(
    ("obj", "where"),
    [
        (object(), "the object is a object"),
        ({"a": [1, {2}]}, r"a\.1 is a set"),
        ({"n": np.ones(2)}, "n is a ndarray"),
        (lambda x: x, "the object is a function"),
        ({cr.tensor(1): 2}, "is a Tensor"),
        (b"bytes", "is a bytes"),
    ],
)
def test_values_that_cannot_be_saved(tmp_path, obj, where):
    with pytest.raises(ArgumentTypeError, match=f"CR805: save: .*{where}"):
        save(obj, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


# -- other programs --------------------------------------------------------------------

numpy_types = [d for d in DTYPES if d is not cr.bfloat16]


def test_the_safetensors_library_reads_what_we_write(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    tensors = {str(d): (cr.rand(3, 2) * 5).to(d) for d in numpy_types} | {"e": cr.zeros(0, 4)}
    save(tensors, tmp_path / "x")
    found = library.load_file(tmp_path / "x")
    assert found.keys() == tensors.keys()
    for name, x in tensors.items():
        assert found[name].dtype == x.dtype.numpy
        np.testing.assert_array_equal(found[name], x.numpy())


def test_we_read_what_the_safetensors_library_writes(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    arrays = {str(d): np.arange(6).reshape(2, 3).astype(d.numpy) for d in numpy_types}
    library.save_file(arrays, tmp_path / "x", metadata={"format": "np"})
    found = load(tmp_path / "x")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].numpy().dtype == array.dtype
        np.testing.assert_array_equal(found[name].numpy(), array)


def test_weights_travel_to_torch_and_back(tmp_path):
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    x = (cr.randn(4, 3)).bfloat16()
    save({"w": x, "h": x.half()}, tmp_path / "x")
    theirs = library.load_file(tmp_path / "x")
    assert theirs["w"].dtype == torch.bfloat16
    assert theirs["w"].float().tolist() == x.float().tolist()
    library.save_file(theirs, tmp_path / "y")
    assert same(load(tmp_path / "y"), {"w": x, "h": x.half()}) or same(
        load(tmp_path / "y"), {"h": x.half(), "w": x}
    )


# -- damaged files ---------------------------------------------------------------------


def content(header: dict, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(**changes) -> dict:
    return {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}


def raw(text: bytes, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + data


W = json.dumps(entry()["w"]).encode()
DAMAGED = {
    "empty": b"",
    "short": b"\x01\x02",
    "cut header": content(entry(), bytes(8))[:30],
    "cut data": content(entry(), bytes(7)),
    "header too long": (2**62).to_bytes(8, "little") + b"{}",
    "no JSON": (4).to_bytes(8, "little") + b"{{{{",
    "no dict": content([1, 2]),
    "no entry": content({"w": 3}),
    "no offsets": content({"w": {"dtype": "F32", "shape": [2]}}, bytes(8)),
    "unknown type": content(entry(dtype="f32"), bytes(8)),
    "a type that is no text": content(entry(dtype=["F32"]), bytes(8)),
    "a hole at the start": content(entry(data_offsets=[4, 12]), bytes(12)),
    "a hole": content({**entry(), "v": {**entry()["w"], "data_offsets": [12, 20]}}, bytes(20)),
    "overlapping": content(
        {**entry(), "v": {**entry()["w"], "data_offsets": [4, 12]}}, bytes(12)
    ),
    "the same bytes": content({**entry(), "v": entry()["w"]}, bytes(8)),
    "bytes left over": content(entry(), bytes(9)),
    "overlapping, with bytes enough": content(
        {**entry(), "v": {**entry()["w"], "data_offsets": [4, 12]}}, bytes(16)
    ),
    "a size of 4 TB": content(entry(shape=[2**40], data_offsets=[0, 2**42]), bytes(8)),
    "another size": content(entry(dtype="F16"), bytes(8)),
    "half an element": content(entry(data_offsets=[0, 7]), bytes(7)),
    "sizes that fit by a turn": content(entry(shape=[2**62, 4, 2]), bytes(8)),
    "a negative turn": content(entry(shape=[-1, -2]), bytes(8)),
    "sizes of floats": content(entry(shape=[2.0]), bytes(8)),
    "sizes of bools": content(entry(shape=[True, 2]), bytes(8)),
    "a size of NaN": content(entry(shape=[float("nan")]), bytes(8)),
    "an infinite size": content(entry(shape=[float("inf")]), bytes(8)),
    "a huge size": content(entry(shape=[10**300, 0], data_offsets=[0, 0])),
    "a huge size of nothing": content(entry(shape=[2**60, 2**60, 0], data_offsets=[0, 0])),
    "more axes than NumPy has": content(entry(shape=[1] * 70 + [2]), bytes(8)),
    "a size of minus nothing": raw(b'{"w":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'),
    "three offsets": content(entry(data_offsets=[0, 8, 8]), bytes(8)),
    "no shape": content(entry(shape=None), bytes(8)),
    "another field": content(entry(packed=True), bytes(8)),
    "a name twice": raw(b'{"w":%b,"w":%b}' % (W, W), bytes(8)),
    "a field twice": raw(b'{"w":{"dtype":"F64",' + W[1:] + b"}", bytes(8)),
    "metadata of numbers": content({"__metadata__": {"a": 1}} | entry(), bytes(8)),
    "metadata of a list": content({"__metadata__": []} | entry(), bytes(8)),
    "no UTF-8": raw(b'{"\xff":' + W + b"}", bytes(8)),
    "half a character": raw(b'{"\\ud800":' + W + b"}", bytes(8)),
    "UTF-16": raw(json.dumps(entry()).encode("utf-16"), bytes(8)),
    "a mark before it": raw(b"\xef\xbb\xbf" + json.dumps(entry()).encode(), bytes(8)),
    "a zero behind it": raw(json.dumps(entry()).encode() + b"\0", bytes(8)),
    "a tower": raw(b"[" * 100_000),
    "a tower in a field": raw(b'{"w":' + b'{"a":' * 100_000),
    "size and offsets": content(entry(shape=[3]), bytes(8)),
    "backwards": content(entry(data_offsets=[8, 0]), bytes(8)),
    "before the start": content(entry(data_offsets=[-8, 0]), bytes(8)),
    "negative sizes": content(entry(shape=[-1, -2]), bytes(8)),
    "sizes that are no numbers": content(entry(shape=["2"]), bytes(8)),
    "text": b"a text that is long enough for a header",
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files(tmp_path, case):
    path = tmp_path / "w.safetensors"
    path.write_bytes(DAMAGED[case])
    with pytest.raises(RunError, match=r"CR804: .*w\.safetensors.*not a safetensors file"):
        load(path)


@pytest.mark.parametrize("kind", ["F8_E4M3", "U16", "C64", "F4"])
def test_element_types_that_chainrule_has_not(tmp_path, kind):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content(entry(dtype=kind), bytes(8)))
    with pytest.raises(RunError, match=rf"CR804: .*w\.safetensors: 'w' has .* {kind}, .*F32"):
        load(path)


def test_a_header_is_not_longer_than_the_format_allows(tmp_path):
    with (tmp_path / "w").open("wb") as file:
        file.write((100_000_001).to_bytes(8, "little"))
        file.truncate(100_000_100)  # which takes no place on the disk
    with pytest.raises(RunError, match=r"CR804.*100000001 bytes, where 100000000 are the most"):
        load(tmp_path / "w")


def test_headers_that_are_allowed(tmp_path):
    text = json.dumps(entry(shape=[2, 1]) | {"__metadata__": None}).encode()
    for header in (text, b"\n " + text, text + b" \t\n"):
        (tmp_path / "w").write_bytes(raw(header, np.float32([1, 2]).tobytes()))
        assert load(tmp_path / "w")["w"].tolist() == [[1], [2]]
    nothing = {"dtype": "F32", "shape": [0, 3], "data_offsets": [8, 8]}
    (tmp_path / "w").write_bytes(content({"e": nothing} | entry(), bytes(8)))
    assert list(load(tmp_path / "w")) == ["e", "w"]
    (tmp_path / "w").write_bytes(content({}))
    assert load(tmp_path / "w") == {}


def test_bools_are_true_for_any_byte_but_0(tmp_path):
    (tmp_path / "w").write_bytes(
        content(entry(dtype="BOOL", shape=[3], data_offsets=[0, 3]), b"\0\x07\xff")
    )
    assert load(tmp_path / "w")["w"].numpy().view(np.uint8).tolist() == [0, 1, 1]


def test_open_files(tmp_path):
    file = io.BytesIO()
    save({"w": cr.ones(2)}, file)
    file.seek(0)
    assert load(file)["w"].tolist() == [1, 1]
    with (tmp_path / "w").open("wb") as opened:
        save([cr.zeros(1)], opened)
    with (tmp_path / "w").open("rb") as opened:
        assert load(opened)[0].tolist() == [0]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_files_that_are_not_there(tmp_path, make):
    make(tmp_path / "w")
    with pytest.raises(RunError, match="CR804: cannot read"):
        load(tmp_path / "w")


@pytest.mark.parametrize("structure", ["{", '{"tensor": "x"}', '{"code": 1}', '{"dict": 3}'])
def test_a_description_that_does_not_fit(tmp_path, structure):
    header = entry() | {"__metadata__": {"chainrule": structure}}
    (tmp_path / "w").write_bytes(content(header, bytes(8)))
    with pytest.raises(RunError, match=r"CR804.*damaged"):
        load(tmp_path / "w")


def test_every_element_type_is_known():
    assert set(TYPES.values()) == {dtype.numpy for dtype in DTYPES}


# -- writing beside --------------------------------------------------------------------


def test_a_file_is_whole_or_untouched(tmp_path):
    path = tmp_path / "x"
    write_text(path, "before")

    def fail(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(path, fail)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["x"]


def test_a_full_disk_leaves_the_last_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "x"
    save({"epoch": 1}, path)

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"CR803: cannot write .*No space left"):
        save({"epoch": 2}, path)
    assert load(path) == {"epoch": 1}
    assert os.listdir(tmp_path) == ["x"]


def test_permissions_are_those_of_other_new_files(tmp_path):
    write_text(tmp_path / "a", "")
    (tmp_path / "b").write_text("")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_folders_that_cannot_be_made_or_written(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RunError, match="CR803: cannot make the folder"):
            make_folder(path)
    with pytest.raises(RunError, match="CR803: cannot write"):
        write_text(tmp_path / "missing" / "x", "")


def test_a_missing_file_is_also_pythons_own_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"CR804: cannot read .*nothing: No such file"):
        load(tmp_path / "nothing")
