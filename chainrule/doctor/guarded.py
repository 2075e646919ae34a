"""Blocks of the doctor's own in a training that is not to end by its mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.doctor.accounts import Account

if TYPE_CHECKING:
    from chainrule.doctor.looking import LookingMethods


class Guarded:
    """A block whose time counts as the doctor's, and whose errors are not the training's."""

    __slots__ = "_account", "_watch"

    def __init__(self, watch: LookingMethods, account: Account) -> None:
        self._watch, self._account = watch, account

    def __enter__(self) -> None:
        self._account.__enter__()

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> bool:
        self._account.__exit__()
        is_over = error is None or self._watch.failed(error)
        self._watch.tell_mistakes()
        return error is not None and is_over
