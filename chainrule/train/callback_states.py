"""Which callback takes up which state: a resumed training may have others than before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.train.callback import Callback

State = dict[str, Any]
ENTRY = {"kind", "state"}  # of a callback; an older version wrote the state alone


def states_of(callbacks: Sequence[Callback]) -> list[State]:
    """What the callbacks are, and what they keep."""
    return [{"kind": type(each).__name__, "state": each.state_dict()} for each in callbacks]


def take_up(callbacks: Sequence[Callback], entries: Sequence[State]) -> list[str]:
    """Give each callback the state that one of its kind has left, in their order.

    Returns: what the user should know of those that are new, or not there any more.
    """
    left = [
        (each["kind"], each["state"]) if each.keys() == ENTRY else (None, each)
        for each in entries
    ]
    in_order = len(left) == len(callbacks) and all(kind is None for kind, _ in left)
    told = []
    for callback in callbacks:
        name, own = type(callback).__name__, callback.state_dict()
        place = 0 if in_order else _place(name, own, left)
        if place is not None:
            callback.load_state_dict(left.pop(place)[1])
        elif own:
            told.append(f"{name} is new to this training, and begins with nothing")
    for kind, state in left:
        if state:
            name = kind or f"a callback with {', '.join(state)}"
            told.append(f"what {name} had kept is left out, as no such callback is here")
    return told


def _place(name: str, own: State, left: Sequence[tuple[str | None, State]]) -> int | None:
    """Where the state of a callback is; without names, one that has the same parts."""
    for place, (kind, state) in enumerate(left):
        if kind == name or (kind is None and own and state.keys() == own.keys()):
            return place
    return None
