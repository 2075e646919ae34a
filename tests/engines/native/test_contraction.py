"""Products with sums as native code: every form, at odd sizes, against their definition."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from contractions import (
    TARGETS,
    Window,
    channels_first,
    convolution,
    depthwise,
    expected,
    input_gradient,
    kernel_text,
    matmul,
    planned,
    positions,
    run,
    weight_gradient,
)

from chainrule.engines.native.contraction import PARTIAL, Access, Bound, Contraction
from chainrule.engines.native.emitter.affine import Affine
from chainrule.engines.native.running.target import host, named

SUMS = Contraction({"n": 5, "k": 40}, Access({"n": 40, "k": 1}), Access({}), Access({"n": 1}),
                   "float")  # fmt: skip
STRIDED = Contraction(
    {"n": 6, "m": 20, "k": 17}, Access({"n": 51, "k": 3}), Access({"k": 60, "m": 3}, 1),
    Access({"n": 60, "m": 3}, 2), "float",
)  # fmt: skip
BACKWARDS = Contraction(
    {"n": 6, "m": 20, "k": 17}, Access({"n": 17, "k": -1}, 16), Access({"k": 20, "m": -1}, 19),
    Access({"n": 20, "m": 1}), "float",
)  # fmt: skip
OUTER = Contraction({"n": 5, "m": 40}, Access({"n": 1}), Access({"m": 1}),
                    Access({"n": 40, "m": 1}), "float")  # fmt: skip
PADDED = Contraction({"p": 10, "o": 20}, Access({"p": 1}, -2, (Bound({"p": 1}, -2, 6),)),
                     Access({"o": 1}), Access({"p": 20, "o": 1}), "float")  # fmt: skip
SLIDING = Contraction(
    {"p": 20, "k": 40}, Access({"p": 1, "k": 1}, -10, (Bound({"p": 1, "k": 1}, -10, 30),)),
    Access({"k": 1}), Access({"p": 1}), "float",
)  # fmt: skip
WHERE_TO = Contraction(
    {"p": 20, "i": 5, "k": 3},
    Access({"p": 1, "i": 1, "k": 50}, -2, (Bound({"p": 1, "i": 1}, -2, 20),)),
    Access({"k": 1}), Access({"p": 5, "i": 1}), "float",
)  # fmt: skip

CASES = {
    "matmul": matmul(7, 10, 13),
    "one element": matmul(1, 1, 1),
    "a row": matmul(1, 37, 50),
    "a row, turned": matmul(1, 37, 50, "b"),
    "a column": matmul(50, 1, 37),
    "a dot product": matmul(1, 1, 99),
    "few columns": matmul(5, 3, 40, "b"),
    "one vector and a number": matmul(33, 65, 17, "a"),
    "both turned": matmul(3, 16, 9, "ab"),
    "packed": matmul(40, 83, 20, "b"),
    "lanes along the sum": matmul(6, 21, 70, "b"),
    "short sum": matmul(70, 100, 3),
    "no sum": matmul(3, 4, 0),
    "no rows": matmul(0, 4, 3),
    "several matrices": matmul(4, 70, 33, batch=3),
    "attention": matmul(64, 64, 32, "b", batch=2),
    "double": matmul(5, 7, 9, kind="double"),
    "double, packed": matmul(40, 33, 70, "b", kind="double"),
    "crowded rows": matmul(512, 512, 800, "a"),
    "crowded columns": matmul(128, 512, 260, "b"),
    "sums": SUMS,
    "strided": STRIDED,
    "backwards": BACKWARDS,
    "outer product": OUTER,
    "padded": PADDED,
    "sliding": SLIDING,
    "window of the result": WHERE_TO,
    "convolution": convolution(Window(2, 9, 11, 5, 20)),
    "one channel": convolution(Window(2, 9, 11, 1, 16)),
    "small images": convolution(Window(2, 2, 2, 40, 32)),
    "many filters": convolution(Window(1, 8, 8, 16, 33)),
    "stride 2": convolution(Window(2, 11, 13, 3, 16, stride=2)),
    "dilation 2": convolution(Window(1, 12, 12, 4, 8, (5, 5), 2, 1, 2)),
    "1 by 1": convolution(Window(2, 7, 7, 8, 24, (1, 1), 0)),
    "1 by 1, stride 2": convolution(Window(2, 9, 9, 3, 8, (1, 1), 0, 2)),
    "4 by 4, stride 2": convolution(Window(2, 8, 8, 3, 5, (4, 4), 1, 2)),
    "window beyond the image": convolution(Window(1, 3, 3, 4, 40, (7, 7), 3)),
    "large window": convolution(Window(1, 16, 16, 2, 4, (11, 11), 5, 4)),
    "one axis": convolution(Window(1, 1, 40, 3, 16, (1, 5), 2)),
    "one axis, one filter, long window": convolution(Window(1, 1, 90, 1, 1, (1, 64), 32)),
    "one filter": convolution(Window(2, 9, 9, 32, 1)),
    "convolution in double": convolution(Window(2, 9, 8, 5, 11), "double"),
    "input gradient": input_gradient(Window(2, 9, 11, 5, 20)),
    "input gradient, few filters": input_gradient(Window(2, 8, 8, 16, 3)),
    "input gradient, one channel": input_gradient(Window(1, 9, 9, 1, 32, (5, 5), 2)),
    "weight gradient": weight_gradient(Window(3, 9, 11, 5, 20)),
    "weight gradient, one channel": weight_gradient(Window(3, 9, 11, 1, 32)),
    "weight gradient, many channels": weight_gradient(Window(2, 8, 8, 16, 16)),
    "weight gradient, stride 2": weight_gradient(Window(2, 11, 9, 3, 16, stride=2)),
    "weight gradient, small images": weight_gradient(Window(2, 2, 2, 32, 32)),
    "weight gradient, double": weight_gradient(Window(2, 9, 8, 5, 11), "double"),
    "weight gradient, large window": weight_gradient(Window(2, 20, 20, 2, 4, (11, 11), 5, 4)),
    "depthwise": depthwise(Window(2, 9, 11, 20, 1)),
    "depthwise, stride 2": depthwise(Window(1, 12, 12, 40, 1, (5, 5), 2, 2)),
    "depthwise gradient": depthwise(Window(2, 9, 11, 20, 1), gradient=True),
    "channels first": channels_first(Window(2, 9, 9, 3, 5)),
    "channels first, stride 2": channels_first(Window(2, 9, 9, 3, 5, stride=2)),
    "channels first, one channel": channels_first(Window(1, 20, 20, 1, 2)),
    "groups": channels_first(Window(2, 7, 7, 3, 5), groups=4),
}


def tolerance(c):
    length = np.prod([c.sizes[x] for x in c.sums], initial=1.0)
    return (1e-5 if c.kind == "float" else 2e-14) * max(1.0, length) ** 0.5


def check(c, p, a, b, y):
    """The partial results added up are the sums, and nothing else was written."""
    where = positions(c, c.y, c.outputs)
    parts = [where + i * p.partial_stride for i in range(p.partials)]
    total = sum(y[part].astype(np.float64) for part in parts)
    np.testing.assert_allclose(total, expected(c, a, b), rtol=0, atol=tolerance(c))
    rest = np.ones(y.size, bool)
    rest[np.concatenate([part.ravel() for part in parts])] = False
    assert (y[rest] == 7).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CASES)
def test_a_contraction_is_its_definition(name, target):
    c = CASES[name]
    check(c, *run(c, named(target)))


@pytest.mark.parametrize("target", TARGETS)
def test_a_long_sum_is_cut_into_partial_results(target):
    c = matmul(8, 40, 40_000, "a")
    p, a, b, y = run(c, named(target))
    assert 1 < p.partials <= p.chunks
    check(c, p, a, b, y)


def test_letters_that_lie_together_become_one():
    c = convolution(Window(2, 7, 7, 8, 24, (1, 1), 0))
    assert set(planned(c, host()).contraction.sizes) == {"q", "o", "c"}
    assert set(planned(c, host(), keep="p").contraction.sizes) == {"n", "p", "q", "o", "c"}


def test_the_result_is_given_to_the_caller_with_its_index():
    c = convolution(Window(3, 7, 7, 8, 20, (1, 1), 0))

    def doubled(e, y):
        def finish(index, value, mask):
            form = Affine()
            for letter in c.outputs:
                form = form + index[letter] * c.y.stride(letter)
            value = e.add(value, value)
            e.store(value, e.address(y, form, value.kind), mask)

        return finish

    _, a, b, y = run(c, host(), keep=c.outputs, finish=doubled)
    np.testing.assert_allclose(y, 2 * expected(c, a, b).ravel(), rtol=0, atol=1e-4)


def test_a_partial_result_has_its_number():
    c, found = matmul(8, 40, 40_000, "a"), []

    def watched(e, y):
        store = planned(c, host()).store(e, y)

        def finish(index, value, mask):
            found.append(index[PARTIAL])
            store(index, value, mask)

        return finish

    kernel_text(planned(c, host()), host(), watched)
    assert found and all(var.name == "partial" for form in found for var in form.terms)


def test_an_operand_that_lasts_is_copied_for_the_kernel():
    c = matmul(8, 256, 128, "b")
    assert planned(c, host()).pack_b is None
    c = replace(c, b=replace(c.b, lasting=True))
    p, a, b, y = run(c, host())
    assert p.pack_b is not None
    check(c, p, a, b, y)


def test_sums_of_nothing_run_no_loops_of_the_other_letters():
    """As where a strided convolution leaves out pixels: no tap, but hundreds of channels."""
    empty = Contraction(
        {"n": 12, "m": 40, "c": 509, "k": 0}, Access({"n": 509, "c": 1, "k": 1}),
        Access({"c": 40, "m": 1, "k": 1}), Access({"n": 40, "m": 1}), "float",
    )  # fmt: skip
    assert "509" not in kernel_text(planned(empty, host()), host())
    check(empty, *run(empty, host()))


@pytest.mark.parametrize("size", [64, 256, 512])
def test_work_is_cut_into_pieces_by_its_size_alone(size):
    p = planned(matmul(size, size, size), host())
    assert p.flops == 2 * size**3
    assert (p.chunks == 1) if size == 64 else (12 <= p.chunks <= 512)
