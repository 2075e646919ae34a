"""When there are looks and glances, and what they may cost."""

import itertools

import pytest

from chainrule.doctor import schedule as schedules
from chainrule.doctor.schedule import EARLY, MOST_ALARMS, Schedule


@pytest.fixture
def clock(monkeypatch):
    """A time that passes only where a test lets it."""
    now = [0.0]
    for name in ("perf_counter", "thread_time"):
        monkeypatch.setattr(schedules.time, name, lambda: now[0])
    return now


def followed(schedule, clock, *, steps, step=0.01, look=0.01, extra=True, learning=True):
    """The steps that are looked at."""
    seen = []
    for number in range(steps):
        if schedule.is_due(number, extra, lambda: learning):
            seen.append(number)
            schedule.begins(number)
            with schedule.looking:
                clock[0] += look
            schedule.ends()
        clock[0] += step
    return seen


def test_looks_at_compiled_steps_stay_within_their_share(clock):
    schedule = Schedule(0)
    seen = followed(schedule, clock, steps=2000, look=0.02)
    assert seen[0] == 0
    assert len(seen) > 5
    assert schedule.share <= schedules.SHARE - schedules.GLANCES
    assert schedule.is_due_at_end(2000, must=False)  # there was some time left for that


def test_where_little_is_learned_the_early_steps_are_looked_at(clock):
    cheap = followed(Schedule(0), clock, steps=50, look=0.002, learning=False)
    assert cheap[:4] == list(EARLY)
    dear = followed(Schedule(0), clock, steps=50, look=0.05, learning=False)
    assert dear == [EARLY[0], EARLY[-1]]
    later = followed(Schedule(0), clock, steps=5000, look=5.0, learning=False)
    assert len(later) == schedules.MOST_CLOSE
    assert followed(Schedule(0), clock, steps=50, look=0.05) == [0]


def test_eager_steps_are_looked_at_ever_more_rarely(clock):
    seen = followed(Schedule(0), clock, steps=1500, look=1e-4, extra=False)
    assert seen[:4] == list(EARLY)
    pauses = [b - a for a, b in itertools.pairwise(seen[4:])]
    assert pauses == sorted(pauses)
    assert pauses[-1] == schedules.LONGEST_PAUSE


def test_glances_spread_over_a_training_and_stay_within_their_share(clock):
    schedule, seen = Schedule(0), []
    for step in range(500):
        clock[0] += 0.01
        if schedule.is_glance_due(step):
            seen.append(step)
            with schedule.glancing:
                clock[0] += 0.0005
            schedule.glanced_at(step, False)
    assert 8 < len(seen) < 40
    assert seen[-1] > 300
    assert schedule.glanced <= schedules.GLANCES * schedule.elapsed


def test_between_what_is_due_nobody_is_asked(clock):
    schedule = Schedule(10)
    schedule.begins(10)
    with schedule.looking:
        clock[0] += 1.0
    schedule.ends()
    assert schedule.pause(11, False) == 0  # the first glance
    with schedule.glancing:
        clock[0] += 0.1
    schedule.glanced_at(11, False)
    assert schedule.pause(12, False) == 1  # then that after it would be due
    assert schedule.pause(14, False) == 10 + EARLY[1] - 14
    clock[0] += 1.0
    first = schedules.SHORTEST_WAIT
    assert schedule.pause(19, False) == first  # no time for a look, nor soon for a glance
    assert schedule.pause(10 + EARLY[-1] - 2, True) == 2
    assert schedule.pause(10 + EARLY[-1], False) == 0
    assert first < schedule.pause(90, False) < schedules.LONGEST_WAIT
    assert schedule.pause(90, True) == schedules.LONGEST_WAIT
    schedule.hasten(95)
    assert schedule.pause(92, True) == 3
    assert schedule.pause(96, True) == 0


def test_a_pause_ends_when_there_is_time_for_a_glance(clock):
    schedule = Schedule(0)
    followed(schedule, clock, steps=1, look=0.1)
    with schedule.glancing:
        clock[0] += 0.01
    schedule.glanced_at(1, False)
    schedule.hasten(10_000)
    clock[0] += 5.0
    passed = schedule.pause(100, True)  # 0.02 seconds of 10, of which 5.1 are over
    assert 90 < passed < 100
    clock[0] += 4.5
    assert 0 < schedule.pause(190, True) < 12


