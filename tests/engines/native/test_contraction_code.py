"""What the processor is given: loops without divisions, registers that suffice, equal texts."""

import re

import pytest

pytest.importorskip("llvmlite")

from assembly import all_inner_loops, spills
from contractions import (
    Window,
    channels_first,
    convolution,
    depthwise,
    input_gradient,
    kernel_text,
    matmul,
    packing_text,
    planned,
    weight_gradient,
)

from chainrule.engines.native.running.llvm import assembly
from chainrule.engines.native.running.target import host, named

pytestmark = pytest.mark.skipif(host().architecture != "x86_64", reason="reads x86 assembly")

MAIN = {
    "x W'": matmul(32, 256, 784, "b"),
    "g W": matmul(128, 784, 256),
    "g' x": matmul(256, 784, 128, "a"),
    "hidden layer": matmul(768, 512, 128, "b"),
    "attention": matmul(64, 64, 32, "b", batch=48),
    "square": matmul(1024, 1024, 1024),
    "convolution 16": convolution(Window(64, 32, 32, 16, 16)),
    "convolution 64": convolution(Window(64, 8, 8, 64, 64)),
    "first convolution": convolution(Window(64, 28, 28, 1, 32)),
    "small images": convolution(Window(64, 2, 2, 512, 512)),
    "stride 2": convolution(Window(64, 32, 32, 16, 32, stride=2)),
    "7 by 7": convolution(Window(8, 56, 56, 3, 64, (7, 7), 3, 2)),
    "input gradient": input_gradient(Window(64, 14, 14, 32, 64)),
    "weight gradient": weight_gradient(Window(64, 16, 16, 32, 32)),
    "weight gradient of the first": weight_gradient(Window(64, 32, 32, 3, 16)),
    "channels first": channels_first(Window(32, 13, 13, 16, 32)),
    "cut vectors": matmul(128, 18, 64),
    "cut vectors, written out": weight_gradient(Window(1, 7, 4, 18, 47)),
    "depthwise": depthwise(Window(64, 16, 16, 64, 1)),
    "depthwise gradient": depthwise(Window(64, 16, 16, 64, 1), gradient=True),
}
MULTIPLIES = re.compile(r"\bv?(fmadd|mulp)")


def code(c, target):
    return assembly(kernel_text(planned(c, target), target), target)


@pytest.mark.parametrize("target", ["skylake-avx512", "haswell", "x86-64"])
@pytest.mark.parametrize("name", MAIN)
def test_inner_loops_keep_their_sums_in_registers(name, target):
    loops = [
        loop for _, loop in all_inner_loops(code(MAIN[name], named(target)))
        if any(MULTIPLIES.search(line) for piece in loop for line in piece)
    ]  # fmt: skip
    assert loops
    for loop in loops:
        stored, _ = spills(loop)
        assert not stored


@pytest.mark.parametrize("target", ["skylake-avx512", "haswell", "x86-64"])
@pytest.mark.parametrize("name", MAIN)
def test_nothing_is_divided(name, target):
    assert not re.search(r"\bi?div[lq]?\s", code(MAIN[name], named(target)))


@pytest.mark.parametrize("name", MAIN)
def test_the_same_sizes_give_the_same_text(name):
    c = MAIN[name]
    texts = []
    for _ in range(2):
        p = planned(c, host())
        packed = [packing_text(p, x, host()) for x in (p.pack_a, p.pack_b) if x is not None]
        texts.append((kernel_text(p, host()), *packed))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", MAIN)
def test_a_kernel_is_of_moderate_length(name):
    assert kernel_text(planned(MAIN[name], host()), host()).count("\n") < 4000
