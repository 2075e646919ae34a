"""Seconds by what they were spent on."""

from __future__ import annotations

import time


class Accounts:
    """Whose time it is: that of the block which was entered last and goes on."""

    __slots__ = "_open", "_passed", "_worked"

    def __init__(self) -> None:
        self._open: list[Account] = []
        self._passed = self._worked = 0.0  # on both clocks, up to which all is counted

    def enter(self, account: Account) -> None:
        """From now on time is counted for this one."""
        self.count()
        self._open.append(account)

    def leave(self) -> None:
        """From now on it is counted for the one before."""
        self.count()
        self._open.pop()

    def count(self) -> None:
        """Count all up to now."""
        passed, worked = time.perf_counter(), time.thread_time()
        if self._open:
            account = self._open[-1]
            account.seconds += passed - self._passed
            account.work += worked - self._worked
        self._passed, self._worked = passed, worked


class Account:
    """The time inside `with account:` blocks; that of other accounts inside is theirs.

    Attributes:
        seconds: that have passed.
        work: those in which this thread computed.
    """

    __slots__ = "_all", "seconds", "work"

    def __init__(self, all_of_them: Accounts) -> None:
        self._all = all_of_them
        self.seconds = self.work = 0.0

    def __enter__(self) -> None:
        self._all.enter(self)

    def __exit__(self, *_: object) -> None:
        self._all.leave()
