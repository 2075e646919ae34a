"""Programs borrow the memory they work in, and hold nothing of others between runs."""

import gc
import importlib
import threading
import weakref

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import chainrule as cr
from chainrule import nn
from chainrule.engines.native import engine
from chainrule.engines.native.reporting import report
from chainrule.engines.native.running.arena import Arenas
from chainrule.nn import functional as F

compiling = importlib.import_module("chainrule.compiler.compile")


class Anything:
    """Stands for a program."""


@pytest.fixture
def own(monkeypatch):
    """Arenas of this test alone."""
    found = Arenas()
    for module in (engine, report):
        monkeypatch.setattr(module, "arenas", found)
    return found


# -- arenas ------------------------------------------------------------------------------------


def test_runs_one_after_the_other_share_an_arena():
    arenas, (small, large) = Arenas(), (Anything(), Anything())
    arenas.enlist(small, 100)
    arenas.enlist(large, 1000)
    first = arenas.take(1000)
    arenas.give(first)
    assert arenas.take(100) is first and arenas.held == []
    assert first.address % 64 == 0 and first.memory.size == 1000


def test_runs_at_the_same_time_have_an_arena_each():
    arenas, program = Arenas(), Anything()
    arenas.enlist(program, 100)
    taken = [arenas.take(100) for _ in range(3)]
    assert len({arena.address for arena in taken}) == 3
    for arena in taken:
        arenas.give(arena)
    assert arenas.held == [100] * 3


def test_one_that_is_too_small_makes_room_for_a_larger_one():
    arenas, program = Arenas(), Anything()
    arenas.enlist(program, 100)
    arenas.give(arenas.take(100))
    arenas.enlist(program, 1000)
    arenas.give(arenas.take(1000))
    assert arenas.held == [1000]


def test_with_the_largest_program_its_arena_goes():
    arenas, small, large = Arenas(), Anything(), Anything()
    arenas.enlist(small, 100)
    arenas.enlist(large, 1000)
    both = [arenas.take(100), arenas.take(1000)]
    for arena in both:
        arenas.give(arena)
    used = arenas.take(1000)
    del large
    gc.collect()
    arenas.give(used)
    assert arenas.held == [100]
    del small
    gc.collect()
    assert arenas.held == []


def test_no_two_threads_get_the_same_arena():
    arenas, programs, wrong = Arenas(), [Anything() for _ in range(4)], []

    def work(number):
        arenas.enlist(programs[number], 64 + number)
        for turn in range(300):
            arena = arenas.take(64 + number)
            arena.memory[:] = mark = (4 * turn + number) % 256
            wrong.extend([number] * bool((arena.memory != mark).any()))
            arenas.give(arena)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and 1 <= len(arenas.held) <= 4


# -- programs ----------------------------------------------------------------------------------


def training():
    """A step for batches of any size, and its network."""
    cr.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 40), nn.Tanh(), nn.Linear(40, 3))
    optimizer = cr.optim.Adam(model.parameters(), lr=0.01)

    @cr.compile(engine="native")
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, model


def batch(size):
    numbers = np.random.default_rng(size)
    x = numbers.standard_normal((size, 6)).astype(np.float32)
    return cr.from_numpy(x), cr.from_numpy(numbers.integers(0, 3, size))


def test_recordings_share_one_arena_and_explain_says_so(own):
    step, _ = training()
    for size in (5, 300, 40, 5):
        step(*batch(size))
    explanation = step.explain()
    sizes = [recording.program.blueprint.arena for recording in explanation.recordings]
    assert own.held == [max(sizes)] and len(set(sizes)) == 3
    assert "arenas that all programs of this process share: 1, " in str(explanation)
    (part,) = explanation.as_dict()["recordings"][0]["parts"]
    assert part["engine"]["arenas"] == own.held


def test_a_function_that_goes_leaves_nothing(own):
    step, _ = training()
    step(*batch(50))
    assert own.held
    del step
    gc.collect()
    assert own.held == []


def test_a_recording_that_is_dropped_leaves_the_arena_to_smaller_ones(own, monkeypatch):
    monkeypatch.setattr(compiling, "MOST_RECORDINGS", 2)
    step, _ = training()
    for size in (500, 20, 10):
        step(*batch(size))
    gc.collect()
    step(*batch(10))
    kept = [recording.program.blueprint.arena for recording in step.explain().recordings]
    assert own.held == [kept[-1]]


def test_recordings_hold_no_batch_and_no_parameters():
    step, model = training()
    held = []
    for size in (5, 7):
        x, y = batch(size)
        step(x, y)
        held += [weakref.ref(t._cell.array) for t in (x, y)]
    held += [weakref.ref(p._cell.array) for p in model.parameters()]
    with cr.no_grad():
        for p in model.parameters():
            p.zero_()
    del x, y
    gc.collect()
    assert all(ref() is None for ref in held)


def test_changing_shapes_write_weights_in_place():
    step, model = training()
    for size in (5, 7):
        step(*batch(size))
    weights = [p for p in model.parameters() if p.ndim == 2]
    before = [p._cell.array.ctypes.data for p in weights]
    for size in (5, 7, 7, 5):
        step(*batch(size))
    assert [p._cell.array.ctypes.data for p in weights] == before


def test_shapes_by_turns_give_what_the_reference_gives():
    sizes = (5, 300, 5, 40, 300, 40, 5)
    step, model = training()
    found = [step(*batch(size)).item() for size in sizes]
    other, twin = training()
    wanted = [other.function(*batch(size)).item() for size in sizes]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(p.tolist(), q.tolist(), rtol=1e-3, atol=1e-4)


def test_a_result_is_no_part_of_an_arena(own):
    double = cr.compile(lambda x: ((x @ x.T).exp() @ x).sum(1), engine="native")
    first = double(cr.ones(3, 4))
    kept = first.tolist()
    double(cr.full((9, 4), 2.0))
    assert first.tolist() == kept and own.held


def test_a_program_moves_from_one_arena_to_another(own):
    """With a loop, whose words move, and a primitive that NumPy computes between kernels."""
    cr.manual_seed(0)
    layer, x = nn.GRU(4, 8), cr.randn(5, 3, 4)

    @cr.compile(engine="native")
    def run(x):
        y = layer(x)[0].detach().exp()
        return cr.linalg.svd(y[-1] @ y[0].T)[1] + (y @ y[0].T).sum()

    wanted = run(x).tolist()
    taken = [own.take(0)]
    assert run(x).tolist() == wanted
    taken.append(own.take(0))
    assert taken[0].address != taken[1].address
    own.give(taken[0])
    assert run(x).tolist() == wanted


def test_threads_call_one_function_with_many_shapes(own):
    twice = cr.compile(lambda x: (x @ x.T).tanh() @ x, engine="native")
    inputs = [cr.randn(size, 8) for size in (3, 30, 70)]
    wanted = [twice(x).numpy() for x in inputs]
    wrong = []

    def work(number):
        for turn in range(60):
            i = (turn + number) % 3
            wrong.extend([i] * (not np.array_equal(twice(inputs[i]).numpy(), wanted[i])))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and len(own.held) <= 5


def test_an_error_gives_the_arena_back(own):
    pick = cr.compile(lambda x, i: (x @ x.T).exp().index_select(0, i) @ x, engine="native")
    x = cr.randn(6, 3)
    wanted = pick(x, cr.tensor([0, 5])).tolist()
    for _ in range(3):
        with pytest.raises(IndexError):
            pick(x, cr.tensor([0, 6]))
    assert len(own.held) == 1
    assert pick(x, cr.tensor([0, 5])).tolist() == wanted
