"""Profiles: every kernel has a row, the figures agree, and nothing changes."""

import dataclasses
import json

import numpy as np
import pytest
from training_step import trained

import chainrule as cr
from chainrule import nn
from chainrule.compiler.compile import Compiled
from chainrule.compiler.explain import parts
from chainrule.compiler.profile import profile_of_last_run
from chainrule.engines.native.reporting import limits, measure
from chainrule.engines.native.reporting.limits import Limits, machine_limits
from chainrule.errors import ArgumentError

#: a machine with round numbers
MACHINE = Limits(
    "abacus", [1, 2],
    {"float32": [1e9, 2e9], "float64": [5e8, 1e9]},
    {"L1": [8e9, 16e9], "L2": [4e9, 8e9], "L3": [2e9, 4e9], "memory": [1e9, 1e9]},
    {"L1": [1000, 2000], "L2": [10_000, 20_000], "L3": [100_000, 100_000]},
)  # fmt: skip


ENGINES = ("native",)  # which tests themselves name another where they need one


@pytest.fixture(autouse=True)
def known_machine(monkeypatch):
    monkeypatch.setattr(measure, "machine_limits", lambda: MACHINE)


def test_every_call_of_a_kernel_has_a_row_and_the_shares_add_up():
    compiled, _, arguments = trained()
    profile = compiled.profile(*arguments, repeat=3)
    (measured,) = profile.parts.values()
    report = parts(compiled.explain().recordings[0])[0].report
    calls = [(k.name, call.role) for k in report.kernels for call in k.calls]
    assert sorted((row.name, row.role) for row in measured.rows) == sorted(calls)
    assert all(row.seconds > 0 for row in measured.rows)
    whole = sum(measured.share(row) for row in measured.rows)
    inside = sum(row.seconds for row in measured.rows)
    assert np.isclose(whole, inside / (inside + measured.outside))
    assert measured.repeat == 3


def test_flops_and_bytes_are_those_of_the_operations():
    compiled = cr.compile(lambda a, b: (a @ b).relu(), engine="native")
    a, b = cr.ones(16, 32), cr.ones(32, 64)
    (measured,) = compiled.profile(a, b, repeat=1).parts.values()
    (row,) = [row for row in measured.rows if row.role == "product"]
    assert row.flops == 2 * 16 * 32 * 64 + 16 * 64
    assert row.written == 4 * 16 * 64
    assert row.read >= 4 * (16 * 32 + 32 * 64)
    assert np.isclose(row.limit, MACHINE.seconds(row.flops, row.read + row.written))
    assert row.limit >= row.flops / MACHINE.peak()


def test_a_sum_reads_its_input_and_adds_once_for_each_element():
    compiled = cr.compile(lambda x: x.sum(), engine="native")
    (measured,) = compiled.profile(cr.ones(500), repeat=1).parts.values()
    assert sum(row.flops for row in measured.rows) == 500
    assert sum(row.read for row in measured.rows) == 2000
    assert sum(row.written for row in measured.rows) == 4


def test_copies_and_partial_sums_of_a_product_have_rows_of_their_own():
    n, m = 20_000, 32
    a, b = cr.ones(n, m), cr.ones(n, m)
    compiled = cr.compile(lambda: (a.T @ b).relu(), engine="native")
    rows = compiled.profile(repeat=1).parts["graph"].rows
    by_role = {row.role: row for row in rows}
    assert by_role["add parts"].flops == m * m  # the relu, which comes after the sum
    assert by_role["product"].flops == 2 * n * m * m
    assert by_role["product"].written > by_role["add parts"].written == 4 * m * m
    assert by_role["add parts"].read >= by_role["product"].written


def test_what_is_written_over_is_read_and_written():
    x = cr.ones(100)
    compiled = cr.compile(lambda: x.mul_(2), engine="native")
    compiled()
    (measured,) = compiled.profile(repeat=1).parts.values()
    (row,) = measured.rows
    assert (row.read, row.written, row.flops) == (400, 400, 100)
    assert x.tolist() == [2.0] * 100


@pytest.mark.parametrize("chosen", ["native", "reference"])
def test_profiling_changes_nothing(chosen):
    compiled, net, arguments = trained(engine=chosen)
    _, twin, _ = trained(engine=chosen)
    compiled.profile(*arguments, repeat=2)
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        assert p.tolist() == q.tolist() and p.grad.tolist() == q.grad.tolist()
    again, fresh = trained(3, engine=chosen)[1], compiled(*arguments)
    assert fresh.isfinite()
    for p, q in zip(net.parameters(), again.parameters(), strict=True):
        assert p.tolist() == q.tolist()


def test_it_records_where_there_is_no_recording_and_runs_nothing_for_it():
    seen = cr.zeros(1)

    def count(x):
        seen.add_(1)
        return x + seen

    compiled = cr.compile(count, engine="native")
    compiled.profile(cr.ones(1), repeat=2)
    assert seen.item() == 0
    assert compiled(cr.ones(1)).item() == 2 and seen.item() == 1


