"""`compile`: a function of tensors written down once and run again as a graph."""

from __future__ import annotations

import copy
import functools
import itertools
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

from chainrule.compiler.changing import ChangingNumbers
from chainrule.compiler.explain import Explanation
from chainrule.compiler.key import Key, call_key, difference
from chainrule.compiler.profile import Profile, profile
from chainrule.compiler.recording import Recording
from chainrule.compiler.rollback import Rollback
from chainrule.compiler.structure import flatten
from chainrule.engines.choice import engine_named
from chainrule.tensor import trace
from chainrule.tensor.tensor import Tensor

MOST_RECORDINGS = 64  # of one function; the one that was not used for longest goes
MANY_RECORDINGS = 32  # after which the program is told why there are so many
MOST_REASONS = 1000  # why there were recordings: the last of them are remembered

_uses = itertools.count(1)
_plain: ContextVar[bool] = ContextVar("plain", default=False)


def is_running_plainly() -> bool:
    """Whether compiled functions compute eagerly here."""
    return _plain.get()


@contextmanager
def running_plainly() -> Iterator[None]:
    """Inside, compiled functions compute eagerly, what they are made of."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


class Compiled:
    """A compiled function: called, it runs the recording that fits, or makes one."""

    is_compiled = True
    made: ClassVar[list[Compiled] | None] = None  # all of them, while somebody keeps track

    def __init__(self, function: Callable, engine: str) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.engine = engine
        self._recordings: list[tuple[Key, Recording]] = []
        self._retraces: list[str] = []
        self._numbers = ChangingNumbers()
        self._purpose = (
            f"the compiled function {getattr(function, '__name__', type(function).__name__)!r}"
        )
        self._otherwise = "pass it as an argument, if it is a number"
        if Compiled.made is not None:
            Compiled.made.append(self)
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if trace.current.get() is not None or _plain.get():
            return self.function(*args, **kwargs)
        arguments: list[Tensor] = []
        recording = self._recording((args, kwargs), arguments)
        recording.used = next(_uses)
        for observer in recording.observers:
            observer.call_begins(self, args, kwargs, arguments)
        if Compiled.made is not None:
            recording.last_inputs = recording.read(arguments)
        result = recording.run(arguments)
        for observer in recording.observers:
            observer.call_ends(result)
        return result

    @property
    def takes_numbers(self) -> bool:
        """Whether plain numbers among its arguments are inputs of the graph, as tensors."""
        return bool(self._numbers.places)

    def _recording(self, call: tuple, arguments: list[Tensor]) -> Recording:
        """The recording for a call, whose tensors are put into `arguments`."""
        key = call_key(self._numbers.lifted(call), arguments)
        return self._find(key, arguments) or self._record_call(call, arguments)

    def _record_call(self, call: tuple, arguments: list[Tensor]) -> Recording:
        """A new recording; numbers that differ from call to call are inputs if they can be."""
        with self._lock:
            self._numbers.learn(call)
            if not self._numbers.places:
                return self._record_as(call, arguments)
            before = Rollback(self.function, call)
            try:
                return self._record_as(self._numbers.lifted(call), arguments)
            except Exception:  # the function needs the values, or has an error of its own
                before.undo()
                self._numbers.give_up()
                return self._record_as(call, arguments)

    def _record_as(self, call: tuple, arguments: list[Tensor]) -> Recording:
        arguments.clear()
        return self._record(call_key(call, arguments), flatten(call, []), arguments)

    def _find(self, key: Key, arguments: list[Tensor]) -> Recording | None:
        for known, recording in self._recordings:
            if known == key and recording.fits(arguments) and recording.guards.broken() is None:
                return recording
        return None

    def _record(self, key: Key, tree: Any, arguments: list[Tensor]) -> Recording:
        with self._lock:
            if (found := self._find(key, arguments)) is not None:
                return found
            reason = self._reason(key)  # before the new recording is among them
            recording = Recording(self.function, tree, arguments, self.engine)
            while len(self._recordings) >= MOST_RECORDINGS:
                self._recordings.remove(min(self._recordings, key=lambda pair: pair[1].used))
            self._recordings.insert(0, (key, recording))
            self._retraces.append(reason)
            del self._retraces[:-MOST_REASONS]
            if len(self._retraces) == MANY_RECORDINGS:
                self._complain()
            return recording

    def _complain(self) -> None:
        warnings.warn(
            f"{self._purpose} was compiled {MANY_RECORDINGS} times, at last because of "
            f"{self._retraces[-1]}. Keep what changes in a tensor, or {self._otherwise}",
            stacklevel=2,
        )

    def _reason(self, key: Key) -> str:
        """Why no recording fits."""
        if not self._recordings:
            return "the first call"
        known, recording = self._recordings[0]
        if known != key:
            return "the arguments differ: " + difference(known, key)
        guard = recording.guards.broken()
        return f"{guard.what} changed" if guard else "another recording was in use"

    def explain(self, graphs: bool = False) -> Explanation:
        """What was recorded and why, what the passes did, what became of the graph.

        Args: graphs: show it also as text, after each pass.

        Notes: `print` it, or take `as_dict()`, `graph(…)`, `kernel(…).ir()`.
        """
        recordings = [recording for _, recording in reversed(self._recordings)]
        return Explanation(self.engine, recordings, list(self._retraces), graphs)

    def profile(self, *args: Any, repeat: int = 20, **kwargs: Any) -> Profile:
        """How long each kernel takes for these arguments, and how near that is to the limit.

        Args: repeat: runs, of which the medians are shown.

        Raises: ArgumentError (CR902) where `repeat` is not at least 1.

        Notes: runs on copies of all that is written over: parameters, gradients and the
        optimizer stay as they are.
        """
        arguments: list[Tensor] = []
        recording = self._recording((args, kwargs), arguments)
        return profile(self.engine, recording, recording.read(arguments), repeat)

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
    engine: str | None = None,
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
        engine: "native" turns the graph into machine code, "reference" runs it with NumPy;
            None is $CHAINRULE_ENGINE, or "native"
        disable: return `model` as it is
        fullgraph, dynamic, backend, mode, options: accepted for programs written for
            PyTorch; there is always one whole graph for the shapes seen

    Raises: ArgumentError (CR407) for an engine that does not exist.
    """
    engine = engine_named(engine)
    if model is None:
        return functools.partial(compile, engine=engine, disable=disable)
    return model if disable else Compiled(model, engine)
