"""The functions of a plan as text, each written once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from chainrule.engines.native.code.compilation import Compilation
from chainrule.engines.native.emitter import Emitter

KERNEL = "kernel"  # what every function is called while it is written

Written = tuple[Emitter, int]  # the function, and into how many chunks its work is cut


class Functions:
    """The text of each function, by its name, and of what the functions call.

    Args: compilation: gets each function as soon as it has a name.

    Notes: a function is named by its text, so equal functions are one.
    """

    def __init__(self, compilation: Compilation | None) -> None:
        self._compilation = compilation
        self._known: dict[tuple, Written] = {}
        self._named: dict[Emitter, tuple[str, str]] = {}  # name and text
        self.restart()

    def restart(self) -> None:
        """No function belongs to the plan yet; those that were written are still known."""
        self.texts: dict[str, str] = {}
        self.helpers: dict[str, str] = {}  # what the functions call
        self.declared: dict[str, str] = {}  # the same, of LLVM

    def forget(self) -> None:
        """Let go of how the functions were written."""
        self._known.clear()
        self._named.clear()

    def once(self, key: tuple, write: Callable[[], Written]) -> Written:
        """What was written for this key, which holds all that the code depends on."""
        if key not in self._known:
            self._known[key] = write()
        return self._known[key]

    def add(self, emitter: Emitter) -> str:
        """The name of the function that the emitter wrote."""
        if emitter not in self._named:
            text = emitter.text()
            name = "k" + hashlib.sha256(text.encode()).hexdigest()[:16]
            self._named[emitter] = name, re.sub(rf"@{KERNEL}\b", f"@{name}", text)
        name, text = self._named[emitter]
        if name not in self.texts:
            self.texts[name] = text
            self.helpers |= emitter.helpers
            self.declared |= emitter.declared
            if self._compilation is not None:
                self._compilation.add(name, text, emitter)
        return name

    def include(self, other: Functions) -> None:
        """Also the functions of another plan: of the body of a loop."""
        self.texts |= other.texts
        self.helpers |= other.helpers
        self.declared |= other.declared
