"""Fetching files from public homes, with a check of what arrived."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

from chainrule.data.files import make_folder, write_file
from chainrule.errors import DataError

TIMEOUT = 30  # seconds without an answer


def cache_folder() -> Path:
    """Where fetched data is kept: chainrule in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chainrule"


def fetch(name: str, homes: Sequence[str], sha256: str, folder: Path) -> Path:
    """Fetch the gzipped file `name` into `folder` from the first home that has it.

    Args: sha256: of the unpacked content, which does not depend on how it was packed.

    Raises: DataError (CR709) where no home answers, (CR711) where the content is another.
    """
    failures = []
    for home in homes:
        try:
            content = _read(home + name)
        except OSError as error:
            failures.append(f"{home}: {getattr(error, 'reason', error)}")
            continue
        _check(content, sha256, home + name)
        return _keep(content, folder / name)
    raise DataError(
        "CR709",
        f"cannot fetch {name} ({'; '.join(failures)}). Without a network, put the file into "
        f"{folder}, or name the folder that has it (--data-dir FOLDER, mnist('FOLDER'))",
    )


def _read(address: str) -> bytes:
    """The one place that loads the network code: it would slow every start by a tenth."""
    import urllib.request  # noqa: PLC0415

    with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
        return answer.read()


def _check(content: bytes, sha256: str, source: str) -> None:
    try:
        found = hashlib.sha256(gzip.decompress(content)).hexdigest()
    except (OSError, EOFError, zlib.error):
        found = "no gzip file"
    if found != sha256:
        raise DataError(
            "CR711",
            f"what {source} sent is not the known file (sha256 of the content {found}, should "
            f"be {sha256}). Try again, or put the right file there by hand",
        )


def _keep(content: bytes, path: Path) -> Path:
    make_folder(path.parent)
    write_file(path, lambda file: file.write(content))
    return path
