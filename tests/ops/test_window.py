"""Convolution and pooling windows: definitions, transposes, derivatives, errors, torch."""

import itertools
import random
import tracemalloc

import numpy as np
import pytest

import chainrule
from chainrule.autograd import gradcheck, gradgradcheck
from chainrule.errors import ChainruleError
from chainrule.ops import window_kernels
from chainrule.ops.window import (
    Convolution,
    ConvolutionInput,
    ConvolutionWeight,
    Fold,
    Unfold,
    WindowArgmax,
    WindowSum,
    WindowSumTranspose,
)
from chainrule.ops.window_shapes import convolution_shape, pooling_shape, window_counts

STEPS = ("stride", "padding", "dilation")


def sizes(draw, spatial, low, high):
    return tuple(draw.randint(low, high) for _ in range(spatial))


def convolutions(count, seed=0):
    """Generated cases: (x, w, params), among them strides that leave a rest, empty batches,
    one channel per group, kernels smaller and larger than the stride, and strided memory."""
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    while count:
        spatial = draw.choice([1, 2, 2, 3])
        groups, c, o = draw.choice([1, 1, 2, 3]), draw.choice([1, 2, 3]), draw.choice([1, 2])
        size = sizes(draw, spatial, 1, 8)
        kernel = sizes(draw, spatial, 1, 4)
        params = {
            "stride": sizes(draw, spatial, 1, 4),
            "padding": sizes(draw, spatial, 0, 3),
            "dilation": sizes(draw, spatial, 1, 3),
            "groups": groups,
        }
        x = numbers.standard_normal((*size[::-1], c * groups, draw.choice([0, 1, 2, 5]))).T
        w = numbers.standard_normal((o * groups, c, *kernel[:-1], 2 * kernel[-1]))[..., ::2]
        try:
            convolution_shape(x.shape, w.shape, **params)
        except ChainruleError:
            continue
        count -= 1
        yield x, w, params


def pools(count, seed=0):
    """Generated cases: (x, params of an argmax), with equal elements, -inf and NaN in x."""
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    while count:
        spatial = draw.choice([1, 2, 3])
        size = sizes(draw, spatial, 1, 8)
        params = {
            "kernel": sizes(draw, spatial, 1, 4),
            "stride": sizes(draw, spatial, 1, 4),
            "padding": sizes(draw, spatial, 0, 2),
            "dilation": tuple(draw.choice([1, 1, 2, 3]) for _ in range(spatial)),
            "ceil_mode": draw.random() < 0.5,
        }
        x = numbers.integers(-2, 3, (2, 2, *size)).astype(np.float64)
        x[numbers.random(x.shape) < 0.1] = -np.inf
        x[numbers.random(x.shape) < 0.05] = np.nan
        try:
            pooling_shape(x.shape, **params)
        except ChainruleError:
            continue
        count -= 1
        yield x, params


def sums(count, seed=0):
    """Generated cases of a window sum: (x, params)."""
    numbers = np.random.default_rng(seed)
    for x, params in pools(2 * count, seed):
        if set(params.pop("dilation")) == {1}:
            yield numbers.standard_normal(x.shape), params


def elements(shape, kernel, stride, padding, dilation, window):
    """The (tap, index of the element) pairs of one window that lie in the image."""
    for tap in itertools.product(*map(range, kernel)):
        at = [
            m * s + t * d - p
            for m, s, t, d, p in zip(window, stride, tap, dilation, padding, strict=True)
        ]
        if all(0 <= i < n for i, n in zip(at, shape, strict=True)):
            yield tap, tuple(at)


def convolution_by_definition(x, w, stride, padding, dilation, groups):
    """y[n, o, m] = Σ_c Σ_t w[o, c, t] x[n, c, s m + d t - p], one number after the other."""
    y = np.zeros(convolution_shape(x.shape, w.shape, stride, padding, dilation, groups))
    per_group = w.shape[0] // groups
    for o, *m in np.ndindex(y.shape[1:]):
        first = o // per_group * w.shape[1]
        channels = slice(first, first + w.shape[1])
        for tap, at in elements(x.shape[2:], w.shape[2:], stride, padding, dilation, m):
            y[(slice(None), o, *m)] += (
                x[(slice(None), channels, *at)] @ w[(o, slice(None), *tap)]
            )
    return y


