"""Machine code made while the planner still writes: LLVM works on a thread of its own.

    with Compilation(target) as compilation:
        compilation.add("scale", text, emitter)  # and so on
        objects = compilation.objects()

llvmlite lets one thread at a time into LLVM, and Python runs meanwhile. A module takes some
twenty calls of LLVM, and after each its thread has to get hold of the interpreter again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.running.llvm import compile_object
from chainrule.engines.native.running.target import Target

BATCH = 100_000  # characters of functions that become one object
SWITCH = 0.0005  # seconds until a thread that wants the interpreter gets it


class Module:
    """Functions that become one object, and what they need."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.helpers: dict[str, str] = {}
        self.declared: dict[str, str] = {}

    def add(self, text: str, emitter: Emitter) -> None:
        self.texts.append(text)
        self.helpers |= emitter.helpers
        self.declared |= emitter.declared

    @property
    def size(self) -> int:
        return sum(map(len, self.texts))

    def text(self, target: Target) -> str:
        """All of it in LLVM's language."""
        parts = [*self.helpers.values(), *self.texts, *self.declared.values()]
        return "\n".join([*parts, f"attributes #0 = {{ {target.attributes} }}", ""])


class Compilation:
    """Takes functions, one after the other, and gives the machine code of all."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._thread = ThreadPoolExecutor(1, "chainrule compiler")
        self._begun: list[Future[bytes]] = []
        self._known: set[str] = set()
        self._module = Module()

    def __enter__(self) -> Compilation:
        self._switch = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)
        sys.setswitchinterval(self._switch)

    def first(self, work: Callable[[], Any]) -> None:
        """Have LLVM's thread do something while there are no functions yet."""
        self._submit(work)

    def add(self, name: str, text: str, emitter: Emitter) -> None:
        """Another function, unless one of that name, which says what is in it, is known."""
        if name in self._known:
            return
        self._known.add(name)
        self._module.add(text, emitter)
        if self._module.size >= BATCH:
            self._begin()

    def _begin(self) -> None:
        """Have LLVM compile what is there."""
        text = self._module.text(self.target)
        self._begun.append(self._submit(compile_object, text, self.target))
        self._module = Module()

    def _submit(self, work: Callable[..., Any], *arguments: Any) -> Future:
        try:
            return self._thread.submit(work, *arguments)
        except RuntimeError:  # the system has no more threads: go without
            done: Future = Future()
            done.set_result(work(*arguments))
            return done

    def objects(self) -> list[bytes]:
        """The object files of all functions, once LLVM is through."""
        if self._module.texts:
            self._begin()
        return [future.result() for future in self._begun]
