"""PyTorch's files: read without PyTorch, and without running anything in them.

    python tests/train/test_torch_files.py

records what the default run reads, with PyTorch.
"""

import base64
import copy
import io
import json
import pickle
import sys
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from broken_files import torch_row, torch_zip
from torch_files import STORAGE, Call, Name, Raw, Reference, in_a_row, pickled, tensor, zipped

import chainrule as cr
from chainrule import nn
from chainrule.errors import DeviceError, RunError

RECORDED = Path(__file__).parent / "recorded" / "torch_files.json"
FORMATS = {"zip": True, "older": False}


def content(t: Any) -> dict:
    """What is saved with PyTorch, and what chainrule makes of it: `t` is either."""
    x = t.arange(6.0).reshape(2, 3)
    numbers = t.tensor([0, 1, 2])
    types = [t.bool, t.uint8, t.int8, t.int16, t.int32, t.int64,
             t.half, t.bfloat16, t.float32, t.float64]  # fmt: skip
    weight = t.nn.Parameter(t.tensor([1.0, 2.0]))
    optimizer = t.optim.Adam([weight], lr=0.1)
    (weight * weight).sum().backward()
    optimizer.step()
    return {
        "model": t.nn.BatchNorm1d(2).state_dict(),
        "optimizer": optimizer.state_dict(),
        "views": [x, x[1:, ::2], x.T, x[:, :1].expand(2, 2), x[0, 1]],
        "types": [numbers.to(kind) for kind in types],
        "parameters": [weight, t.nn.Parameter(t.ones(1), requires_grad=False)],
        "gradient": t.ones(1, requires_grad=True),
        "empty": t.zeros(0, 2),
        "plain": [
            None,
            True,
            False,
            -5,
            2**70,
            300,
            70000,
            0.1,
            "ä",
            (1,),
            (),
            {},
            [],
            {1, 2},
            frozenset([3]),
            b"\xff",
            b"",
            bytearray(b"x"),
            bytearray(),
            1j,
            {(0, "a"): 1, None: 2, 2.5: 3},
        ],
        "named": [t.Size([1, 2]), t.float16, t.device("cuda:1")],
    }


def same(a: Any, b: Any) -> bool:
    """Equal in kind, type, shape and every bit."""
    if isinstance(a, cr.Tensor):
        return (
            type(a) is type(b)
            and (a.dtype, a.shape, a.requires_grad) == (b.dtype, b.shape, b.requires_grad)
            and a._cell.array.tobytes() == b._cell.array.tobytes()
        )
    if isinstance(a, dict):
        return type(a) is type(b) and [*a] == [*b] and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def read(file: bytes) -> Any:
    return cr.load(io.BytesIO(file))


@pytest.mark.parametrize("form", FORMATS)
def test_what_pytorch_wrote_is_read(form, tmp_path):
    path = tmp_path / "recorded.pt"
    path.write_bytes(zlib.decompress(base64.b85decode(json.loads(RECORDED.read_text())[form])))
    found = cr.load(path, map_location="cpu")
    expected = content(cr)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert same(found[name], value), name


def test_files_made_by_hand_are_as_pytorch_makes_them():
    x = cr.arange(6.0).reshape(2, 3)
    for value in (zipped([tensor()]), in_a_row([tensor()])):
        assert same(read(value), [x])


# -- what is read can be used ----------------------------------------------------------


def test_a_state_dict_is_loaded_into_a_model():
    weights = np.arange(8, dtype=np.float32)
    state = OrderedDict(
        weight=tensor(n=8, size=(4, 2), stride=(2, 1)), bias=tensor("1", 4, 0, (4,), (1,))
    )
    file = zipped(state, {"0": weights.tobytes(), "1": bytes(16)})
    layer = nn.Linear(2, 4)
    assert str(layer.load_state_dict(read(file))) == "<All keys matched successfully>"
    assert layer(cr.ones(1, 2)).tolist() == [[1, 5, 9, 13]]


def test_tensors_on_the_same_memory_stay_there():
    whole, again, row = read(zipped([tensor(), tensor(), tensor(size=(3,), stride=(1,))]))
    row.numpy()[0] = 9
    assert whole[0, 0] == again[0, 0] == 9
    whole.add_(1)
    assert again[0, 0] == 10


