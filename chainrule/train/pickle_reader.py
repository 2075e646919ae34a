"""Reading a pickle as data, by a machine that has nothing in it that could run.

A pickle is a program for a machine with a stack and a memory of what it made. Python's machine
looks up any function by its name and calls it. This one puts together plain values; a name it
looks up in a table of its own, and what the table has no answer to is refused.
Source: the module pickletools, where the instructions are described
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from chainrule.errors import RunError
from chainrule.train.input_file import InputFile

HIGHEST_PROTOCOL = 5
MOST = 1_000_000  # lists, dicts, tuples, tensors
DEEPEST = 100  # one in the other
LARGEST_KEY = 1000  # parts of a tuple that is a key


class Part:
    """What stands in a pickle only to make something of, and is no value itself."""

    def __init__(self, name: str, make: Callable[..., Any] | None = None) -> None:
        self.name = name
        self.make = make


class PickleReader:
    """Reads one pickle from where the file stands.

    Args:
        find: what the global of a name ("collections.OrderedDict") stands for: a Part with
            `make`, to be called with values, or any value; raises for those that are refused.
        fetch: what is meant by a persistent id, which is how a pickle names what is outside.
        encoding: of the texts that Python 2 wrote.

    Raises: ValueError, TypeError or LookupError for a pickle that is damaged; RunError (CR820)
        for one that asks for more than putting values together.
    """

    def __init__(
        self,
        file: InputFile,
        find: Callable[[str], Any],
        fetch: Callable[[Any], Any],
        encoding: str = "utf-8",
    ) -> None:
        self._file = file
        self._find = find
        self._fetch = fetch
        self._encoding = encoding
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below the marks
        self._memory: dict[int, Any] = {}
        self._made = 0

    def read(self) -> Any:
        """The value."""
        while (code := self._file.take(1)) != b".":
            if code in CODE:
                raise refusal(self._file, f"an object of another class ({CODE[code]})")
            if code not in STEPS:
                raise ValueError(f"no instruction of a pickle is called {code!r}")
            STEPS[code](self)
        (value,) = self._stack
        check_plain(self._file, value)
        return value

    # -- values ------------------------------------------------------------------------

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _new(self, value: Any) -> None:
        """Push what takes memory of its own."""
        self._made += 1
        if self._made > MOST:
            raise ValueError(f"it holds more than {MOST:,} lists, dicts, tuples and tensors")
        self._stack.append(value)

    def _number(self, layout: str) -> None:
        self._push(*self._file.numbers(layout))

    def _long(self, layout: str) -> None:
        self._push(int.from_bytes(self._sized(layout), "little", signed=True))

    def _sized(self, layout: str) -> bytes:
        """The bytes behind a number that says how many."""
        return self._file.take(*self._file.numbers(layout))

    def _text(self, layout: str) -> None:
        self._push(self._sized(layout).decode("utf-8", "surrogatepass"))

    def _old_text(self, layout: str) -> None:
        content = self._sized(layout)
        self._push(content if self._encoding == "bytes" else content.decode(self._encoding))

    def _tuple(self, n: int) -> None:
        items = [self._stack.pop() for _ in range(n)]
        self._new(tuple(reversed(items)))

    # -- containers --------------------------------------------------------------------

    def _mark(self) -> None:
        self._outer.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        """What was pushed since the last mark."""
        items, self._stack = self._stack, self._outer.pop()
        return items

    def _append(self, items: Sequence[Any]) -> None:
        self._top(list).extend(items)

    def _set_items(self, items: Sequence[Any]) -> None:
        target = self._top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[checked_key(key)] = value

    def _add(self, items: Sequence[Any]) -> None:
        self._top(set).update(map(checked_key, items))

    def _top(self, kind: type) -> Any:
        if not isinstance(self._stack[-1], kind):
            raise ValueError(
                f"a {type(self._stack[-1]).__name__} is filled as a {kind.__name__}"
            )
        return self._stack[-1]

    def _build(self) -> None:
        """The attributes of an OrderedDict are left out; nothing else may have any."""
        state = self._stack.pop()
        if type(self._stack[-1]) is not OrderedDict or not isinstance(state, dict):
            kind = type(self._stack[-1]).__name__
            raise refusal(self._file, f"a {kind} with attributes of its own (BUILD)")

    # -- memory and names --------------------------------------------------------------

    def _put(self, layout: str) -> None:
        self._memory[self._file.numbers(layout)[0]] = self._stack[-1]

    def _memorize(self) -> None:
        self._memory[len(self._memory)] = self._stack[-1]

    def _get(self, layout: str) -> None:
        self._push(self._memory[self._file.numbers(layout)[0]])

    def _global(self) -> None:
        self._named(*(self._file.line().decode() for _ in range(2)))

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._named(module, name)

    def _named(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name that is no text")
        self._push(self._find(f"{module}.{name}"))

    def _reduce(self) -> None:
        """Call one of our own functions, which the table of names has, with values."""
        given, part = self._stack.pop(), self._stack.pop()
        if not isinstance(part, Part) or part.make is None or type(given) is not tuple:
            raise ValueError(f"a {type(part).__name__} is called with a {type(given).__name__}")
        self._new(part.make(*given))

    def _persistent(self) -> None:
        self._new(self._fetch(self._stack.pop()))

    def _skip(self, n: int) -> None:
        self._file.take(n)

    def _protocol(self) -> None:
        (number,) = self._file.numbers("<B")
        if number > HIGHEST_PROTOCOL:
            raise ValueError(
                f"a pickle of protocol {number}; {HIGHEST_PROTOCOL} is the highest"
            )


def checked_key(key: Any) -> Any:
    """A key, if hashing it is quick and tells it apart from others.

    Raises: ValueError for another.
    """
    parts = [key]
    for part in parts:  # it grows while it is read
        if isinstance(part, tuple) and len(parts) + len(part) <= LARGEST_KEY:
            parts.extend(part)
        elif not _is_simple(part):
            raise ValueError(f"a {type(part).__name__} is a key, or a part of one")
    return key


def _is_simple(key: Any) -> bool:
    if isinstance(key, int):  # Python's hash of larger ones repeats itself
        return abs(key) < 2**63
    return key is None or isinstance(key, (str, bytes, float))


def refusal(file: InputFile, what: str) -> RunError:
    """The error for what is no plain value."""
    return RunError(
        "CR820",
        f"{file.name} holds {what}. Only tensors of chainrule's element types, numbers, texts "
        "and plain containers are read; nothing in the file was run. In PyTorch save those "
        "alone: torch.save(model.state_dict(), path)",
    )


def check_plain(file: InputFile, value: Any) -> None:
    """Refuse what holds itself, is nested too deep, or has a part in it that is no value."""
    heights: dict[int, int] = {}  # of the containers that are through; 0 while inside of one

    def height(value: Any, depth: int) -> int:
        if isinstance(value, Part):
            raise refusal(file, f"{value.name} itself")
        if not isinstance(value, (dict, list, tuple, set, frozenset)):
            return 0
        known = heights.get(id(value))
        if known == 0 or depth + (known or 1) > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep, or holds itself")
        if known is None:
            heights[id(value)] = 0
            inner = value.values() if isinstance(value, dict) else value
            heights[id(value)] = 1 + max((height(v, depth + 1) for v in inner), default=0)
        return heights[id(value)]

    height(value, 0)


#: what each instruction does; those that are not here are not carried out
STEPS: dict[bytes, Callable[[PickleReader], None]] = {
    b"N": lambda r: r._push(None),
    b"\x88": lambda r: r._push(True),
    b"\x89": lambda r: r._push(False),
    b"K": lambda r: r._number("<B"),
    b"M": lambda r: r._number("<H"),
    b"J": lambda r: r._number("<i"),
    b"G": lambda r: r._number(">d"),
    b"\x8a": lambda r: r._long("<B"),
    b"\x8b": lambda r: r._long("<i"),
    b"\x8c": lambda r: r._text("<B"),
    b"X": lambda r: r._text("<I"),
    b"\x8d": lambda r: r._text("<Q"),
    b"U": lambda r: r._old_text("<B"),
    b"T": lambda r: r._old_text("<i"),
    b"C": lambda r: r._push(r._sized("<B")),
    b"B": lambda r: r._push(r._sized("<I")),
    b"\x8e": lambda r: r._push(r._sized("<Q")),
    b"\x96": lambda r: r._push(bytearray(r._sized("<Q"))),
    b"]": lambda r: r._new([]),
    b"}": lambda r: r._new({}),
    b"\x8f": lambda r: r._new(set()),
    b"\x91": lambda r: r._new(frozenset(map(checked_key, r._marked()))),
    b")": lambda r: r._push(()),
    b"\x85": lambda r: r._tuple(1),
    b"\x86": lambda r: r._tuple(2),
    b"\x87": lambda r: r._tuple(3),
    b"t": lambda r: r._new(tuple(r._marked())),
    b"(": lambda r: r._mark(),
    b"a": lambda r: r._append([r._stack.pop()]),
    b"e": lambda r: r._append(r._marked()),
    b"s": lambda r: r._set_items([r._stack.pop(), r._stack.pop()][::-1]),
    b"u": lambda r: r._set_items(r._marked()),
    b"\x90": lambda r: r._add(r._marked()),
    b"q": lambda r: r._put("<B"),
    b"r": lambda r: r._put("<I"),
    b"\x94": lambda r: r._memorize(),
    b"h": lambda r: r._get("<B"),
    b"j": lambda r: r._get("<I"),
    b"c": lambda r: r._global(),
    b"\x93": lambda r: r._stack_global(),
    b"R": lambda r: r._reduce(),
    b"b": lambda r: r._build(),
    b"Q": lambda r: r._persistent(),
    b"\x80": lambda r: r._protocol(),
    b"\x95": lambda r: r._skip(8),  # how long the frame is
}

#: the instructions that make objects of any class
CODE = {
    b"i": "INST", b"o": "OBJ", b"\x81": "NEWOBJ", b"\x92": "NEWOBJ_EX", b"\x82": "EXT1",
    b"\x83": "EXT2", b"\x84": "EXT4", b"P": "PERSID", b"\x97": "NEXT_BUFFER",
    b"\x98": "READONLY_BUFFER",
}  # fmt: skip
