"""Everything put back: what a tool changes in a model, an optimizer or a loader is undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chainrule.compiler.rollback import Rollback
from chainrule.observers import unobserved
from chainrule.tensor.streams import held_by, read_state, write_state


@contextmanager
def restored(*roots: Any) -> Iterator[None]:
    """Within it anything may happen to the roots and to what is reached from them; after it
    they are bit for bit what they were, the random streams of the program and those that the
    roots hold included.

    Observers, such as a doctor that looks on, hear nothing of it.

    Notes: arrays of tensors are held, not copied: no operation writes into an array that
    somebody holds. Where the block raises, the error passes through after all is put back.

    Example:
        >>> import chainrule as cr
        >>> layer = cr.nn.Linear(2, 1)
        >>> before = layer.weight.tolist()
        >>> with restored(layer):
        ...     layer.weight.data.zero_().tolist()
        [[0.0, 0.0]]
        >>> layer.weight.tolist() == before
        True
    """
    streams = [(stream, read_state(stream)) for stream in held_by(*roots)]
    before = Rollback(*roots)
    try:
        with unobserved():
            yield
    finally:
        before.undo()
        for stream, state in streams:
            write_state(stream, state)
