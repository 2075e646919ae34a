"""The pool of threads: every task once, regions in order, and nobody waits for a sleeper."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from chainrule.engines.native.running import pool as pools
from chainrule.engines.native.running.llvm import compile_object, load
from chainrule.engines.native.running.pool import Pool, pool
from chainrule.engines.native.running.program import Loop, Program
from chainrule.engines.native.running.target import host
from chainrule.errors import ArgumentError
from chainrule.threads import cores, get_num_threads, obey_environment, set_num_threads

KERNELS = """
; row: counters; adds 1 to the one of this chunk, with a plain addition
define void @count(ptr %row, ptr %scratch, i64 %chunk) {
  %counters = load ptr, ptr %row
  %at = getelementptr i64, ptr %counters, i64 %chunk
  %old = load i64, ptr %at
  %new = add i64 %old, 1
  store i64 %new, ptr %at
  ret void
}
; row: sources, their number, targets; target[chunk] = chunk + the sum of the sources
define void @gather(ptr %row, ptr %scratch, i64 %chunk) {
entry:
  %from = load ptr, ptr %row
  %n.at = getelementptr i64, ptr %row, i64 1
  %n = load i64, ptr %n.at
  %to.at = getelementptr i64, ptr %row, i64 2
  %to = load ptr, ptr %to.at
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %i.more, %next ]
  %sum = phi i64 [ %chunk, %entry ], [ %sum.more, %next ]
  %at = getelementptr i64, ptr %from, i64 %i
  %x = load i64, ptr %at
  %sum.more = add i64 %sum, %x
  %i.more = add i64 %i, 1
  %go = icmp slt i64 %i.more, %n
  br i1 %go, label %next, label %done