@pytest.mark.parametrize("is_inside", [True, False])
def test_the_first_glance_waits_for_time(clock, is_inside):
    """Where what looks from inside cost is known."""
    schedule = Schedule(0)
    assert schedule.is_due(0, True, lambda: True, is_inside)
    schedule.begins(0)
    with schedule.looking:
        clock[0] += 0.01
    schedule.ends()
    assert schedule.is_glance_due(1) is not is_inside
    clock[0] += 0.01 / schedules.GLANCES
    assert schedule.is_glance_due(2)


def test_what_is_heard_counts_once_and_without_looks(clock):
    schedule = Schedule(0)
    with schedule.hearing:
        clock[0] += 1.0
        with schedule.hearing:
            clock[0] += 1.0
        with schedule.looking:
            clock[0] += 4.0
    assert schedule.hearing.seconds == pytest.approx(2.0)
    assert schedule.taken == pytest.approx(6.0)


def test_an_alarm_brings_a_look_but_not_for_ever(clock):
    schedule = Schedule(0)
    followed(schedule, clock, steps=1, look=10.0)
    for number in range(10, 20):
        schedule.glanced_at(number, True, is_lost=True)
        due = schedule.is_due(number + 1, True, lambda: True)
        assert due is (number - 10 < MOST_ALARMS)
        if due:
            schedule.begins(number + 1)
            schedule.ends()


def test_an_alarm_waits_for_time_unless_numbers_are_lost(clock):
    for is_lost in (False, True):
        schedule = Schedule(0)
        followed(schedule, clock, steps=1, look=10.0)
        schedule.glanced_at(10, True, is_lost)
        assert schedule.is_due(11, True, lambda: True) is is_lost
        clock[0] += 5000
        assert schedule.is_due(12, True, lambda: True)


def test_looks_from_inside_are_made_where_others_would_take_too_long(clock):
    schedule = Schedule(0)
    followed(schedule, clock, steps=1, look=1.0)
    clock[0] += 90
    assert not schedule.is_due(60, True, lambda: True, False)
    assert schedule.is_due(60, True, lambda: True, True)
    schedule.begins(60)
    with schedule.looking:
        clock[0] += 0.05
    schedule.ends()
    assert schedule.is_due(90, True, lambda: True, True)
    assert not schedule.is_due(90, True, lambda: True, False)  # what each cost is known


def test_what_was_never_run_once_more_is_not_run_for_a_look_at_the_end(clock):
    schedule = Schedule(0)
    assert schedule.is_due(0, True, lambda: True, True)
    schedule.begins(0)
    schedule.ends()
    clock[0] += 1000
    assert not schedule.is_due_at_end(100, must=False)
    assert schedule.is_due_at_end(100, must=True)


def test_eager_steps_are_looked_at_beyond_their_time_where_nothing_is_learned_any_more(clock):
    """A few times; otherwise a loss that rises again late would be seen by nobody."""
    schedule = Schedule(0)
    early = followed(schedule, clock, steps=60, look=1.0, extra=False)
    assert early == list(EARLY)
    later = []
    for number in range(60, 5000):
        if schedule.is_due(number, False, lambda: False):
            later.append(number)
            schedule.begins(number)
            with schedule.looking:
                clock[0] += 1.0
            schedule.ends()
    assert len(early) + len(later) == schedules.MOST_CLOSE


def test_a_loss_that_rises_again_brings_looks_forward_a_few_times(clock):
    schedule = Schedule(0)
    followed(schedule, clock, steps=45, look=1e-5, extra=False)
    clock[0] += 1000.0
    seen = []
    for number in range(50, 60):
        schedule.alarm(number)
        if schedule.is_due(number, False, lambda: True):
            seen.append(number)
            schedule.begins(number)
            schedule.ends()
    assert seen == [50, 51, 52]
    assert len(seen) == MOST_ALARMS
