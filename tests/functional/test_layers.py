"""The functions of layers: closed forms, and what they refuse in which words."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule.autograd import gradcheck
from chainrule.errors import ArgumentError, AxisError, DtypeError, ShapeError


def d(*values):
    return cr.tensor(values, dtype=cr.float64)


# -- linear ----------------------------------------------------------------------------


def test_linear():
    w, b = cr.arange(6.0).reshape(2, 3), cr.tensor([1.0, -1.0])
    assert F.linear(cr.tensor([1.0, 0.0, 2.0]), w, b).tolist() == [5.0, 12.0]
    assert F.linear(cr.ones(2, 4, 3), w).shape == (2, 4, 2)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((32, 7, 7, 64), r"got \(32, 7, 7, 64\). Flatten first: x.flatten\(1\) gives "
                         r"\(32, 3136\), for which the layer needs in_features=3136"),
        ((5, 2, 256), r"Flatten first: x.flatten\(1\) gives \(5, 512\)$"),
        ((512, 8), r"exchanged: x.T gives \(8, 512\)"),
        ((8, 100), r"has 100 features, so the layer needs in_features=100"),
        ((100,), r"has 100 features"),
    ],
)  # fmt: skip
def test_linear_says_what_does_not_fit(shape, words):
    with pytest.raises(ShapeError, match=rf"CR101: Linear expects \(…, 512\) but .*{words}"):
        F.linear(cr.ones(shape), cr.ones(10, 512))


def test_linear_refuses_mixed_types():
    with pytest.raises(DtypeError, match=r"CR204"):
        F.linear(cr.ones(2, 3), cr.ones(4, 3).double())


# -- convolution -----------------------------------------------------------------------


def naive_convolution(x, w, stride, padding, dilation, groups):
    """The formula, element by element."""
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    n, c, height, width = x.shape
    o, _, kh, kw = w.shape
    y = np.zeros(
        (n, o, (height - dh * (kh - 1) - 1) // sh + 1, (width - dw * (kw - 1) - 1) // sw + 1)
    )
    for k in range(o):
        first = k // (o // groups) * (c // groups)
        for i, j in np.ndindex(*y.shape[2:]):
            seen = x[:, first : first + c // groups,
                     i * sh : i * sh + dh * (kh - 1) + 1 : dh,
                     j * sw : j * sw + dw * (kw - 1) + 1 : dw]  # fmt: skip
            y[:, k, i, j] = (seen * w[k]).sum((1, 2, 3))
    return y


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [((1, 1), (0, 0), (1, 1), 1), ((2, 1), (1, 2), (1, 1), 2), ((1, 3), (2, 0), (2, 1), 4)],
)
def test_conv2d_is_its_formula(stride, padding, dilation, groups):
    x, w = cr.randn(2, 4, 6, 7).double(), cr.randn(4, 4 // groups, 3, 2).double()
    b = cr.randn(4).double()
    y = F.conv2d(x, w, b, stride, padding, dilation, groups)
    expected = naive_convolution(x.numpy(), w.numpy(), stride, padding, dilation, groups)
    np.testing.assert_allclose(y.numpy(), expected + b.numpy()[:, None, None], rtol=1e-12)


def test_padding_by_name():
    x, w = cr.randn(1, 2, 6, 5), cr.randn(3, 2, 4, 3)
    assert F.conv2d(x, w, padding="same").shape == (1, 3, 6, 5)
    assert F.conv2d(x, w, padding="same", dilation=2).shape == (1, 3, 6, 5)
    assert F.conv2d(x, w, padding="valid").equal(F.conv2d(x, w))
    by_hand = F.conv2d(F.pad(x, (1, 1, 1, 2)), w)
    assert F.conv2d(x, w, padding="same").equal(by_hand)
    with pytest.raises(ArgumentError, match=r"CR521.*'same' with stride=\(2, 2\)"):
        F.conv2d(x, w, padding="same", stride=2)
    with pytest.raises(ArgumentError, match=r"CR521.*'full'"):
        F.conv2d(x, w, padding="full")


def test_one_image_without_a_batch():
    x, w, b = cr.randn(2, 6, 5), cr.randn(3, 2, 3, 3), cr.randn(3)
    assert F.conv2d(x, w, b, padding=1).equal(F.conv2d(x[None], w, b, padding=1)[0])
    assert F.max_pool2d(x, 2).equal(F.max_pool2d(x[None], 2)[0])
    assert F.avg_pool2d(x, 2).equal(F.avg_pool2d(x[None], 2)[0])


def test_convolutions_say_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"CR115.*expect 3 input channels, the input has 4"):
        F.conv2d(cr.ones(1, 4, 5, 5), cr.ones(2, 3, 3, 3))
    with pytest.raises(
        ShapeError, match=r"CR110: conv2d takes weights.*4 axes, got \(2, 3, 3\)"
    ):
        F.conv2d(cr.ones(1, 3, 5, 5), cr.ones(2, 3, 3))
    with pytest.raises(ShapeError, match=r"CR116"):
        F.conv1d(cr.ones(1, 1, 2), cr.ones(1, 1, 3))
    with pytest.raises(ShapeError, match=r"CR110"):
        F.conv3d(cr.ones(1, 1), cr.ones(1, 1, 1, 1, 1))


def test_the_bias_is_one_number_for_each_output_channel():
    x, w = cr.ones(1, 2, 4, 4), cr.ones(3, 2, 2, 2)
    with pytest.raises(ShapeError, match=r"CR523.*3 output channels.*got \(1,\)"):
        F.conv2d(x, w, cr.ones(1))
    with pytest.raises(ShapeError, match=r"CR523.*2 output channels.*got \(3,\)"):
        F.conv_transpose2d(cr.ones(1, 3, 4, 4), w, cr.ones(3))


def test_transposed_convolution_is_the_gradient_of_convolution():
    x, w = cr.randn(2, 4, 7, 6).double().requires_grad_(), cr.randn(6, 2, 3, 2).double()
    y = F.conv2d(x, w, None, (2, 1), 1, (1, 2), 2)
    g = cr.randn(y.shape).double()
    y.backward(g)
    back = F.conv_transpose2d(g, w, None, (2, 1), 1, (0, 0), 2, (1, 2))
    assert back.allclose(x.grad)


@pytest.mark.parametrize("extra", [1, 2, 3])
def test_output_padding_up_to_the_dilation(extra):
    """Beyond the stride it makes room for windows that hold nothing."""
    x, w = cr.randn(1, 1, 4).double(), cr.randn(1, 1, 3).double()
    y = F.conv_transpose1d(x, w, stride=1, padding=2, output_padding=extra, dilation=4)
    whole = F.conv_transpose1d(x, w, stride=1, dilation=4)
    assert y.equal(F.pad(whole, (-2, extra - 2)))
    with pytest.raises(ArgumentError, match=r"CR119.*\(4,\).*dilation \(4,\)"):
        F.conv_transpose1d(x, w, output_padding=4, dilation=4)


def test_transposed_convolutions_say_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"CR110: conv_transpose1d takes weights"):
        F.conv_transpose1d(cr.ones(1, 1, 5), cr.ones(1, 1, 2, 2))
    with pytest.raises(ShapeError, match=r"CR115.*expects? 3 input channels"):
        F.conv_transpose2d(cr.ones(1, 2, 5, 5), cr.ones(3, 1, 2, 2))


# -- pooling ---------------------------------------------------------------------------


def test_max_pooling_and_its_indices():
    x = cr.tensor([[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 8.0, 7.0]]])
    y, index = F.max_pool2d(x, 2, return_indices=True)
    assert y.tolist() == [[[5, 8]]] and index.tolist() == [[[1, 6]]]
    assert x.flatten()[index.flatten()].tolist() == y.flatten().tolist()
    assert F.max_pool1d(cr.tensor([[-1.0, -2.0]]), 2, padding=1).tolist() == [[-1, -2]]


def test_average_pooling_counts():
    x = cr.ones(1, 1, 3)
    assert F.avg_pool1d(x, 2, 1, 1).tolist() == [[[0.5, 1, 1, 0.5]]]
    assert F.avg_pool1d(x, 2, 1, 1, count_include_pad=False).tolist() == [[[1, 1, 1, 1]]]
    assert F.avg_pool1d(x, 2, 2, ceil_mode=True).tolist() == [[[1, 1]]]
    assert F.avg_pool2d(cr.ones(1, 1, 2, 2), 2, divisor_override=8).item() == 0.5
    with pytest.raises(ArgumentError, match=r"CR524.*divisor_override"):
        F.avg_pool2d(cr.ones(1, 1, 2, 2), 2, divisor_override=0)


def test_adaptive_pooling_divides_an_axis_into_parts():
    x = cr.arange(5.0).reshape(1, 1, 5)
    assert F.adaptive_avg_pool1d(x, 2).tolist() == [[[1.0, 3.0]]]
    assert F.adaptive_max_pool1d(x, 2).tolist() == [[[2.0, 4.0]]]
    assert F.adaptive_avg_pool1d(x, 5).equal(x)
    image = cr.randn(2, 3, 7, 5)
    assert F.adaptive_avg_pool2d(image, 1).allclose(image.mean((2, 3), keepdim=True), atol=1e-6)
    assert F.adaptive_max_pool2d(image, 1).equal(image.amax((2, 3), keepdim=True))
    assert F.adaptive_avg_pool2d(image, (None, 2)).shape == (2, 3, 7, 2)
    with pytest.raises(ArgumentError, match=r"CR524.*output_size=\(1, 2, 3\)"):
        F.adaptive_avg_pool2d(image, (1, 2, 3))
    with pytest.raises(ArgumentError, match=r"CR524.*output_size=0"):
        F.adaptive_max_pool2d(image, 0)
    with pytest.raises(ShapeError, match=r"CR110.*got \(7,\)"):
        F.adaptive_avg_pool2d(cr.ones(7), 1)


def test_pooling_says_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"CR116"):
        F.max_pool2d(cr.ones(1, 1, 2, 2), 3)
    with pytest.raises(ArgumentError, match=r"CR118"):
        F.max_pool2d(cr.ones(1, 1, 4, 4), 2, padding=2)


def test_norm_pooling():
    x = cr.tensor([[[3.0, -4.0, 0.0, 0.0]]]).requires_grad_()
    y = F.lp_pool1d(x, 2, 2)
    assert y.detach().tolist() == [[[5, 0]]]
    y.sum().backward()
    assert x.grad.tolist() == [[[pytest.approx(0.6), pytest.approx(-0.8), 0, 0]]]
    assert F.lp_pool1d(x.detach(), 1, 2).tolist() == [[[-1, 0]]]
    assert F.lp_pool1d(x.detach(), float("inf"), 4).tolist() == [[[4]]]
    with pytest.raises(ArgumentError, match=r"CR524: lp_pool1d: norm_type"):
        F.lp_pool1d(x, 0, 2)


def test_a_window_size_of_one_number_in_a_list_is_for_all_axes():
    x = cr.randn(1, 1, 4, 6)
    assert F.max_pool2d(x, [2]).equal(F.max_pool2d(x, 2))
    assert F.conv2d(x, cr.ones(1, 1, 2, 2), stride=(2,)).shape == (1, 1, 2, 3)


# -- padding ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [0, 0, 1, 2, 3, 0]),
        ("reflect", [3, 2, 1, 2, 3, 2]),
        ("replicate", [1, 1, 1, 2, 3, 3]),
        ("circular", [2, 3, 1, 2, 3, 1]),
    ],
)
def test_pad_modes(mode, expected):
    x = d(1.0, 2.0, 3.0).requires_grad_()
    assert F.pad(x, (2, 1), mode).tolist() == expected
    assert gradcheck(lambda x: F.pad(x, (2, 1), mode), x)


def test_pad_begins_with_the_last_axis():
    y = F.pad(cr.ones(2, 3), (1, 0, 0, 2), value=9.0)
    assert y.tolist() == [[9, 1, 1, 1], [9, 1, 1, 1], [9] * 4, [9] * 4]
    assert F.pad(cr.arange(4.0), (-1, -2)).tolist() == [1]
    assert F.pad(cr.ones(2, 3), (1, 1, 1, 1), "replicate").shape == (4, 5)


def test_negative_widths_cut():
    x = cr.arange(4.0)
    assert F.pad(x, (-1, 1), "reflect").tolist() == [1, 2, 3, 2]
    assert F.pad(x, (-3, 2), "reflect").tolist() == [3, 2, 1]
    assert F.pad(x, (2, -1), "replicate").tolist() == [0, 0, 0, 1, 2]
    assert F.pad(x, (-1, 1), "circular").tolist() == [1, 2, 3, 1]
    assert F.pad(x, (0, 0), "circular").equal(x)


def test_only_a_constant_border_has_a_value():
    assert F.pad(cr.arange(2.0), (1, 0), "reflect", 0).tolist() == [1, 0, 1]
    with pytest.raises(ArgumentError, match=r"CR520.*mode='circular'.*not a value"):
        F.pad(cr.arange(2.0), (1, 0), "circular", 2.0)


@pytest.mark.parametrize(
    ("pad", "mode", "words"),
    [
        ((1,), "constant", r"two numbers for each padded axis"),
        ((1, 1, 1, 1), "constant", r"two numbers"),
        ((3, 0), "reflect", r"reflect padding \(3, 0\) of an axis of size 3.*0 to 2"),
        ((4, 0), "circular", r"0 to 3"),
        ((-2, -2), "replicate", r"padding \(-2, -2\) cuts more away than the 3 elements"),
        ((-4, 0), "constant", r"padding \(-4, 0\) cuts more"),
        ((1, 1), "mirror", r"no mode 'mirror'; choose from constant, reflect"),
    ],
)
def test_pads_that_do_not_fit(pad, mode, words):
    with pytest.raises(ArgumentError, match=rf"CR520.*{words}"):
        F.pad(cr.arange(3.0), pad, mode)


# -- normalization ---------------------------------------------------------------------


def test_batch_norm_by_its_formula():
    x = cr.randn(8, 3).double() * 2 + 1
    w, b, mean, var = d(1, 2, 3), d(0, 1, 2), d(0, 0, 0), d(1, 1, 1)
    y = F.batch_norm(x, mean, var, w, b, training=True, momentum=0.1, eps=0)
    a = x.numpy()
    np.testing.assert_allclose(y.numpy(), (a - a.mean(0)) / a.std(0) * w.numpy() + b.numpy())
    np.testing.assert_allclose(mean.numpy(), 0.1 * a.mean(0))
    np.testing.assert_allclose(var.numpy(), 0.9 + 0.1 * a.var(0, ddof=1))
    y = F.batch_norm(x, mean, var, w, b, eps=0)
    expected = (a - mean.numpy()) / np.sqrt(var.numpy()) * w.numpy() + b.numpy()
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-9)


def test_statistics_do_not_cancel():
    x = cr.tensor([[1e4 + 1.0], [1e4 - 1.0]])
    assert F.batch_norm(x, None, None, training=True).tolist() == [
        [pytest.approx(1, abs=1e-3)], [pytest.approx(-1, abs=1e-3)],
    ]  # fmt: skip
    y = F.layer_norm(x.T, [2])
    assert y.tolist() == [[pytest.approx(1, abs=1e-3), pytest.approx(-1, abs=1e-3)]]


def test_batch_norm_refuses():
    mean = cr.zeros(3)
    with pytest.raises(ArgumentError, match=r"CR525.*more than one number.*\(1, 3\)"):
        F.batch_norm(cr.ones(1, 3), None, None, training=True)
    with pytest.raises(ValueError, match=r"CR525.*\(0, 3\)"):
        F.batch_norm(cr.ones(0, 3), None, None, training=True)
    with pytest.raises(ArgumentError, match=r"CR525.*running_mean and running_var"):
        F.batch_norm(cr.ones(2, 3), mean, None)
    with pytest.raises(ShapeError, match=r"CR523.*expects \(n, 3, …\) but got \(2, 4\)"):
        F.batch_norm(cr.ones(2, 4), mean, mean)
    with pytest.raises(ShapeError, match=r"CR523.*got \(3,\)"):
        F.batch_norm(cr.ones(3), mean, mean)


def test_layer_norm_by_its_formula():
    x = cr.randn(4, 2, 3).double()
    a = x.numpy().reshape(4, -1)
    expected = ((a - a.mean(1)[:, None]) / np.sqrt(a.var(1) + 1e-5)[:, None]).reshape(4, 2, 3)
    np.testing.assert_allclose(F.layer_norm(x, (2, 3)).numpy(), expected)
    with pytest.raises(ShapeError, match=r"CR101: layer_norm expects \(…, 3, 2\) but got"):
        F.layer_norm(x, (3, 2))
    with pytest.raises(ShapeError, match=r"CR101"):
        F.layer_norm(x, ())


def test_normalize_and_cosine_similarity():
    x = cr.tensor([[3.0, 4.0], [0.0, 0.0]]).requires_grad_()
    y = F.normalize(x)
    assert y.detach().flatten().tolist() == pytest.approx([0.6, 0.8, 0, 0])
    y.sum().backward()
    assert x.grad.isfinite().all()
    assert F.normalize(x.detach(), p=1)[0].tolist() == pytest.approx([3 / 7, 4 / 7])
    a, b = cr.tensor([[1.0, 0.0], [1.0, 1.0]]), cr.tensor([[0.0, 2.0], [2.0, 2.0]])
    assert F.cosine_similarity(a, b).tolist() == pytest.approx([0, 1])
    zeros = cr.zeros(2, 2).requires_grad_()
    F.cosine_similarity(zeros, b).sum().backward()
    assert zeros.grad.isfinite().all()


# -- dropout ---------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_scales():
    cr.manual_seed(3)
    y = F.dropout(cr.ones(20_000), 0.25)
    assert sorted(set(y.tolist())) == [0, pytest.approx(4 / 3)]
    assert abs((y == 0).float().mean().item() - 0.25) < 0.02
    assert abs(y.mean().item() - 1) < 0.03


def test_dropout_ends():
    x = cr.tensor([1.0, -2.0])
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 0.9, training=False) is x
    assert F.dropout(x, 1.0).abs().tolist() == [0, 0]
    for p in (-0.1, 1.1):
        with pytest.raises(ArgumentError, match=rf"CR526.*p={p}"):
            F.dropout(x, p)


def test_the_gradient_passes_where_the_number_did():
    cr.manual_seed(0)
    x = cr.ones(50).requires_grad_()
    y = F.dropout(x)
    y.sum().backward()
    assert x.grad.equal(y.detach())
    h = x * 1
    assert F.dropout(h, 0.5, inplace=True) is h


def test_the_seed_decides_which():
    cr.manual_seed(5)
    first = F.dropout(cr.ones(100))
    second = F.dropout(cr.ones(100))
    cr.manual_seed(5)
    assert F.dropout(cr.ones(100)).equal(first) and not first.equal(second)


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_dropout_of_whole_channels(spatial):
    cr.manual_seed(1)
    y = getattr(F, f"dropout{spatial}d")(cr.ones(4, 50, *[3] * spatial))
    per_channel = y.flatten(2)
    assert (per_channel == per_channel[:, :, :1]).all()
    assert set(per_channel[:, :, 0].flatten().tolist()) == {0.0, 2.0}
    with pytest.raises(ShapeError, match=rf"CR110: dropout{spatial}d"):
        getattr(F, f"dropout{spatial}d")(cr.ones(2))


# -- embedding -------------------------------------------------------------------------


def test_embedding_reads_rows():
    w = cr.arange(6.0).reshape(3, 2).requires_grad_()
    y = F.embedding(cr.tensor([[2, 0], [2, 2]]), w)
    assert y.shape == (2, 2, 2) and y[0].tolist() == [[4, 5], [0, 1]]
    y.sum().backward()
    assert w.grad.tolist() == [[1, 1], [0, 0], [3, 3]]


def test_the_padding_row_is_not_learned():
    for padding_idx in (2, -1):
        w = cr.ones(3, 2).requires_grad_()
        F.embedding(cr.tensor([2, 0, 2]), w, padding_idx).sum().backward()
        assert w.grad.tolist() == [[1, 1], [0, 0], [0, 0]]
    with pytest.raises(ArgumentError, match=r"CR527: padding_idx=3 .*3 rows"):
        F.embedding(cr.tensor([0]), cr.ones(3, 2), 3)


@pytest.mark.parametrize("bad", [-1, 3])
def test_rows_that_are_not_there(bad):
    with pytest.raises(AxisError, match=rf"CR512: embedding: row number {bad}"):
        F.embedding(cr.tensor([0, bad]), cr.ones(3, 2))
    with pytest.raises(IndexError):
        cr.compile(F.embedding)(cr.tensor([0, bad]), cr.ones(3, 2))
    with pytest.raises(DtypeError, match=r"CR513: embedding"):
        F.embedding(cr.ones(2), cr.ones(3, 2))


def test_one_hot():
    assert F.one_hot(cr.tensor([[1], [0]])).tolist() == [[[0, 1]], [[1, 0]]]
    assert F.one_hot(cr.tensor(2), 4).tolist() == [0, 0, 1, 0]
    assert F.one_hot(cr.tensor([1])).dtype is cr.int64
    with pytest.raises(AxisError, match=r"CR512: one_hot: label 3"):
        F.one_hot(cr.tensor([3]), 3)
    with pytest.raises(DtypeError, match=r"CR513"):
        F.one_hot(cr.tensor([1.0]))