done:
  %mine = getelementptr i64, ptr %to, i64 %chunk
  store i64 %sum.more, ptr %mine
  ret void
}
; row: status, code
define void @fail(ptr %row, ptr %scratch, i64 %chunk) {
  %status = load ptr, ptr %row
  %code.at = getelementptr i64, ptr %row, i64 1
  %code = load i64, ptr %code.at
  store atomic i64 %code, ptr %status monotonic, align 8
  ret void
}
; row: flag; waits until it is 1
define void @wait(ptr %row, ptr %scratch, i64 %chunk) {
entry:
  %flag = load ptr, ptr %row
  br label %next
next:
  %seen = load atomic i64, ptr %flag acquire, align 8
  %open = icmp ne i64 %seen, 0
  br i1 %open, label %done, label %next
done:
  ret void
}
; row: flag
define void @open(ptr %row, ptr %scratch, i64 %chunk) {
  %flag = load ptr, ptr %row
  store atomic i64 1, ptr %flag release, align 8
  ret void
}
; row: addresses; notes which scratch memory its chunk had, and writes to the end of it
define void @note(ptr %row, ptr %scratch, i64 %chunk) {
  %notes = load ptr, ptr %row
  %size.at = getelementptr i64, ptr %row, i64 1
  %size = load i64, ptr %size.at
  %at = getelementptr ptr, ptr %notes, i64 %chunk
  store ptr %scratch, ptr %at
  %last = getelementptr i64, ptr %scratch, i64 %size
  %end = getelementptr i64, ptr %last, i64 -1
  store i64 %chunk, ptr %end
  ret void
}
"""


@pytest.fixture(scope="module")
def library():
    return load(compile_object(KERNELS, host()))


@pytest.fixture(params=["in native code", "in Python"])
def crowd(request, monkeypatch):
    """Makes pools, whose workers sleep in either place, and closes them."""
    made = []
    if request.param == "in Python":
        monkeypatch.setattr(pools.native(), "sleep_address", 0)

    def make(threads):
        made.append(Pool(threads))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Writer:
    """Writes programs down: regions of (kernel, row) with a number of chunks."""

    def __init__(self, library):
        self.library = library
        self.kept = [library]
        self.tasks = []
        self.bounds = [0]

    def row(self, *words):
        addresses = [w.ctypes.data if isinstance(w, np.ndarray) else w for w in words]
        self.kept += [words, np.array(addresses, np.int64)]
        return self.kept[-1]

    def region(self, kernel, row, chunks):
        address = self.library.address(kernel)
        self.tasks += [(address, row.ctypes.data, chunk) for chunk in range(chunks)]
        self.bounds.append(len(self.tasks))

    def program(self, **options):
        tasks = np.array(self.tasks, np.int64).reshape(-1, 3)
        return Program(tasks, self.bounds, keep=self.kept, **options)


@pytest.fixture
def writer(library):
    return Writer(library)


def counting(library, chunks, regions=1, **options):
    """A program that counts each of its tasks, and the counters."""
    writer, counters = Writer(library), np.zeros(chunks, np.int64)
    for _ in range(regions):
        writer.region("count", writer.row(counters), chunks)
    return writer.program(**options), counters


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("chunks", [0, 1, 2, 3, 100])
def test_every_task_runs_once(library, crowd, threads, chunks):
    program, counters = counting(library, chunks, regions=3)
    many = crowd(threads)
    for turn in range(1, 20):
        assert many.run(program) == 0
        assert (counters == 3 * turn).all()


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_region_sees_all_of_the_one_before(writer, crowd, threads):
    """Each region sums everything that the one before has written."""
    layers = [np.ones(16, np.int64)] + [np.zeros(16, np.int64) for _ in range(10)]
    for source, target in itertools.pairwise(layers):
        writer.region("gather", writer.row(source, 16, target), 16)
    program = writer.program()
    many = crowd(threads)
    for _ in range(200):
        for layer in layers[1:]:
            layer[:] = -1
        many.run(program)
        for source, target in itertools.pairwise(layers):
            np.testing.assert_array_equal(target, source.sum() + np.arange(16))


def test_a_program_without_regions_ends(crowd):
    assert crowd(2).run(Program(np.zeros((0, 3), np.int64), [0])) == 0


def test_tasks_of_a_region_run_at_the_same_time(writer, crowd):
    """One waits for the other, whichever comes first."""
    flag = np.zeros(1, np.int64)
    writer.region("wait", writer.row(flag), 1)
    writer.region("open", writer.row(flag), 1)
    writer.bounds = [0, 2]
    assert crowd(2).run(writer.program()) == 0


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("times", [0, 1, 2, 7])
def test_a_loop_moves_its_words_and_puts_them_back(library, crowd, threads, times):
    """A recurrence: state[t + 1] = sum of state[t] plus the chunk; other regions around it."""
    writer, state = Writer(library), np.zeros((8, 4), np.int64)
    state[0] = 1
    before, after = np.zeros(3, np.int64), np.zeros(3, np.int64)
    writer.region("count", writer.row(before), 3)
    row = writer.row(state[0], 4, state[1])
    writer.region("gather", row, 4)
    writer.region("count", writer.row(after), 3)
    old = row.copy()
    moves = [(row.ctypes.data, 32), (row.ctypes.data + 16, 32)]
    program = writer.program(loops=[Loop(1, 2, times, moves)])
    for turn in (1, 2):
        assert crowd(threads).run(program) == 0
        np.testing.assert_array_equal(row, old)
        assert (before == turn).all() and (after == turn).all()
    expected = np.zeros((8, 4), np.int64)
    expected[0] = 1
    for step in range(times):
        expected[step + 1] = expected[step].sum() + np.arange(4)
    np.testing.assert_array_equal(state, expected)


def test_several_loops_and_another_number_of_turns(library, crowd):
    writer, counters = Writer(library), [np.zeros(4, np.int64) for _ in range(4)]
    for each in counters:
        writer.region("count", writer.row(each), 4)
    program = writer.program(loops=[Loop(0, 2, 3), Loop(2, 3, 5)])
    crowd(2).run(program)
    assert [int(each[0]) for each in counters] == [3, 3, 5, 1]
    program.repeat(1, 2)
    program.repeat(0, 0)
    crowd(2).run(program)
    assert [int(each[0]) for each in counters] == [3, 3, 7, 2]


@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_is_written_behind_a_failed_check(library, crowd, threads):
    writer, counters, code = Writer(library), np.zeros(4, np.int64), np.zeros(2, np.int64)
    row = writer.row(code, 7)
    writer.region("fail", row, 2)
    writer.region("count", writer.row(counters), 4)
    program = writer.program(guard=1)
    row[0] = program.status_address
    many = crowd(threads)
    assert many.run(program) == 7
    assert not counters.any()
    row[1] = 0
    assert many.run(program) == 0
    assert counters.all()
    row[1] = 8
    assert many.run(program) == 8
    assert (counters == 1).all()


def test_a_check_that_fails_in_a_loop_puts_the_words_back(library, crowd):
    writer, flags = Writer(library), np.zeros((3, 2), np.int64)
    counters = np.zeros(2, np.int64)
    place = writer.row(0, 5)
    writer.region("count", writer.row(counters), 2)
    writer.region("fail", place, 1)
    program = writer.program(guard=0, loops=[Loop(0, 2, 3, [(place.ctypes.data, 0)])])
    moving = np.zeros(1, np.int64)
    program_moving = writer.program(guard=0, loops=[Loop(0, 2, 3, [(moving.ctypes.data, 8)])])
    place[0] = flags.ctypes.data
    assert crowd(1).run(program) == 0
    assert (counters == 3).all()
    place[0] = program_moving.status_address
    assert crowd(1).run(program_moving) == 5
    assert (counters == 4).all()
    assert moving[0] == 0


@pytest.mark.parametrize("size", [1 << 10, 3 << 20])
def test_each_thread_has_scratch_memory_of_its_own(library, crowd, size):
    writer, notes = Writer(library), np.zeros(64, np.int64)
    writer.region("note", writer.row(notes, size // 8), 64)
    program = writer.program(scratch=size)
    many = crowd(3)
    for _ in range(20):
        many.run(program)
        assert not (notes % 64).any()
        places = np.unique(notes)
        assert len(places) <= 3
        assert (np.diff(places) >= size).all()


def test_the_caller_takes_tasks_from_the_front_and_the_worker_from_the_back(writer, crowd):
    flag, notes = np.zeros(1, np.int64), np.zeros(64, np.int64)
    writer.region("wait", writer.row(flag), 1)  # the caller, until the worker has begun
    writer.region("note", writer.row(notes, 1), 64)
    writer.region("open", writer.row(flag), 1)
    writer.bounds = [0, 66]
    program, many = writer.program(), crowd(2)
    for _ in range(20):
        flag[:] = 0
        many.run(program)
        assert np.count_nonzero(np.diff(notes)) <= 1


def test_two_python_threads_run_at_once(library, crowd):
    many = crowd(2)
    results = {}

    def work(name):
        program, counters = counting(library, 16, regions=4)
        for _ in range(300):
            many.run(program)
        results[name] = counters

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert all((counters == 1200).all() for counters in results.values())


def test_a_program_runs_while_another_holds_the_pool(writer, library, crowd):
    """The first waits for a flag that only the second sets: it runs, though alone."""
    many, flag = crowd(2), np.zeros(1, np.int64)
    writer.region("wait", writer.row(flag), 1)
    first = threading.Thread(target=many.run, args=(writer.program(),))
    first.start()
    other = Writer(library)
    other.region("open", other.row(flag), 1)
    assert many.run(other.program()) == 0
    first.join(10)
    assert not first.is_alive()


def test_an_interrupt_comes_after_the_run(writer, library, crowd):
    many, flag, counters = crowd(2), np.zeros(1, np.int64), np.zeros(4, np.int64)
    writer.region("wait", writer.row(flag), 1)
    writer.region("count", writer.row(counters), 4)
    program = writer.program()

    def interrupt():
        time.sleep(0.01)
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.01)
        flag[0] = 1

    other = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        other.start()
        many.run(program)
    other.join()
    assert (counters == 1).all()
    assert many.run(program) == 0
    assert (counters == 2).all()


def test_the_number_of_threads_may_change_between_runs(library):
    program, counters = counting(library, 32, regions=2)
    common, before = Pool(), get_num_threads()
    try:
        for turn, threads in enumerate([1, 3, 2, 8, 1, 2] * 3, 1):
            set_num_threads(threads)
            common.run(program)
            assert (counters == 2 * turn).all()
    finally:
        set_num_threads(before)
        common.close()


def test_the_environment_sets_the_number_of_threads(monkeypatch):
    before = get_num_threads()
    try:
        monkeypatch.setenv("CHAINRULE_NUM_THREADS", "3")
        obey_environment()
        assert get_num_threads() == 3
        for wrong in ("0", "two", "-1"):
            monkeypatch.setenv("CHAINRULE_NUM_THREADS", wrong)
            with pytest.raises(ArgumentError, match=f"CR902.*at least 1 thread, got '{wrong}'"):
                obey_environment()
    finally:
        set_num_threads(before)


def test_no_more_threads_than_cores_unless_told():
    assert 1 <= cores() <= os.cpu_count()


def test_twenty_thousand_runs(library, crowd):
    program, counters = counting(library, 4)
    many = crowd(2)
    for _ in range(20_000):
        many.run(program)
    assert (counters == 20_000).all()


def test_runs_after_sleep(library, crowd):
    program, counters = counting(library, 4)
    many = crowd(4)
    for turn in range(1, 15):
        many.run(program)
        time.sleep(0.0003 * (turn % 5))
    assert (counters == 14).all()


@pytest.mark.skipif(len(pools.allowed_cores()) < 2, reason="there is one core")
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_all_workers_that_are_wanted_wake(writer, crowd, threads):
    """Each of them holds a task that waits for the last one to begin."""
    flag = np.zeros(1, np.int64)
    for _ in range(threads - 1):
        writer.region("wait", writer.row(flag), 1)
    writer.region("open", writer.row(flag), 1)
    writer.bounds = [0, threads]
    program, many = writer.program(), crowd(threads)
    for turn in range(40):
        flag[0] = 0
        assert many.run(program) == 0
        time.sleep(0.0005 * (turn % 4))


def test_workers_sleep_when_nothing_runs(library, crowd):
    program, _ = counting(library, 64)
    many = crowd(2)
    many.run(program)
    deadline = time.perf_counter() + 10
    while time.perf_counter() < deadline:
        start = time.process_time()
        time.sleep(0.02)
        if time.process_time() - start < 0.002:
            return
    pytest.fail("a worker without work keeps its core busy")


@pytest.mark.skipif(len(pools.allowed_cores()) < 2, reason="there is one core")
def test_a_worker_leaves_the_core_to_which_the_caller_was_moved(writer, crowd, monkeypatch):
    everywhere = os.sched_getaffinity(0)
    monkeypatch.setattr(pools, "allowed_cores", lambda thread=0: everywhere)
    flag = np.zeros(1, np.int64)
    writer.region("wait", writer.row(flag), 1)
    writer.region("open", writer.row(flag), 1)
    writer.bounds = [0, 2]
    program, many = writer.program(), crowd(2)
    many.run(program)
    worker = many._team.workers[0].native_id
    core = min(os.sched_getaffinity(worker))
    os.sched_setaffinity(worker, {core})
    os.sched_setaffinity(0, {core})
    try:
        deadline = time.perf_counter() + 10
        while core in os.sched_getaffinity(worker):
            assert time.perf_counter() < deadline
            flag[0] = 0
            many.run(program)
    finally:
        os.sched_setaffinity(0, everywhere)


def test_times_by_region_and_task(library, crowd):
    program, counters = counting(library, 5, regions=3, loops=[Loop(1, 2, 4)])
    status, times = crowd(2).profile(program)
    assert status == 0
    assert times.regions.shape == (3,) and times.tasks.shape == (15,)
    assert (times.regions > 0).all() and (times.tasks >= 0).all()
    assert times.regions.sum() < 1e9
    taken = program.tasks[:, 0].copy()
    crowd(2).run(program)
    np.testing.assert_array_equal(taken, program.tasks[:, 0])
    assert (counters == 12).all()


def test_tasks_that_are_no_tasks():
    with pytest.raises(ValueError, match="rows of 3"):
        Program(np.zeros((2, 2), np.int64), [0, 2])
    with pytest.raises(ValueError, match="reach to 5"):
        Program(np.zeros((2, 3), np.int64), [0, 5])


def test_a_pool_that_was_closed_begins_again(library, crowd):
    program, counters = counting(library, 8)
    many = crowd(2)
    many.run(program)
    many.close()
    many.close()
    many.run(program)
    assert (counters == 2).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_has_workers_of_its_own():
    """Forked while the parent's worker is awake: in a process of its own, as pytest's has
    threads of which Python would warn."""
    run(
        """
        import os, warnings
        warnings.simplefilter("ignore")
        for _ in range(50):
            many.run(program)
        child = os.fork()
        for _ in range(50):
            many.run(program)
        assert (counters == 100).all()
        if child == 0:
            os._exit(0 if len(threading.enumerate()) == 2 else 3)
        assert os.waitpid(child, 0)[1] == 0
        """
    )


@pytest.mark.parametrize("moment", ["", "time.sleep(0.01)"])
def test_the_interpreter_ends_with_workers_awake_or_asleep(moment):
    run(f"many.run(program)\n{moment}")


def test_the_interpreter_ends_while_a_thread_runs_programs():
    run(
        """
        def forever():
            while True:
                many.run(program)
        threading.Thread(target=forever, daemon=True).start()
        import time
        time.sleep(0.02)
        """
    )


def run(text):
    """Run text in a process of its own, where `many`, `program` and `counters` are ready."""
    before = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_pool import *
many = Pool(2)
program, counters = counting(load(compile_object(KERNELS, host())), 16)
"""
    result = subprocess.run(
        [sys.executable, "-c", before + textwrap.dedent(text)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(pools.__file__).parents[4])},
    )
    assert result.returncode == 0, result.stderr
    assert not result.stderr


def test_one_pool_for_the_process():
    assert pool() is pool()