def test_the_derivative_has_a_table_of_its_own():
    cr.manual_seed(0)
    layer = nn.Linear(4, 3)
    compiled = cr.compile(lambda x: layer(x).tanh().sum(), engine="native")
    profile = compiled.profile(cr.ones(2, 4), repeat=1)
    assert list(profile.parts) == ["graph", "derivative"]
    assert layer.weight.grad is None


def test_what_numpy_computes_and_what_a_loop_repeats_have_rows():
    layer = nn.GRU(4, 8)
    compiled = cr.compile(lambda x: cr.linalg.svd(layer(x)[0][:, 0])[1].sum(), engine="native")
    rows = compiled.profile(cr.randn(5, 2, 4), repeat=2).parts["graph"].rows
    (row,) = [row for row in rows if row.role == "NumPy"]
    assert row.title == "SVD" and row.seconds > 0 and row.limit == 0
    assert any("." in row.name and row.seconds > 0 for row in rows)


def test_a_check_that_fails_raises_and_leaves_the_program_as_it_was():
    table = cr.ones(4, 2)
    compiled = cr.compile(lambda i: table[i] * 2, engine="native")
    with pytest.raises(IndexError):
        compiled.profile(cr.tensor([7]), repeat=1)
    assert compiled(cr.tensor([3])).tolist() == [[2.0, 2.0]]


def test_text_and_json():
    compiled, _, arguments = trained()
    profile = compiled.profile(*arguments, repeat=1)
    found = json.loads(profile.json())["parts"]["graph"]
    assert {"total", "outside", "limit", "repeat", "threads", "rows"} == set(found)
    assert {"share", "roofline", "flops_per_second", "bytes_per_second"} < set(found["rows"][0])
    head, columns, *rows = str(profile).splitlines()
    assert "outside the kernels" in head and "on copies" in head
    assert columns.split()[:3] == ["kernel", "µs", "share"] and len(rows) == len(found["rows"])
    assert "training_step.py" in str(profile)
    assert len(profile.text(2).splitlines()) == 5 and " more, " in profile.text(2)


def test_it_runs_at_least_once():
    compiled, _, arguments = trained(1)
    with pytest.raises(ArgumentError, match=r"CR902.*got 0"):
        compiled.profile(*arguments, repeat=0)


def test_the_inputs_of_the_last_run_will_do_where_they_were_kept(monkeypatch):
    compiled, net, _ = trained()
    (recording,) = compiled.explain().recordings
    assert profile_of_last_run("native", recording, 1) is None
    monkeypatch.setattr(Compiled, "made", [])
    compiled, net, _ = trained()
    (recording,) = compiled.explain().recordings
    before = [p.tolist() for p in net.parameters()]
    assert profile_of_last_run("native", recording, 1).parts["graph"].rows
    assert [p.tolist() for p in net.parameters()] == before
    assert profile_of_last_run("native", recording, 1) is None  # they were let go
    (other,) = trained(engine="reference")[0].explain().recordings
    assert profile_of_last_run("reference", other, 1) is None


# -- the limits of the machine ---------------------------------------------------------


def test_the_nearest_memory_that_holds_the_data_sets_the_rate():
    assert [MACHINE.level(size, 1) for size in (1, 1000, 1001, 10**6)] == [
        "L1", "L1", "L2", "memory",
    ]  # fmt: skip
    assert MACHINE.rate(1500, 1) == 4e9 and MACHINE.rate(1500, 2) == 16e9
    assert MACHINE.peak("float64", 2) == 1e9 and MACHINE.peak("int64", 1) == 1e9
    assert MACHINE.peak(threads=64) == 2e9  # the most that was tried


def test_time_is_bound_by_flops_or_by_bytes():
    peak, rate = MACHINE.peak(), MACHINE.rate(800)
    assert MACHINE.seconds(1e6, 800) == 1e6 / peak
    assert MACHINE.seconds(1, 800) == 800 / rate


def test_the_limits_are_measured_once_and_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path))
    for name, value in (("ROUNDS", 64), ("GOAL", 1e-6), ("BUDGET", 0.0), ("MOST", 1 << 16)):
        monkeypatch.setattr(limits, name, value)
    monkeypatch.setattr(limits, "_caches", lambda: {"L1": 4096, "L2": 8192, "L3": 16384})
    limits._known.cache_clear()
    found = machine_limits()
    assert found.threads[0] == 1
    for rates in (*found.flops.values(), *found.bandwidth.values()):
        assert len(rates) == len(found.threads) and min(rates) > 0
    columns = len(found.threads)
    twice = dataclasses.replace(
        found,
        flops={name: [2 * rate for rate in rates] for name, rates in found.flops.items()},
        bandwidth={name: [0.0] * columns for name in found.bandwidth},
    )
    monkeypatch.setattr(limits, "_measured", lambda: twice)
    limits._known.cache_clear()
    assert machine_limits() == found  # from the disk
    again = machine_limits(again=True)
    assert (again.flops, again.bandwidth) == (twice.flops, found.bandwidth)
    limits._known.cache_clear()
    assert machine_limits() == again
    limits._known.cache_clear()