def with_transposes(x, w, params):
    """The convolution y, a cotangent g of it, and both transposes at g."""
    y = Convolution.forward(x, w, **params)
    g = np.random.default_rng(2).standard_normal(y.shape)
    dx = ConvolutionInput.forward(g, w, x_shape=x.shape, **params)
    dw = ConvolutionWeight.forward(x, g, w_shape=w.shape, **params)
    return y, g, dx, dw


def test_a_convolution_by_hand():
    x = chainrule.tensor([[[1.0, 2, 3, 4]]])
    edge = chainrule.tensor([[[1.0, 0, -1]]])
    assert x.convolve(edge).tolist() == [[[-2, -2]]]
    assert x.convolve(edge, padding=1).tolist() == [[[-2, -2, -2, 3]]]
    assert x.convolve(edge, stride=2, padding=1).tolist() == [[[-2, -2]]]
    assert x.convolve(chainrule.tensor([[[1.0, 1]]]), dilation=3).tolist() == [[[5]]]


def test_a_transposed_convolution_by_hand():
    x, w = chainrule.tensor([[[1.0, 2]]]), chainrule.tensor([[[1.0, 10, 100]]])
    assert x.convolve_transposed(w).tolist() == [[[1, 12, 120, 200]]]
    assert x.convolve_transposed(w, stride=2).tolist() == [[[1, 10, 102, 20, 200]]]
    longer = x.convolve_transposed(w, stride=2, padding=1, output_padding=1)
    assert longer.tolist() == [[[10, 102, 20, 200]]]


def test_convolution_is_its_definition():
    for x, w, params in convolutions(60):
        y = Convolution.forward(x, w, **params)
        np.testing.assert_allclose(y, convolution_by_definition(x, w, **params), atol=1e-12)


def test_the_three_convolutions_are_one_trilinear_form():
    for x, w, params in convolutions(150, seed=1):
        y, g, dx, dw = with_transposes(x, w, params)
        assert dx.shape == x.shape and dw.shape == w.shape
        np.testing.assert_allclose(np.vdot(dx, x), np.vdot(g, y), atol=1e-10)
        np.testing.assert_allclose(np.vdot(dw, w), np.vdot(g, y), atol=1e-10)


