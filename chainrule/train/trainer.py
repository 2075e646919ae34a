"""Trainer: the parts of a training, and their state from one checkpoint to the next."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chainrule.compiler.rollback import GLOBAL
from chainrule.engines.choice import engine_named
from chainrule.errors import ArgumentError, ChainruleError, DataError, RunError
from chainrule.metrics import Mean
from chainrule.nn.module import Module
from chainrule.tensor.generator import default_generator
from chainrule.tensor.streams import plain, read_state, write_state
from chainrule.tensor.tensor import Tensor
from chainrule.threads import get_num_threads
from chainrule.train.batches import check_repeatable, length_of
from chainrule.train.callback import POINTS, Callback
from chainrule.train.callback_states import states_of, take_up
from chainrule.train.checkpoints import checkpoints, load_checkpoint
from chainrule.train.examining import examining
from chainrule.train.loop import train
from chainrule.train.where_possible import CompiledWherePossible

SCHEDULE_EACH = ("step", "epoch", "score")


class Trainer:
    """Trains a model with the loop that stands in chainrule/train/loop.py.

    Args:
        model: what is trained.
        loss_function: of outputs and targets, a mean over the samples of the batch.
        optimizer: made with the model's parameters.
        batches: pairs of inputs and targets, gone through once per epoch; how many there are
            need not be known.
        validation: pairs to score after each epoch, or None.
        epochs: passes over the batches, those of a resumed run included.
        scheduler: changes the learning rate, or None.
        schedule_each: when the scheduler steps: after each "step", after each "epoch", or with
            the "score", the validation loss, after each epoch (ReduceLROnPlateau).
        metrics: more scores for validation, by name, such as {"accuracy": Accuracy()}.
        callbacks: called at the named points of the loop, in this order.
        clip_norm: scale the gradients so that their norm is at most this, or None.
        doctor: True looks on and says what is wrong (chainrule.doctor); "fix" also applies a
            remedy that was tried and helped, and writes it into the history.
        compile: None compiles steps and validation where that is possible, and warns, saying
            why, where it is not; True makes that an error; False computes eagerly.
        engine: "native" or "reference"; None as chainrule.compile.

    Raises: DataError without batches (CR706), or with those that an iterator gives only once
        where there are several epochs (CR815); ArgumentError for a bad option (CR808) or engine
        (CR407); TraceError, in fit(), for what cannot be compiled where compile=True.

    Notes: a compiled step runs no Python of the model or loss function; what they print is
        printed while they are traced. Callbacks always run as Python. A batch of another shape,
        such as a smaller last one, is compiled for by itself.

    Example:
        >>> import chainrule as cr
        >>> x = cr.linspace(-1, 1, 16).reshape(16, 1)
        >>> data = cr.utils.data.DataLoader(cr.utils.data.TensorDataset(x, 2 * x), batch_size=4)
        >>> line = cr.nn.Linear(1, 1)
        >>> optimizer = cr.optim.SGD(line.parameters(), lr=0.5)
        >>> history = Trainer(line, cr.nn.MSELoss(), optimizer, data, epochs=20).fit()
        >>> round(line.weight.item(), 2)
        2.0
    """

    def __init__(
        self,
        model: Module,
        loss_function: Callable[[Tensor, Tensor], Tensor],
        optimizer: Any,
        batches: Iterable[Any],
        validation: Iterable[Any] | None = None,
        *,
        epochs: int,
        scheduler: Any = None,
        schedule_each: str = "epoch",
        metrics: Mapping[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        clip_norm: float | None = None,
        doctor: bool | str = False,
        compile: bool | None = None,
        engine: str | None = None,
    ) -> None:
        self.model = model
        self.loss_function = loss_function
        self.optimizer = optimizer
        self.batches = batches
        self.validation = validation
        self.epochs = epochs
        self.scheduler = scheduler
        self.schedule_each = schedule_each
        self.metrics = dict(metrics or {})
        self.callbacks = list(callbacks)
        self.clip_norm = clip_norm
        self.mended: dict[str, float] = {}  # settings that the doctor has changed, by name
        self.doctor = examining(doctor)
        self.compile = compile
        self.engine = engine_named(engine)
        self._check()
        self.epoch = 0  # epochs that are done
        self.step = 0  # steps that are done
        self.loss = float("nan")  # of the last batch
        self.begin_epoch()
        self.stopped = False  # a callback sets it to end the training early
        self.history: list[dict[str, Any]] = []
        listeners = [*callbacks, *([] if self.doctor is None else [self.doctor])]
        self._listeners = {
            point: [getattr(c, point) for c in listeners if c.listens_to(point)]
            for point in POINTS
        }
        self._compiled: dict[str, CompiledWherePossible] = {}  # the loop's functions
        self._situations: dict[str, list[str]] = {}  # by function: what it is compiled for
        self._said: set[str] = set()  # why something is not compiled

    def fit(self) -> list[dict[str, Any]]:
        """Train up to the last epoch; returns the history, one dict per epoch."""
        self._compiled.clear()
        self._check_repeatable()
        try:
            train(self)
        finally:
            self.call("close")
        return self.history

    def begin_epoch(self) -> None:
        """Nothing is done yet of the next epoch."""
        self.batch = 0  # batches that are done
        self.seconds = 0.0  # that they took
        self.train_loss = Mean()  # of their samples

    def resume(self, folder: str | os.PathLike) -> bool:
        """Go on from the latest checkpoint in a folder; False where there is none.

        Raises: RunError for a damaged checkpoint (CR804), or another training's (CR807).
        """
        found = checkpoints(folder)
        if found:
            self._restore(load_checkpoint(found[-1]), f"the checkpoint {found[-1]}")
        return bool(found)

    def check_position(self) -> None:
        """Make sure that an epoch can go on in its middle.

        Raises: ArgumentError (CR812) for batches that do not know how far they are.
        """
        if not hasattr(self.batches, "load_state_dict"):
            raise ArgumentError(
                "CR812",
                f"batches of type {type(self.batches).__name__} cannot go on in the middle of "
                "an epoch; use a DataLoader, or give them state_dict() and load_state_dict()",
            )

    def call(self, point: str) -> None:
        """Give the callbacks their turn."""
        for listener in self._listeners[point]:
            listener(self)

    def listens(self, point: str) -> bool:
        """Whether a callback wants a turn at a point."""
        return bool(self._listeners[point])

    def say(self, text: str) -> None:
        """Show the user one line at once, such as a finding: above the bar of Progress.

        Notes: every callback is given the line; where none shows it, it goes to stderr.
        """
        shown = [callback.say(self, text) for callback in self.callbacks]
        if not any(shown):
            print(text, file=sys.stderr, flush=True)

    def compiled(self, *, when: bool = True) -> Callable[[Callable], Callable]:
        """A decorator that compiles a function of the loop as the trainer's `compile` says.

        Another model, loss function, optimizer or `clip_norm` of the trainer is seen.
        """

        def decorate(function: Callable) -> Callable:
            if not when or self.compile is False:
                return function
            compiled = CompiledWherePossible(
                lambda parts, *batch: function(*batch),
                self.engine,
                "the training",
                self._situations.setdefault(function.__name__, []),
                self._said,
                strict=bool(self.compile),
            )
            self._compiled[function.__name__] = compiled
            return lambda *batch: compiled(self._traced_parts(), *batch)

        return decorate

    def _traced_parts(self) -> tuple[Any, ...]:
        """What compiled functions read from the trainer."""
        return self.model, self.loss_function, self.optimizer, self.clip_norm

    @property
    def compile_seconds(self) -> dict[str, float]:
        """What compiling each function of the loop has taken so far, by its name."""
        return {name: function.seconds for name, function in self._compiled.items()}

    @property
    def execution(self) -> str:
        """How the steps are computed, in words; known after the first step."""
        if self.compile is False:
            return "running eagerly, as asked for"
        if not any(f.recordings for f in self._compiled.values()):
            return "running eagerly"
        threads = get_num_threads()
        using = f" ({threads} thread{'s' * (threads > 1)})" if self.engine == "native" else ""
        seconds = sum(self.compile_seconds.values())
        return f"compiled by the {self.engine} engine{using} in {seconds:.1f} s"

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on as if nothing had happened."""
        return {
            "parts": self._parts(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "inside": self._inside(),
            "stopped": self.stopped,
            "history": self.history,
            "random": [plain(read_state(stream)) for stream in GLOBAL],
            "generators": [generator.get_state() for generator in self._generators()],
            "callbacks": states_of(self.callbacks),
            "compiled": {name: list(known) for name, known in self._situations.items()},
            "mended": dict(self.mended),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the state that state_dict() returned.

        Notes: a callback takes up what one of its class had kept. One that is new begins with
            nothing, and what one that is gone had kept is left out; both are said.

        Raises: RunError (CR807) for the state of a differently built trainer; then nothing was
        changed.
        """
        self._restore(state, "this checkpoint")

    def _restore(self, state: Mapping[str, Any], name: str) -> None:
        before = copy.deepcopy(self.state_dict())
        try:
            self._check_parts(state)
            told = self._take_up(state)
        except (KeyError, TypeError, ValueError, AttributeError, ChainruleError) as error:
            self._take_up(before)
            raise RunError(
                "CR807",
                f"{name} belongs to a training that was built in another way ({error}); go on "
                "with the same model, optimizer and scheduler. Nothing was changed",
            ) from None
        for line in told:
            self.say(f"resumed: {line}")

    def _take_up(self, state: Mapping[str, Any]) -> list[str]:
        """Returns: what the user should know of the callbacks."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        self.epoch, self.step = int(state["epoch"]), int(state["step"])
        self._go_inside(state["inside"])
        self.stopped = bool(state["stopped"])
        self.history = list(state["history"])
        for stream, saved in zip(GLOBAL, state["random"], strict=True):
            write_state(stream, saved)
        for generator, saved in zip(self._generators(), state["generators"], strict=True):
            generator.set_state(saved)
        told = take_up(self.callbacks, state["callbacks"])
        for name, known in state.get("compiled", {}).items():
            self._situations.setdefault(name, [])[:] = known
        self.mended = dict(state.get("mended", {}))
        self.clip_norm = self.mended.get("clip_norm", self.clip_norm)
        return told

    def _parts(self) -> dict[str, Any]:
        """What it is built of; whether the model fits, its parameters say."""
        return {
            "optimizer": type(self.optimizer).__name__,
            "scheduler": None if self.scheduler is None else type(self.scheduler).__name__,
        }

    def _check_parts(self, state: Mapping[str, Any]) -> None:
        for name, ours in self._parts().items():
            if state["parts"][name] != ours:
                raise ValueError(f"its {name}: {state['parts'][name]}, here: {ours}")

    def _inside(self) -> dict[str, Any] | None:
        """Where the training is inside an epoch; None between two."""
        if self.batch == 0:
            return None
        self.check_position()
        return {
            "batch": self.batch,
            "seconds": self.seconds,
            "train_loss": self.train_loss.state_dict(),
            "batches": self.batches.state_dict(),  # type: ignore[attr-defined]
        }

    def _go_inside(self, state: Mapping[str, Any] | None) -> None:
        self.begin_epoch()
        if state is None:
            return
        self.check_position()
        self.batch, self.seconds = state["batch"], state["seconds"]
        self.train_loss.load_state_dict(state["train_loss"])
        self.batches.load_state_dict(state["batches"])  # type: ignore[attr-defined]

    def _generators(self) -> list[Any]:
        """The sources of randomness: the default one, and the loader's own."""
        own = getattr(self.batches, "generator", None)
        return [default_generator] if own is None else [default_generator, own]

    def _check_repeatable(self) -> None:
        for name in ("batches", "validation") if self.epochs - self.epoch > 1 else ():
            check_repeatable(name, getattr(self, name))

    def _check(self) -> None:
        if self.schedule_each not in SCHEDULE_EACH:
            raise ArgumentError(
                "CR808",
                f"schedule_each is one of {', '.join(SCHEDULE_EACH)}, got "
                f"{self.schedule_each!r}",
            )
        if self.schedule_each == "score" and self.validation is None:
            raise ArgumentError(
                "CR808", 'schedule_each="score" needs validation batches, whose loss it watches'
            )
        if self.epochs < 0:
            raise ArgumentError("CR808", f"epochs is at least 0, got {self.epochs}")
        for name in ("batches", "validation"):
            batches = getattr(self, name)
            if length_of(batches) == 0:
                raise DataError(
                    "CR706",
                    f"there is nothing to train on: {name} has no batches. Is the dataset "
                    "empty, or smaller than one batch with drop_last=True?",
                )
