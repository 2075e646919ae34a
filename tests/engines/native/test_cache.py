"""What was compiled is found again; a disk that fails costs time and nothing else."""

import multiprocessing
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from cache_writer import write_and_read, write_for_ever

from chainrule.engines.native.running import cache
from chainrule.engines.native.running.cache import Cache
from chainrule.errors import ArgumentError

MEGABYTE = 1 << 20


@pytest.fixture
def kept(tmp_path):
    return Cache(tmp_path, MEGABYTE)


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_was_stored_is_found_again(kept, tmp_path):
    assert kept.fetch("a") is None
    kept.store("a", b"code")
    kept.store("b", b"")
    assert kept.fetch("a") == b"code"
    assert kept.fetch("b") == b""
    assert Cache(tmp_path, MEGABYTE).fetch("a") == b"code"
    kept.store("a", b"newer")
    assert kept.fetch("a") == b"newer"
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 100])
def test_a_damaged_file_counts_as_absent_and_is_written_again(kept, damage):
    kept.store("a", b"code" * 20)
    kept.path("a").write_bytes(damage)
    assert kept.fetch("a") is None
    kept.store("a", b"code")
    assert kept.fetch("a") == b"code"


def test_one_wrong_bit_is_noticed(kept):
    kept.store("a", b"code")
    content = bytearray(kept.path("a").read_bytes())
    content[-1] ^= 1
    kept.path("a").write_bytes(content)
    assert kept.fetch("a") is None


def test_what_was_not_used_for_longest_goes(tmp_path):
    kept = Cache(tmp_path, 10_000)
    for number in range(9):
        kept.store(str(number), bytes(1000))
        os.utime(kept.path(str(number)), (1000 + number, 1000 + number))
    assert kept.fetch("0") is not None  # used now
    kept.store("new", bytes(1000))
    found = [name for name in [*"012345678", "new"] if kept.path(name).exists()]
    assert found == [*"045678", "new"]
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 8_000


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "native-mine").mkdir()
    others = [tmp_path / "photo", tmp_path / "native-mine" / "letter"]
    for path in others:
        path.write_bytes(bytes(20_000))
        os.utime(path, (1, 1))
    kept = Cache(tmp_path, 3_000)
    for number in range(6):
        kept.store(str(number), bytes(1000))
    assert all(path.exists() for path in others)
    assert len(files(tmp_path)) == 4


def test_files_of_other_versions_and_of_crashes_go_first(tmp_path):
    kept, name = Cache(tmp_path, 2_500), 64 * "a"
    (tmp_path / "native-0.0.1").mkdir()
    old = [tmp_path / "native-0.0.1" / name, tmp_path / "native-0.0.1" / f".{name}.12.34"]
    for path in old:
        path.write_bytes(bytes(1000))
        os.utime(path, (1, 1))
    kept.store("a", bytes(1500))
    assert kept.fetch("a") is not None
    assert not any(path.exists() for path in old)


@pytest.fixture(scope="module")
def ended():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("alive", "minutes", "stays"),
    [(False, 1, True), (False, 11, False), (True, 11, True), (True, 25 * 60, False)],
)
def test_what_killed_writers_left_half_written_goes(tmp_path, ended, alive, minutes, stays):
    (tmp_path / "native-0.0.1").mkdir()
    number = os.getpid() if alive else ended
    half = tmp_path / "native-0.0.1" / f".{64 * 'a'}.{number}.34"
    half.write_bytes(bytes(10))
    at = time.time() - 60 * minutes
    os.utime(half, (at, at))
    kept = Cache(tmp_path, MEGABYTE)
    assert kept.fetch("a") is None and half.exists()  # who only reads removes nothing
    kept.store("a", b"code")
    assert half.exists() == stays and kept.fetch("a") == b"code"


def test_a_process_of_somebody_else_is_alive(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    half = tmp_path / f".{64 * 'a'}.12.34"
    monkeypatch.setattr(os, "kill", refuse)
    assert not cache._is_abandoned(half, 3600)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "kill", None)  # there it would end the process
    assert not cache._is_abandoned(half, 3600)
    assert cache._is_abandoned(half, 25 * 3600)


def two_write_and_read(context, folder):
    processes = [context.Process(target=write_and_read, args=(folder, n)) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]


@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
def test_a_writer_is_killed_and_others_write_on(tmp_path):
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=write_for_ever, args=(tmp_path,))
    writer.start()
    while not (left := [path for path in files(tmp_path) if path.name[0] == "."]):
        time.sleep(0.01)
    Cache(tmp_path, MEGABYTE).store("b", b"other")
    assert left[0].exists()  # its writer is alive
    writer.kill()
    writer.join()
    os.utime(left[0], (time.time() - 3600,) * 2)
    two_write_and_read(context, tmp_path)
    assert not left[0].exists() and len(files(tmp_path)) == 42


def test_what_is_larger_than_the_bound_is_not_kept(tmp_path):
    kept = Cache(tmp_path, 1000)
    kept.store("small", bytes(100))
    kept.store("large", bytes(2000))
    assert kept.fetch("large") is None
    assert kept.fetch("small") is not None


def test_a_folder_that_cannot_be_made_costs_one_warning(tmp_path):
    (tmp_path / "file").write_bytes(b"in the way")
    kept = Cache(tmp_path / "file", MEGABYTE)
    with pytest.warns(RuntimeWarning, match=r"compiled code is not kept.*CHAINRULE_CACHE_DIR"):
        kept.store("a", b"code")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.store("b", b"code")
        assert kept.fetch("a") is None


def test_a_full_disk_costs_one_warning(kept, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        kept.store("a", b"code")
    kept.store("b", b"code")
    assert files(kept.folder) == []


def test_several_processes_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    two_write_and_read(context, tmp_path)
    assert len(files(tmp_path)) == 41


def test_the_environment_names_folder_and_size(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "1")
    cache.store("a", b"code")
    assert cache.fetch("a") == b"code"
    assert len(files(tmp_path)) == 1
    cache.store("b", bytes(2 * MEGABYTE))
    assert cache.fetch("b") is None
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "0")
    cache.store("c", b"code")
    assert cache.fetch("a") is None and cache.fetch("c") is None
    assert len(files(tmp_path)) == 1
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "big")
    with pytest.raises(ArgumentError, match=r"CR902.*'big'"):
        cache.fetch("a")


def test_the_folder_of_the_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.user_folder() == Path("/home/somebody/.cache/chainrule")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert cache.user_folder() == Path("/elsewhere/chainrule")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.user_folder() == Path("/home/somebody/Library/Caches/chainrule")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache.user_folder() == Path("/local/chainrule")
