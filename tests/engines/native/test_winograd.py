"""Convolutions of 3 by 3 by tiles: against their definition, and in programs."""

import functools
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from contractions import (
    TARGETS,
    Window,
    call,
    channels_first,
    convolution,
    depthwise,
    expected,
    input_gradient,
    kernel_text,
    matmul,
    packing_text,
    planned,
    positions,
    run,
    weight_gradient,
)

import chainrule as cr
from chainrule import nn
from chainrule.engines.native.code import product_code
from chainrule.engines.native.contraction import Access, plan
from chainrule.engines.native.emitter.affine import Affine
from chainrule.engines.native.engine import NativeProgram
from chainrule.engines.native.running import cache
from chainrule.engines.native.running.target import host, named
from chainrule.engines.reference import ReferenceProgram


def reordered(c, /, **strides):
    """With weights that lie otherwise."""
    return replace(c, b=Access(strides))


CASES = {
    "one image": convolution(Window(1, 8, 8, 16, 16)),
    "odd height": convolution(Window(2, 9, 8, 16, 16)),
    "odd width": convolution(Window(2, 8, 9, 16, 16)),
    "odd both": convolution(Window(2, 7, 11, 16, 32)),
    "smallest": convolution(Window(3, 4, 4, 16, 16)),
    "no padding": convolution(Window(2, 9, 8, 16, 16, padding=0)),
    "no padding, odd": convolution(Window(2, 9, 7, 16, 16, padding=0)),
    "padding 2": convolution(Window(2, 7, 8, 16, 16, padding=2)),
    "padding 3": convolution(Window(2, 6, 5, 16, 16, padding=3)),
    "channels without end": convolution(Window(1, 6, 6, 21, 16)),
    "filters without end": convolution(Window(1, 6, 6, 16, 37)),
    "more than a block": convolution(Window(5, 12, 10, 17, 33)),
    "ranges of filters": convolution(Window(1, 4, 5, 530, 256)),
    "gradient": input_gradient(Window(2, 8, 8, 16, 16)),
    "gradient, odd": input_gradient(Window(2, 9, 7, 32, 20)),
    "gradient, no padding": input_gradient(Window(2, 9, 8, 16, 24, padding=0)),
    "gradient, padding 2": input_gradient(Window(2, 7, 8, 24, 16, padding=2)),
    "weights, filters last": reordered(convolution(Window(1, 5, 6, 16, 20)),
                                       o=1, c=20, j=320, i=960),
    "weights, turned": reordered(convolution(Window(1, 5, 6, 16, 20)),
                                 o=144, c=9, i=1, j=3),
}  # fmt: skip
DIRECT = {
    "few channels": convolution(Window(2, 8, 8, 3, 32)),
    "few filters": convolution(Window(2, 8, 8, 32, 3)),
    "small images": convolution(Window(2, 2, 2, 40, 32)),
    "stride 2": convolution(Window(2, 12, 12, 16, 16, stride=2)),
    "dilation 2": convolution(Window(2, 12, 12, 16, 16, padding=2, dilation=2)),
    "5 by 5": convolution(Window(2, 8, 8, 16, 16, (5, 5), 2)),
    "1 by 3": convolution(Window(2, 8, 8, 16, 16, (1, 3))),
    "double": convolution(Window(2, 8, 8, 16, 16), "double"),
    "weight gradient, stride 2": weight_gradient(Window(2, 12, 12, 16, 16, stride=2)),
    "depthwise": depthwise(Window(2, 8, 8, 32, 1)),
    "channels first": channels_first(Window(2, 9, 9, 16, 16)),
    "groups": channels_first(Window(2, 7, 7, 16, 16), groups=2),
    "matmul": matmul(16, 16, 16),
    "no images": convolution(Window(0, 8, 8, 16, 16)),
}


def results(c, y):
    return y[positions(c, c.y, c.outputs)]


def far(c, a, b, y):
    """The largest error, relative to the largest result."""
    wanted = expected(c, a, b)
    return np.abs(results(c, y) - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CASES)