@pytest.mark.parametrize("positions", [1, 30, 150])
def test_chunks_and_blocks_do_not_change_the_result(monkeypatch, positions):
    for x, w, params in convolutions(60, seed=3):
        whole = with_transposes(x, w, params)
        with monkeypatch.context() as patch:
            patch.setattr(window_kernels, "BLOCK_BYTES", 0)
            patch.setattr(window_kernels, "FEWEST_POSITIONS", positions)
            parts = with_transposes(x, w, params)
        for one, other in zip(whole, parts, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_memory_does_not_grow_with_the_batch():
    w = np.ones((4, 8, 3, 3), np.float32)
    params = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    x = np.ones((400, 8, 16, 16), np.float32)
    tracemalloc.start()
    y = Convolution.forward(x, w, **params)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    columns = 9 * x.nbytes
    assert peak - y.nbytes < 1.3 * window_kernels.BLOCK_BYTES < columns / 4


def test_nothing_is_lost_where_no_window_looks():
    """A stride beyond the kernel skips elements: their gradient is zero, not garbage."""
    dx = ConvolutionInput.forward(
        np.ones((1, 1, 2)), np.ones((1, 1, 1)), x_shape=(1, 1, 6), stride=(3,), padding=(0,),
        dilation=(1,), groups=1,
    )  # fmt: skip
    assert dx.tolist() == [[[1, 0, 0, 1, 0, 0]]]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_convolution_keeps_the_type(dtype):
    x, w = np.ones((2, 3, 5, 5), dtype), np.ones((4, 3, 3, 3), dtype)
    params = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    y = Convolution.evaluate((x, w), params)
    assert y.dtype == dtype
    assert (y == 27).all()


def test_first_and_second_derivatives_of_convolution():
    for x, w, params in convolutions(80, seed=4):
        if 0 < x.size < 50:
            inputs = [chainrule.tensor(array.copy(), requires_grad=True) for array in (x, w)]

            def convolve(x, w, params=params):
                return x.convolve(w, *(params[name] for name in STEPS), params["groups"])

            assert gradcheck(convolve, inputs)
            assert gradgradcheck(convolve, inputs)


def test_first_and_second_derivatives_of_transposed_convolution():
    numbers = np.random.default_rng(5)
    x = chainrule.tensor(numbers.standard_normal((2, 4, 2, 3)), requires_grad=True)
    w = chainrule.tensor(numbers.standard_normal((4, 1, 3, 2)), requires_grad=True)

    def transposed(x, w):
        return x.convolve_transposed(w, (2, 1), (1, 0), (1, 0), (1, 2), groups=2)

    assert gradcheck(transposed, (x, w))
    assert gradgradcheck(transposed, (x, w))


def test_window_argmax_is_its_definition():
    for x, params in pools(60):
        index = WindowArgmax.forward(x, **params)
        steps = [params[name] for name in STEPS]
        for n, c, *m in np.ndindex(index.shape):
            inside = [at for _, at in elements(x.shape[2:], params["kernel"], *steps, m)]
            best = inside[0]
            for at in inside:
                if x[(n, c, *at)] > x[(n, c, *best)] or np.isnan(x[(n, c, *at)]):
                    best = at
            assert index[(n, c, *m)] == np.ravel_multi_index(best, x.shape[2:])


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_window_argmax_of_equal_elements_is_the_first(dtype):
    lowest = -np.inf if dtype is np.float32 else np.iinfo(dtype).min
    x = np.full((1, 1, 4, 4), lowest, dtype)
    params = {"kernel": (2, 2), "stride": (2, 2), "dilation": (1, 1), "ceil_mode": False}
    assert WindowArgmax.forward(x, padding=(0, 0), **params).tolist() == [[[[0, 2], [8, 10]]]]
    padded = WindowArgmax.forward(x, padding=(1, 1), **params)
    assert padded.tolist() == [[[[0, 1, 3], [4, 5, 7], [12, 13, 15]]]]


def test_window_argmax_of_many_taps():
    x = np.random.default_rng(6).standard_normal((2, 1, 40, 40))
    params = {"padding": (0, 0), "dilation": (1, 1), "ceil_mode": False}
    index = WindowArgmax.forward(x, kernel=(20, 20), stride=(20, 20), **params)
    largest = x.reshape(2, 2, 20, 2, 20).max((2, 4))
    np.testing.assert_array_equal(x.reshape(2, -1)[[[[0]], [[1]]], index[:, 0]], largest)


def test_window_sum_is_its_definition():
    for x, params in sums(40):
        y = WindowSum.forward(x, **params)
        spatial, kernel = x.shape[2:], params["kernel"]
        for m in np.ndindex(y.shape[2:]):
            inside = elements(
                spatial, kernel, params["stride"], params["padding"], (1,) * len(m), m
            )
            expected = sum(x[(..., *at)] for _, at in inside)
            np.testing.assert_allclose(y[(..., *m)], expected, atol=1e-12)


def test_window_sum_and_its_transpose():
    for x, params in sums(60, seed=1):
        y = WindowSum.forward(x, **params)
        g = np.random.default_rng(7).standard_normal(y.shape)
        dx = WindowSumTranspose.forward(g, x_shape=x.shape, **params)
        assert dx.shape == x.shape
        np.testing.assert_allclose(np.vdot(dx, x), np.vdot(g, y), atol=1e-11)


def test_first_and_second_derivatives_of_window_sum():
    x = chainrule.tensor(np.random.default_rng(8).standard_normal((2, 1, 3, 4)))

    def squares(x):
        return x.window_sum((2, 3), (2, 1), (1, 1), ceil_mode=True) ** 2

    assert gradcheck(squares, x.requires_grad_())
    assert gradgradcheck(squares, x)


def test_columns_times_weights_are_a_convolution():
    for x, w, params in convolutions(40, seed=17):
        if params.pop("groups") > 1:
            continue
        columns = Unfold.forward(x, kernel=w.shape[2:], **params)
        y = w.reshape(len(w), -1) @ columns
        expected = convolution_by_definition(x, w, **params, groups=1)
        np.testing.assert_allclose(y, expected.reshape(y.shape), atol=1e-12)


def test_fold_is_the_transpose_of_unfold():
    for x, w, params in convolutions(60, seed=18):
        del params["groups"]
        columns = Unfold.forward(x, kernel=w.shape[2:], **params)
        assert columns.shape == Unfold.shape(x.shape, kernel=w.shape[2:], **params)
        g = np.random.default_rng(19).standard_normal(columns.shape)
        dx = Fold.forward(g, spatial=x.shape[2:], kernel=w.shape[2:], **params)
        assert dx.shape == x.shape
        np.testing.assert_allclose(np.vdot(dx, x), np.vdot(g, columns), atol=1e-10)


def test_window_counts():
    sizes = ((5,), (3,), (2,), (1,))
    assert window_counts(*sizes, ceil_mode=False, count_include_pad=True).tolist() == [3, 3, 3]
    assert window_counts(*sizes, ceil_mode=False, count_include_pad=False).tolist() == [2, 3, 2]
    overhang = ((4,), (3,), (2,), (0,))
    assert window_counts(*overhang, ceil_mode=True, count_include_pad=True).tolist() == [3, 2]


def test_shape_rules_are_the_real_shapes():
    for x, w, params in convolutions(30, seed=9):
        y = Convolution.forward(x, w, **params)
        assert Convolution.shape(x.shape, w.shape, **params) == y.shape
    for x, params in pools(30, seed=9):
        assert WindowArgmax.shape(x.shape, **params) == WindowArgmax.forward(x, **params).shape
    for x, params in sums(30, seed=9):
        assert WindowSum.shape(x.shape, **params) == WindowSum.forward(x, **params).shape


@pytest.mark.parametrize(
    ("code", "says", "mistake"),
    [
        ("CR110", "x.unsqueeze(0)", lambda x, w: x[0].convolve(w)),
        ("CR110", "at least one axis", lambda x, w: x.convolve(w[0, 0])),
        ("CR110", "at least one axis", lambda x, w: x.window_sum((), 1)),
        ("CR110", "4 axes", lambda x, w: x.flatten(1).window_sum((2, 2), 2)),
        ("CR115", "the input has 4", lambda x, w: x.convolve(w[:, :3])),
        ("CR115", "groups=4", lambda x, w: x.convolve(w, groups=4)),
        ("CR115", "groups=0", lambda x, w: x.convolve(w, groups=0)),
        ("CR115", "the input has 4", lambda x, w: x.convolve_transposed(w)),
        ("CR116", "does not fit", lambda x, w: x.convolve(w, dilation=4)),
        ("CR116", "does not fit", lambda x, w: x.window_sum((6, 6), 1)),
        ("CR116", "does not fit", lambda x, w: x[..., :2].window_argmax((2, 2), 1, 1, 3)),
        ("CR116", "padding smaller", lambda x, w: x.convolve_transposed(w[:4], padding=5)),
        ("CR117", "stride=(1, 2, 3)", lambda x, w: x.convolve(w, (1, 2, 3))),
        ("CR117", "padding=-1", lambda x, w: x.convolve(w, padding=-1)),
        ("CR117", "stride=0", lambda x, w: x.window_argmax((2, 2), 0)),
        ("CR117", "kernel_size", lambda x, w: x.window_argmax((2.5, 2), 1)),
        ("CR117", "dilation=1.5", lambda x, w: x.convolve(w, dilation=1.5)),
        ("CR118", "half", lambda x, w: x.window_sum((2, 2), 2, 2)),
        ("CR119", "stride (2, 2)", lambda x, w: x.convolve_transposed(w[:4], 2, 0, 2)),
        ("CR116", "does not fit", lambda x, w: x.window_columns((6, 2), 1, 0, 1)),
        ("CR117", "kernel_size", lambda x, w: x.window_columns((0, 2), 1, 0, 1)),
        ("CR117", "output_size", lambda x, w: x[0].add_window_columns((0, 2), (2, 2), 1, 0, 1)),
        ("CR544", "4 windows", lambda x, w: x[0].add_window_columns((3, 3), (2, 2), 1, 0, 1)),
    ],
)  # fmt: skip
def test_errors(code, says, mistake):
    x, w = chainrule.zeros(2, 4, 5, 6), chainrule.zeros(6, 4, 3, 3)
    with pytest.raises(ChainruleError) as caught:
        mistake(x, w)
    assert caught.value.code == code
    assert says in caught.value.message


def test_convolution_and_its_gradients_agree_with_torch():
    torch = pytest.importorskip("torch")
    for x, w, params in convolutions(150, seed=10):
        tx, tw = (torch.tensor(array.copy(), requires_grad=True) for array in (x, w))
        convolve = getattr(torch.nn.functional, f"conv{x.ndim - 2}d")
        ty = convolve(tx, tw, None, *(params[name] for name in STEPS), params["groups"])
        y, g, dx, dw = with_transposes(x, w, params)
        expected = (ty.detach(), *torch.autograd.grad(ty, (tx, tw), torch.tensor(g)))
        for mine, theirs in zip((y, dx, dw), expected, strict=True):
            np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-12, atol=1e-12)


