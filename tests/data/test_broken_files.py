"""Files with bytes changed, cut out and put in at random: read, or refused with one error."""

import gzip
import importlib
import io
import tarfile

import numpy as np
import pytest

from chainrule.data import CSVDataset, read_text
from chainrule.data.cifar10 import ARCHIVE, CIFAR10, RECORD, TRAIN, read_cifar
from chainrule.data.idx import read_idx
from chainrule.data.image import read_rgb
from chainrule.errors import ChainruleError

TRIES = 150
TABLE = b'a,b,y\n1,"x, z",0\n2.5,q,1\n-3e2,"""",0\n'
CIFAR = bytes(RECORD) + b"\x09" + bytes(range(256)) * 12


def idx() -> bytes:
    return bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(6))


def archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in TRAIN:
            member = tarfile.TarInfo(name)
            member.size = len(CIFAR)
            tar.addfile(member, io.BytesIO(CIFAR))
    return packed.getvalue()


def picture(kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype=np.uint8)
    written = io.BytesIO()
    importlib.import_module("PIL.Image").fromarray(pixels).save(written, kind)
    return written.getvalue()


#: what a whole file is, the name it needs, and what reads it
READERS = {
    "csv": (TABLE, "a.csv", lambda p: CSVDataset(p, "y")),
    "csv, filled": (TABLE, "a.csv", lambda p: CSVDataset(p, missing="fill", standardize=True)),
    "text": ("zwölf Boxkämpfer".encode(), "a.txt", read_text),
    "idx": (idx(), "a", read_idx),
    "idx.gz": (gzip.compress(idx(), mtime=0), "a", read_idx),
    "cifar": (CIFAR, "a.bin", read_cifar),
    "cifar.gz": (gzip.compress(CIFAR, mtime=0), "a.bin", read_cifar),
    "archive": (archive(), ARCHIVE, lambda p: CIFAR10(p.parent)),
    "png": (lambda: picture("PNG"), "a.png", read_rgb),
    "jpeg": (lambda: picture("JPEG"), "a.jpg", read_rgb),
    "bmp": (lambda: picture("BMP"), "a.bmp", read_rgb),
}


def broken(content: bytes, random: np.random.Generator) -> bytes:
    """The content with one to three injuries."""
    for _ in range(random.integers(1, 4)):
        at, n = int(random.integers(0, len(content) + 1)), int(random.integers(1, 9))
        noise = random.integers(0, 256, n, dtype=np.uint8).tobytes()
        content = [
            content[:at],
            content[:at] + noise + content[at:],
            content[:at] + noise + content[at + n :],
            content[:at] + content[at + n :],
        ][random.integers(0, 4)]
    return content


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", READERS)
def test_whatever_a_file_holds_it_is_read_or_refused(kind, tmp_path):
    whole, name, read = READERS[kind]
    content = whole() if callable(whole) else whole
    path = tmp_path / name
    path.write_bytes(content)
    read(path)
    random, refused = np.random.default_rng(len(kind)), 0
    for _ in range(TRIES):
        path.write_bytes(broken(content, random))
        try:
            read(path)
        except ChainruleError as error:
            refused += 1
            assert str(path) in str(error)
    assert refused > TRIES // 20
