"""The datasets that come by name, idx files and fetching."""

import gzip
import hashlib
import io
import os
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from chainrule.data import digits, download, mnist, stratified_split
from chainrule.data.idx import ELEMENT_TYPES, read_idx
from chainrule.errors import ChainruleError, DataError

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")  # fmt: skip


def idx(array: np.ndarray) -> bytes:
    """The bytes of an idx file, written independently of the reader."""
    codes = {np.dtype(kind).newbyteorder("="): code for code, kind in ELEMENT_TYPES.items()}
    head = bytes([0, 0, codes[array.dtype], array.ndim])
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def small_mnist() -> dict[str, bytes]:
    random = np.random.default_rng(0)
    train, test = np.arange(120) % 10, np.arange(20) % 10
    arrays = (random.integers(0, 256, (120, 28, 28)), train,
              random.integers(0, 256, (20, 28, 28)), test)  # fmt: skip
    return {name: idx(a.astype(np.uint8)) for name, a in zip(FILES, arrays, strict=True)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in small_mnist().items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return tmp_path


# -- digits ----------------------------------------------------------------------------


def test_digits_are_the_known_images_each_in_one_part():
    parts = digits()
    assert [len(part) for part in parts] == [1258, 180, 359]
    images = np.concatenate([part.tensors[0].numpy() for part in parts])
    assert images.shape == (1797, 1, 8, 8) and images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    rows = np.sort((images * 16).astype(np.uint8).reshape(1797, 64).view("V64").ravel())
    packed = Path(download.__file__).with_name("digits.npz")
    with np.load(packed, allow_pickle=False) as file:
        known = np.sort(file["images"].reshape(1797, 64).view("V64").ravel())
    assert (rows == known).all()


def test_the_parts_of_digits_never_change():
    told = hashlib.sha256(b"".join(part.tensors[1].numpy().tobytes() for part in digits()))
    told.update(digits().test.tensors[0].numpy().tobytes())
    assert told.hexdigest()[:16] == "d6e8bf77d748abac"


def test_every_part_has_its_share_of_every_digit():
    for part, share in zip(digits(), (0.7, 0.1, 0.2), strict=True):
        found = np.bincount(part.tensors[1].numpy(), minlength=10)
        whole = np.array([178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
        assert (abs(found - share * whole) <= 1).all()


def test_a_stratified_split_covers_everything_once():
    labels = np.repeat([3, 5, 9], [10, 20, 31])
    parts = stratified_split(labels, [0.3, 0.3], seed=1)
    assert (np.sort(np.concatenate(parts)) == np.arange(61)).all()
    assert [np.bincount(labels[part])[[3, 5, 9]].tolist() for part in parts] == [
        [3, 6, 9], [3, 6, 10], [4, 8, 12],
    ]  # fmt: skip


def test_a_split_of_nothing():
    assert [len(part) for part in stratified_split(np.empty(0, np.int64), [0.5], 0)] == [0, 0]


# -- idx -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx_files_of_every_type(tmp_path, kind):
    array = np.arange(-6, 6).reshape(2, 3, 2).astype(kind)
    (tmp_path / "a").write_bytes(idx(array))
    (tmp_path / "b.gz").write_bytes(gzip.compress(idx(array), mtime=0))
    for name in ("a", "b.gz"):
        found = read_idx(tmp_path / name)
        assert found.dtype == array.dtype and found.dtype.isnative
        assert (found == array).all()


GOOD = idx(np.arange(6, dtype=np.uint8).reshape(2, 3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\0", "begins with 00"),
        (b"\0\0", "begins with 00 00"),
        (b"<html>not found</html>", "begins with 3c 68 74 6d"),
        (b"\0\0\x07\x01" + bytes(8), "not an idx file"),
        (GOOD[:9], "not an idx file"),
        (GOOD[:-1], "2 x 3 elements, 6 bytes, but 5 bytes follow"),
        (GOOD + b"x", "but 7 bytes follow"),
        (b"\x1f\x8b" + bytes(20), "cannot read"),
        (gzip.compress(GOOD, mtime=0)[:-9], "cannot read"),
    ],
)
def test_malformed_idx_files(tmp_path, content, message):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"CR710.*{message}"):
        read_idx(path)


def test_an_idx_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"CR710.*No such file"):
        read_idx(tmp_path / "missing")


# -- mnist -----------------------------------------------------------------------------


def test_mnist_from_a_folder(folder):
    train, validation, test = mnist(folder)
    assert [len(train), len(validation), len(test)] == [110, 10, 20]
    assert train.tensors[0].shape == (110, 1, 28, 28)
    assert sorted(validation.tensors[1].tolist()) == list(range(10))
    assert test.tensors[1].tolist() == [i % 10 for i in range(20)]
    pixel = small_mnist()[FILES[2]][16]
    assert test.tensors[0][0, 0, 0, 0].item() == pytest.approx(pixel / 255, abs=1e-7)


def test_mnist_from_unpacked_files(folder):
    for name, content in small_mnist().items():
        (folder / f"{name}.gz").unlink()
        (folder / name).write_bytes(content)
    assert len(mnist(str(folder)).test) == 20


def replace(name: str, array: np.ndarray):
    def act(folder: Path) -> None:
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))

    return act


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / f"{FILES[3]}.gz").unlink(), f"CR709.*no file {FILES[3]}"),
        (replace(FILES[0], np.zeros((120, 8, 8), np.uint8)), "CR710.*shape .120, 8, 8."),
        (replace(FILES[0], np.zeros((120, 28, 28), np.float32)), "CR710.*float32 elements"),
        (replace(FILES[1], np.zeros(119, np.uint8)), "CR710.*120 bytes from 0 to 9"),
        (replace(FILES[1], np.full(120, 10, np.uint8)), "CR710.*from 0 to 9"),
    ],
)
def test_mnist_files_that_do_not_fit(folder, harm, message):
    harm(folder)
    with pytest.raises(DataError, match=message):
        mnist(folder)


