"""Operations along one axis, and where elements are read: the results of their primitives."""

import numpy as np
import pytest
from own_kernels import (
    FLOATS,
    TYPES,
    calls,
    check,
    dtype_named,
    graph,
    numbers,
    places,
    wide,
    with_specials,
)

from chainrule import dtypes
from chainrule.engines.native.engine import NativeProgram
from chainrule.engines.native.kernels.sorting import MOST_KEPT
from chainrule.ops.cumulative import Cumprod, Cumsum, Logcumsumexp
from chainrule.ops.extremum import Argmax, Argmin, LaterMax, LaterMin
from chainrule.ops.indexing import Index
from chainrule.ops.nonzero import FirstNonzero
from chainrule.ops.resampling import Resample, ResampleTranspose
from chainrule.ops.resampling_kernels import Resampling
from chainrule.ops.search import SearchSorted
from chainrule.ops.slicing import SliceInto
from chainrule.ops.sorting import Argsort, TopPositions
from chainrule.ops.window import Fold, Unfold

# -- along an axis -----------------------------------------------------------------------------

SHAPES = [((5,), 0), ((3, 40), 1), ((4, 3, 5), 1)]
MORE_SHAPES = [((1,), 0), ((1, 1), 1), ((3, 33), 0), ((60, 500), 1), ((300, 70), 0)]
LINES = [(s, n) for s in SHAPES for n in TYPES] + [(s, "float32") for s in MORE_SHAPES]


@pytest.mark.parametrize(("case", "name"), LINES)
def test_lines(case, name):
    shape, axis = case
    x = numbers(shape, name)
    for y in (x, with_specials(x)) if name in FLOATS else (x,):
        check(LaterMax, y, axis=axis)
        check(LaterMin, y, axis=axis)
        check(Argmax, y, axis=axis, keepdim=True)
        check(Argmin, y, axis=axis, keepdim=False)
        for descending in (True, False):
            check(Argsort, y, axis=axis, descending=descending)


@pytest.mark.parametrize(("case", "name"), LINES)
def test_running_sums_and_products(case, name):
    shape, axis = case
    x = numbers(shape, name)
    check(Cumsum, x, axis=axis)
    if name in FLOATS:
        check(Logcumsumexp, x, axis=axis)
        check(Logcumsumexp, with_specials(x), axis=axis)
        check(Cumsum, with_specials(x), axis=axis)
        x = dtypes.cast(np.sign(wide(x)) * (1 + wide(x) / 1024), x.dtype)
    check(Cumprod, x, axis=axis)


def test_a_running_sum_keeps_the_sign_of_zero():
    program = NativeProgram(graph(Cumsum, [np.array([-0.0])], {"axis": 0}))
    assert np.signbit(program.run([np.array([-0.0])])[0]).all()


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16", "int32"])
def test_top_positions(name, largest):
    x = np.random.default_rng(0).permuted(np.tile(np.arange(-50, 50), (6, 1)), axis=1)
    x = dtypes.cast(x, dtype_named(name))
    for k in (1, 7, 100):
        check(TopPositions, x, k=k, axis=1, largest=largest)
        check(TopPositions, x.T.copy(), k=k, axis=0, largest=largest)


def test_what_does_not_fit_is_left_to_numpy():
    x = numbers((1, 200_000), "float32")
    for primitive, params in (
        (Argsort, {"descending": False}), (TopPositions, {"k": MOST_KEPT + 1, "largest": True}),
    ):  # fmt: skip
        program = NativeProgram(graph(primitive, [x], params | {"axis": 1}))
        assert calls(program) == [primitive.__name__]


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("name", ["float32", "float16", "int64", "uint8", "bool"])
def test_search(name, right):
    x, v = numbers((4, 30), name), numbers((4, 9), name, 1)
    if name in FLOATS:
        x, v = with_specials(x), with_specials(v)
    check(SearchSorted, np.sort(x.reshape(-1)), v, right=right)
    check(SearchSorted, np.sort(x, -1), v, right=right)


@pytest.mark.parametrize("name", TYPES)
def test_first_nonzero(name):
    x = numbers((4, 5, 6), name)
    check(FirstNonzero, x, size=7, fill=-1)
    check(FirstNonzero, x, size=200, fill=3)


# -- where elements are read -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["float32", "bfloat16", "int64", "bool"])
def test_several_index_tensors(name):
    x = numbers((4, 6, 5), name)
    for shapes_, axes in (
        ([(3,), (3,)], (0, 1)), ([(3, 1), (2,)], (0, 2)), ([(3, 1), (2,)], (1, 2)),
        ([(), (2, 7), (7,)], (0, 1, 2)), ([(0,), (0,)], (0, 1)), ([(300,), (300,)], (1, 2)),
    ):  # fmt: skip
        found = [places(s, x.shape[a], least=-x.shape[a]) for s, a in zip(shapes_, axes)]
        check(Index, x, *found, exact=True, axes=axes)


@pytest.mark.parametrize("name", ["float32", "float16", "int64", "bool"])
def test_slices_with_steps_are_written(name):
    for slices in (
        ((0, 4, 2), (1, 6, 3), (0, 5, 1)), ((1, 4, 2), (0, 6, 1), (4, 5, 2)),
        ((0, 4, 3), (0, 0, 1), (0, 5, 1)), ((0, 4, 1), (1, 6, 2), (0, 5, 3)),
    ):  # fmt: skip
        part = numbers(tuple([len(range(*s)) for s in slices]), name, 1)
        check(SliceInto, numbers((4, 6, 5), name), part, exact=True, slices=slices)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "spatial"),
    [
        ((3, 3), (1, 1), (1, 1), (1, 1), (7, 8)),
        ((2, 2), (2, 2), (0, 0), (1, 1), (6, 8)),
        ((3, 2), (2, 1), (1, 0), (1, 2), (9, 7)),
        ((1, 1), (1, 1), (0, 0), (1, 1), (1, 1)),
        ((3,), (2,), (2,), (3,), (17,)),
    ],
)
def test_windows_as_columns(kernel, stride, padding, dilation, spatial, name):
    params = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    image = numbers((2, 3, *spatial), name)
    check(Unfold, image, exact=True, **params)
    columns = Unfold.evaluate((image,), params)
    check(Fold, columns, spatial=spatial, **params)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize(
    "how",
    [
        Resampling("nearest", 7, 14, 0.5),
        Resampling("linear", 7, 11, 7 / 11),
        Resampling("cubic", 7, 20, 6 / 19, True),
        Resampling("linear", 20, 7, 20 / 7, False, True),
        Resampling("linear", 1, 1, 1.0),
    ],
)
def test_resampling(how, name):
    check(Resample, numbers((2, how.size, 5), name), how=how, axis=1)
    check(ResampleTranspose, numbers((2, how.output), name), how=how, axis=1)
