"""NaN, infinite and huge numbers in convolutions by tiles: as in the direct way."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from contractions import (
    TARGETS,
    Window,
    buffer,
    call,
    convolution,
    input_gradient,
    kernel_text,
    packing_text,
    planned,
    positions,
    weight_gradient,
)

from chainrule.engines.native.running.target import host, named

CASES = {
    "one image": convolution(Window(1, 8, 8, 16, 16)),
    "odd": convolution(Window(2, 7, 9, 16, 16)),
    "no padding, odd": convolution(Window(2, 9, 7, 16, 16, padding=0)),
    "padding 2": convolution(Window(1, 6, 8, 16, 16, padding=2)),
    "channels and filters without end": convolution(Window(1, 6, 6, 21, 37)),
    "ranges of filters": convolution(Window(1, 4, 5, 530, 256)),
    "gradient, odd": input_gradient(Window(2, 9, 7, 32, 20)),
    "weight gradient": weight_gradient(Window(2, 8, 8, 16, 16)),
    "weight gradient, odd": weight_gradient(Window(3, 7, 9, 16, 48)),
    "weight gradient, no padding, odd": weight_gradient(Window(2, 9, 7, 16, 16, padding=0)),
}  # fmt: skip
HUGE = 3e38


def numbers(c):
    rng = np.random.default_rng(0)
    return buffer(c, c.a, rng), buffer(c, c.b, rng)


def computed(c, given, target, by_tiles):
    """The sums, the partial ones added up."""
    p = planned(c, target, by_tiles=by_tiles)
    assert (p.by_tiles is not None) == by_tiles
    given = list(given)
    for i, packing in enumerate((p.pack_a, p.pack_b)):
        if packing is not None:
            copy = np.empty(packing.size, np.float32)
            call(packing_text(p, packing, target), target, packing.chunks, given[i], copy)
            given[i] = copy
    where = positions(c, c.y, c.outputs)
    y = np.zeros(where.max() + 1 + (p.partials - 1) * p.partial_stride, np.float32)
    call(kernel_text(p, target), target, p.chunks, *given, y)
    with np.errstate(invalid="ignore"):
        return sum(y[where + i * p.partial_stride] for i in range(p.partials))


def both(c, given, target):
    return [computed(c, given, target, way) for way in (False, True)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CASES)
def test_what_is_not_finite_ends_in_the_same_places(name, target):
    c = CASES[name]
    given = numbers(c)
    for x in given:
        x[x.size // 4 * np.array([1, 2, 3]) + np.array([2, 5, 0])] = np.inf, -np.inf, np.nan
    direct, tiles = both(c, given, named(target))
    assert np.isinf(direct).any() and np.isnan(direct).any()
    np.testing.assert_allclose(tiles, direct, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("name", ["odd", "gradient, odd", "weight gradient, odd"])
@pytest.mark.parametrize("number", [np.inf, -np.inf])
def test_one_infinite_element_gives_nan_nowhere(name, number):
    c = CASES[name]
    given = numbers(c)
    given[0][given[0].size // 2] = number
    direct, tiles = both(c, given, host())
    assert np.isinf(tiles).any() and not np.isnan(tiles).any()
    assert (np.isinf(tiles) == np.isinf(direct)).all()


@pytest.mark.parametrize("name", ["odd", "gradient, odd", "weight gradient, odd"])
@pytest.mark.parametrize("operand", [0, 1])
def test_huge_numbers_do_not_overflow_in_between(name, operand):
    """All of one operand huge, the other zero but for one element: nothing is added."""
    c = CASES[name]
    given = numbers(c)
    given[operand][:], given[1 - operand][:] = HUGE, 0
    given[1 - operand][given[1 - operand].size // 2] = -0.5
    direct, tiles = both(c, given, host())
    assert np.isfinite(direct).all() and (direct == -HUGE / 2).any()
    np.testing.assert_array_equal(tiles, direct)


@pytest.mark.parametrize("name", ["odd", "weight gradient, odd"])
def test_sums_that_are_too_large_are_infinite(name):
    c = CASES[name]
    given = [np.full_like(x, 1e30) for x in numbers(c)]
    direct, tiles = both(c, given, host())
    assert (direct == np.inf).all() and (tiles == np.inf).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["odd", "gradient, odd", "weight gradient, odd"])
@pytest.mark.parametrize("operand", [0, 1])
def test_a_network_that_has_diverged_gives_nan(name, operand, target):
    """The sums end early, as none of them will be a number again."""
    c = CASES[name]
    given = numbers(c)
    given[operand][:] = np.nan
    direct, tiles = both(c, given, named(target))
    assert np.isnan(direct).all() and np.isnan(tiles).all()


@pytest.mark.parametrize(
    ("name", "operand", "where"),
    [("odd", 1, slice(144)), ("weight gradient, odd", 0, slice(None, None, 16))],
)
def test_sums_in_other_lanes_go_on_beside_nan(name, operand, where):
    """All of one filter, or of one channel, is NaN."""
    c = CASES[name]
    given = numbers(c)
    given[operand][where] = np.nan
    direct, tiles = both(c, given, host())
    assert np.isnan(direct).any() and np.isfinite(direct).any()
    np.testing.assert_allclose(tiles, direct, rtol=1e-4, atol=2e-4)
