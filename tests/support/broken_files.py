"""Files broken at random, and the watch over what reading them does."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import pickle
import pickletools
import re
import signal
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
from torch_files import Call, Name, in_a_row, older, pickled, tensor, zipped

import chainrule as cr
from chainrule.data import CSVDataset, read_text
from chainrule.data.cifar10 import RECORD, read_cifar
from chainrule.data.idx import read_idx
from chainrule.data.image import read_rgb
from chainrule.errors import ChainruleError
from chainrule.train import load_checkpoint, save_checkpoint

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

MOST_MEMORY = 2**29  # bytes that reading may take, the files being small
MOST_TIME = 5  # seconds
HOW_MANY = [1, 1, 1, 2, 4]  # changes in one file
INTERESTING = [0, 1, 2, 7, 8, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1,
               2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1]  # fmt: skip


# -- breaking --------------------------------------------------------------------------


def injured(content: bytes, random: Random) -> bytes:
    """Content with one injury, or a few."""
    for _ in range(random.choice(HOW_MANY)):
        at, n = random.randint(0, len(content)), random.randint(1, 8)
        noise = random.randbytes(n)
        width = random.choice([1, 2, 4, 8])
        number = random.choice(INTERESTING) % 2 ** (8 * width)
        other = random.randint(0, len(content))
        content = random.choice([
            content[:at] + noise + content[at:],
            content[:at] + noise + content[at + n :],
            content[:at] + content[at + n :],
            content[:at],
            content[:at] + number.to_bytes(width, random.choice(["little", "big"]))
            + content[at + width :],
            content[:at] + bytes([content[at % len(content)] ^ 1 << n - 1]) + content[at + 1 :]
            if content else b"",
            content[:at] + content[other : other + 8 * n] + content[at:],
        ])  # fmt: skip
    return content


#: what a value in JSON may be instead
ODD = [None, True, -1, -0.0, 0.5, 1e308, "", "F32", "tensor", [], {}, [0], [[]], 10**30,
       float("nan"), float("inf"), *INTERESTING]  # fmt: skip


def rearranged(value: Any, random: Random) -> Any:
    """JSON with something in it replaced, taken away or doubled."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice([*value])
        match random.randrange(6):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return {**value, random.choice(["x", "", "__metadata__", "dtype"]): value[key]}
            case 2:
                return {str(random.choice(ODD)) if k == key else k: v for k, v in value.items()}
        return {k: rearranged(v, random) if k == key else v for k, v in value.items()}
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        match random.randrange(5):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return value[:at] + value[at:] + value[at:]
        return [*value[:at], rearranged(value[at], random), *value[at + 1 :]]
    return random.choice(ODD)


HARM = [
    Call(Name("os", "system"), "touch harm"),
    Call(Name("builtins", "eval"), "open('harm', 'w').close()"),
    Call(Name("builtins", "__import__"), "antigravity"),
    Call(Name("subprocess", "Popen"), ["touch", "harm"]),
    Call(Name("builtins", "open"), "harm", "w"),
    Name("os", "remove"), Name("torch", "load"), Name("numpy", "load"),
]  # fmt: skip
OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]


def instructions(content: bytes) -> list[bytes]:
    """A pickle cut into its instructions."""
    starts = [at for _, _, at in pickletools.genops(content)]
    return [content[a:b] for a, b in zip(starts, [*starts[1:], len(content)], strict=True)]


def reprogrammed(content: bytes, random: Random) -> bytes:
    """A pickle with instructions changed, moved, taken away or put in."""
    parts = instructions(content)
    for _ in range(random.choice(HOW_MANY)):
        at, other = random.randrange(len(parts)), random.randrange(len(parts))
        match random.randrange(8):
            case 0:
                parts[at] = injured(parts[at], random)
            case 1:
                del parts[at]
                parts = parts or [b"N"]
            case 2:
                parts.insert(at, parts[other])
            case 3:
                parts[at], parts[other] = parts[other], parts[at]
            case 4:
                parts.insert(
                    at, random.choice(OPCODES) + random.randbytes(random.randint(0, 4))
                )
            case 5:
                parts.insert(at, pickled(random.choice(HARM))[2:-1])
            case 6:
                n = random.choice(INTERESTING) * random.choice([1, -1])
                parts[at] = pickle.dumps(n, 2)[2:-1]
            case 7:
                parts[at:at] = parts[other : other + random.randint(2, 30)]
    return b"".join(parts)


# -- the kinds of files ----------------------------------------------------------------


class Kind(NamedTuple):
    """How to make a whole file, how to break it, and what reads it."""

    name: str  # of the file
    whole: bytes
    broken: Callable[[Random], bytes]
    read: Callable[[Path], Any]


def simple(name: str, whole: bytes, read: Callable[[Path], Any]) -> Kind:
    return Kind(name, whole, lambda random: injured(whole, random), read)


def gzipped(name: str, whole: bytes, read: Callable[[Path], Any]) -> Kind:
    """Broken before or after it was packed."""

    def broken(random: Random) -> bytes:
        if random.random() < 0.5:
            return injured(gzip.compress(whole, 1, mtime=0), random)
        return gzip.compress(injured(whole, random), 1, mtime=0)

    return Kind(name, gzip.compress(whole, mtime=0), broken, read)


