"""Compiled code on disk, so that the next process need not compile it again."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import sys
import time
import warnings
from pathlib import Path

from chainrule.engines.native.running.llvm import VERSION as COMPILER
from chainrule.errors import ArgumentError, RunError
from chainrule.files import make_folder, write_file
from chainrule.version import __version__

DIGEST = 32  # bytes of a SHA-256, which stand before the content of every file
SIZE = 512  # megabytes kept unless CHAINRULE_CACHE_SIZE says otherwise
#: our files, also those that a process, by its number, left half written
OURS = re.compile(r"[0-9a-f]{64}|\.[0-9a-f]{64}\.(\d+)\..*")
AFTER_REMOVAL = 0.8  # part of the bound that stays when something has to go
WRITING = 600  # seconds that nobody needs to write a file
NUMBERED = 86_400  # seconds after which the number of a process may be another's


def fetch(key: str) -> bytes | None:
    """What was stored under `key`; None where nothing is, or the file is damaged.

    Notes: kept in CHAINRULE_CACHE_DIR, or `chainrule` in the user's cache folder; every version
    of chainrule and of LLVM has its own. CHAINRULE_CACHE_SIZE bounds all of it, in megabytes:
    what was not used for longest goes. 0 turns it off.
    """
    return _cache(*_settings()).fetch(key)


def store(key: str, data: bytes) -> None:
    """Keep `data` under `key`, where the disk lets us; a warning, once, where it does not."""
    _cache(*_settings()).store(key, data)


def _settings() -> tuple[Path, int]:
    folder = os.environ.get("CHAINRULE_CACHE_DIR")
    size = os.environ.get("CHAINRULE_CACHE_SIZE", str(SIZE))
    if not size.isdecimal():
        raise ArgumentError(
            "CR902", f"CHAINRULE_CACHE_SIZE is {size!r}; give megabytes, or 0 for no cache"
        )
    return Path(folder) if folder else user_folder(), int(size) << 20


def user_folder() -> Path:
    """`chainrule` where this system keeps what can be made again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(base)) / "chainrule"


@functools.cache
def _cache(folder: Path, bound: int) -> Cache:
    return Cache(folder, bound)


class Cache:
    """A folder of files named by their keys, at most `bound` bytes in all.

    Notes: any number of processes may use it at once. A file appears whole or not at all, and
    carries a checksum.
    """

    def __init__(self, folder: Path, bound: int) -> None:
        self.folder = folder
        self.bound = bound
        self._own = folder / f"native {__version__} {COMPILER}".replace(" ", "-")
        self._held: int | None = None  # bytes in the folder, once they were counted

    def path(self, key: str) -> Path:
        """The file of a key."""
        return self._own / hashlib.sha256(key.encode("utf-8")).hexdigest()

    def fetch(self, key: str) -> bytes | None:
        """What was stored under `key`, or None."""
        if not self.bound:
            return None
        path = self.path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used now: the last to go
        digest, data = content[:DIGEST], content[DIGEST:]
        return data if hashlib.sha256(data).digest() == digest else None

    def store(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`."""
        content = hashlib.sha256(data).digest() + data
        if len(content) > self.bound:
            return
        path = self.path(key)
        try:
            make_folder(self._own)
            write_file(path, lambda file: file.write(content))
        except RunError as error:
            if not path.exists():  # else another process has just written it
                self._give_up(error)
            return
        self._held = self._count() if self._held is None else self._held + len(content)
        if self._held > self.bound:
            self._remove_oldest()

    def _give_up(self, error: RunError) -> None:
        self.bound = 0
        warnings.warn(
            f"compiled code is not kept, so every process compiles anew: {error.message} "
            "(CHAINRULE_CACHE_DIR names another folder, CHAINRULE_CACHE_SIZE=0 does without)",
            RuntimeWarning,
            stacklevel=2,
        )

    def _files(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, path) of every file, those of other versions too."""
        found = []
        for path in self.folder.glob("native-*/*"):
            if not OURS.fullmatch(path.name):
                continue
            try:
                stat = path.stat()
            except OSError:  # another process has removed it
                continue
            found.append((stat.st_mtime, stat.st_size, path))
        return found

    def _count(self) -> int:
        """The bytes of all files, after what killed processes left half written is gone."""
        for used, _, path in self._files():
            if _is_abandoned(path, time.time() - used):
                _remove(path)
        return sum(size for _, size, _ in self._files())

    def _remove_oldest(self) -> None:
        files = sorted(self._files())
        self._held = sum(size for _, size, _ in files)
        for _, size, path in files:
            if self._held <= self.bound * AFTER_REMOVAL:
                return
            if _remove(path):
                self._held -= size


def _remove(path: Path) -> bool:
    """Whether a file is gone; one in use stays, where the system does not let go."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _is_abandoned(path: Path, age: float) -> bool:
    """Whether a file was being written by a process that is no more.

    Args: age: seconds since somebody wrote to it.

    Notes: where several machines share the folder, or several containers, the number of a
    process says nothing, but by then its file is finished. A number comes again sometimes.
    """
    match = OURS.fullmatch(path.name)
    if match is None or match[1] is None or age < WRITING:
        return False
    return age > NUMBERED or not _is_alive(int(match[1]))


def _is_alive(process: int) -> bool:
    """Whether a process of that number may be there."""
    if sys.platform == "win32":  # where asking would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
