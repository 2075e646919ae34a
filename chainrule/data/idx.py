"""Reading idx files, the format of the MNIST images and labels.

Layout: two zero bytes, a byte for the element type, a byte for the number of axes, their sizes
as big-endian 32-bit numbers, then the elements row by row. Source: LeCun, Cortes & Burges,
the MNIST database of handwritten digits, 1998.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np

from chainrule.data.gzip_file import read_unpacked
from chainrule.errors import DataError

ELEMENT_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
MOST_AXES = 64  # that NumPy has


def read_idx(path: str | Path) -> np.ndarray:
    """The array in an idx file, gzipped or not.

    Raises: DataError (CR710) for a file that is not one, or is damaged.
    """
    try:
        content = read_unpacked(path)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError("CR710", f"cannot read {path}: {error}") from None
    return parse_idx(content, str(path))


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """The array in the bytes of an unpacked idx file; `name` is for the message."""
    ndim = content[3] if len(content) > 3 else 0
    start = 4 + 4 * ndim
    known = content[:2] == b"\0\0" and len(content) >= start and content[2] in ELEMENT_TYPES
    if not known or ndim > MOST_AXES:
        raise DataError(
            "CR710",
            f"{name} is not an idx file: it begins with {content[:4].hex(' ') or 'nothing'}, "
            "where 00 00, a type and a number of axes should stand. Fetch it again",
        )
    kind = np.dtype(ELEMENT_TYPES[content[2]])
    shape = tuple(int(n) for n in np.frombuffer(content, ">i4", ndim, 4))
    size = math.prod(shape)
    possible = min(shape, default=0) >= 0 and math.prod(n or 1 for n in shape) < 2**60
    if not possible or len(content) - start != size * kind.itemsize:
        raise DataError(
            "CR710",
            f"{name} says it holds {' x '.join(map(str, shape))} elements, "
            f"{size * kind.itemsize} bytes, but {len(content) - start} bytes follow. It was "
            "cut or damaged; fetch it again",
        )
    array = np.frombuffer(content, kind, size, start).reshape(shape)
    return array.astype(kind.newbyteorder("="), copy=False)
