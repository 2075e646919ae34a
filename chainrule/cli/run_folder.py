"""The folder that a training leaves behind."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule import nn
from chainrule.cli.execution import Execution
from chainrule.cli.recipe import Recipe
from chainrule.errors import ChainruleError, RunError
from chainrule.files import make_folder, write_text
from chainrule.report.environment import environment
from chainrule.train import checkpoints, load, save

RUNS = Path("runs")


@dataclass(frozen=True)
class RunFolder:
    """Its files, by name.

    config.json          the recipe, the engine, and the versions and machine it was run with
    history.jsonl        the scores, one line per epoch
    journal.jsonl        all that happened, and the report made of it:
    report.html          opens in a browser
    checkpoints/         what is needed to go on
    weights.safetensors  the finished model
    """

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def history(self) -> Path:
        return self.path / "history.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    @property
    def has_checkpoint(self) -> bool:
        return bool(checkpoints(self.checkpoints))

    @property
    def how_to_go_on(self) -> str:
        """The command, as a shell takes it."""
        return f"chainrule train --resume {shlex.quote(str(self.path))}"

    def write_config(self, recipe: Recipe, execution: Execution) -> None:
        """Put down the recipe, and how it is computed."""
        config = {
            "recipe": recipe.to_json(),
            "execution": execution.to_json(),
            "environment": environment(),
        }
        write_text(self.config, json.dumps(config, indent=2) + "\n")

    def read_recipe(self) -> Recipe:
        """The recipe it was made by.

        Raises: RunError (CR806) for a folder that is not a run, or a malformed one.
        """
        return self._read(lambda config: Recipe(**config["recipe"]))

    def read_execution(self) -> dict[str, Any]:
        """How it was computed; nothing in a run of an older version.

        Raises: RunError (CR806) for a folder that is not a run, or a malformed one.
        """
        return self._read(lambda config: dict(config.get("execution", {})))

    def _read(self, take: Callable[[Any], Any]) -> Any:
        try:
            return take(json.loads(self.config.read_text(encoding="utf-8")))
        except OSError:
            raise RunError(
                "CR806",
                f"{self.path} is not the folder of a run: {self.config} cannot be read. Name a "
                "folder that chainrule train has made",
            ) from None
        except (ValueError, TypeError, KeyError, AttributeError, ChainruleError) as error:
            raise RunError(
                "CR806",
                f"{self.config} is malformed ({type(error).__name__}: {error}). Restore the "
                "file, or train anew",
            ) from None

    def latest_checkpoint(self) -> Path:
        """Where to go on from.

        Raises: RunError (CR806) where there is no checkpoint.
        """
        found = checkpoints(self.checkpoints)
        if not found:
            raise RunError(
                "CR806",
                f"{self.checkpoints} has no checkpoint to go on from; remove {self.path} and "
                "train anew: chainrule train",
            )
        return found[-1]

    def write_weights(self, model: nn.Module) -> None:
        """Keep the finished model."""
        save(model.state_dict(), self.weights)

    def read_model(self, recipe: Recipe) -> nn.Module:
        """The finished model.

        Raises: RunError where it is not finished (CR806) or its weights do not fit (CR807).
        """
        if not self.weights.exists():
            raise RunError(
                "CR806",
                f"{self.path} has no {self.weights.name}: its training was not finished. Go on "
                f"with it: {self.how_to_go_on}",
            )
        model = recipe.make_model()
        restore(model, load(self.weights), self.weights)
        return model


def restore(holder: Any, state: Any, path: Path) -> None:
    """holder.load_state_dict(state), with the name of the file in the message if it fails."""
    try:
        holder.load_state_dict(state)
    except (ChainruleError, TypeError, AttributeError) as error:
        raise RunError(
            "CR807",
            f"{path} does not fit the recipe in its config.json: {error}. Restore both files "
            "from the same run, or train anew",
        ) from None


def new_run_folder(out: str | None, recipe: Recipe, execution: Execution) -> RunFolder:
    """Make the folder `out`, or runs/digits-cnn-1 with the next free number.

    Raises: RunError where it cannot be made (CR803), or holds a run already (CR810).
    """
    folder = _numbered(f"{recipe.dataset}-{recipe.model}") if out is None else make_folder(out)
    run = RunFolder(folder)
    if run.config.exists():
        raise RunError(
            "CR810",
            f"{folder} holds a run already; give another folder with --out, or go on with that "
            f"run: {run.how_to_go_on}",
        )
    run.write_config(recipe, execution)
    return run


def _numbered(name: str) -> Path:
    number = 1
    while True:
        try:
            return make_folder(RUNS / f"{name}-{number}", new=True)
        except FileExistsError:
            number += 1
