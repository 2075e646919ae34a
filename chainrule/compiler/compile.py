"""`compile`: a function of tensors written down once and run again as a graph."""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable
from typing import Any

from chainrule.compiler.explain import Explanation
from chainrule.compiler.recording import Recording, call_key
from chainrule.compiler.structure import flatten
from chainrule.errors import ArgumentError
from chainrule.tensor import trace
from chainrule.tensor.guards import same
from chainrule.tensor.tensor import Tensor

ENGINES = ("reference",)
MOST_RECORDINGS = 64


class Compiled:
    """A compiled function: called, it runs the recording that fits, or makes one."""

    def __init__(self, function: Callable, engine: str) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.engine = engine
        self._recordings: list[tuple[tuple, Recording]] = []
        self._retraces: list[str] = []
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if trace.current.get() is not None:
            return self.function(*args, **kwargs)
        arguments: list[Tensor] = []
        tree = flatten((args, kwargs), arguments)
        key = call_key(tree, arguments)
        recording = self._find(key, arguments) or self._record(key, tree, arguments)
        return recording.run(arguments)

    def _find(self, key: tuple, arguments: list[Tensor]) -> Recording | None:
        for known, recording in self._recordings:
            if not _same_key(known, key) or not recording.fits(arguments):
                continue
            if recording.broken_guard() is None:
                return recording
        return None

    def _record(self, key: tuple, tree: Any, arguments: list[Tensor]) -> Recording:
        with self._lock:
            if (found := self._find(key, arguments)) is not None:
                return found
            reason = self._reason(key)  # before the new recording is among them
            recording = Recording(self.function, tree, arguments)
            self._recordings.insert(0, (key, recording))
            del self._recordings[MOST_RECORDINGS:]
            self._retraces.append(reason)
            return recording

    def _reason(self, key: tuple) -> str:
        """Why no recording fits."""
        if not self._recordings:
            return "the first call"
        known, recording = self._recordings[0]
        if not _same_key(known, key):
            return "the arguments differ: " + _difference(known, key)
        guard = recording.broken_guard()
        return f"{guard.what} changed" if guard else "another recording was in use"

    def explain(self) -> Explanation:
        """What was recorded, what the passes did, and why the function was traced again."""
        recordings = [recording for _, recording in reversed(self._recordings)]
        return Explanation(self.engine, recordings, list(self._retraces))

    def __getattr__(self, name: str) -> Any:
        """A compiled module is still a module: parameters(), train(), state_dict()…"""
        if name == "function":
            raise AttributeError(name)
        return getattr(self.function, name)

    def __deepcopy__(self, memo: dict) -> Compiled:
        """A copy of the function, compiled anew: recordings belong to the original."""
        return Compiled(copy.deepcopy(self.function, memo), self.engine)

    def __reduce__(self) -> tuple:
        return Compiled, (self.function, self.engine)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a decorator of a method: bound to each instance, with recordings of its own."""
        if instance is None:
            return self
        bound = Compiled(self.function.__get__(instance, owner), self.engine)
        instance.__dict__[self.function.__name__] = bound
        return bound


def compile(
    model: Callable | None = None,
    *,
    engine: str = "reference",
    fullgraph: bool = True,
    dynamic: bool | None = None,
    backend: Any = None,
    mode: str | None = None,
    options: Any = None,
    disable: bool = False,
) -> Any:
    """A function that computes what `model` computes, from a graph recorded at its first call.

    Any function of tensors can be compiled: a module, a loss, a whole training step with
    backward and the optimizer's update. It is traced again when the shapes or types of its
    arguments, plain Python values it depends on, or the train/eval mode change; `explain()`
    says why. What cannot be recorded faithfully raises a TraceError.

    Args:
        engine: "reference" runs the graph with NumPy
        disable: return `model` as it is
        fullgraph, dynamic, backend, mode, options: accepted for programs written for
            PyTorch; there is always one whole graph for the shapes seen

    Raises: ArgumentError (CR407) for an engine that does not exist.
    """
    if engine not in ENGINES:
        raise ArgumentError(
            "CR407", f"there is no engine {engine!r}; there is {', '.join(ENGINES)}"
        )
    if model is None:
        return functools.partial(compile, engine=engine, disable=disable)
    return model if disable else Compiled(model, engine)


def _same_key(a: tuple, b: tuple) -> bool:
    return a[1:] == b[1:] and same(a[0], b[0])


def _difference(a: tuple, b: tuple) -> str:
    """How two call situations differ, in words: the first tensor that is not alike."""
    if len(a[1]) != len(b[1]):
        return f"{len(b[1])} tensors instead of {len(a[1])}"
    names = ("shape", "dtype", "requires_grad", "being a leaf", "a gradient", "hooks", "twin")
    for position, (old, new) in enumerate(zip(a[1], b[1], strict=True)):
        changed = [
            f"{name} {y} instead of {x}"
            for name, x, y in zip(names, old, new, strict=True)
            if x != y
        ]
        if changed:
            return f"tensor {position} has " + " and ".join(changed)
    if a[2] != b[2]:
        return "gradient recording or the default dtype changed"
    return "a plain argument has another value"
