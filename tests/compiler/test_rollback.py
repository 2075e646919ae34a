"""What an attempt has changed is put back, wherever a program keeps it."""

import argparse
import collections
import random
import types

import numpy as np
import pytest

from chainrule.compiler.rollback import Rollback

COUNT = 0


class Slotted:
    __slots__ = ("__private", "count", "late")

    def __init__(self):
        self.count, self.__private = 0, []

    def change(self):
        self.count += 1
        self.late = True
        self.__private.append(1)

    def seen(self):
        return self.count, hasattr(self, "late"), list(self.__private)


class Both(Slotted):
    """Has slots, and a dict."""

    def change(self):
        super().change()
        self.more = 1


@pytest.mark.parametrize("kind", [Slotted, Both])
def test_slots(kind):
    thing = kind()
    before = Rollback(thing)
    thing.change()
    before.undo()
    assert thing.seen() == (0, False, [])
    assert not hasattr(thing, "more")


@pytest.mark.parametrize(
    "space", [types.SimpleNamespace(count=[0]), argparse.Namespace(count=[0])]
)
def test_namespaces(space):
    before = Rollback(space)
    space.count.append(1)
    space.count, space.more = 3, 4
    before.undo()
    assert vars(space) == {"count": [0]}


def test_containers_of_python_s_that_hold_another():
    table, row = collections.UserDict(a=[1]), collections.UserList([[2]])
    before = Rollback(table, row)
    table["a"].append(3)
    table["b"] = 1
    row[0].clear()
    row.append(5)
    before.undo()
    assert (dict(table), list(row)) == ({"a": [1]}, [[2]])


@pytest.mark.parametrize(
    ("stream", "draw"),
    [
        (random.Random(1), lambda stream: stream.random()),
        (np.random.default_rng(1), lambda stream: stream.random()),
        (np.random.RandomState(1), lambda stream: stream.rand()),
    ],
)
def test_streams_of_one_s_own(stream, draw):
    def step():
        return draw(stream)

    before = Rollback(step)
    first = step()
    before.undo()
    assert step() == first


def test_globals_that_an_inner_function_names():
    def step():
        def inner():
            global COUNT
            COUNT += 1

        inner()

    before = Rollback(step)
    step()
    assert COUNT == 1
    before.undo()
    assert COUNT == 0


PROGRAM = """
count, seen = 0, []

def note():
    global count
    count += 1
    seen.append(1)
"""


@pytest.mark.parametrize("place", ["global", "closure"])
def test_variables_of_another_module(monkeypatch, place):
    books = types.ModuleType("books")
    exec(PROGRAM, vars(books))
    monkeypatch.setitem(globals(), "ledger", books)

    def by_global():
        ledger.note()  # noqa: F821

    def by_closure():
        books.note()

    step = by_global if place == "global" else by_closure
    before = Rollback(step)
    step()
    assert (books.count, books.seen) == (1, [1])
    before.undo()
    assert (books.count, books.seen) == (0, [])