def test_tiles_give_the_sums(name, target):
    c = CASES[name]
    p, a, b, y = run(c, named(target), by_tiles=True)
    assert p.by_tiles is not None and p.partials == 1
    assert far(c, a, b, y) < 2e-6
    rest = np.ones(y.size, bool)
    rest[positions(c, c.y, c.outputs).ravel()] = False
    assert (y[rest] == 7).all()


@pytest.mark.parametrize("name", DIRECT)
def test_anything_else_is_computed_directly(name):
    assert planned(DIRECT[name], host(), by_tiles=True).by_tiles is None


@pytest.mark.parametrize("name", ["odd both", "gradient, odd"])
def test_tiles_are_no_less_exact(name):
    c = CASES[name]
    direct, tiles = (far(c, *run(c, host(), by_tiles=way)[1:]) for way in (False, True))
    assert tiles < 2 * direct


def test_a_part_of_an_image_without_bounds():
    c = convolution(Window(2, 9, 9, 16, 16, padding=0))
    c = replace(c, a=replace(c.a, bounds=()))
    _, a, b, y = run(c, host(), by_tiles=True)
    assert far(c, a, b, y) < 2e-6


def test_results_that_see_only_zeros_are_zero():
    c, target = convolution(Window(1, 8, 8, 16, 16)), host()
    a, b, y = np.zeros((8, 8, 16), np.float32), np.ones((16, 144), np.float32), np.ones(1024)
    a[3, 4], y = 1e6 / 3, y.astype(np.float32)
    p = planned(c, target, by_tiles=True)
    u = np.empty(p.pack_b.size, np.float32)
    call(packing_text(p, p.pack_b, target), target, p.pack_b.chunks, b, u)
    call(kernel_text(p, target), target, p.chunks, a, u, y)
    seen = np.zeros((8, 8), bool)
    seen[2:5, 3:6] = True
    assert ((y.reshape(8, 8, 16) != 0) == seen[:, :, None]).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_each_result_is_finished_once(size, target):
    """y = 2 (a · b) + y, with vectors that are cut at the end."""
    c = convolution(Window(2, *size, 16, 21))

    def added(e, y):
        def finish(index, value, mask):
            form = Affine()
            for letter in c.outputs:
                form = form + index[letter] * c.y.stride(letter)
            address = e.address(y, form, value.kind)
            old = e.load(address, value.kind, value.lanes, mask, fixed=False)
            e.store(e.add(e.add(value, value), old), address, mask)

        return finish

    _, a, b, y = run(c, named(target), keep=c.outputs, finish=added, by_tiles=True)
    np.testing.assert_allclose(results(c, y), 2 * expected(c, a, b) + 7, rtol=0, atol=2e-4)


def test_tiles_are_used_where_they_are_faster():
    def by_tiles(*sizes):
        return plan(convolution(Window(*sizes)), 16, 32).by_tiles is not None

    assert by_tiles(64, 32, 32, 16, 16) and by_tiles(8, 16, 16, 128, 128)
    assert not by_tiles(32, 4, 4, 512, 512)  # its weights come from far away
    assert not by_tiles(1, 4, 4, 256, 256)  # to transform them takes longer than to use them


def test_chunks_are_many_and_the_scratch_memory_suffices():
    for sizes in [(64, 32, 32, 16, 16), (4, 8, 8, 512, 512), (1, 16, 16, 256, 64)]:
        p = planned(convolution(Window(*sizes)), host(), by_tiles=True)
        found = p.by_tiles
        kept = 8 if found.folded else 16
        used = 4 * found.tiles * (16 * found.line + kept * found.width) + 4 * found.line + 64
        assert used <= 1 << 20
        assert 8 <= p.chunks <= 512


def test_the_same_sizes_give_the_same_text():
    texts = []
    for _ in range(2):
        p = planned(CASES["odd both"], host(), by_tiles=True)
        texts.append((kernel_text(p, host()), packing_text(p, p.pack_b, host())))
    assert texts[0] == texts[1]
    assert texts[0][0].count("\n") < 1500


