"""Fetching files from public homes: broken downloads go on, and what arrived is checked."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from chainrule.errors import DataError, RunError
from chainrule.files import make_folder

TIMEOUT = 30  # seconds without an answer
BLOCK = 1 << 18  # bytes read at once
RANGE_BEYOND_END = 416  # what a server answers to who has all bytes already
PARTIAL = 206  # what it answers where it sends the part that was asked for


def cache_folder() -> Path:
    """Where fetched data is kept: chainrule in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chainrule"


def fetch(
    name: str,
    homes: Sequence[str],
    sha256: str,
    folder: Path,
    *,
    unpacked: bool = False,
    others: Sequence[str] = (),
) -> Path:
    """Fetch the file `name` into `folder` from the first home that has it.

    Args:
        sha256: of the file; of its gunzipped content if `unpacked`, which does not depend on
            how it was packed.
        others: the files that are needed besides, for who has no network.

    Raises: DataError (CR709) where no home answers, (CR711) where the content is another;
    RunError (CR803) where it cannot be written.

    Notes: what has arrived stays in `name.part`, and the next attempt asks for the rest only.
    The file has its name once it is whole and its checksum is right.
    """
    part = make_folder(folder) / f"{name}.part"
    failures, wrong = [], ""
    for home in homes:
        try:
            found = _whole_file(home + name, part, sha256, unpacked)
        except OSError as error:
            reason = getattr(error, "reason", None) or error
            failures.append(f"{home}: {getattr(reason, 'strerror', None) or reason}")
            continue
        if found == sha256:
            return _named(part, folder / name)
        wrong = f"what {home}{name} sent is not the known file ({found}, should be {sha256})"
    if wrong:
        raise DataError(
            "CR711",
            f"{wrong}. Try again, or put the right file into {folder} by hand",
        )
    raise DataError(
        "CR709",
        f"cannot fetch {name} ({'; '.join(failures)}). Without a network, put the file into "
        f"{folder}{_with(others)}, or name the folder that has it",
    )


def _with(others: Sequence[str]) -> str:
    return f" together with {', '.join(others)}" if others else ""


def _whole_file(address: str, part: Path, sha256: str, unpacked: bool) -> str:
    """Make `part` whole; the checksum it then has. A wrong one does not stay on the disk."""
    resumed = part.exists()
    _go_on(address, part)
    found = _checksum(part, unpacked)
    if found != sha256:
        part.unlink()
        if resumed:  # the beginning was of another file
            return _whole_file(address, part, sha256, unpacked)
    return found


def _go_on(address: str, part: Path) -> None:
    """Append what is missing; asks again as long as each answer brought something."""
    while True:
        before = _size(part)
        try:
            return _append(address, part, before)
        except OSError:
            if _size(part) <= before:
                raise


def _append(address: str, part: Path, have: int) -> None:
    """Ask once for the bytes from `have` on and write them as they come."""
    answer = _ask(address, have)
    if answer is None:
        return
    with answer:
        resumes = have and getattr(answer, "status", None) == PARTIAL
        promised = answer.headers.get("Content-Length")
        with _opened(part, "ab" if resumes else "wb") as file:
            came = 0
            for block in _blocks(answer):
                _write(file, block, part)
                came += len(block)
    if promised is not None and came < int(promised):
        raise OSError(f"the connection broke after {came} of {promised} bytes")


def _ask(address: str, have: int) -> Any:
    """The answer of the server; None where it says that there is nothing after `have`."""
    network = _network()
    request = network.Request(address)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        return network.urlopen(request, timeout=TIMEOUT)
    except network.HTTPError as error:
        error.close()
        if have and error.code == RANGE_BEYOND_END:
            return None
        raise
    except network.http.client.HTTPException as error:
        raise OSError(f"no answer in HTTP ({error!r})") from None


def _blocks(answer: Any) -> Iterator[bytes]:
    """What the server sends, as it comes."""
    try:
        while block := answer.read(BLOCK):
            yield block
    except _network().http.client.HTTPException as error:
        raise OSError(f"the connection broke ({error!r})") from None


def _network() -> Any:
    """The one place that loads the network code: it would slow every start by a tenth."""
    import urllib.request  # noqa: PLC0415

    return urllib.request


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _opened(path: Path, mode: str) -> BinaryIO:
    try:
        return path.open(mode)  # type: ignore[return-value]
    except OSError as error:
        raise _unwritable(path, error) from None


def _write(file: BinaryIO, block: bytes, path: Path) -> None:
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(
        "CR803",
        f"cannot write {path}: {error.strerror or error}. Free some space or choose a folder "
        "that can be written, then start again; what has arrived stays there",
    )


def _checksum(path: Path, unpacked: bool) -> str:
    """The sha256 of a file or of what is gzipped in it, in words where it is no gzip file."""
    told = hashlib.sha256()
    try:
        with gzip.open(path) if unpacked else path.open("rb") as file:
            while block := file.read(BLOCK):
                told.update(block)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return "no whole gzip file"
    return told.hexdigest()


def _named(part: Path, path: Path) -> Path:
    """Give the whole file its name, after its bytes are on the disk."""
    try:
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise _unwritable(path, error) from None
    return path
