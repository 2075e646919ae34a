"""Whatever a file holds, it is read, or refused with one error; nothing else happens.

benchmarks/fuzz_readers.py tries many more files.
"""

import gzip
import os
from random import Random

import numpy as np
import pytest
from broken_files import NAMES, PICTURES, Kind, kinds, outcome, safetensors, tried, watch

from chainrule.data import CSVDataset
from chainrule.data.cifar10 import read_cifar
from chainrule.data.idx import parse_idx, read_idx
from chainrule.data.image import read_rgb
from chainrule.errors import DataError, RunError
from chainrule.train.safetensors import TYPES, read_arrays

TRIES = {"safetensors": 800, "torch, zip": 800, "torch, older": 800, "state.json": 400}
OTHERS = 100


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*NAMES, *PICTURES])
def test_broken_files(name, tmp_path):
    readers = kinds(tmp_path)
    if name not in readers:
        pytest.skip("pictures need Pillow")
    failures = []
    counts = tried(
        readers[name], tmp_path, TRIES.get(name, OTHERS), 0, lambda *f: failures.append(f)
    )
    assert not failures, f"{len(failures)}, such as {failures[0]}"
    assert any(code.startswith("CR") for code in counts)


def test_the_watch_sees_what_it_should(tmp_path):
    watch()
    path = tmp_path / "a"
    path.write_text("text")

    def grow(_):
        return np.ones(2**30)

    for harm, seen in {
        lambda p: os.remove(p): "os.remove",
        lambda p: p.write_text("other"): "open",
        lambda p: os.system("true"): "os.system",
        lambda p: eval("1 + 1"): "compile",
        lambda p: [][0]: "IndexError",
        grow: "MemoryError",
    }.items():
        with pytest.raises(AssertionError, match=seen):
            outcome(Kind("a", b"", lambda r: b"", harm), path)


def test_the_safetensors_library_agrees(tmp_path):
    """What it refuses we refuse; what it reads we read alike, if we have the element type."""
    library = pytest.importorskip("safetensors")
    kind, random, path = safetensors(), Random(1), tmp_path / "a"
    agreed = 0
    for _ in range(800):
        content = kind.broken(random)
        path.write_bytes(content)
        try:
            theirs = dict(library.deserialize(content))
        except library.SafetensorError:
            theirs = None
        try:
            ours, _ = read_arrays(path)
        except RunError as error:
            assert theirs is None or ours_is_stricter(theirs, content, str(error)), content
            continue
        assert theirs is not None and ours.keys() == theirs.keys(), content
        for name, array in ours.items():
            entry = theirs[name]
            assert (TYPES[entry["dtype"]], tuple(entry["shape"])) == (array.dtype, array.shape)
            if array.dtype != np.bool_:
                assert array.tobytes() == bytes(entry["data"])
        agreed += 1
    assert agreed > 20


def ours_is_stricter(theirs: dict, content: bytes, reason: str) -> bool:
    """A type that chainrule has not, or what the format forbids and the library lets pass."""
    return any(entry["dtype"] not in TYPES for entry in theirs.values()) or any(
        text in reason for text in ("a name twice", "is not described by")
    )


# -- what was found in this way, and by thinking ----------------------------------------


def axes(*sizes: int) -> bytes:
    return bytes([0, 0, 8, len(sizes)]) + np.array(sizes, ">i4").tobytes()


@pytest.mark.parametrize(
    "content",
    [axes(-2, -3) + bytes(6), axes(*[1] * 70) + b"a", axes(0, -5), axes(*[2**31 - 1] * 9, 0)],
)
def test_sizes_in_idx_files_that_cannot_be(content):
    with pytest.raises(DataError, match="CR710"):
        parse_idx(content, "a")


def test_gzipped_files_that_swell(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.data.gzip_file.MOST_UNPACKED", 10**6)
    (tmp_path / "a").write_bytes(gzip.compress(bytes(3 * 10**6), mtime=0))
    for read, code in ((read_idx, "CR710"), (read_cifar, "CR740")):
        with pytest.raises(DataError, match=f"{code}.*unpacked it has more than 1,000,000"):
            read(tmp_path / "a")


def test_texts_that_are_no_categories(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,y\n" + "".join(f"x{i},{i % 2}\n" for i in range(1001)))
    with pytest.raises(DataError, match=r"CR744.*'name' has 1,001 different texts.*columns="):
        CSVDataset(path, "y")
    assert len(CSVDataset(path, "y", columns=[])) == 1001
    assert len(CSVDataset(path, "name", columns=["y"]).classes) == 1001


def test_pictures_that_say_they_are_larger_than_their_file(tmp_path):
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "a.bmp"
    image.new("RGB", (2, 2)).save(path)
    content = bytearray(path.read_bytes())
    content[18:26] = (9000).to_bytes(4, "little") * 2
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"CR712.*81,000,000 pixels in a file of"):
        read_rgb(path)
