"""LLVM compiles while the planner writes, and equal kernels are written once."""

import ctypes
import threading

import numpy as np
import pytest
from training_step import trained

import chainrule as cr
from chainrule import nn
from chainrule.engines.native.code import compilation as compiling
from chainrule.engines.native.code.compilation import Compilation
from chainrule.engines.native.code.likeness import Likeness
from chainrule.engines.native.code.nest_code import NestCode
from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.planning.plan import Plan
from chainrule.engines.native.running.llvm import load
from chainrule.engines.native.running.target import host

Function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


def adder(number):
    return f"define i64 @add{number}(i64 %x) {{\n%y = add i64 %x, {number}\nret i64 %y\n}}"


def emitter(helper="", declared=""):
    found = Emitter("kernel", [], 4)
    found.helpers |= {helper: helper} if helper else {}
    found.declared |= {declared: declared} if declared else {}
    return found


@pytest.mark.parametrize("batch", [1, 100, 1 << 20])
def test_functions_of_all_modules_are_there(batch, monkeypatch):
    monkeypatch.setattr(compiling, "BATCH", batch)
    with Compilation(host()) as compilation:
        for number in (1, 2, 3, 2, 1):
            compilation.add(f"add{number}", adder(number), emitter())
        objects = compilation.objects()
    assert len(objects) == {1: 3, 100: 2}.get(batch, 1)
    library = load(objects)
    assert [Function(library.address(f"add{n}"))(10) for n in (1, 2, 3)] == [11, 12, 13]


def test_every_module_has_what_its_functions_need(monkeypatch):
    monkeypatch.setattr(compiling, "BATCH", 1)
    helper = "define internal i64 @twice(i64 %x) {\n%y = shl i64 %x, 1\nret i64 %y\n}"
    text = "define i64 @NAME(i64 %x) {\n%y = call i64 @twice(i64 %x)\nret i64 %y\n}"
    with Compilation(host()) as compilation:
        for name in ("a", "b"):
            compilation.add(name, text.replace("NAME", name), emitter(helper))
        library = load(compilation.objects())
    assert [Function(library.address(name))(4) for name in ("a", "b")] == [8, 8]


def test_no_functions_are_no_objects():
    with Compilation(host()) as compilation:
        assert compilation.objects() == []
    load([])


def test_what_llvm_says_is_raised_and_the_thread_ends():
    threads = threading.active_count()
    with pytest.raises(RuntimeError, match="undefined value"), Compilation(host()) as it:
        it.add("f", "define i64 @f() { ret i64 %x }", emitter())
        it.objects()
    with pytest.raises(KeyError), Compilation(host()) as it:
        it.add("f", adder(1), emitter())
        raise KeyError("the planner found a defect")
    assert threading.active_count() == threads


def test_it_works_where_the_system_has_no_more_threads(monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with Compilation(host()) as compilation:
        compilation.add("add5", adder(5), emitter())
        library = load(compilation.objects())
    assert Function(library.address("add5"))(1) == 6


# -- likeness ------------------------------------------------------------------------------


def plan_of(function, *arguments):
    """The plan, and how many nests were written for it."""
    compiled = cr.compile(function, engine="reference")
    compiled(*arguments)
    return Plan.of(compiled._recordings[0][1].graph, host(), {})


@pytest.fixture
def written(monkeypatch):
    """The nests that were written."""
    found = []
    write = NestCode.write

    def noted(self, name):
        found.append(self.nest)
        return write(self, name)

    monkeypatch.setattr(NestCode, "write", noted)
    return found


def each(function):
    """The function of every argument by itself."""
    return lambda *xs: [function(x) for x in xs]


def softmax(x):
    return (x * 2.0).softmax(-1)


def test_alike_kernels_are_written_once(written):
    plan = plan_of(each(softmax), *[cr.randn(3, 40) for _ in range(4)])
    assert len(written) == 1
    functions = [f for region in plan.regions for f in region.functions]
    assert len({f.name for f in functions}) == 1
    assert len({tuple(map(id, f.buffers)) for f in functions}) == len(functions) == 4


@pytest.mark.parametrize("function", [
    lambda x, y: (x + 1.0, y + 2.0),
    lambda x, y: (x * 0.0, y * -0.0),
    lambda x, y: (x - y, y - x.exp()),
    lambda x, y: (x * x + 1, x * y + 1),
    lambda x, y: (x.flip(0) + 1, y.flip(1) + 1),
    lambda x, y: (x[1:] + 1, y[:-1] + 1),
    lambda x, y: (x.T.exp() + x.T, y.exp() + y),
    lambda x, y: (x.sum(0), y.sum(1)),
    lambda x, y: (x.amax(0), y.amin(0)),
    lambda x, y: (x.double() + 1, y.half() + 1),
    lambda x, y: (x.clamp(0, 1), y.clamp(0, 2)),
    lambda x, y: (nn.functional.pad(x, (1, 1), value=1), nn.functional.pad(y, (1, 1), value=2)),
])  # fmt: skip
def test_kernels_that_differ_are_not_taken_for_each_other(function):
    """What shares a key has the same text: were it written for each, nothing would change."""
    x, y = (cr.from_numpy(np.random.default_rng(i).random((8, 8), np.float32)) for i in (1, 2))
    expected = function(x, y)
    compiled = cr.compile(function)
    for a, b in zip(expected, compiled(x, y), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)
    plan = plan_of(function, x, y)
    kernels = [f.name for region in plan.regions for f in region.functions]
    assert len(set(kernels)) == len(kernels)


def network():
    layers = []
    for _ in range(2):
        layers += [nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(4 * 36, 8), nn.GELU(), nn.Linear(8, 8)]
    return nn.Sequential(*layers)


def test_whole_steps_have_the_same_functions_as_if_each_were_written(monkeypatch):
    compiled, _, _ = trained()
    graphs = [compiled._recordings[0][1].graph]
    model, x = network(), cr.randn(2, 4, 6, 6)
    step = cr.compile(lambda x: model(x).square().mean().backward(), engine="reference")
    step(x)
    graphs.append(step._recordings[0][1].graph)
    alike = [described(Plan.of(graph, host(), {})) for graph in graphs]
    key = Likeness.key
    monkeypatch.setattr(Likeness, "key", lambda self, *nodes: (key(self, *nodes), object()))
    assert [described(Plan.of(graph, host(), {})) for graph in graphs] == alike


def described(plan):
    """Every call of a plan, and the code."""
    calls = [
        [(f.name, f.chunks, f.flops, [(b.home, b.size, b.offset, b.number) for b in f.buffers])
         for f in region.functions]
        for region in plan.regions
    ]  # fmt: skip
    return calls, plan.functions.texts


def test_zero_and_minus_zero_are_two_numbers():
    """Also where they are parameters, and equal as Python sees it."""
    pad = nn.functional.pad
    function = cr.compile(lambda x: [pad(x, (0, 1), value=v) for v in (0.0, -0.0)])
    signs = [np.signbit(np.asarray(y)[-1]) for y in function(cr.ones(2))]
    assert signs == [False, True]