def idx() -> Kind:
    """Broken, or with sizes and elements that may or may not fit each other."""
    whole = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(6))

    def broken(random: Random) -> bytes:
        if random.random() < 0.5:
            return injured(whole, random)
        sizes = random.choices([0, 1, 1, 2, 3, -1, -2, -3, 2**31 - 1, -(2**31)],
                               k=random.choice([0, 1, 2, 2, 3, 9, 70]))  # fmt: skip
        axes = b"".join(size.to_bytes(4, "big", signed=True) for size in sizes)
        kind = random.choice([8, 8, 9, 11, 12, 13, 14])
        n = abs(int(np.prod(sizes, dtype=object))) if random.random() < 0.8 else 5
        elements = bytes(min(n, 99) * random.choice([1, 1, 2, 4, 8]))
        return bytes([0, 0, kind, len(sizes)]) + axes + elements

    return Kind("a", whole, broken, read_idx)


CELLS = ["a", "b", "1", "-2.5", "1e400", "nan", "NaN", "inf", "", "?", '"', '""', '"x', "x\ny",
         "é", "0x1", "1_0", " ", ",", ";", "\t", "\0", "\r", "\x1c", "\u2028",
         "9" * 400]  # fmt: skip


def table(name: str, **options: Any) -> Kind:
    """Broken, or rows of cells made up of odd ones."""
    text = io.StringIO()
    csv.writer(text).writerows([["a", "b", "y"], [1, "x, z", 0], [2.5, 'q"', 1], ["", "é", 0]])
    whole = text.getvalue().encode()

    def broken(random: Random) -> bytes:
        if random.random() < 0.5:
            return injured(whole, random)
        width = random.randint(1, 4)
        rows = [random.choices(CELLS, k=width) for _ in range(random.randint(0, 5))]
        head = random.choice([[], [["a", "b", "y", "z"][:width]]])
        return "\n".join(",".join(row) for row in head + rows).encode()

    return Kind(name, whole, broken, lambda path: CSVDataset(path, **options))


def safetensors() -> Kind:
    file = io.BytesIO()
    arrays = {"a": cr.arange(6.0).reshape(2, 3), "b": cr.tensor([1, 2]), "c": cr.tensor(True),
              "e": cr.zeros(0, 2), "h": cr.ones(3).bfloat16()}  # fmt: skip
    cr.save([arrays, {"n": (1, None)}], file)
    whole = file.getvalue()
    start = 8 + int.from_bytes(whole[:8], "little")
    text, data = whole[8:start], whole[start:]

    def broken(random: Random) -> bytes:
        match random.randrange(3):
            case 0:
                return injured(whole, random)
            case 1:
                header = json.dumps(rearranged(json.loads(text), random)).encode()
            case _:
                header = injured(text, random)
        rest = data if random.random() < 0.8 else injured(data, random)
        return len(header).to_bytes(8, "little") + header + rest

    return Kind("a.safetensors", whole, broken, cr.load)


STATE = {
    "w": tensor(),
    "p": Call(Name("torch._utils", "_rebuild_parameter"), tensor(stride=(1, 2)), True,
              Call(Name("collections", "OrderedDict"))),
    "n": [tensor("1", 2, 1, (), (), "BoolStorage"), (1, 2.5, None, "text", True)],
    "s": Call(Name("torch", "Size"), (2, 3)),
    "d": [Name("torch", "float16"), Call(Name("torch", "device"), "cuda", 0),
          Call(Name("builtins", "set"), [1, 2])],
}  # fmt: skip
STORAGES = {"0": np.arange(6, dtype=np.float32).tobytes(), "1": b"\0\1"}


def torch_zip() -> Kind:
    program, whole = pickled(STATE), zipped(STATE, STORAGES)
    methods = [zipfile.ZIP_STORED] * 9 + [zipfile.ZIP_DEFLATED]

    def broken(random: Random) -> bytes:
        match random.randrange(4):
            case 0:
                return injured(whole, random)
            case 1:
                storages = {k: v for k, v in STORAGES.items() if random.random() < 0.7}
                storages |= {random.choice(["0", "1", "../0"]): random.randbytes(24)}
                order = {"byteorder": random.choice([b"big", b"little", b"", b"\xff"])}
                with contextlib.suppress(UserWarning):
                    return zipped(program, storages, order, random.choice(methods))
        return zipped(reprogrammed(program, random), STORAGES)

    return Kind("a.pt", whole, broken, cr.load)


def torch_row() -> Kind:
    program = older(STATE)
    whole = in_a_row(STATE, STORAGES, 4).replace(
        b"\0" * 8 + b"\0\1", b"\2" + bytes(7) + b"\0\1"
    )

    def broken(random: Random) -> bytes:
        if random.random() < 0.5:
            return injured(whole, random)
        assert program in whole
        return whole.replace(program, reprogrammed(program, random))

    return Kind("a.pth", whole, broken, cr.load)


