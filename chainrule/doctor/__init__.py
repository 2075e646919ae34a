"""The doctor: looks at a training and says why it fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chainrule.compiler.compile import Compiled
from chainrule.doctor.finding import Finding as Finding
from chainrule.doctor.notebook import Notebook
from chainrule.doctor.tools import check_data as check_data
from chainrule.doctor.tools import gradient_flow as gradient_flow
from chainrule.doctor.tools import lr_find as lr_find
from chainrule.doctor.tools import overfit_one_batch as overfit_one_batch
from chainrule.doctor.tools import summary as summary
from chainrule.doctor.watch import Watch as Watch
from chainrule.nn.containers import ModuleDict, ModuleList
from chainrule.nn.module import Module


def watch(
    model: Module | Compiled | Sequence[Any] | Mapping[str, Any],
    *optimizers: Any,
    tell: Callable[[Finding], None] | None = None,
    folder: str | os.PathLike | None = None,
    step: int = 0,
) -> Watch:
    """Look on while a loop of one's own trains a model, and say what is wrong.

    Args:
        model: what is trained; it may be compiled, and so may the steps. Several models that
            are trained together are a list, or a dict with their names: `[generator, judge]`.
        optimizers: those that move its parameters.
        tell: called with each new finding; None prints it.
        folder: keep a journal there, for `chainrule report` and `chainrule doctor`.
        step: the number of the next step, of a training that goes on.

    Raises: ArgumentError for optimizers that move nothing (CR860) or a model that is no module
        (CR861); RunError for a folder that cannot be written (CR803).

    Notes: the training is what it is without a doctor, bit for bit. What it takes, at most two
        percent of a long training, is in the `share` of what is returned; its `findings` are
        the causes, the first one first. `verify()` tries what they advise, and `close()`, or
        the end of a `with` block, ends it.

    Example:
        >>> import chainrule as cr
        >>> model = cr.nn.Sequential(cr.nn.Linear(2, 8), cr.nn.ReLU(), cr.nn.Linear(8, 3))
        >>> optimizer = cr.optim.SGD(model.parameters(), lr=100.0)
        >>> x, y = cr.randn(16, 2), cr.randint(0, 3, (16,))
        >>> with watch(model, optimizer, tell=lambda finding: None) as doctor:
        ...     for _ in range(20):
        ...         optimizer.zero_grad()
        ...         loss = cr.nn.functional.cross_entropy(model(x), y)
        ...         loss.backward()
        ...         optimizer.step()
        >>> print(doctor.findings[0].code, doctor.findings[0].title)
        D18 learning rate too high
    """
    module = _as_one(model)
    notebook = None if folder is None else Notebook(folder)
    return Watch(module, optimizers, tell, step=step, notebook=notebook)


def _as_one(model: Any) -> Any:
    """A module that holds all that is trained."""
    if isinstance(model, Mapping) and not isinstance(model, Module):
        named = {name: _as_one(each) for name, each in model.items()}
        return ModuleDict(named) if _are_modules(named.values()) else model
    if isinstance(model, (list, tuple)):
        members = [_as_one(each) for each in model]
        return ModuleList(members) if _are_modules(members) else model
    return model.function if isinstance(model, Compiled) else model


def _are_modules(members: Iterable[Any]) -> bool:
    return all(isinstance(member, Module) for member in members)