# -- fetching --------------------------------------------------------------------------


class Answer(io.BytesIO):
    """What a server sends."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.headers = {"Content-Length": str(len(content))}
        self.status = 200


class Web:
    """Stands for the network: what each address answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []
        monkeypatch.setattr(urllib.request, "urlopen", self.open)
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))

    def open(self, request: urllib.request.Request, timeout: float) -> Answer:
        address = request.full_url
        self.asked.append(address)
        if address not in self.pages:
            raise urllib.error.URLError("no route to host")
        return Answer(self.pages[address])


@pytest.fixture
def web(monkeypatch, tmp_path) -> Web:
    return Web(monkeypatch, tmp_path / "cache")


HOMES = ("https://first.example/", "https://second.example/")
CONTENT = b"some bytes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def fetch_gzipped(folder: Path) -> Path:
    return download.fetch("a.gz", HOMES, SHA256, folder, unpacked=True)


def test_fetching_goes_on_to_the_next_home(web, tmp_path):
    web.pages[HOMES[1] + "a.gz"] = gzip.compress(CONTENT, mtime=0)
    path = fetch_gzipped(tmp_path / "new" / "folder")
    assert gzip.decompress(path.read_bytes()) == CONTENT
    assert web.asked == [home + "a.gz" for home in HOMES]
    assert [p.name for p in path.parent.iterdir()] == ["a.gz"]


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"other", mtime=0), b"<html>", gzip.compress(CONTENT, mtime=0)[:-4]],
)
def test_what_is_not_the_known_file_is_not_kept(web, tmp_path, content):
    web.pages[HOMES[0] + "a.gz"] = content
    with pytest.raises(DataError, match="CR711"):
        fetch_gzipped(tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_network_the_error_says_what_to_put_where(web, tmp_path):
    with pytest.raises(DataError, match="CR709") as caught:
        mnist()
    assert f"{FILES[0]}.gz" in str(caught.value)
    assert str(tmp_path / "cache" / "chainrule" / "mnist") in str(caught.value)
    assert len(web.asked) >= 2


def test_mnist_is_read_from_the_cache_without_asking_anybody(web, folder, tmp_path):
    cache = tmp_path / "cache" / "chainrule" / "mnist"
    cache.mkdir(parents=True)
    for path in folder.glob("*.gz"):
        (cache / path.name).write_bytes(path.read_bytes())
    assert len(mnist().test) == 20
    assert web.asked == []


@pytest.mark.skipif(
    getattr(os, "geteuid", int)() == 0, reason="the superuser may write everywhere"
)
def test_a_cache_that_cannot_be_written(web, tmp_path):
    web.pages[HOMES[0] + "a.gz"] = gzip.compress(CONTENT, mtime=0)
    tmp_path.chmod(0o500)
    with pytest.raises(ChainruleError, match="CR803"):
        fetch_gzipped(tmp_path / "new")


def test_a_file_where_the_cache_should_be(web, tmp_path):
    web.pages[HOMES[0] + "a.gz"] = gzip.compress(CONTENT, mtime=0)
    (tmp_path / "taken").write_text("")
    with pytest.raises(ChainruleError, match=r"CR803.*in the way"):
        fetch_gzipped(tmp_path / "taken")