def state_of_a_checkpoint(folder: Path) -> Kind:
    """state.json beside tensors that are whole."""
    place = folder / "000001-step-1"
    state = {
        "w": cr.ones(2),
        "t": (1, [2.5, None, "x"]),
        3: {"y": True, (1, "a"): cr.tensor(1)},
    }
    save_checkpoint(state, place)
    whole = (place / "state.json").read_bytes()

    def broken(random: Random) -> bytes:
        if random.random() < 0.5:
            return injured(whole, random)
        return json.dumps(rearranged(json.loads(whole), random)).encode()

    return Kind("000001-step-1/state.json", whole, broken, lambda p: load_checkpoint(p.parent))


def picture(kind: str) -> bytes:
    image = __import__("PIL.Image").Image
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    image.fromarray(pixels).save(file, kind)
    return file.getvalue()


NAMES = ["safetensors", "torch, zip", "torch, older", "state.json", "idx", "idx, gzipped",
         "CIFAR", "CIFAR, gzipped", "CSV", "CSV, filled", "text"]  # fmt: skip
PICTURES = ("PNG", "JPEG", "BMP", "GIF", "PPM")


def kinds(folder: Path) -> dict[str, Kind]:
    """The kinds of files; `folder` is for those that consist of several."""
    cifar = bytes(RECORD) + b"\x09" + bytes(range(256)) * 12
    found = {
        "safetensors": safetensors(),
        "torch, zip": torch_zip(),
        "torch, older": torch_row(),
        "state.json": state_of_a_checkpoint(folder),
        "idx": idx(),
        "idx, gzipped": gzipped("a.gz", idx().whole, read_idx),
        "CIFAR": simple("a.bin", cifar, read_cifar),
        "CIFAR, gzipped": gzipped("b.bin", cifar, read_cifar),
        "CSV": table("a.csv", target=-1, missing="drop"),
        "CSV, filled": table("b.csv", missing="fill", standardize=True, categorical=[0]),
        "text": simple("a.txt", "zwölf Boxkämpfer\r\n".encode(), read_text),
    }  # fmt: skip
    with contextlib.suppress(ImportError):  # pictures need Pillow
        for kind in PICTURES:
            found[kind] = simple(f"a.{kind.lower()}", picture(kind), read_rgb)
    return found


# -- the watch -------------------------------------------------------------------------

SUSPECT = re.compile(
    r"exec|compile|import|code\.__new__|pickle\.|marshal\.|subprocess\.|socket\.|ctypes\.|shutil\."
    r"|os\.(?!listdir|scandir|stat|fspath|walk)|tempfile\.|webbrowser\."
)
events: list[str] | None = None  # what happened while somebody watches


def _note(event: str, arguments: tuple) -> None:
    if events is None:
        return
    writing = event == "open" and not (arguments[1] is None or arguments[1] in ("r", "rb"))
    if writing or SUSPECT.match(event):
        events.append(f"{event} {arguments!r}"[:200])


def watch() -> None:
    """From now on, Python reports what a program does to its surroundings."""
    if not hasattr(watch, "on"):
        watch.on = True  # type: ignore[attr-defined]
        sys.addaudithook(_note)


@contextlib.contextmanager
def limits() -> Iterator[None]:
    """No more memory than MOST_MEMORY beyond what is taken, where the system can see to it."""
    if resource is None or not Path("/proc/self/statm").exists():
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextlib.contextmanager
def alarm() -> Iterator[None]:
    """TimeoutError out of what hangs, where the system has alarms."""

    def ring(*_: Any) -> None:
        raise TimeoutError(f"after {MOST_TIME} s")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, MOST_TIME)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(kind: Kind, path: Path) -> str:
    """'read', or the code of the error; raises AssertionError for anything else."""
    global events
    events = []
    try:
        with limits(), alarm():
            kind.read(path)
        found = "read"
    except ChainruleError as error:
        events, seen = None, events
        assert re.fullmatch(r"CR\d{3}", error.code)
        assert str(path.parent) in str(error), f"the file is not named: {error}"
        assert len(str(error)) < 1500, f"a message of {len(str(error))} letters"
        events, found = seen, error.code
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {str(error)[:300]}") from error
    finally:
        events, seen = None, events
    assert not seen, f"it did {seen}"
    return found


def tried(
    kind: Kind, folder: Path, tries: int, seed: int, failed: Callable[[bytes, str], None]
) -> Counter[str]:
    """What became of so many broken files; `failed` is told those that were not told apart."""
    watch()
    path = folder / kind.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(kind.whole)
    kind.read(path)
    path.write_bytes(b"nothing of the kind, so that all is imported that may be needed")
    with contextlib.suppress(ChainruleError):
        kind.read(path)
    random, counts, began = Random(seed), Counter[str](), time.perf_counter()
    before = sorted(folder.rglob("*"))
    for _ in range(tries):
        content = kind.broken(random)
        path.write_bytes(content)
        try:
            counts[outcome(kind, path)] += 1
        except AssertionError as error:
            counts["FAILED"] += 1
            failed(content, str(error))
    if sorted(folder.rglob("*")) != before:
        failed(b"", "files appeared")
    counts["milliseconds"] = round(1000 * (time.perf_counter() - began))
    return counts
