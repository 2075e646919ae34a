"""A place for trials: what happens inside leaves no trace."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import numpy as np

from chainrule.compiler.compile import running_plainly
from chainrule.doctor.shadow import Silent, undone
from chainrule.doctor.training_call import TrainingCall
from chainrule.nn.module import Module
from chainrule.observers import unobserved


@contextmanager
def sandbox(
    model: Module, optimizers: Sequence[Any], calls: Sequence[TrainingCall]
) -> Iterator[None]:
    """Inside, everything may be changed and nobody looks on; compiled functions run eagerly."""
    with (
        undone(model, optimizers, [(call.function, call.args) for call in calls]),
        unobserved(),
        running_plainly(),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        redirect_stdout(Silent(sys.stdout)),
    ):
        warnings.simplefilter("ignore")
        yield