def test_a_file_that_is_gone_does_not_matter(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(zipped(tensor()))
    x = cr.load(path)
    path.write_bytes(b"")
    x.requires_grad_()
    (x * x).sum().backward()
    assert x.grad.tolist() == [[0, 2, 4], [6, 8, 10]]


def test_a_big_endian_file():
    for kind, code, values in (
        ("Float", ">f4", [1.5, -2]),
        ("BFloat16", ">u2", [0x3FC0, 0xC000]),
    ):
        storage = {"0": np.array(values, code).tobytes()}
        stored = tensor(n=2, size=(2,), stride=(1,), kind=f"{kind}Storage")
        assert read(zipped(stored, storage, {"byteorder": b"big"})).tolist() == [1.5, -2]


def test_names_of_older_versions():
    on_gpu = Reference("storage", Name("torch.cuda", "FloatStorage"), "0", "cuda:0", 6)
    x = Call(Name("torch._utils", "_rebuild_tensor"), on_gpu, 2, (2,), (1,))
    assert read(zipped(x)).tolist() == [2, 3]
    part = Reference("storage", Name("torch", "FloatStorage"), "0", "cpu", 6, ("1", 2, 3))
    x = Call(Name("torch._utils", "_rebuild_tensor"), part, 1, (2,), (1,))
    assert read(in_a_row(x)).tolist() == [3, 4]
    pairs = Call(Name("collections", "OrderedDict"), [["a", 1], ["b", 2]])
    assert read(in_a_row(pairs, {})) == OrderedDict(a=1, b=2)


def test_texts_of_python_2():
    file = in_a_row(Raw(b"U\x02\xc3\xa4"), {})
    assert read(file) == "ä"
    assert cr.load(io.BytesIO(file), encoding="latin1") == "Ã¤"
    assert cr.load(io.BytesIO(file), encoding="bytes") == b"\xc3\xa4"


def test_bools_are_true_for_any_byte_but_0():
    stored = tensor(n=3, size=(3,), stride=(1,), kind="BoolStorage")
    for file in (
        zipped(stored, {"0": b"\0\x07\xff"}),
        in_a_row(stored, {"0": b"\0\x07\xff"}, 1),
    ):
        found = read(file).numpy()
        assert found.view(np.uint8).tolist() == [0, 1, 1]


def test_arguments_that_programs_for_pytorch_give(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(zipped(tensor()))
    places = ["cpu", cr.device("cpu"), lambda storage, place: storage, {"cuda:0": "cpu"}, None]
    for place in places:
        for weights_only in (True, False):
            assert cr.load(path, place, weights_only=weights_only, mmap=True).shape == (2, 3)
    with path.open("rb") as file:
        assert cr.load(file).shape == (2, 3)
    for place in ("cuda", {"cpu": "cuda:0"}):
        with pytest.raises(DeviceError, match=r"CR207.*cuda"):
            cr.load(path, map_location=place)


# -- files that want more --------------------------------------------------------------

ATTACKS = {
    "os.system": Call(Name("os", "system"), "touch harm"),
    "posix.system": Call(Name("posix", "system"), "touch harm"),
    "eval": Call(Name("builtins", "eval"), "open('harm', 'w').close()"),
    "exec of Python 2": Call(Name("__builtin__", "exec"), "open('harm', 'w')"),
    "getattr": Call(Name("builtins", "getattr"), Name("torch", "Tensor"), "__class__"),
    "a part of a module": Raw(b"\x8c\x02os\x8c\x06system\x93"),
    "a path through names": Raw(b"\x8c\x05torch\x8c\x14_utils.os.system.bad\x93"),
    "subprocess": Call(Name("subprocess", "Popen"), ["touch", "harm"]),
    "runpy": Call(Name("runpy", "_run_code"), "open('harm', 'w')", {}),
    "torch.load": Call(Name("torch.serialization", "load"), "harm"),
    "a class alone": Name("os", "system"),
    "inside an id": Reference("storage", Call(Name("os", "system"), "touch harm"), "0"),
    "as an id": Reference(Call(Name("os", "system"), "touch harm")),
    "as a key": {Call(Name("os", "system"), "touch harm"): 1},
    "a hook": Call(Name("torch._utils", "_rebuild_parameter"), tensor(), True,
                   {0: Name("os", "system")}),
    "a codec": Call(Name("_codecs", "lookup"), "harm"),
    "INST": Raw(b"(X\x0a\0\0\0touch harmios\nsystem\n"),
    "OBJ": Raw(b"(cos\nsystem\nX\x0a\0\0\0touch harmo"),
    "OBJ of ours": Raw(b"(ccollections\nOrderedDict\no"),
    "NEWOBJ": Raw(b"ccollections\nOrderedDict\n)\x81"),
    "NEWOBJ_EX": Raw(b"ccollections\nOrderedDict\n)}\x92"),
    "EXT1": Raw(b"\x82\x01"),
    "EXT2": Raw(b"\x83\x01\0"),
    "EXT4": Raw(b"\x84\x01\0\0\0"),
    "PERSID": Raw(b"Pharm\n"),
    "BUFFER": Raw(b"\x97"),
    "BUILD of a dict": Raw(b"}}b"),
    "BUILD of a tensor": Raw(pickled(tensor())[2:-1] + b"}b"),
    "BUILD of a class": Raw(b"ccollections\nOrderedDict\n}b"),
    "a model": Call(Name("torch.nn.modules.linear", "Linear"), 1, 2),
    "a NumPy number": Call(Name("numpy._core.multiarray", "scalar"), 1),
    "complex numbers": tensor(kind="ComplexFloatStorage"),
    "a class itself": [Name("collections", "OrderedDict")],
    "a storage itself": [Reference("storage", Name("torch", "FloatStorage"), "0", "cpu", 6)],
    "a type of storage": Name("torch", "FloatStorage"),
}  # fmt: skip


@pytest.mark.parametrize("make", [zipped, in_a_row])
@pytest.mark.parametrize("attack", ATTACKS)
def test_code_in_a_file_is_refused_and_not_run(attack, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.pt").write_bytes(make(ATTACKS[attack]))
    monkeypatch.setattr(pickle, "Unpickler", None)
    with pytest.raises(RunError, match=r"^CR820: a\.pt holds .* nothing in the file was run"):
        cr.load("a.pt", weights_only=False)
    assert [p.name for p in tmp_path.iterdir()] == ["a.pt"]


def test_python_s_own_reader_would_have_run_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickled(ATTACKS["eval"]))
    assert [p.name for p in tmp_path.iterdir()] == ["harm"]


def test_the_refusal_names_what_was_asked_for():
    for attack, name in {
        "os.system": "'os.system'",
        "a model": "'torch.nn.modules.linear.Linear'",
        "complex numbers": "complex numbers called 'torch.ComplexFloatStorage'",
        "a class itself": "collections.OrderedDict itself",
        "NEWOBJ": "another class",
    }.items():
        with pytest.raises(RunError, match=name):
            read(zipped(ATTACKS[attack]))


def test_pickles_and_programs_are_refused():
    with pytest.raises(RunError, match=r"CR820.*a pickle that torch\.save did not write"):
        read(pickle.dumps({"w": [1.0] * 9}))
    with pytest.raises(RunError, match=r"CR820.*TorchScript"):
        read(zipped(None, others={"constants.pkl": b"", "code/a.py": b""}))
    with pytest.raises(RunError, match=r"CR820.*no tensors \(a zip file with a\.txt"):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.txt", "text")
        read(file.getvalue())


# -- files that are damaged, or lie ----------------------------------------------------

LONG = 2**62
LIES = {
    "outside": tensor(n=6, offset=1),
    "far outside": tensor(offset=LONG),
    "before": tensor(offset=-1),
    "stride outside": tensor(stride=(4, 1)),
    "huge stride": tensor(stride=(LONG, LONG)),
    "backwards": tensor(offset=5, stride=(-3, -1)),
    "negative size": tensor(size=(-2, -3)),
    "huge size": tensor(size=(LONG, LONG), stride=(0, 0)),
    "many times": tensor(size=(2**29,), stride=(0,)),
    "huge and empty": tensor(size=(LONG, LONG, 0), stride=(0, 0, 0)),
    "too many axes": tensor(size=(1,) * 70, stride=(1,) * 70),
    "sizes and strides": tensor(stride=(1,)),
    "sizes of bools": tensor(size=(True, 3)),
    "sizes of floats": tensor(size=(2.0, 3.0)),
    "sizes of texts": tensor(size="ab", stride="ab"),
    "no sizes": tensor(size=None),
    "nested sizes": tensor(size=((2,), 3)),
    "more than is there": tensor(n=7),
    "less than is there": tensor(n=5, size=(1,), stride=(1,)),
    "negative storage": tensor(n=-6),
    "huge storage": tensor(n=LONG),
    "other storage": tensor(key="1"),
    "a path": tensor(key="../data.pkl"),
    "another type": tensor(kind="DoubleStorage"),
    "two types": [tensor(), tensor(kind="IntStorage")],
    "an id that is no id": Reference("module", Name("torch", "FloatStorage"), "0", "cpu", 6),
    "an id that is a text": Reference("storage"),
    "an id of a dict": Call(Name("torch._utils", "_rebuild_tensor"), {}, 0, (), ()),
    "part outside": Call(Name("torch._utils", "_rebuild_tensor"), Reference(
        "storage", Name("torch", "FloatStorage"), "0", "cpu", 6, ("1", 2, 5)), 0, (1,), (1,)),
    "gradient of numbers": Call(Name("torch._utils", "_rebuild_parameter"),
                                tensor(kind="IntStorage"), True, {}),
    "negated": Call(Name("torch._utils", "_rebuild_tensor_v2"), Reference(
        "storage", Name("torch", "FloatStorage"), "0", "cpu", 6), 0, (1,), (1,), False, {},
        {"neg": True}),
    "a parameter of a text": Call(Name("torch._utils", "_rebuild_parameter"), "a", True, {}),
    "too many arguments": Call(Name("torch", "Size"), 1, 2, 3),
    "a tensor as a key": {tensor(): 1},
    "a list as a key": Raw(b"}]Ns"),
    "a set of lists": Raw(b"\x8f(]\x90"),
    "an endless key": {10**30: 1},
    "calling a text": Raw(b"X\1\0\0\0a)R"),
    "calling with a list": Raw(b"ccollections\nOrderedDict\n]R"),
    "filling a tuple": Raw(b")Na"),
    "filling a list as a dict": Raw(b"]NNs"),
    "an odd number of items": Raw(b"}(Nu"),
    "nothing to take": Raw(b"a"),
    "no mark": Raw(b"Nt"),
    "an unknown memory": Raw(b"h\7"),
    "two values": Raw(b"NN"),
    "no such instruction": Raw(b"\xff"),
    "a text that goes on": Raw(b"X\xff\xff\xff\x7fabc"),
    "bytes that go on": Raw(b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"),
    "bytes of 1 TB": Raw(b"\x8e" + (2**40).to_bytes(8, "little")),
    "a negative length": Raw(b"\x8b\xff\xff\xff\xff"),
    "a number that goes on": Raw(b"\x8b\xff\xff\xff\x7f\1"),
    "no UTF-8": Raw(b"X\1\0\0\0\xff"),
    "a name without end": Raw(b"c" + b"a" * 500),
    "a later protocol": Raw(b"\x80\x09N"),
    "a list in itself": Raw(b"]q\0h\0a"),
    "a dict in itself": Raw(b"}q\0Nh\0s"),
    "a tower": Raw(b")" + b"\x85" * 200),
    "a tower of lists": Raw(b"]" * 200 + b"a" * 199),
    "a key that is a tower": Raw(b"}N" + b"\x85" * 2000 + b"Ns"),
    "a key that doubles": Raw(b"}(Nq\0" + b"h\0h\0\x86q\0" * 64 + b"tNs"),
}  # fmt: skip


@pytest.mark.parametrize("make", [zipped, in_a_row])
@pytest.mark.parametrize("lie", LIES)
def test_lies_are_found_before_memory_is_taken(lie, make, tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(make(LIES[lie]))
    with pytest.raises(RunError, match=r"^CR804: .*a\.pt is not a PyTorch file, or was cut"):
        cr.load(path)


def test_a_million_containers_are_enough(monkeypatch):
    monkeypatch.setattr("chainrule.train.pickle_reader.MOST", 1000)
    assert len(read(zipped(Raw(b"](" + b"]" * 900 + b"e")))) == 900
    with pytest.raises(RunError, match=r"CR804.*more than 1,000 lists"):
        read(zipped(Raw(b"](" + b"]" * 1100 + b"e")))


def test_what_is_shared_is_no_tower():
    value = read(zipped(Raw(b"(Nq\0" + b"h\0h\0\x86q\0" * 64 + b"t")))[-1]
    for _ in range(64):
        assert value[0] is value[1]
        value = value[0]
    assert value is None


def without(file: bytes, name: bytes) -> bytes:
    """The file with a record called otherwise in the directory at its end."""
    at = file.rfind(name)
    return file[:at] + name.upper() + file[at + len(name) :]


WHOLE = zipped(tensor())
END = WHOLE.rfind(b"PK\5\6")
ENTRY = WHOLE.rfind(b"PK\1\2", 0, WHOLE.rfind(b"archive/data/0"))


def changed(at: int, content: bytes) -> bytes:
    return WHOLE[:at] + content + WHOLE[at + len(content) :]


ZIPS = {
    "compressed": zipped([tensor()], method=zipfile.ZIP_DEFLATED),
    "compressed, they say": changed(ENTRY + 10, b"\x08\0"),
    "a wrong checksum": WHOLE.replace(STORAGE["0"], bytes(24)),
    "another name in the directory": without(WHOLE, b"archive/data/0"),
    "a record of 4 GB": changed(ENTRY + 20, b"\xfe\xff\xff\xff" * 2),
    "a record that is larger unpacked": changed(ENTRY + 24, b"\xff\xff\xff\x7f"),
    "a record elsewhere": changed(ENTRY + 42, b"\1\0\0\0"),
    "a record outside": changed(ENTRY + 42, b"\xff\xff\xff\x7f"),
    "a record of 64 bits without them": changed(ENTRY + 42, b"\xff\xff\xff\xff"),
    "a directory outside": changed(END + 16, b"\xff\xff\xff\x7f"),
    "a larger directory": changed(END + 12, b"\xff\xff\xff\x7f"),
    "more entries": changed(END + 10, b"\xff\xff"),
    "an order of bytes": zipped(tensor(), others={"byteorder": b"odd"}),
    "no pickle in it": zipped(b""),
    "an end without a beginning": WHOLE[END:],
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", ZIPS)
def test_zip_files_that_lie(case, tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(ZIPS[case])
    with pytest.raises(RunError, match=r"^CR804: .*a\.pt is not a \w+ file, or was cut"):
        cr.load(path)


def test_the_reason_is_told():
    for lie, reason in {
        "outside": "a tensor lies outside its storage of 6 elements",
        "a path": r"'archive/data/\.\./data\.pkl' is missing",
        "huge storage": "another size than the pickle says",
        "a tower": "nested more than 100 deep",
    }.items():
        with pytest.raises(RunError, match=f"CR804.*{reason}"):
            read(zipped(LIES[lie]))


def test_a_record_under_another_name():
    local = WHOLE.find(b"archive/data/0")
    with pytest.raises(RunError, match=r"CR804.*'archive/data/0' is not where the directory"):
        read(changed(local, b"archive/data/1"))


def test_records_on_the_same_bytes():
    """A file of some kilobytes could take gigabytes, each record copied for itself."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(None))
        archive.writestr("archive/data/0", bytes(9000))
        for i in range(1, 50):
            archive.filelist.append(copy.copy(archive.filelist[1]))
            archive.filelist[-1].filename = f"archive/data/{i}"
    with pytest.raises(RunError, match=r"CR804.*its records are larger than the file"):
        read(file.getvalue())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_record_that_is_there_twice():
    file = io.BytesIO(WHOLE)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/data/0", bytes(24))
    with pytest.raises(RunError, match=r"CR804.*two records are called 'archive/data/0'"):
        read(file.getvalue())


def test_a_checksum_that_was_not_made():
    """PyTorch writes 0 where torch.serialization.set_crc32_options(False) was called."""
    assert read(changed(ENTRY + 16, bytes(4))).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("whole", [WHOLE, in_a_row(tensor())], ids=FORMATS)
def test_a_file_that_was_cut_anywhere(whole):
    for length in range(len(whole)):
        with pytest.raises(RunError, match=r"^CR804|^CR820.*torch\.save did not write"):
            read(whole[:length])


def test_storages_of_older_files():
    for file, reason in {
        in_a_row(tensor(), {}): "not those that its tensors need",
        in_a_row(None): "not those that its tensors need",
        in_a_row(tensor(), {"0": bytes(20)}): "another size",
        in_a_row([tensor(), tensor("1", LONG)]): "larger than the file",
        in_a_row(tensor(), {"0": bytes(24)}, width=8): "another size",
    }.items():
        with pytest.raises(RunError, match=f"CR804.*{reason}"):
            read(file)


# -- against PyTorch itself ------------------------------------------------------------


def as_chainrule(value: Any) -> Any:
    """What chainrule should read for a value of PyTorch."""
    torch = sys.modules["torch"]
    if isinstance(value, torch.Tensor):
        bits = value.detach().contiguous()
        kind = getattr(cr, str(value.dtype).removeprefix("torch."))
        raw = bits.view(torch.int16).numpy() if value.dtype == torch.bfloat16 else bits.numpy()
        raw = raw.view(np.uint8) != 0 if kind is cr.bool else raw.view(kind.numpy)
        found = cr.Tensor._of(raw)
        if isinstance(value, torch.nn.Parameter):
            return nn.Parameter(found, value.requires_grad)
        return found.requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return type(value)((k, as_chainrule(v)) for k, v in value.items())
    return type(value)(map(as_chainrule, value)) if isinstance(value, (list, tuple)) else value


def network(torch: Any) -> Any:
    """A residual network in small."""
    layers = torch.nn

    class Block(layers.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.a, self.b = layers.Conv2d(c, c, 3), layers.Conv2d(c, c, 3, bias=False)
            self.norm = layers.BatchNorm2d(c)
            self.skip = layers.Sequential(layers.Conv2d(c, c, 1), layers.GroupNorm(1, c))

    return layers.Sequential(layers.Conv2d(3, 4, 7), Block(4), Block(4), layers.Linear(4, 10))


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_against_torch(form, protocol, tmp_path):
    torch = pytest.importorskip("torch")
    saved = content(torch)
    saved.pop("named")
    model = network(torch)
    saved["network"] = model.state_dict()
    saved["odd"] = [torch.randn(4, 5, 6).transpose(0, 2)[1:, ::2], torch.randn(3)[1:2]]
    path = tmp_path / "a.pt"
    torch.save(saved, path, pickle_protocol=protocol, _use_new_zipfile_serialization=form)
    found = cr.load(path)
    assert same(found.pop("network"), as_chainrule(saved.pop("network")))
    assert same(found, as_chainrule(saved))
    twin = network(cr)
    twin.load_state_dict(cr.load(path)["network"])
    assert [*twin.state_dict()] == [*model.state_dict()]


def test_what_torch_can_read_and_we_cannot():
    torch = pytest.importorskip("torch")
    for value in (
        torch.zeros(2, dtype=torch.complex64), torch.zeros(2, dtype=torch.uint16),
        torch.zeros(2, dtype=torch.float8_e4m3fn), torch.zeros(2, 2).to_sparse(),
        torch.nn.Linear(1, 1), np.float64(2),
    ):  # fmt: skip
        file = io.BytesIO()
        torch.save(value, file)
        with pytest.raises(RunError, match=r"CR820.* called "):
            read(file.getvalue())


@pytest.mark.parametrize("kind", [torch_zip(), torch_row()], ids=FORMATS)
def test_broken_files_that_both_read_are_read_alike(kind):
    torch = pytest.importorskip("torch")
    random, alike = Random(0), 0
    for _ in range(300):
        file = kind.broken(random)
        try:
            theirs = torch.load(io.BytesIO(file), weights_only=True)
            ours = read(file)
        except Exception:
            continue
        if isinstance(theirs, dict):
            alike += 1
            for name in {"w", "p", "n"} & theirs.keys():
                assert same(ours[name], as_chainrule(theirs[name])), file
    assert alike > 10


def record() -> None:
    torch = __import__("torch")
    files = {}
    for form, is_zip in FORMATS.items():
        file = io.BytesIO()
        torch.save(content(torch), file, _use_new_zipfile_serialization=is_zip)
        files[form] = base64.b85encode(zlib.compress(file.getvalue(), 9)).decode()
    RECORDED.write_text(json.dumps(files, indent=0) + "\n")


if __name__ == "__main__":
    record()
