"""Bad input: each kind gives one clear error, and nothing that was there is lost.

A case is what is tried, the class of the error and what its message says: the thing that is
wrong and the repair. No other traceback hangs on the error, files stay as they were, no file
and no process is left behind, and no code out of a file runs.
"""

import errno
import hashlib
import io
import json
import multiprocessing
import os
import re
import struct
import sys
import time
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch_files import Call, Name, tensor, zipped

import chainrule as cr
from chainrule import distributions, metrics, nn, optim
from chainrule.cli.main import main
from chainrule.data import CSVDataset, ImageFolder, download, read_text
from chainrule.data.idx import read_idx
from chainrule.errors import (
    ArgumentError,
    ArgumentTypeError,
    AxisError,
    ChainruleError,
    DataError,
    DeviceError,
    DtypeError,
    MissingFileError,
    ModuleError,
    RunError,
    ShapeError,
    codes,
)
from chainrule.files import make_folder, write_text
from chainrule.nn import functional as F
from chainrule.nn.utils.rnn import pack_padded_sequence, pack_sequence
from chainrule.optim import lr_scheduler
from chainrule.train import Checkpoint, EarlyStopping, Trainer, load_checkpoint, save_checkpoint
from chainrule.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

NAN = float("nan")
SHARED_MEMORY = Path("/dev/shm")
Cases = dict[str, tuple[Callable[[], object], type[ChainruleError], str]]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    """All that is in a folder, hidden files too."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def shared() -> set[Path]:
    return set(SHARED_MEMORY.iterdir()) if SHARED_MEMORY.exists() else set()


def fails(act: Callable[[], object], kind: type[ChainruleError], says: str) -> None:
    """Exactly one error, of this kind, that says this; and nothing else happens."""
    before = content(Path()), shared()
    with pytest.raises(ChainruleError) as caught:
        act()
    error = caught.value
    assert type(error) is kind
    assert re.match(says, str(error)), str(error)
    assert error.code in codes() and "\n" not in str(error)
    assert error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)
    assert multiprocessing.active_children() == []
    assert (content(Path()), shared()) == before


# -- files -----------------------------------------------------------------------------


def safetensors(header: dict | bytes, data: bytes = bytes(8)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(**changes: object) -> dict:
    return {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


HARM = Call(Name("os", "system"), "touch harm")
PT = zipped(tensor())
W = json.dumps(entry()["w"]).encode()
NO_SAFETENSORS = "CR804: .*w.safetensors is not a safetensors file, or was cut"
NO_PT = "CR804: .*w.pt is not a PyTorch file, or was cut"

#: the file and what is in it, what reads it, the error
FILES = {
    "csv: ragged row": ("a.csv", "a,b,c\n1,2,3\n4,5\n", CSVDataset, DataError,
        "CR743: a.csv, line 3: 2 cells, where 3 .*a, b, c.* missing or superfluous ','"),
    "csv: text among numbers": ("a.csv", "a,b\n1,2\n3,4\nfive,6\n", CSVDataset, DataError,
        "CR744: a.csv, line 4, column 'a': 'five' is no number.*categorical="),
    "csv: a name twice": ("a.csv", "a,a\n1,2\n", lambda p: CSVDataset(p, header=True),
        DataError, "CR742: a.csv: the header names a more than once.*own name"),
    "csv: empty": ("a.csv", "", CSVDataset, DataError, "CR742: a.csv has no rows"),
    "csv: a header alone": ("a.csv", "a,b\n", lambda p: CSVDataset(p, header=True), DataError,
        "CR742: a.csv has a header and no rows"),
    "csv: Latin-1": ("a.csv", b"name\nM\xfcller\n", CSVDataset, DataError,
        "CR742: a.csv, line 2: no UTF-8 text.*Save it as UTF-8"),
    "csv: UTF-16": ("a.csv", "a,b\n1,2\n".encode("utf-16"), CSVDataset, DataError,
        "CR742: a.csv, line 1: no UTF-8 text.*Save it as UTF-8"),
    "csv: no such target": ("a.csv", "a,b\n1,2\n3,4\n", lambda p: CSVDataset(p, "y"),
        ArgumentError, "CR745: a.csv has no column 'y'; its columns are a, b"),
    "csv: a row without target": ("a.csv", "a,y\n1,2\n3,\n", lambda p: CSVDataset(p, "y"),
        DataError, "CR744: a.csv, line 3, column 'y': '' is missing.*missing=\"drop\""),
    "csv: a delimiter of two": ("a.csv", "a;;b\n1;;2\n",
        lambda p: CSVDataset(p, delimiter=";;"), ArgumentError,
        "CR745: delimiter=';;'; give one character"),
    "text: Latin-1": ("a.txt", b"M\xfcller", read_text, DataError, "CR746: .*a.txt.*UTF-8"),
    "idx: cut": ("images", b"\0\0\x08\x03" + bytes(11), read_idx, DataError, "CR710: images"),
    "safetensors: cut": ("w.safetensors", safetensors(entry())[:-1], cr.load, RunError,
        NO_SAFETENSORS),
    "safetensors: header cut": ("w.safetensors", safetensors(entry())[:20], cr.load, RunError,
        NO_SAFETENSORS),
    "safetensors: another shape": ("w.safetensors", safetensors(entry(shape=[3])), cr.load,
        RunError, NO_SAFETENSORS),
    "safetensors: outside": ("w.safetensors", safetensors(entry(data_offsets=[8, 16])), cr.load,
        RunError, NO_SAFETENSORS),
    "safetensors: a header of 4 EB": ("w.safetensors", (2**62).to_bytes(8, "little") + b"{}",
        cr.load, RunError, NO_SAFETENSORS),
    "safetensors: unknown type": ("w.safetensors", safetensors(entry(dtype="C64")), cr.load,
        RunError, "CR804: .*w.safetensors: 'w' has .* C64.*F32"),
    "safetensors: a name twice": ("w.safetensors", safetensors(b'{"w":%b,"w":%b}' % (W, W)),
        cr.load, RunError, NO_SAFETENSORS),
    "pt: code": ("w.pt", zipped({"w": HARM}), lambda p: cr.load(p, weights_only=False),
        RunError, "CR820: w.pt holds .*'os.system'.*nothing in the file was run"),
    "pt: cut": ("w.pt", PT[: len(PT) // 2], cr.load, RunError, NO_PT),
    "pt: a lie about sizes": ("w.pt", zipped(tensor(n=2**62)), cr.load, RunError, NO_PT),
    "pt: outside": ("w.pt", zipped(tensor(offset=100)), cr.load, RunError, NO_PT),
    "pt: a storage that is not there": ("w.pt", zipped(tensor(key="7")), cr.load, RunError,
        NO_PT),
    "pt: another file": ("w.pt", "some text", cr.load, RunError, "CR804: .*w.pt"),
    "a model": ("none", "", lambda p: cr.save(nn.Linear(1, 1), "w"), ArgumentTypeError,
        r"CR805: save: the object is a Linear.*state_dict\(\)"),
    "no file": ("none", "", lambda p: cr.load("w.pt"), MissingFileError,
        "CR804: cannot read w.pt: No such file"),
    "a folder": ("checkpoint/notes", "", lambda p: cr.load("checkpoint"),
        MissingFileError, "CR804: .*checkpoint/tensors.safetensors"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_files(case, here):
    name, written, read, kind, says = FILES[case]
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(written if isinstance(written, bytes) else written.encode())
    fails(lambda: read(path), kind, says)


DAMAGES = {
    "tensors.safetensors": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "state.json": lambda path: path.write_text('{"dict": [["w", {"ten'),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint(name, here):
    folder = Path("000001-step-5")
    save_checkpoint({"w": cr.ones(2)}, folder)
    DAMAGES[name](folder / name)
    fails(lambda: load_checkpoint(folder), RunError, f"CR804: .*{folder}.*{name}")
    (folder / name).unlink()
    fails(lambda: cr.load(folder), MissingFileError, f"CR804: .*{folder}.*{name}")


# -- pictures --------------------------------------------------------------------------


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A picture in shades of grey that holds so many pixels, or says so."""

    def part(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = part(b"IHDR", size) + part(b"IDAT", zlib.compress(pixels)) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


PIXELS = b"".join(b"\0" + bytes(range(i, i + 30)) for i in range(30))
PICTURES = {
    "cut": (png(30, 30, PIXELS)[:80], "a.png.*truncated"),
    "damaged": (png(30, 30, PIXELS).replace(b"IDAT", b"IDAT?", 1), "a.png"),
    "a text": (b"a text of letters", "cannot identify image file.*a.png"),
    "nothing": (b"", "cannot identify image file.*a.png"),
    "a bomb": (png(60_000, 60_000), "a.png.*pixels"),
    "a smaller bomb": (png(10_000, 10_000), "a.png.*100,000,000 pixels in a file of"),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """The folder of a short training."""
    out = tmp_path_factory.mktemp("run") / "mlp"
    assert main(["train", "digits", "--model", "mlp", "--epochs", "1", "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("case", PICTURES)
def test_pictures(case, trained, here, capsys):
    pytest.importorskip("PIL")
    written, says = PICTURES[case]
    path = here / "pets" / "cat" / "a.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(written)
    says = rf"CR712: cannot read .*{says}.*Give a PNG or JPEG file"
    fails(lambda: ImageFolder("pets")[0], DataError, says)
    fails(lambda: list(DataLoader(ImageFolder("pets"), num_workers=1)), DataError, says)
    capsys.readouterr()
    assert main(["predict", str(trained), str(path)]) == 2
    said = capsys.readouterr()
    assert re.fullmatch(f"chainrule: {says}\n", said.err) and said.out == ""


def test_pictures_without_pillow(trained, here, monkeypatch, capsys):
    Path("pets/cat").mkdir(parents=True)
    Path("pets/cat/a.png").write_bytes(png(30, 30, PIXELS))
    monkeypatch.setitem(sys.modules, "PIL", None)
    for module in ("PIL.Image", "PIL.ImageOps"):
        monkeypatch.setitem(sys.modules, module, None)
    says = "CR715: .*needs Pillow: pip install pillow"
    fails(lambda: ImageFolder("pets")[0], DataError, says)
    assert main(["predict", str(trained), "pets/cat/a.png"]) == 2
    assert re.search(says, capsys.readouterr().err)


# -- downloads -------------------------------------------------------------------------

WHOLE = bytes(range(256)) * 40
HOME = "http://files.invalid/"


class Answer(io.BytesIO):
    """What a server sends, and how much it had promised."""

    status = 200

    def __init__(self, sent: bytes, promised: int) -> None:
        super().__init__(sent)
        self.headers = {"Content-Length": str(promised)}


def fetched(folder: Path) -> Path:
    return download.fetch("a.bin", [HOME], hashlib.sha256(WHOLE).hexdigest(), folder)


def test_a_download_that_breaks_goes_on_the_next_time(here, monkeypatch):
    def asked(request, timeout):
        had = int(re.sub(r"\D", "", request.headers.get("Range", "0")))
        answer = Answer(WHOLE[had : max(had, limit)], len(WHOLE) - had)
        answer.status = 206 if had else 200
        return answer

    monkeypatch.setattr(urllib.request, "urlopen", asked)
    limit = 5000
    with pytest.raises(DataError, match=r"CR709: cannot fetch a\.bin.*broke.*put the file"):
        fetched(here)
    assert content(here) == {"a.bin.part": WHOLE[:5000]}
    limit = len(WHOLE)
    assert fetched(here).read_bytes() == WHOLE
    assert content(here) == {"a.bin": WHOLE}


def test_a_download_of_another_file_is_not_kept(here, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, timeout: Answer(b"other", 5))
    fails(lambda: fetched(here), DataError, rf"CR711: what {HOME}a\.bin sent is not.*by hand")


def test_no_network(here, monkeypatch):
    def refuse(request, timeout):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    for dataset, file in {
        "MNIST": r"train-images-.*MNIST/raw together with train-labels-idx1-ubyte\.gz, t10k-i",
        "FashionMNIST": "train-images-.*FashionMNIST/raw together with train-labels-",
        "CIFAR10": r"cifar-10-binary\.tar\.gz .*",
    }.items():
        fetch = getattr(cr.datasets, dataset)
        says = f"CR709: cannot fetch {file}.*, or name the folder that has it"
        Path("data").mkdir(exist_ok=True)
        fails(lambda fetch=fetch: fetch("data", download=True), DataError, says)


# -- loading ---------------------------------------------------------------------------


class Acting(Dataset):
    """Sample 5 does something bad."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index):
        return self.act() if index == 5 else index


def load(act: Callable[[], object], **options) -> list:
    return list(DataLoader(Acting(act), 4, **options))


LOADING: Cases = {
    "a worker that dies": (lambda: load(lambda: os._exit(3), num_workers=2), DataError,
        r"CR720: worker \d .*exit code 3"),
    "a worker that hangs": (lambda: load(lambda: time.sleep(60), num_workers=2, timeout=0.2),
        DataError, r"CR721: .*timeout=0.2"),
    "a file that is missing": (lambda: load(lambda: read_text("none"), num_workers=2),
        DataError, "CR746: cannot read none: No such file"),
    "unequal samples": (lambda: list(DataLoader([cr.ones(2), cr.ones(3)], 2)), DataError,
        r"CR707: .*different shapes, \(2,\) and \(3,\).*collate_fn that pads"),
    "no samples": (lambda: DataLoader([], shuffle=True), DataError, "CR706: .*no samples"),
    "no dataset": (lambda: DataLoader(None), ArgumentTypeError,
        "CR903: DataLoader takes a Dataset.*got NoneType"),
    "a stream that is shuffled": (lambda: DataLoader(IterableDataset(), shuffle=True),
        ArgumentError, "CR703: DataLoader: an IterableDataset.*leave"),
    "workers below 0": (lambda: DataLoader([1], num_workers=-1), ArgumentError,
        "CR704: num_workers is at least 0, got -1"),
    "no folder": (lambda: ImageFolder("none"), DataError, "CR741: cannot read the folder none"),
}  # fmt: skip


@pytest.mark.parametrize("case", LOADING)
def test_loading(case, here):
    if "worker that" in case and "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("classes of tests need fork")
    fails(*LOADING[case])


# -- calls -----------------------------------------------------------------------------

X = cr.tensor([[0.0, 1.0, 2.0], [3.0, 5.0, 4.0]])
SEQUENCE = cr.ones(3, 2, 4)  # (t, n, d)


def labelled(*labels: float) -> tuple[cr.Tensor, cr.Tensor]:
    return X, cr.tensor(labels)


def update(metric: metrics.Metric, *labels: float) -> None:
    metric.update(*labelled(*labels))


def multiclass(kind: type) -> metrics.Metric:
    return kind(task="multiclass", num_classes=3)


LABELS: Cases = {
    "NaN": (lambda: F.cross_entropy(*labelled(0.0, NAN)), DtypeError,
        "CR513: cross_entropy: labels are whole numbers.*1 of 2 are NaN: leave"),
    "float": (lambda: F.cross_entropy(*labelled(0.0, 1.0)), DtypeError,
        r"CR513: cross_entropy: labels are whole numbers.*labels.long\(\) converts"),
    "too high": (lambda: F.cross_entropy(*labelled(0, 3)), AxisError,
        "CR512: cross_entropy: label 3 is out of range; with 3 classes .*0 to 2.*start at 0"),
    "too low": (lambda: F.cross_entropy(*labelled(0, -1)), AxisError,
        "CR512: cross_entropy: label -1 is out of range; with 3 classes .*right labels"),
    "too many": (lambda: F.cross_entropy(*labelled(0, 1, 2)), ShapeError,
        r"CR510: cross_entropy: .*shape \(2,\), got a target \(3,\)"),
    "a column": (lambda: F.cross_entropy(X, cr.tensor([[0], [1]])), ShapeError,
        r"CR510: cross_entropy: .*target.squeeze\(1\)"),
    "in nll_loss": (lambda: F.nll_loss(*labelled(0, 3)), AxisError, "CR512: nll_loss: label 3"),
    "a loss that would broadcast": (lambda: F.mse_loss(cr.ones(3, 1), cr.ones(3)), ShapeError,
        "CR510: mse_loss.*Squeeze the input"),
    "logits as probabilities": (lambda: F.binary_cross_entropy(X, X), ArgumentError,
        "CR517: binary_cross_entropy.* input goes from 0 to 5.*with_logits"),
    "1 and 2": (lambda: F.binary_cross_entropy(X / 5, X / 4), ArgumentError,
        "CR517: binary_cross_entropy.* target goes from 0 to 1.25.*labels"),
    "NaN in a target": (lambda: F.binary_cross_entropy(X / 5, X * NAN), ArgumentError,
        "CR517: binary_cross_entropy.* target goes from nan"),
    "accuracy, NaN": (lambda: update(metrics.Accuracy(), 0, NAN), ArgumentError,
        "CR911: the targets hold nan, no class"),
    "accuracy, too high": (lambda: update(metrics.Accuracy(), 0, 3), ArgumentError,
        "CR911: the targets hold classes from 0 to 3, where 0 to 2 .*ignore_index"),
    "accuracy, too many": (lambda: update(metrics.Accuracy(), 0, 1, 2), ShapeError,
        r"CR713: accuracy.*\(2, 3\) and \(3,\)"),
    "F1, half": (lambda: update(multiclass(metrics.F1Score), 0, 0.5), ArgumentError,
        "CR911: target hold 0.5, no class"),
    "confusion, too low": (lambda: update(multiclass(metrics.ConfusionMatrix), 0, -1),
        ArgumentError, "CR911: target hold classes from -1 to 0.*ignore_index"),
    "AUROC, NaN": (lambda: metrics.AUROC("binary").update(X[0] * NAN, cr.tensor([0, 1, 0])),
        ArgumentError, "CR911: preds hold 3 NaN among 3 numbers; find"),
    "the score of nothing": (lambda: metrics.Accuracy().compute(), ArgumentError,
        r"CR714: accuracy of no samples: call update\(\)"),
}  # fmt: skip

LAYERS: Cases = {
    "Linear": (lambda: nn.Linear(3136, 10)(cr.ones(32, 64, 7, 7)), ShapeError,
        r"CR101: Linear expects \(…, 3136\).*x.flatten\(1\).*in module Linear"),
    "Linear, deep": (lambda: nn.Sequential(nn.ReLU(), nn.Linear(4, 2))(X), ShapeError,
        r"CR101: Linear expects .*in_features=3 \(in module Linear '1'\)"),
    "Linear, array": (lambda: nn.Linear(3, 1)(np.ones((2, 3), np.float32)), ArgumentTypeError,
        "CR209: Linear takes a tensor, got ndarray; chainrule.as_tensor"),
    "Linear, double": (lambda: nn.Linear(3, 1)(X.double()), DtypeError,
        r"CR204: Linear has weights of type chainrule.float32.*x.to\("),
    "Linear, half a size": (lambda: nn.Linear(7 / 2, 1), ArgumentTypeError,
        r"CR903: sizes are whole numbers, got \(1, 3.5\); int"),
    "Conv2d, channels last": (lambda: nn.Conv2d(3, 8, 3)(cr.ones(4, 28, 28, 3)), ShapeError,
        r"CR115: .*expect 3 input channels, the input has 28.*in module Conv2d"),
    "Conv2d, one image": (lambda: nn.Conv2d(1, 8, 3)(cr.ones(28, 28)), ShapeError,
        r"CR110: .*4 axes, got \(28, 28\) \(in module Conv2d"),
    "Conv2d, too small": (lambda: nn.Conv2d(1, 8, 5)(cr.ones(1, 1, 2, 2)), ShapeError,
        r"CR116: a window of \(5, 5\).*make the kernel smaller"),
    "Conv2d, bytes": (lambda: nn.Conv2d(1, 8, 1)(cr.ones(1, 1, 2, 2).byte()), DtypeError,
        "CR204: a convolution of chainrule.uint8 and chainrule.float32.*convert"),
    "Conv2d, no kernel": (lambda: F.conv2d(cr.ones(1, 1, 2, 2), cr.ones(1, 1, 0, 0)),
        ArgumentError, r"CR117: a kernel of size \(0, 0\).*at least 1"),
    "LSTM": (lambda: nn.LSTM(5, 6)(SEQUENCE), ShapeError,
        r"CR101: LSTM expects \(…, 5\).*input_size=4"),
    "LSTM, state": (lambda: nn.LSTM(4, 6)(SEQUENCE, (cr.ones(1, 3, 6),) * 2), ShapeError,
        r"CR592: LSTM expects the state h_0 \(1, 2, 6\).*got \(1, 3, 6\)"),
    "LSTM, axes": (lambda: nn.LSTM(4, 6)(cr.ones(4)), ShapeError,
        r"CR591: LSTM takes sequences \(t, n, features\).*got \(4,\)"),
    "LSTM in Sequential": (lambda: nn.Sequential(nn.LSTM(4, 6), nn.Linear(6, 1))(SEQUENCE),
        ArgumentTypeError, r"CR209: Linear takes a tensor, got tuple.*Linear '1'"),
    "Embedding, too high": (lambda: nn.Embedding(4, 5)(cr.tensor([1, 4])), AxisError,
        "CR512: embedding: row number 4 is out of range; with 4 rows"),
    "Embedding, float": (lambda: nn.Embedding(4, 5)(cr.ones(3)), DtypeError,
        r"CR513: embedding: .*long\(\)"),
    "attention, features": (lambda: nn.MultiheadAttention(8, 2)(*[SEQUENCE] * 3), ShapeError,
        r"CR596: MultiheadAttention has embed_dim=8, the query is \(3, 2, 4\)"),
    "attention, heads": (lambda: nn.MultiheadAttention(8, 3), ArgumentError,
        "CR595: .*embed_dim=8 among num_heads=3.*multiple"),
    "attention, mask": (lambda: nn.MultiheadAttention(4, 2)(
        *[SEQUENCE] * 3, attn_mask=cr.zeros(2, 2)), ShapeError,
        r"CR597: attn_mask has shape \(2, 2\).*need \(3, 3\)"),
    "BatchNorm, one sample": (lambda: nn.BatchNorm1d(3)(X[:1]), ArgumentError,
        r"CR525: .*more than one.*\(1, 3\).*drop_last=True.*eval\(\)"),
    "BatchNorm, channels": (lambda: nn.BatchNorm2d(3)(cr.ones(2, 4, 5, 5)), ShapeError,
        "CR101: BatchNorm2d expects .*num_features=4"),
    "lazy, counted": (lambda: sum(p.numel() for p in nn.LazyLinear(3).parameters()),
        ModuleError, r"CR560: .*call the network once, net\(x\)"),
    "lazy, saved": (lambda: cr.save(nn.LazyLinear(3).state_dict(), "w"), ModuleError,
        "CR560: .*call the network once"),
    "lazy, computed with": (lambda: nn.LazyLinear(3).weight + 1, ModuleError, "CR560: "),
    "packed, unsorted": (lambda: pack_padded_sequence(SEQUENCE, cr.tensor([1, 3])),
        ArgumentError, r"CR593: .*\[1, 3\], which do not decrease; pass enforce_sorted=False"),
    "packed, too long": (lambda: pack_padded_sequence(SEQUENCE, cr.tensor([4, 1])),
        ArgumentError, r"CR593: .*\[4, 1\] of sequences padded to 3; each must be from 1 to 3"),
    "packed, unsorted list": (lambda: pack_sequence([cr.ones(1), cr.ones(2)]), ArgumentError,
        "CR593: .*enforce_sorted=False"),
}  # fmt: skip

TENSORS: Cases = {
    "no such device": (lambda: cr.ones(1, device="gpu"), DeviceError,
        "CR207: 'gpu' names no device; there are cpu, cuda"),
    "a device that is not here": (lambda: nn.Linear(1, 1).to("cuda"), DeviceError,
        r"CR207: there is no device 'cuda' here.*is_available\(\)"),
    "matmul, types": (lambda: X @ X.T.double(), DtypeError,
        r"CR204: @ of chainrule.float32 and chainrule.float64.*x.to\(chainrule.float64\)"),
    "matmul, whole numbers": (lambda: cr.matmul(X, X.T.long()), DtypeError,
        "CR204: .*chainrule.float32 and chainrule.int64.*convert"),
    "matmul, shapes": (lambda: X @ X, ShapeError,
        r"CR104: matrix product of \(2, 3\) and \(2, 3\).*transpose"),
    "a state of PyTorch's generator": (lambda: cr.set_rng_state(cr.zeros(5056).byte()),
        ArgumentError, r"CR902: the state of a generator .*5056.*manual_seed"),
    "shapes": (lambda: X + cr.ones(2), ShapeError, r"CR102: shapes \(2, 3\) and \(2,\)"),
    "an index": (lambda: X[5], AxisError, "CR103: index 5 is out of range for axis 0"),
    "a reshape": (lambda: X.view(4, 2), ShapeError, r"CR105: cannot reshape \(2, 3\).* to \(4"),
    "rows": (lambda: cr.tensor([[1, 2], [3]]), ArgumentError, "CR114: .*rows .*equal lengths"),
    "text": (lambda: cr.tensor(["one"]), ArgumentTypeError, "CR208: cannot make a tensor of"),
    "bernoulli": (lambda: cr.bernoulli(X), ArgumentError, "CR517: bernoulli .*from 0 to 5"),
    "multinomial": (lambda: cr.multinomial(-X, 1), ArgumentError, "CR902: .*none below 0"),
    "Normal": (lambda: distributions.Normal(0.0, -1.0), ArgumentError,
        "CR950: Normal: parameter scale must .*got -1.0"),
    "Normal, NaN": (lambda: distributions.Normal(cr.tensor(NAN), 1.0), ArgumentError,
        "CR950: Normal: parameter loc must .*got nan"),
    "Categorical": (lambda: distributions.Categorical(cr.tensor([-0.5, 1.5])), ArgumentError,
        "CR950: Categorical: parameter probs"),
    "Categorical of both": (lambda: distributions.Categorical(X, X), ArgumentError,
        "CR952: Categorical takes exactly one of probs, logits"),
    "Bernoulli": (lambda: distributions.Bernoulli(1.5), ArgumentError, "CR950: .*got 1.5"),
    "covariance": (lambda: distributions.MultivariateNormal(cr.zeros(2), -cr.eye(2)),
        ArgumentError, "CR950: MultivariateNormal: parameter covariance_matrix"),
    "a value outside": (lambda: distributions.Bernoulli(0.5).log_prob(cr.tensor(2.0)),
        ArgumentError, "CR951: Bernoulli: a value must .*got 2.0"),
}  # fmt: skip


def weights(model: nn.Module | None = None) -> list[nn.Parameter]:
    return list((model or nn.Linear(3, 2)).parameters())


def beyond(schedule: lr_scheduler.LRScheduler) -> None:
    for _ in range(9):
        schedule.optimizer.step()
        schedule.step()


OPTIMIZERS: Cases = {
    "a used iterator": (lambda: optim.Adam(iter([])), ArgumentError, "CR601: Adam got .*empty"),
    "a model": (lambda: optim.SGD(nn.Linear(1, 1), lr=0.1), ArgumentTypeError,
        r"CR601: SGD takes a list of tensors.*model.parameters\(\)"),
    "a rate": (lambda: optim.Adam(weights(), lr=-1), ArgumentError, "CR604: Adam: lr .*got -1"),
    "betas": (lambda: optim.Adam(weights(), betas=0.9), ArgumentError,
        "CR604: Adam: betas must be two numbers"),
    "LBFGS without closure": (lambda: optim.LBFGS(weights()).step(), ArgumentTypeError,
        r"CR903: LBFGS.step\(closure\).*zero_grad\(\).*backward\(\).*returns it"),
    "LBFGS of groups": (lambda: optim.LBFGS([{"params": weights()}, {"params": weights()}]),
        ArgumentError, "CR614: LBFGS takes all parameters as one group.*single list"),
    "more steps": (lambda: beyond(
        lr_scheduler.OneCycleLR(optim.SGD(weights(), 0.1), 0.1, total_steps=3)), ArgumentError,
        "CR608: OneCycleLR was made for 3 steps, this is step 4.*all batches of all epochs"),
    "steps unknown": (lambda: lr_scheduler.OneCycleLR(optim.SGD(weights(), 0.1), 0.1),
        ArgumentError, "CR606: OneCycleLR: give total_steps, or epochs and steps_per_epoch"),
    "a schedule of a model": (lambda: lr_scheduler.StepLR(nn.Linear(1, 1), 3),
        ArgumentTypeError, "CR606: StepLR schedules an optimizer, got a Linear"),
}  # fmt: skip


@pytest.mark.parametrize("case", LABELS)
def test_labels(case, here):
    fails(*LABELS[case])


@pytest.mark.parametrize("case", LAYERS)
def test_layers(case, here):
    fails(*LAYERS[case])


@pytest.mark.parametrize("case", TENSORS)
def test_tensors(case, here):
    fails(*TENSORS[case])


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizers(case, here):
    fails(*OPTIMIZERS[case])


# -- states that do not fit: refused, and nothing is changed ---------------------------


def plain(value: object) -> object:
    """Values that compare, bit for bit."""
    if isinstance(value, cr.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else repr(value)


def stepped(optimizer: optim.Optimizer) -> optim.Optimizer:
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = cr.ones_like(p)
    optimizer.step()
    return optimizer


def adam(*sizes: int) -> optim.Optimizer:
    return stepped(optim.Adam(weights(nn.Linear(*sizes))))


def trainer(hidden=3, kind=optim.Adam, schedule=None, callbacks=()) -> Trainer:
    model = nn.Sequential(nn.Linear(2, hidden), nn.BatchNorm1d(hidden), nn.Linear(hidden, 2))
    optimizer = kind(model.parameters(), lr=0.1)
    batches = DataLoader(TensorDataset(cr.randn(8, 2), cr.arange(8) % 2), 4, shuffle=True)
    scheduler = schedule and schedule(optimizer)
    return Trainer(
        model, nn.CrossEntropyLoss(), optimizer, batches, batches, epochs=2,
        scheduler=scheduler, callbacks=callbacks,
    )  # fmt: skip


def halving(optimizer: optim.Optimizer) -> lr_scheduler.LRScheduler:
    return lr_scheduler.StepLR(optimizer, 1, 0.5)


def decaying(optimizer: optim.Optimizer) -> lr_scheduler.LRScheduler:
    return lr_scheduler.ExponentialLR(optimizer, 0.5)


def done(**parts: object) -> dict:
    """The state of a finished training."""
    finished = trainer(schedule=halving, callbacks=[EarlyStopping()], **parts)
    finished.fit()
    return finished.state_dict()


def begun() -> Trainer:
    return trainer(schedule=halving, callbacks=[EarlyStopping()])


WEIGHTS = {"weight": cr.ones(2, 3), "bias": cr.ones(2)}
ANOTHER = "CR807: this checkpoint belongs to a training that was built in another way"

#: what gets a state, the state, the error
STATES = {
    "a shape": (lambda: nn.Linear(3, 2), lambda: {**WEIGHTS, "weight": cr.ones(3, 3)},
        ModuleError, r"CR504: .*Linear: of another shape: weight \(3, 3\) instead of \(2, 3\)"),
    "a shape, after others": (lambda: nn.Linear(3, 2), lambda: {**WEIGHTS, "bias": cr.ones(3)},
        ModuleError, r"CR504: .*bias \(3,\) instead of \(2,\)"),
    "a missing key": (lambda: nn.Linear(3, 2), lambda: {"weight": cr.ones(2, 3)}, ModuleError,
        "CR504: .*missing: bias. strict=False"),
    "an unexpected key": (lambda: nn.Linear(3, 2), lambda: {**WEIGHTS, "x": cr.ones(1)},
        ModuleError, "CR504: .*unexpected: x. strict=False"),
    "a number": (lambda: nn.Linear(3, 2), lambda: {**WEIGHTS, "bias": 3}, ArgumentTypeError,
        "CR503: the entry 'bias' of a state dict must be a tensor"),
    "no dict": (lambda: nn.Linear(3, 2), lambda: "weights.pt", ArgumentTypeError,
        r"CR503: load_state_dict takes a dict.*chainrule.load\(path\)"),
    "groups of another model": (lambda: adam(3, 2), lambda: stepped(
        optim.Adam(weights(nn.LSTM(2, 2)))).state_dict(), ArgumentError,
        r"CR605: .*groups have \[4\] parameters, the optimizer's \[2\]"),
    "shapes of another model": (lambda: adam(3, 2), lambda: adam(2, 3).state_dict(),
        ArgumentError, r"CR605: .*of parameter 0 has shape \(3, 2\) instead of \(2, 3\)"),
    "another optimizer": (lambda: stepped(optim.SGD(weights(), 0.1, momentum=0.9)),
        lambda: adam(3, 2).state_dict(), ArgumentError, "CR605: .*SGD: .*no momentum"),
    "another schedule": (lambda: halving(adam(3, 2)),
        lambda: decaying(adam(3, 2)).state_dict(), ArgumentError, "CR605: .*has no step_size"),
    "another metric": (lambda: multiclass(metrics.F1Score),
        lambda: metrics.Accuracy().state_dict(), ArgumentError, "CR912: F1Score"),
    "another loader": (lambda: DataLoader(range(9), 2), lambda: {"pass": 3}, DataError,
        "CR725: this state belongs to another DataLoader: it lacks one of batches, own, pass"),
    "training: another model": (begun, lambda: done(hidden=5), RunError,
        rf"{ANOTHER} \(CR504.*0.weight \(5, 2\) instead of \(3, 2\).*Nothing was changed"),
    "training: another optimizer": (begun, lambda: done(kind=optim.SGD), RunError,
        rf"{ANOTHER} \(its optimizer: SGD, here: Adam\)"),
    "training: another schedule": (
        lambda: trainer(schedule=decaying, callbacks=[EarlyStopping()]), done, RunError,
        rf"{ANOTHER} \(its scheduler: StepLR, here: ExponentialLR\)"),
    "training: no schedule": (lambda: trainer(callbacks=[EarlyStopping()]), done, RunError,
        rf"{ANOTHER} \(its scheduler: StepLR, here: None\)"),
    "training: damaged at the end": (begun, lambda: {**done(), "callbacks": [{}]}, RunError,
        ANOTHER),
    "training: no checkpoint": (begun, lambda: {"w": cr.ones(1)}, RunError, ANOTHER),
}  # fmt: skip


@pytest.mark.parametrize("case", STATES)
def test_states(case, here):
    make, saved, kind, says = STATES[case]
    holder, state = make(), saved()
    before = plain(holder.state_dict())
    fails(lambda: holder.load_state_dict(state), kind, says)
    assert plain(holder.state_dict()) == before


def test_the_folder_of_another_training_is_named(here):
    trainer(callbacks=[Checkpoint("run")]).fit()
    resumed = trainer(hidden=4, callbacks=[Checkpoint("run")])
    fails(lambda: resumed.resume("run"), RunError, "CR807: the checkpoint run/000003-step-4 ")


# -- writing ---------------------------------------------------------------------------

OLD, NEW = {"w": cr.ones(3)}, {"w": cr.zeros(300)}
WRITING = {
    "save": (lambda: cr.save(OLD, "w"), lambda: cr.save(NEW, "w")),
    "text": (lambda: write_text("w", "old"), lambda: write_text("w", "new")),
    "checkpoint": (lambda: save_checkpoint(OLD, "000001-step-1"),
                   lambda: save_checkpoint(NEW, "000002-step-2")),
}  # fmt: skip


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("case", WRITING)
def test_a_full_disk_keeps_what_was_there(case, call, here, monkeypatch):
    before, after = WRITING[case]
    before()

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    says = r"CR803: cannot write (?!.*\.writing).*No space left on device.* free some space"
    fails(after, RunError, says)


UNWRITABLE: Cases = {
    "save": (lambda: cr.save(OLD, "none/w"), RunError, "CR803: cannot write none/w: .*choose"),
    "save to a folder": (lambda: cr.save(OLD, "folder"), RunError, "CR803: .* write folder"),
    "checkpoint": (lambda: save_checkpoint(OLD, "file/000001-step-1"), RunError,
        "CR803: cannot make the folder file/"),
    "folder": (lambda: make_folder("file/below"), RunError, "CR803: cannot make the folder"),
    "download": (lambda: fetched(Path("file")), RunError,
        "CR803: cannot make the folder file: a file of that name is in the way"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNWRITABLE)
def test_folders_that_cannot_be_written(case, here):
    Path("folder").mkdir()
    Path("folder/a").write_text("")
    Path("file").write_text("a text")
    fails(*UNWRITABLE[case])


@pytest.mark.skipif(
    getattr(os, "geteuid", int)() == 0, reason="the superuser may write anywhere"
)
def test_a_folder_without_the_right_to_write(here):
    here.chmod(0o500)
    fails(lambda: cr.save(OLD, "w"), RunError, "CR803: cannot write w: Permission denied")
    here.chmod(0o700)
