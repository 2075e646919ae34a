"""Functions that are compiled where they can be, and say why where they cannot."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.compiler.compile import Compiled
from chainrule.compiler.key import Key
from chainrule.compiler.rollback import Rollback
from chainrule.compiler.structure import Leaf
from chainrule.engines.choice import engine_named
from chainrule.errors import TraceError
from chainrule.tensor.tensor import Tensor

MOST_SITUATIONS = 16  # shapes and plain arguments that are compiled for


class CompiledWherePossible:
    """A function that is compiled, except in situations in which it cannot be.

    Args:
        function: of tensors and objects.
        engine: "native" or "reference", or None as chainrule.compile.
        purpose: what it is for, in the warning.
        situations: those that were compiled for so far, as texts; new ones are added. Taken
            up from a checkpoint they make a resumed training compile what it did before.
        said: reasons that were given before; functions that share it give each reason once.
        strict: raise the error where it cannot be compiled, instead of a warning.

    Notes: an attempt to trace that fails leaves no mark on the arguments, what is reached from
    them, and the random numbers. Which calls are compiled depends on nothing but their
    situations, so that a training that was interrupted can end as one that was not.
    """

    def __init__(
        self,
        function: Callable,
        engine: str | None,
        purpose: str,
        situations: list[str],
        said: set[str],
        strict: bool = False,
    ) -> None:
        self.function = function
        self.strict = strict
        self.seconds = 0.0  # that compiling took
        self.recordings = 0  # that were made
        self.purpose = purpose
        self._compiled = _Attempting(function, engine_named(engine), self)
        self._situations = situations
        self._refused: dict[str, str] = {}  # by situation: why it cannot be compiled
        self._said = said

    def __call__(self, *args: Any) -> Any:
        try:
            return self._compiled(*args)
        except _NotCompiledError as refusal:
            reason = str(refusal)
        result = self.function(*args)  # what is really wrong with it raises here again
        self._say(reason)
        return result

    def attempt(self, record: Callable[[], Any], tree: Any, arguments: list[Tensor]) -> Any:
        """What `record()` makes, for arguments taken apart into a tree and tensors.

        Raises: _NotCompiledError, or the error itself if strict, where that cannot be; then
        nothing was changed.
        """
        situation = _described(tree, arguments)
        if not self.strict:
            self._refuse_again(situation)
        started = time.perf_counter()
        before = Rollback(tree, arguments)
        try:
            recording = record()
        except Exception as error:
            before.undo()
            if self.strict:
                raise
            self._refused[situation] = _reason(error)
            raise _NotCompiledError(self._refused[situation]) from None
        self.seconds += time.perf_counter() - started
        if situation not in self._situations:
            self._situations.append(situation)
        self.recordings += 1
        return recording

    def _refuse_again(self, situation: str) -> None:
        if situation in self._refused:
            raise _NotCompiledError(self._refused[situation])
        if situation not in self._situations and len(self._situations) >= MOST_SITUATIONS:
            raise _NotCompiledError(
                f"the arguments differ from call to call; {MOST_SITUATIONS} shapes and plain "
                "values are compiled for, others are not. Give all batches one shape, or a few"
            )

    def _say(self, reason: str) -> None:
        """Warn, once for each reason."""
        if reason not in self._said:
            self._said.add(reason)
            warnings.warn(
                f"{self.purpose} runs eagerly, as it cannot be compiled: {reason} "
                "(compile=False says that this is meant, compile=True makes it an error)",
                stacklevel=3,
            )


class _Attempting(Compiled):
    """A compiled function whose recordings are made by its owner."""

    def __init__(self, function: Callable, engine: str, owner: CompiledWherePossible) -> None:
        super().__init__(function, engine)
        self._owner = owner
        self._purpose, self._otherwise = owner.purpose, "give compile=False"

    def _record(self, key: Key, tree: Any, arguments: list[Tensor]) -> Any:
        record = super()._record
        return self._owner.attempt(lambda: record(key, tree, arguments), tree, arguments)


class _NotCompiledError(Exception):
    """Why a call is not compiled."""


def _reason(error: Exception) -> str:
    if isinstance(error, TraceError):
        return str(error)
    return f"{type(error).__name__} while it was compiled: {error}"


def _described(tree: Any, arguments: list[Tensor]) -> str:
    """A situation as a text that is the same in every process: shapes, types, plain values."""
    if isinstance(tree, Leaf):
        held = arguments[tree.position]._cell.array
        return f"{held.dtype}{list(held.shape)}"
    if isinstance(tree, np.ndarray):
        return f"array {tree.dtype}{list(tree.shape)}"
    if isinstance(tree, dict):
        pairs = [f"{k!r}: {_described(v, arguments)}" for k, v in tree.items()]
        return f"{{{', '.join(pairs)}}}"
    if isinstance(tree, (list, tuple)):
        return f"({', '.join([_described(v, arguments) for v in tree])})"
    return repr(tree) if isinstance(tree, (bool, int, float, str)) else type(tree).__name__