# -- programs ----------------------------------------------------------------------------------


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(32)
        self.second = nn.Conv2d(32, 32, 3, padding=1)
        self.short = nn.Conv2d(16, 32, 1)

    def forward(self, x):
        y = self.norm(self.first(x)).relu()
        return (self.second(y) + self.short(x)).relu()


def step(block, x):
    """The result of a block, the gradients of its input and weights."""
    x = x.detach().requires_grad_()
    y = block(x)
    found = cr.autograd.grad(y.square().mean(), [x, *block.parameters()])
    return [t.detach() for t in (y, *found)]


def recorded(size):
    """The graph of a step as it is compiled, and its inputs."""
    cr.manual_seed(0)
    block, x = Block(), cr.randn(2, 16, *size)
    block.eval()
    return as_graph(lambda x: step(block, x), x)


def as_graph(function, x):
    """The graph of a function, and its inputs."""
    compiled = cr.compile(function, engine="reference")
    compiled(x)
    ((_, recording),) = compiled._recordings
    return recording.graph, [b.read([x]) for b in recording.bindings]


def ways(monkeypatch):
    """For each way to compute convolutions, the plans that were made."""
    for way in (False, True):
        found = []

        def planning(*given, way=way, found=found, **options):
            found.append(plan(*given, by_tiles=way, **options))
            return found[-1]

        monkeypatch.setattr(product_code, "plan", planning)
        yield found


@pytest.fixture
def no_disk(monkeypatch):
    """Programs are made anew, not taken from the disk."""
    monkeypatch.setattr(cache, "fetch", lambda key: None)
    monkeypatch.setattr(cache, "store", lambda key, data: None)


@pytest.mark.usefixtures("no_disk")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("size", [(8, 8), (9, 7)])
def test_a_block_gives_the_same_both_ways(size, target, monkeypatch):
    monkeypatch.setenv("CHAINRULE_TARGET", target)
    graph, inputs = recorded(size)
    results, counts = [], []
    for found in ways(monkeypatch):
        results.append(NativeProgram(graph).run(inputs))
        counts.append(sum(p.by_tiles is not None for p in found))
    assert counts[0] == 0 and counts[1] >= 6
    wanted = ReferenceProgram(graph).run(inputs)
    for direct, tiles, y in zip(*results, wanted, strict=True):
        scale = np.abs(y).max()
        assert np.abs(direct - tiles).max() <= 1e-5 * scale
        assert np.abs(tiles - y).max() <= 1e-5 * scale


@pytest.mark.usefixtures("no_disk")
def test_what_follows_a_convolution_gets_what_is_not_finite(monkeypatch):
    layers = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    x = np.random.default_rng(0).standard_normal((2, 16, 9, 7)).astype(np.float32)
    x[0, 3, 4, 5], x[1, 7, 2, 2], x[1, 9, 8, 0] = np.inf, -np.inf, np.nan
    graph, inputs = as_graph(lambda x: layers(-x).detach(), cr.tensor(x))
    results, counts = [], []
    for found in ways(monkeypatch):
        results += NativeProgram(graph).run(inputs)
        counts.append(sum(p.by_tiles is not None for p in found))
    direct, tiles = results
    assert counts[0] == 0 and counts[1] >= 1
    assert all(found(direct).any() for found in (np.isfinite, np.isinf, np.isnan))
    np.testing.assert_allclose(tiles, direct, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("no_disk")
def test_the_same_bits_for_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(product_code, "plan", functools.partial(plan, by_tiles=True))
    graph, inputs = recorded((20, 20))
    program, found, before = NativeProgram(graph), [], cr.get_num_threads()
    try:
        for threads in (1, 2, 3):
            cr.set_num_threads(threads)
            found.append([y.tobytes() for y in program.run(inputs)])
    finally:
        cr.set_num_threads(before)
    assert found[0] == found[1] == found[2]
