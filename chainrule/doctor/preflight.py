"""The first steps of somebody's script, with a doctor looking on."""

from __future__ import annotations

import re
import runpy
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from chainrule import observers, settings
from chainrule.doctor.finding import Finding
from chainrule.doctor.watch import Watch
from chainrule.doctor.wiring import moved_by
from chainrule.errors import ShapeError
from chainrule.nn.module import Module
from chainrule.tensor import trace


class Enough(BaseException):
    """Ends the script: enough was seen."""


class Preflight(observers.Observer):
    """Finds the models and optimizers of a script while it runs, and watches each pair.

    Args:
        steps: after which the script is ended.
        tell: called with each finding.

    Notes: `watches` are those that look on, one for each model.
    """

    def __init__(self, steps: int, tell: Callable[[Finding], None]) -> None:
        self.steps = steps
        self.tell = tell
        self.watches: list[Watch] = []
        self._modules: WeakSet[Module] = WeakSet()
        self._optimizers: list[Any] = []
        self._considered: set[int] = set()  # modules that need not be looked at again, by id
        self._thread = threading.get_ident()

    @property
    def findings(self) -> list[Finding]:
        """Those of all watches; the same fault of several models once."""
        found = {(f.code, f.layer): f for watch in self.watches for f in watch.findings}
        return sorted(found.values(), key=lambda finding: (finding.stage, finding.code))

    @property
    def step(self) -> int:
        """How many steps were looked at."""
        return max((watch.record.step for watch in self.watches), default=0)

    def module_made(self, module: Module) -> None:
        """Note it; whose part it is shows later."""
        self._modules.add(module)

    def optimizer_made(self, optimizer: Any) -> None:
        """Watch the model whose parameters it moves."""
        self._optimizers.append(optimizer)
        self._considered.clear()
        own = {id(p) for p in moved_by(optimizer)}
        for module in self._roots():
            if own & {id(p) for p in module.parameters()}:
                self._watch(module, [optimizer])
                return

    def module_begins(self, module: Module, arguments: tuple[Any, ...]) -> None:
        """A model that learns, but that no optimizer moves, is watched too."""
        if id(module) in self._considered or self._thread != threading.get_ident():
            return
        if trace.current.get() is not None or not settings.grad_enabled.get():
            return
        if not self._optimizers or observers.is_unobserved():
            return
        self._considered.add(id(module))
        watched = {id(part) for watch in self.watches for part in watch.model.modules()}
        if id(module) in watched or module not in self._roots():
            return
        if any(p.requires_grad for p in module.parameters()):
            self._watch(module, self._optimizers)

    def _roots(self) -> list[Module]:
        """The modules that are part of no other."""
        parts = {id(part) for module in self._modules for part in list(module.modules())[1:]}
        return [module for module in self._modules if id(module) not in parts]

    def _watch(self, model: Module, optimizers: Sequence[Any]) -> None:
        known = next((watch for watch in self.watches if watch.model is model), None)
        if known is not None:  # several optimizers for one model
            self.watches.remove(known)
            known.close()
            optimizers = [*known.optimizers, *optimizers]
        if any(moved_by(optimizer) for optimizer in optimizers):
            self.watches.append(_Ending(model, optimizers, self.tell, self.steps))

    @contextmanager
    def looking_on(self) -> Iterator[None]:
        """Inside, everything that is built is seen."""
        observers.present.append(self)
        observers.close.append(self)
        try:
            yield
        finally:
            observers.present.remove(self)
            observers.close.remove(self)
            for watch in self.watches:
                watch.close()

    def run(self, script: Path, arguments: Sequence[str]) -> BaseException | None:
        """Run the script as `python SCRIPT ARGUMENT …` does, up to the last step to look at;
        returns the error that ended it, if one did."""
        with self.looking_on():
            error = _run(script, arguments)
            if isinstance(error, ShapeError) and error.code == "CR510":
                self._note_shapes(error.message)
            for watch in self.watches:
                watch.record.ended = error is None
                watch.diagnose()
                watch.verify()
        return error

    def _note_shapes(self, message: str) -> None:
        """A loss has refused shapes; note those that would have been broadcast."""
        found = re.findall(r"\(([\d, ]+)\)", message)[:2]
        shapes = [tuple(int(n) for n in text.split(",") if n.strip()) for text in found]
        if len(shapes) == 2 and sorted(map(len, shapes)) == [1, 2] and self.watches:
            self.watches[-1].record.loss.broadcast = shapes[0], shapes[1]


def _run(script: Path, arguments: Sequence[str]) -> BaseException | None:
    argv, folders = sys.argv, list(sys.path)
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.resolve().parent))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except Enough:
        pass
    except SystemExit as end:
        return end if end.code not in (None, 0) else None
    except Exception as error:
        return error
    finally:
        sys.argv, sys.path[:] = argv, folders
    return None


class _Ending(Watch):
    """A watch that ends the program after some steps."""

    def __init__(
        self, model: Module, optimizers: Sequence[Any], tell: Callable, steps: int
    ) -> None:
        super().__init__(model, optimizers, tell)
        self.steps = steps

    def lets_pass(self) -> bool:
        """No step may: each could be the last."""
        return False

    def step_done(self, optimizer: Any) -> None:
        """Count; the last one ends the program."""
        super().step_done(optimizer)
        if self.record.step >= self.steps:
            raise Enough