def test_transposed_convolution_agrees_with_torch():
    torch = pytest.importorskip("torch")
    draw, numbers = random.Random(12), np.random.default_rng(12)
    compared = 0
    for _, w, params in convolutions(100, seed=12):
        stride, padding, dilation = (params[name] for name in STEPS)
        extra = tuple(draw.randrange(s) for s in stride)
        x = numbers.standard_normal((2, len(w), *(draw.randint(1, 4) for _ in stride)))
        arguments = (stride, padding, extra, dilation, params["groups"])
        try:
            y = chainrule.tensor(x).convolve_transposed(chainrule.tensor(w.copy()), *arguments)
        except ChainruleError:
            continue
        transposed = getattr(torch.nn.functional, f"conv_transpose{len(stride)}d")
        expected = transposed(
            torch.tensor(x), torch.tensor(w.copy()), None, stride, padding, extra,
            params["groups"], dilation,
        )  # fmt: skip
        np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-12, atol=1e-12)
        compared += 1
    assert compared > 50


def test_max_pooling_agrees_with_torch():
    torch = pytest.importorskip("torch")
    for x, params in pools(200, seed=13):
        pool = getattr(torch.nn.functional, f"max_pool{x.ndim - 2}d")
        tx = torch.tensor(x, requires_grad=True)
        arguments = [params[name] for name in ("kernel", *STEPS, "ceil_mode")]
        ty, index = pool(tx, *arguments, return_indices=True)
        mine = chainrule.tensor(x, requires_grad=True)
        at = mine.window_argmax(*arguments)
        np.testing.assert_array_equal(at.numpy(), index.numpy())
        y = mine.flatten(2).gather(-1, at.flatten(2)).reshape(at.shape)
        np.testing.assert_array_equal(y.detach().numpy(), ty.detach().numpy())
        y.sum().backward()
        ty.sum().backward()
        np.testing.assert_array_equal(mine.grad.numpy(), tx.grad.numpy())


@pytest.mark.parametrize("include", [True, False])
def test_average_pooling_agrees_with_torch(include):
    torch = pytest.importorskip("torch")
    for x, params in sums(60, seed=14):
        if x.ndim == 5 and any(
            k > n for k, n in zip(params["kernel"], x.shape[2:], strict=True)
        ):
            continue  # which torch refuses in three dimensions only
        pool = getattr(torch.nn.functional, f"avg_pool{x.ndim - 2}d")
        tx = torch.tensor(x, requires_grad=True)
        ty = pool(tx, *params.values(), include)
        counts = window_counts(x.shape[2:], **params, count_include_pad=include)
        y = WindowSum.forward(x, **params) / counts
        np.testing.assert_allclose(y, ty.detach().numpy(), rtol=1e-12, atol=1e-12)
        g = np.random.default_rng(15).standard_normal(y.shape)
        (dx,) = torch.autograd.grad(ty, tx, torch.tensor(g))
        mine = WindowSumTranspose.forward(g / counts, x_shape=x.shape, **params)
        np.testing.assert_allclose(mine, dx.numpy(), rtol=1e-12, atol=1e-12)
