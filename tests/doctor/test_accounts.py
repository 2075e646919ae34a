"""Time is counted once, for the block that was entered last."""

import pytest

from chainrule.doctor import accounts
from chainrule.doctor.accounts import Account, Accounts


@pytest.fixture
def clock(monkeypatch):
    """Time passes where a test says so, and half of it is work."""
    now = [0.0]
    monkeypatch.setattr(accounts.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(accounts.time, "thread_time", lambda: now[0] / 2)
    return now


def test_what_is_inside_of_another_counts_for_itself(clock):
    both = Accounts()
    outer, inner = Account(both), Account(both)
    clock[0] = 100.0
    with outer:
        clock[0] += 1
        with inner:
            clock[0] += 10
            with outer:
                clock[0] += 2
        clock[0] += 4
    clock[0] += 1000
    with inner:
        clock[0] += 20
    assert (outer.seconds, outer.work) == (7.0, 3.5)
    assert (inner.seconds, inner.work) == (30.0, 15.0)


def test_what_goes_on_is_counted_when_asked_for(clock):
    all_of_them = Accounts()
    account = Account(all_of_them)
    with account:
        clock[0] += 1
        assert account.seconds == 0
        all_of_them.count()
        assert account.seconds == 1
        clock[0] += 1
    assert account.seconds == 2
    all_of_them.count()
    assert account.seconds == 2


def test_an_error_ends_the_block(clock):
    both = Accounts()
    outer, inner = Account(both), Account(both)
    with outer:
        with pytest.raises(KeyError), inner:
            clock[0] += 1
            raise KeyError
        clock[0] += 2
    clock[0] += 4
    assert (outer.seconds, inner.seconds) == (2.0, 1.0)
