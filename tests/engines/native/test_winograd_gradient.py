"""Gradients of the weights of 3 by 3 convolutions by tiles: against their definition."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from contractions import (
    TARGETS,
    Window,
    expected,
    kernel_text,
    planned,
    positions,
    run,
    weight_gradient,
)

from chainrule.engines.native.contraction import Access, plan
from chainrule.engines.native.running.program import SCRATCH
from chainrule.engines.native.running.target import host, named


def reordered(c, /, **strides):
    """With weights that lie otherwise."""
    return replace(c, y=Access(strides))


def turned(c):
    """With the window backwards: the last tap sees the first element."""
    steps = {"i", "j"}
    strides = {x: -s if x in steps else s for x, s in c.a.strides.items()}
    bounds = tuple(
        replace(b, factors={x: -f if x in steps else f for x, f in b.factors.items()},
                const=b.const + 2)
        for b in c.a.bounds
    )  # fmt: skip
    offset = c.a.offset + 2 * sum(c.a.stride(x) for x in steps)
    return replace(c, a=Access(strides, offset, bounds))


CASES = {
    "one image": weight_gradient(Window(1, 8, 8, 16, 16)),
    "odd height": weight_gradient(Window(2, 9, 8, 16, 16)),
    "odd width": weight_gradient(Window(2, 8, 9, 16, 16)),
    "odd both": weight_gradient(Window(3, 7, 11, 16, 32)),
    "smallest": weight_gradient(Window(3, 4, 4, 16, 16)),
    "no padding": weight_gradient(Window(2, 10, 8, 16, 16, padding=0)),
    "no padding, odd": weight_gradient(Window(2, 9, 7, 16, 16, padding=0)),
    "padding 2": weight_gradient(Window(2, 7, 8, 16, 16, padding=2)),
    "more channels than filters": weight_gradient(Window(2, 6, 6, 96, 16)),
    "more filters than channels": weight_gradient(Window(2, 6, 6, 16, 96)),
    "several pieces": weight_gradient(Window(2, 4, 5, 256, 272)),
    "several parts": weight_gradient(Window(9, 20, 22, 16, 32)),
    "weights, channels last": reordered(weight_gradient(Window(1, 5, 6, 16, 32)),
                                        o=144, c=1, i=48, j=16),
    "window backwards": turned(weight_gradient(Window(2, 7, 6, 16, 16))),
}  # fmt: skip
DIRECT = {
    "few channels": weight_gradient(Window(2, 8, 8, 3, 32)),
    "filters without end": weight_gradient(Window(2, 8, 8, 16, 21)),
    "small images": weight_gradient(Window(2, 2, 2, 32, 32)),
    "stride 2": weight_gradient(Window(2, 12, 12, 16, 16, stride=2)),
    "dilation 2": weight_gradient(Window(2, 12, 12, 16, 16, padding=2, dilation=2)),
    "5 by 5": weight_gradient(Window(2, 8, 8, 16, 16, (5, 5), 2)),
    "1 by 3": weight_gradient(Window(2, 8, 8, 16, 16, (1, 3))),
    "double": weight_gradient(Window(2, 8, 8, 16, 16), "double"),
    "no images": weight_gradient(Window(0, 8, 8, 16, 16)),
}


def total(c, p, y):
    """The partial results added up."""
    where = positions(c, c.y, c.outputs)
    return sum(y[where + i * p.partial_stride].astype(np.float64) for i in range(p.partials))


def far(c, p, a, b, y):
    """The largest error, relative to the largest result."""
    wanted = expected(c, a, b)
    return np.abs(total(c, p, y) - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CASES)
def test_tiles_give_the_sums(name, target):
    c = CASES[name]
    p, a, b, y = run(c, named(target), by_tiles=True)
    assert p.by_tiles is not None and p.pack_a is None and p.pack_b is None
    assert far(c, p, a, b, y) < 3e-6
    rest = np.ones(y.size, bool)
    for i in range(p.partials):
        rest[positions(c, c.y, c.outputs).ravel() + i * p.partial_stride] = False
    assert (y[rest] == 7).all()


@pytest.mark.parametrize("name", DIRECT)
def test_anything_else_is_computed_directly(name):
    assert planned(DIRECT[name], host(), by_tiles=True).by_tiles is None


@pytest.mark.parametrize("name", ["odd both", "several parts"])
def test_tiles_are_about_as_exact(name):
    c = CASES[name]
    direct, tiles = (far(c, *run(c, host(), by_tiles=way)) for way in (False, True))
    assert tiles < 4 * direct


def test_parts_are_added_up_or_there_is_one_only():
    c = CASES["several parts"]
    assert planned(c, host(), by_tiles=True).partials > 1
    assert plan(c, 16, 32, by_tiles=True, whole=True).partials == 1


def test_tiles_are_used_where_they_are_faster():
    def by_tiles(*sizes):
        return plan(weight_gradient(Window(*sizes)), 16, 32).by_tiles is not None

    assert by_tiles(64, 32, 32, 16, 16) and by_tiles(64, 8, 8, 64, 64)


def test_chunks_are_many_and_the_scratch_memory_suffices():
    for sizes in [(64, 32, 32, 16, 16), (64, 8, 8, 64, 64), (4, 8, 8, 512, 512)]:
        p = planned(weight_gradient(Window(*sizes)), host(), by_tiles=True)
        assert p.by_tiles.scratch + 4 * 512 + 64 <= SCRATCH
        assert 8 <= p.chunks <= 512


def test_the_same_sizes_give_the_same_text():
    texts = []
    for _ in range(2):
        p = planned(CASES["odd both"], host(), by_tiles=True)
        texts.append(kernel_text(p, host()))
    assert texts[0] == texts[1]
    assert texts[0].count("\n") < 1500
