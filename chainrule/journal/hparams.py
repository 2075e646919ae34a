"""What TensorBoard's HPARAMS page reads: the settings of a run beside its results."""

from __future__ import annotations

from typing import Any

from chainrule.journal.event_file import message
from chainrule.journal.summaries import array_of, misfit, summary

TEXT, BOOLEAN, NUMBER = 1, 2, 3  # types of a setting
SUCCESS = 1  # how the session ended
PLUGIN = "hparams"


def hparams(
    settings: dict[str, Any], results: dict[str, Any], choices: dict[str, list[Any]]
) -> list[bytes]:
    """Three summaries: which settings and results there are, the settings, the end.

    Args: choices: for some settings, all values that they may have.

    Raises: ArgumentError (CR851) for a setting that is no bool, number, text or None.
    """
    known = {n: _plain(n, value) for n, value in settings.items() if value is not None}
    _check_choices(known, choices)
    infos = [_info(name, value, choices.get(name)) for name, value in known.items()]
    experiment = message({4: infos, 5: [message({1: message({2: n})}) for n in results]})
    start = message({1: [message({1: n, 2: _value(value)}) for n, value in known.items()]})
    parts = {"experiment": {2: experiment}, "session_start_info": {3: start},
             "session_end_info": {4: message({1: SUCCESS})}}  # fmt: skip
    return [summary(f"_hparams_/{name}", PLUGIN, message(part)) for name, part in parts.items()]


def _plain(name: str, value: Any) -> bool | float | str:
    if isinstance(value, (bool, str)):
        return value
    found = array_of(value, f"the setting {name!r}")
    if found.size != 1:
        raise misfit(f"the setting {name!r}", f"one value is needed, got shape {found.shape}")
    return bool(found) if found.dtype.kind == "b" else float(found.item())


def _check_choices(known: dict[str, Any], choices: dict[str, list[Any]]) -> None:
    for name, values in choices.items():
        if name not in known:
            raise misfit(f"the choices of {name!r}", "there is no such setting")
        kinds = {type(_plain(name, value)) for value in values}
        if kinds - {type(known[name])}:
            raise misfit(
                f"the choices of {name!r}",
                f"the setting is {known[name]!r}, so all of {values} must be of its type",
            )


def _info(name: str, value: Any, choices: list[Any] | None) -> bytes:
    domain = None
    if choices is not None:
        domain = message({1: [_value(_plain(name, choice)) for choice in choices]})
    kind = TEXT if isinstance(value, str) else BOOLEAN if isinstance(value, bool) else NUMBER
    return message({1: name, 4: kind, 5: domain})


def _value(value: bool | float | str) -> bytes:
    """google.protobuf.Value."""
    field = 3 if isinstance(value, str) else 4 if isinstance(value, bool) else 2
    return message({field: value})
