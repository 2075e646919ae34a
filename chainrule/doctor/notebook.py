"""The journal that a watch keeps of a loop of one's own, for `chainrule report`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.doctor.facts import LayerFacts, Look, Record
from chainrule.doctor.finding import Finding
from chainrule.doctor.measures import parameter_count
from chainrule.journal import Journal
from chainrule.journal.writing import warn_of_loss
from chainrule.nn.module import Module
from chainrule.tensor.generator import initial_seed

ALL = 10  # bits of a step's number up to which every loss is written

#: facts of a layer that are written as they are
PLAIN = ("gradient_norm", "weight_norm", "update_ratio", "dead", "saturated", "histogram")


def layer_facts(layer: LayerFacts) -> dict[str, Any]:
    """The facts of a layer, as a journal has them; what is not known is left out."""
    found = {name: getattr(layer, name) for name in PLAIN}
    if layer.activation is not None:
        found["activation_mean"] = layer.activation.mean
        found["activation_std"] = layer.activation.std
    return {name: value for name, value in found.items() if value is not None}


class Entries:
    """Writes what a doctor saw and found into a journal: a finding again when it changes."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str | None], tuple[Any, ...]] = {}  # by finding: its state

    def look(self, journal: Journal, look: Look) -> None:
        """What was seen of the layers."""
        layers = {path: layer_facts(layer) for path, layer in look.layers.items()}
        journal.layers(look.step, {path: facts for path, facts in layers.items() if facts})

    def findings(self, journal: Journal, findings: Sequence[Finding]) -> None:
        """Each finding once, and once more when more is known of it."""
        for place, found in enumerate(findings):
            state = (place, found.verified, found.trial, found.applied, len(found.consequences))
            if self._told.get((found.code, found.layer)) != state:
                self._told[found.code, found.layer] = state
                journal.finding(found.step, {**found.as_dict(), "place": place})


class Notebook:
    """Writes down what a watch sees: losses, looks and findings.

    Args: folder: of the run; a journal that is there already is added to.

    Raises: RunError (CR803) for a folder that cannot be written.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.journal = Journal(folder, failing=warn_of_loss)
        self._entries = Entries()

    def begin(self, model: Module, record: Record) -> None:
        """What is trained."""
        if not self.journal.is_new:
            self.journal.write("resumed", step=record.step)
        self.journal.write(
            "run",
            seed=initial_seed(),
            model=record.model,
            optimizer=record.optimizer,
            parameters=parameter_count(model),
        )

    def loss(self, step: int, loss: float, settings: Mapping[str, Any]) -> None:
        """The loss of a step; later of fewer of them, so that a journal stays small."""
        if step % (1 << max(0, step.bit_length() - ALL)) == 0:
            values = {"train_loss": loss}
            if isinstance(settings.get("lr"), (int, float)):
                values["learning_rate"] = settings["lr"]
            self.journal.scalars(step + 1, values)

    def look(self, look: Look) -> None:
        """What was seen of the layers."""
        self._entries.look(self.journal, look)

    def findings(self, findings: Sequence[Finding]) -> None:
        """What was found so far."""
        self._entries.findings(self.journal, findings)

    def close(self, step: int) -> None:
        """The training is over; a second time nothing happens."""
        if not self._is_closed:
            self._is_closed = True
            self.journal.write("end", state="finished", step=step)
            self.journal.close()

    _is_closed = False
