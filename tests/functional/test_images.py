"""Images resized, read at a grid, taken apart and put together again."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.autograd import gradcheck, gradgradcheck
from chainrule.errors import (
    ArgumentError,
    AxisError,
    ChainruleError,
    DtypeError,
    ShapeError,
)


def images(*shape):
    cr.manual_seed(3)
    return cr.randn(*shape).double()


# -- first and second derivatives, compiled ----------------------------------------------

GRID = images(2, 3, 2, 2)
SHARES = images(2, 3, 2).abs() % 1
CASES = {
    "bicubic": lambda x: F.interpolate(x, (5, 2), mode="bicubic"),
    "bilinear": lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear"),
    "antialias": lambda x: F.interpolate(x, (2, 3), mode="bilinear", antialias=True),
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "area": lambda x: F.interpolate(x, (2, 3), mode="area"),
    "grid": lambda x: F.grid_sample(x, GRID, align_corners=False),
    "grid bicubic": lambda x: F.grid_sample(x, GRID, "bicubic", "reflection", True),
    "grid nearest": lambda x: F.grid_sample(x, GRID, "nearest", "border"),
    "unfold": lambda x: F.unfold(x, 2, padding=1, stride=2),
    "fold": lambda x: F.fold(F.unfold(x, 2), (3, 4), 2),
    "shuffle": lambda x: F.pixel_shuffle(F.pixel_unshuffle(F.pad(x, (0, 0, 0, 1)), 2), 2),
    "channels": lambda x: F.channel_shuffle(x, 2),
    "unpool": lambda x: F.max_unpool2d(*F.max_pool2d_with_indices(x, 2), 2),
    "fractional": lambda x: F.fractional_max_pool2d(x, 2, 2, _random_samples=SHARES),
    "reflect": lambda x: F.pad(x, (1, 2, 0, 1), "reflect"),
    "replicate": lambda x: F.pad(x, (1, 2, 0, 1), "replicate"),
    "circular": lambda x: F.pad(x, (1, 2, 0, 1), "circular"),
    "norm": lambda x: F.lp_pool2d(x, 2, 2),
    "transposed": lambda x: F.conv_transpose2d(x, GRID, stride=2, output_padding=1),
}
CHANNELS = {"fractional": 3}


@pytest.mark.parametrize("name", CASES)
def test_derivatives(name):
    x = images(2, CHANNELS.get(name, 2), 3, 4).requires_grad_()
    assert gradcheck(CASES[name], x)
    assert gradgradcheck(CASES[name], x)


@pytest.mark.parametrize("name", CASES)
def test_compiled(name):
    x = images(2, CHANNELS.get(name, 2), 3, 4)

    def value_and_slope(x):
        y = CASES[name](x)
        (dx,) = cr.autograd.grad((y * y).sum(), x)
        return y, dx

    run = cr.compile(value_and_slope)
    for shift in (0, 1):
        leaf = (x + shift).requires_grad_()
        for ours, eager in zip(run(leaf), value_and_slope(leaf), strict=True):
            assert ours.detach().equal(eager.detach())


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_derivatives_to_the_grid(mode, padding):
    x, grid = images(1, 1, 3, 2), images(1, 2, 1, 2) * 1.3

    def read(x, grid):
        return F.grid_sample(x, grid, mode, padding, False)

    assert gradcheck(read, (x.requires_grad_(), grid.requires_grad_()))
    assert gradgradcheck(read, (x, grid))


# -- interpolation -----------------------------------------------------------------------


def test_interpolation_by_hand():
    x = cr.tensor([[[0.0, 4.0]]])
    assert F.interpolate(x, 4).tolist() == [[[0, 0, 4, 4]]]
    assert F.interpolate(x, 4, mode="linear").tolist() == [[[0, 1, 3, 4]]]
    corners = F.interpolate(x, 5, mode="linear", align_corners=True)
    assert corners.tolist() == [[[0, 1, 2, 3, 4]]]
    assert F.interpolate(cr.arange(4.0).reshape(1, 1, 4), 2, mode="area").tolist() == [
        [[0.5, 2.5]]
    ]


def test_a_factor_is_used_as_it_is_unless_recomputed():
    x = cr.arange(4.0).reshape(1, 1, 4)
    plain = F.interpolate(x, scale_factor=1.7, mode="linear")
    exact = F.interpolate(x, scale_factor=1.7, mode="linear", recompute_scale_factor=True)
    assert plain.shape == exact.shape == (1, 1, 6)
    assert exact.equal(F.interpolate(x, 6, mode="linear")) and not exact.equal(plain)


def test_bytes_stay_bytes():
    x = cr.tensor([[[[0, 255], [100, 100]]]], dtype=cr.uint8)
    y = F.interpolate(x, (2, 4), mode="bilinear")
    assert y.dtype is cr.uint8 and y.tolist() == [[[[0, 64, 191, 255], [100] * 4]]]
    assert F.interpolate(x, 4, mode="bicubic").max().item() == 255
    assert F.interpolate(x.long(), 4).dtype is cr.int64
    with pytest.raises(DtypeError, match=r"CR203.*interpolate\(mode='bilinear'\)"):
        F.interpolate(x.long(), 4, mode="bilinear")


def test_former_names():
    x = images(1, 1, 3, 3)
    assert F.upsample(x, 5).equal(F.interpolate(x, 5))
    assert F.upsample_nearest(x, scale_factor=2).equal(F.interpolate(x, scale_factor=2))
    aligned = F.interpolate(x, 5, mode="bilinear", align_corners=True)
    assert F.upsample_bilinear(x, 5).equal(aligned)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give one of them"),
        ({"size": 2, "scale_factor": 2}, "give one of them"),
        ({"size": 2, "recompute_scale_factor": True}, "give one of them"),
        ({"size": (2, 3, 4)}, "2 spatial axes"),
        ({"scale_factor": (2,) * 3}, "2 spatial axes"),
        ({"size": 2.5}, "whole elements"),
        ({"size": 0}, "whole elements"),
        ({"scale_factor": 0.1}, "whole elements"),
        ({"size": 2, "mode": "cubic"}, "mode='cubic'; choose from nearest"),
        ({"size": 2, "mode": "linear"}, r"3 axes, got \(1, 1, 3, 4\)"),
        ({"size": 2, "align_corners": False}, "no align_corners"),
        ({"size": 2, "antialias": True}, "bilinear and bicubic can be"),
        ({"size": 2, "mode": "lanczos"}, "lanczos always is"),
    ],
)
def test_interpolations_that_cannot_be(options, words):
    with pytest.raises(ChainruleError, match=rf"(CR542|CR110).*{words}"):
        F.interpolate(cr.ones(1, 1, 3, 4), **options)


# -- grids -------------------------------------------------------------------------------


def test_the_grid_of_the_identity_reads_the_image():
    x = images(2, 3, 4, 5)
    same = cr.tensor([[1.0, 0, 0], [0, 1, 0]]).double().expand(2, 2, 3)
    for corners in (False, True):
        grid = F.affine_grid(same, x.shape, corners)
        assert F.grid_sample(x, grid, align_corners=corners).allclose(x)
        flipped = F.grid_sample(x, -grid, align_corners=corners)
        assert flipped.allclose(x.flip(2, 3))


def test_outside_of_the_image():
    x = cr.tensor([[[[1.0, 2.0, 3.0]]]])
    grid = cr.tensor([[[[5.0, 0.0], [-9.0, 0.0]]]])
    assert F.grid_sample(x, grid).flatten().tolist() == [0, 0]
    assert F.grid_sample(x, grid, padding_mode="border").flatten().tolist() == [3, 1]
    reflected = F.grid_sample(x, cr.tensor([[[[2.0, 0.0]]]]), "nearest", "reflection", True)
    assert reflected.item() == 2
    for odd in (float("nan"), float("inf")):
        y = F.grid_sample(x, cr.full((1, 1, 1, 2), odd), padding_mode="reflection")
        assert y.item() == 0


@pytest.mark.parametrize(
    ("grid", "options", "words"),
    [
        ((1, 2, 2, 3), {}, r"CR543.*\(1, 2, 2, 3\)"),
        ((2, 2, 2, 2), {}, r"CR543.*grid \(2, 2, 2, 2\)"),
        ((1, 2, 2), {}, r"CR543"),
        ((1, 2, 2, 2), {"mode": "linear"}, r"CR543.*modes are bilinear"),
        ((1, 2, 2, 2), {"padding_mode": "wrap"}, r"CR543.*paddings zeros"),
    ],
)
def test_grids_that_do_not_fit(grid, options, words):
    with pytest.raises((ShapeError, ArgumentError), match=words):
        F.grid_sample(cr.ones(1, 1, 3, 4), cr.zeros(grid), **options)


def test_types_and_matrices_of_grids():
    x = cr.ones(1, 1, 3, 4)
    with pytest.raises(DtypeError, match=r"CR204: grid_sample of a .*float32"):
        F.grid_sample(x, cr.zeros(1, 2, 2, 2).double())
    with pytest.raises(ArgumentError, match=r"CR543.*bicubic for images"):
        F.grid_sample(x[None], cr.zeros(1, 2, 2, 2, 3), "bicubic")
    for theta, size in (
        ((2, 3), (1, 1, 2, 2)),
        ((1, 2, 3), (1, 1, 2)),
        ((1, 2, 3), (1, 1, 0, 2)),
    ):
        with pytest.raises(ShapeError, match=r"CR543: affine_grid"):
            F.affine_grid(cr.zeros(theta), size)
    with pytest.raises(DtypeError, match=r"CR203.*affine_grid"):
        F.affine_grid(cr.zeros(1, 2, 3).long(), (1, 1, 2, 2))


# -- columns and channels ----------------------------------------------------------------


def test_folding_back_counts_the_windows():
    x = images(1, 2, 5, 4)
    counts = F.fold(F.unfold(cr.ones_like(x), 3, padding=1), (5, 4), 3, padding=1)
    assert F.fold(F.unfold(x, 3, padding=1), (5, 4), 3, padding=1).allclose(x * counts)
    assert counts.min().item() == 4 and counts.max().item() == 9
    with pytest.raises(ShapeError, match=r"CR544.*12 windows of \(2, 2\).*got \(1, 4, 5\)"):
        F.fold(cr.ones(1, 4, 5), (5, 4), 2)
    with pytest.raises(ShapeError, match=r"CR116"):
        F.unfold(x, 6)


def test_shuffles_have_inverses():
    x = images(2, 3, 8, 4, 6)
    assert F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2).equal(x)
    assert F.pixel_shuffle(cr.ones(0, 4, 2, 2), 2).shape == (0, 1, 4, 4)
    y = images(1, 6, 2, 2)
    assert F.channel_shuffle(F.channel_shuffle(y, 2), 3).equal(y)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda x: F.pixel_shuffle(x, 2),
        lambda x: F.pixel_shuffle(x, 0),
        lambda x: F.pixel_shuffle(x[0, 0], 1),
        lambda x: F.pixel_unshuffle(x, 2),
        lambda x: F.channel_shuffle(x, 2),
        lambda x: F.channel_shuffle(x[0, 0], 1),
    ],
)
def test_channels_that_cannot_be_exchanged(mistake):
    with pytest.raises(ArgumentError, match=r"CR541.*cannot be divided"):
        mistake(cr.ones(1, 3, 5, 4))


# -- unpooling and fractional pooling ----------------------------------------------------


def test_unpooling_puts_elements_back():
    x = images(2, 3, 5, 4)
    y, index = F.max_pool2d(x, 2, return_indices=True)
    back = F.max_unpool2d(y, index, 2, output_size=x.shape)
    assert back.shape == x.shape and (back != 0).sum().item() == y.numel()
    assert back.where(back != 0, x).equal(x)
    with pytest.raises(ArgumentError, match=r"CR540.*\(9, 4\).*from \(4, 4\)"):
        F.max_unpool2d(y, index, 2, output_size=(9, 4))
    with pytest.raises(ShapeError, match=r"CR546"):
        F.max_unpool2d(y, index[0], 2)
    with pytest.raises(ShapeError, match=r"CR110: max_unpool1d"):
        F.max_unpool1d(y, index, 2)
    with pytest.raises(AxisError):
        F.max_unpool2d(y, index + 100, 2)


def test_fractional_pooling_is_random_and_repeatable():
    x = images(1, 2, 10, 10)
    draws = []
    for _ in range(6):
        y, index = F.fractional_max_pool2d(x, 2, output_ratio=0.7, return_indices=True)
        assert y.shape == (1, 2, 7, 7)
        assert x.flatten(2).gather(2, index.flatten(2)).reshape(y.shape).equal(y)
        draws.append(y)
    assert any(not y.equal(draws[0]) for y in draws)
    whole = F.fractional_max_pool2d(x, 2, output_size=9)
    assert whole.equal(F.max_pool2d(x, 2, 1))


def test_fractional_pooling_says_what_is_missing():
    x = cr.ones(1, 1, 4, 4)
    with pytest.raises(ArgumentError, match=r"CR545: fractional_max_pool2d: say"):
        F.fractional_max_pool2d(x, 2)
    with pytest.raises(ArgumentError, match=r"CR545.*output_ratio=1.5"):
        nn.FractionalMaxPool2d(2, output_ratio=1.5)
    with pytest.raises(ArgumentError, match=r"CR545.*not both"):
        nn.FractionalMaxPool2d(2, 2, 0.5)
    with pytest.raises(ShapeError, match=r"CR116.*\(4, 4\) different windows of \(2, 2\)"):
        F.fractional_max_pool2d(x, 2, 4)
    with pytest.raises(ShapeError, match=r"CR110"):
        F.fractional_max_pool3d(cr.ones(2, 2), 2, 2)
    with pytest.raises(ArgumentError, match=r"CR545.*\(1, 1, 2\), got \(1, 1, 3\)"):
        F.fractional_max_pool2d(x, 2, 2, _random_samples=cr.ones(1, 1, 3))


# -- layers ------------------------------------------------------------------------------


def test_a_transposed_layer_gives_the_size_wanted():
    down, up = nn.Conv2d(2, 4, 3, 2), nn.ConvTranspose2d(4, 2, 3, 2)
    for size in ((7, 8), (8, 7)):
        x = cr.ones(1, 2, *size)
        assert up(down(x), output_size=size).shape == x.shape
        assert up(down(x), x.shape).shape == x.shape
        assert up(down(x)[0], size).shape == x.shape[1:]
    for wrong in ((9, 8), (6, 7), (7,), (4, 2, 7, 8, 1)):
        with pytest.raises(ArgumentError, match=r"CR540.*from \(7, 7\) to \(8, 8\)"):
            up(cr.ones(1, 4, 3, 3), output_size=wrong)


def test_layers_refuse_at_once_what_cannot_be():
    with pytest.raises(ArgumentError, match=r"CR521: Conv2d: padding='same'"):
        nn.Conv2d(1, 1, 3, stride=2, padding="same")
    with pytest.raises(ArgumentError, match=r"CR521: Conv1d: padding='full'"):
        nn.Conv1d(1, 1, 3, padding="full")
    with pytest.raises(ArgumentError, match=r"CR520: ConvTranspose2d.*'reflect'"):
        nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect")
    with pytest.raises(ArgumentError, match=r"CR520: ConvTranspose1d: padding='same'"):
        nn.ConvTranspose1d(1, 1, 3, padding="same")
    with pytest.raises(ArgumentError, match=r"CR528"):
        nn.ConvTranspose2d(3, 4, 3, groups=2)
    with pytest.raises(ShapeError, match=r"CR110: ReflectionPad2d"):
        nn.ReflectionPad2d(1)(cr.ones(3, 3))


def test_a_transposed_layer_starts_by_its_fan():
    """Fan in is counted on the second axis of the weight, as PyTorch does."""
    cr.manual_seed(0)
    layer = nn.ConvTranspose2d(64, 8, 4)
    bound = 1 / np.sqrt(8 * 16)
    assert layer.weight.shape == (64, 8, 4, 4) and layer.bias.shape == (8,)
    assert 0.99 * bound < layer.weight.abs().max().item() <= bound
    assert layer.weight.std().item() == pytest.approx(bound / np.sqrt(3), rel=0.02)
