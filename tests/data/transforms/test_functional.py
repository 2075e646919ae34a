"""Transforms as functions: known values, and torchvision's where it is installed."""

import itertools

import numpy as np
import pytest

import chainrule as cr
import chainrule.transforms.functional as F
from chainrule.errors import ChainruleError, GradientError, TraceError
from chainrule.transforms import InterpolationMode

RANDOM = np.random.default_rng(0)
IMAGES = {
    "bytes": RANDOM.integers(0, 256, (2, 3, 17, 23), dtype=np.uint8),
    "floats": RANDOM.random((2, 3, 17, 23), np.float32),
    "grey": RANDOM.random((2, 1, 9, 8), np.float32),
    "one": RANDOM.integers(0, 256, (3, 12, 10), dtype=np.uint8),
}
BYTES = ("bytes", "one")
MODES = ("nearest", "nearest-exact", "bilinear", "bicubic")


def tensor(values, dtype=cr.float32):
    return cr.tensor(values, dtype=dtype)


# -- known values ----------------------------------------------------------------------

ROW = [[[0.0, 1.0, 2.0, 3.0]]]
KNOWN = {
    "halved": (lambda: F.resize(tensor(ROW), (1, 2)), [[[0.7142857, 2.2857144]]]),
    "halved, neighbours": (lambda: F.resize(tensor(ROW), (1, 2), antialias=False),
                           [[[0.5, 2.5]]]),
    "nearest": (lambda: F.resize(tensor(ROW), (1, 2), "nearest"), [[[0.0, 2.0]]]),
    "nearest exact": (lambda: F.resize(tensor(ROW), (1, 2), "nearest-exact"), [[[1.0, 3.0]]]),
    "bytes are rounded": (lambda: F.resize(tensor([[[0, 3]]], cr.uint8), (1, 3)),
                          [[[0, 2, 3]]]),
    "reflect": (lambda: F.pad(tensor([[[1, 2, 3]]]), (2, 0), padding_mode="reflect"),
                [[[3, 2, 1, 2, 3, 2, 1]]]),
    "symmetric": (lambda: F.pad(tensor([[[1, 2, 3]]]), (2, 0), padding_mode="symmetric"),
                  [[[2, 1, 1, 2, 3, 3, 2]]]),
    "sides": (lambda: F.pad(tensor([[[5]]]), (1, 0, 2, 1), fill=9),
              [[[9, 5, 9, 9], [9, 9, 9, 9]]]),
    "outside": (lambda: F.crop(tensor([[[1, 2], [3, 4]]]), -1, 1, 2, 2), [[[0, 0], [2, 0]]]),
    "quarter": (lambda: F.rotate(tensor([[[1, 2], [3, 4]]]), 90), [[[2, 4], [1, 3]]]),
    "moved": (lambda: F.affine(tensor(ROW), 0, (1, 0), 1, 0), [[[0, 0, 1, 2]]]),
    "half a pixel": (lambda: F.affine(tensor(ROW), 0, (0.5, 0), 1, 0, "bilinear"),
                     [[[0, 0.5, 1.5, 2.5]]]),
    "dark": (lambda: F.adjust_brightness(tensor([[[200, 255]]], cr.uint8), 0.5),
             [[[100, 127]]]),
    "contrast": (lambda: F.adjust_contrast(tensor([[[0.2, 0.6]]]), 0.5), [[[0.3, 0.5]]]),
    "to the opposite colour": (lambda: F.adjust_hue(tensor([[[1.0]], [[0.0]], [[0.0]]]), 0.5),
                               [[[0]], [[1]], [[1]]]),
    "grey": (lambda: F.rgb_to_grayscale(tensor([[[1.0]], [[1.0]], [[0.0]]])), [[[0.8859]]]),
    "blur": (lambda: F.gaussian_blur(tensor([[[0.0] * 3, [0, 1, 0], [0.0] * 3]]), 3, 1e3),
             np.full((1, 3, 3), [[4, 2, 4], [2, 1, 2], [4, 2, 4]]) / 9),
    "posterize": (lambda: F.posterize(tensor([[[255, 100]]], cr.uint8), 1), [[[128, 0]]]),
    "solarize": (lambda: F.solarize(tensor([[[255, 100]]], cr.uint8), 128), [[[0, 100]]]),
    "autocontrast": (lambda: F.autocontrast(tensor([[[0.4, 0.6, 0.5]]])), [[[0, 1, 0.5]]]),
    "gamma": (lambda: F.adjust_gamma(tensor([[[0.5]]]), 2), [[[0.25]]]),
    "erase": (lambda: F.erase(tensor(ROW), 0, 1, 1, 2, 7.0), [[[0, 7, 7, 3]]]),
    "normalize": (lambda: F.normalize(tensor([[[1.0]], [[1.0]]]), (0, 0.5), (2, 0.25)),
                  [[[0.5]], [[2.0]]]),
}  # fmt: skip


@pytest.mark.parametrize("case", KNOWN)
def test_known_values(case):
    act, expected = KNOWN[case]
    np.testing.assert_allclose(act().numpy(), expected, atol=2e-5)


def test_five_and_ten_parts():
    image = cr.arange(9).reshape(1, 3, 3)
    assert [part.item() for part in F.five_crop(image, 1)] == [0, 2, 6, 8, 4]
    assert [part.item() for part in F.ten_crop(image, 1)[5:]] == [2, 0, 8, 6, 4]
    assert F.ten_crop(image, 1, vertical_flip=True)[5].item() == 6


@pytest.mark.parametrize("size", [16, (24, 12), [8]])
def test_a_batch_is_its_images(size):
    batch = cr.from_numpy(IMAGES["floats"])
    whole = F.resize(batch, size)
    for i in range(2):
        np.testing.assert_array_equal(F.resize(batch[i], size).numpy(), whole[i].numpy())


# -- torchvision -----------------------------------------------------------------------


def resized(f, m, x, args):
    size, mode, antialias = args
    return f.resize(x, size, getattr(m, mode.upper().replace("-", "_")), antialias=antialias)


SIZES = (8, [30, 11], [9, 40])
SAME = {
    "resize": (resized, list(itertools.product(SIZES, MODES, (True, False)))),
    "pad": (lambda f, m, x, a: f.pad(x, *a),
            list(itertools.product(([1], [2, 3], [1, 2, 3, 4]), (1,),
                                   ("constant", "edge", "reflect", "symmetric")))),
    "center_crop": (lambda f, m, x, a: f.center_crop(x, a), [[5, 5], [8, 7], [31, 5], [9, 40]]),
    "crop": (lambda f, m, x, a: f.crop(x, *a), [(1, 2, 5, 6), (-2, -3, 9, 9), (5, 5, 40, 40)]),
    "hflip": (lambda f, m, x, a: f.hflip(x), [None]),
    "vflip": (lambda f, m, x, a: f.vflip(x), [None]),
    "resized_crop": (lambda f, m, x, a: f.resized_crop(x, *a), [(1, 2, 6, 5, [7, 7])]),
    "adjust_brightness": (lambda f, m, x, a: f.adjust_brightness(x, a), [0.0, 0.3, 1.0, 1.7]),
    "adjust_contrast": (lambda f, m, x, a: f.adjust_contrast(x, a), [0.0, 0.3, 1.0, 1.7]),
    "adjust_saturation": (lambda f, m, x, a: f.adjust_saturation(x, a), [0.0, 0.3, 1.0, 1.7]),
    "adjust_sharpness": (lambda f, m, x, a: f.adjust_sharpness(x, a), [0.0, 0.3, 1.0, 1.7]),
    "adjust_gamma": (lambda f, m, x, a: f.adjust_gamma(x, a, 1.1), [0.0, 0.3, 1.0, 1.7]),
    "adjust_hue": (lambda f, m, x, a: f.adjust_hue(x, a), [-0.5, -0.2, 0.0, 0.13, 0.5]),
    "grey": (lambda f, m, x, a: f.rgb_to_grayscale(x), [None]),
    "invert": (lambda f, m, x, a: f.invert(x), [None]),
    "autocontrast": (lambda f, m, x, a: f.autocontrast(x), [None]),
    "gaussian_blur": (lambda f, m, x, a: f.gaussian_blur(x, *a),
                      [(3, None), ([5, 3], [1.0, 0.5]), (7, 2.0)]),
    "rotate": (lambda f, m, x, a: f.rotate(x, a, m.BILINEAR), [30, -77.5, 180]),
    "rotate, larger": (lambda f, m, x, a: f.rotate(x, a, m.BILINEAR, True), [10, 45, 90, 180]),
    "affine": (lambda f, m, x, a: f.affine(x, *a[:-1], m.BILINEAR, center=a[-1]),
               [(20, [2, 3], 1.2, [5.0, -7.0], None), (-15, [0, 0], 0.7, [20.0, 0.0], [2, 5])]),
    "perspective": (lambda f, m, x, a: f.perspective(x, *a, m.BILINEAR),
                    [([[0, 0], [7, 0], [7, 7], [0, 7]], [[1, 1], [6, 0], [7, 6], [0, 5]])]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_values_are_torchvision_s(name):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torchvision.transforms.functional")
    act, arguments = SAME[name]
    for args, (kind, x) in itertools.product(arguments, IMAGES.items()):
        expected = act(theirs, theirs.InterpolationMode, torch.from_numpy(x), args).numpy()
        found = act(F, InterpolationMode, cr.from_numpy(x), args).numpy()
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype), (args, kind)
        off = abs(found.astype(float) - expected)
        bound = (
            1 if kind in BYTES else 2e-4
        )  # bytes: values in the middle are rounded either way
        assert off.max() <= bound, (args, kind)
        assert (off > 0).mean() < 0.05 or kind not in BYTES, (args, kind)


DTYPES = ("float32", "float64", "uint8", "int16", "int32")


@pytest.mark.parametrize(("before", "after"), list(itertools.product(DTYPES, DTYPES)))
def test_converted_dtypes_are_torchvision_s(before, after):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torchvision.transforms.functional")
    x = np.linspace(0, 1, 12).reshape(1, 3, 4)
    if not before.startswith("float"):
        x = x * np.iinfo(before).max
    x = x.astype(before)
    try:
        expected = theirs.convert_image_dtype(
            torch.from_numpy(x), getattr(torch, after)
        ).numpy()
    except RuntimeError:
        with pytest.raises(ChainruleError, match="CR751"):
            F.convert_image_dtype(cr.from_numpy(x), getattr(cr, after))
    else:
        found = F.convert_image_dtype(cr.from_numpy(x), getattr(cr, after)).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-6)


# -- pictures and arrays ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "shape", "largest"),
    [
        (np.full((4, 5, 3), 255, np.uint8), (3, 4, 5), 1),
        (np.full((4, 5), 255, np.uint8), (1, 4, 5), 1),
        (np.full((4, 5, 1), 7, np.float32), (1, 4, 5), 7),
        (np.full((4, 5), 300, np.int32), (1, 4, 5), 300),
    ],
)
def test_arrays_become_tensors_channels_first(array, shape, largest):
    x = F.to_tensor(array)
    assert x.shape == shape and x.max().item() == largest
    assert x.dtype is (cr.float32 if array.dtype == np.uint8 else cr.from_numpy(array).dtype)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "I", "F"])
def test_pictures_become_tensors_and_come_back(mode):
    image = pytest.importorskip("PIL.Image")
    drawn = image.fromarray(IMAGES["bytes"][0].transpose(1, 2, 0)).convert(mode)
    x = F.to_tensor(drawn)
    assert x.shape == (len(drawn.getbands()), 17, 23)
    whole = np.asarray(drawn).astype(np.float64) / (1 if mode in "1IF" else 255)
    np.testing.assert_allclose(x.numpy().squeeze(), np.moveaxis(whole, -1, 0).squeeze()
                               if whole.ndim == 3 else whole, atol=1e-6)  # fmt: skip
    if mode in ("L", "RGB", "RGBA"):
        back = F.to_pil_image(F.pil_to_tensor(drawn))
        assert back.mode == mode and back.tobytes() == drawn.tobytes()


# -- errors ----------------------------------------------------------------------------

X = cr.from_numpy(IMAGES["floats"])
WRONG = {
    "no channels": (lambda: F.hflip(cr.zeros(4, 4)), "CR750.*unsqueeze"),
    "five channels": (lambda: F.rgb_to_grayscale(cr.zeros(5, 4, 4)), "CR750.*got 5"),
    "a string": (lambda: F.hflip("a.png"), "CR753.*got str"),
    "a wide array": (lambda: F.to_tensor(np.zeros((2, 2, 2, 2))), "CR753.*2, 2, 2, 2"),
    "size 0": (lambda: F.resize(X, 0), "CR751.*size=0"),
    "three sizes": (lambda: F.resize(X, (1, 2, 3)), "CR751.*1, 2, 3"),
    "max below": (lambda: F.resize(X, 8, max_size=8), "CR751.*max_size=8"),
    "interpolation": (lambda: F.resize(X, 8, "lanczos"), "CR751.*lanczos.*bilinear"),
    "bicubic turn": (lambda: F.rotate(X, 8, "bicubic"), "CR751.*bicubic.*nearest"),
    "padding below 0": (lambda: F.pad(X, -1), "CR751.*padding=-1"),
    "mirror too large": (lambda: F.pad(X, 17, padding_mode="reflect"), "CR751.*padding=17"),
    "padding mode": (lambda: F.pad(X, 1, padding_mode="wrap"), "CR751.*wrap"),
    "fill": (lambda: F.pad(X, 1, fill=(1, 2)), "CR751.*3 channels"),
    "parts too large": (lambda: F.five_crop(X, 18), "CR750.*18 x 18.*17 x 23"),
    "factor": (lambda: F.adjust_contrast(X, -1), "CR751.*-1"),
    "hue": (lambda: F.adjust_hue(X, 0.6), "CR751.*0.6"),
    "even kernel": (lambda: F.gaussian_blur(X, 4), "CR751.*kernel_size=4"),
    "sigma 0": (lambda: F.gaussian_blur(X, 3, 0.0), "CR751.*sigma=0.0"),
    "kernel too large": (lambda: F.gaussian_blur(X, 41), "CR750.*41"),
    "scale 0": (lambda: F.affine(X, 0, (0, 0), 0, 0), "CR751.*scale=0"),
    "floats posterized": (lambda: F.posterize(X, 3), "CR751.*float32.*ToTensor"),
    "floats equalized": (lambda: F.equalize(X), "CR751.*float32.*ToTensor"),
    "bytes normalized": (lambda: F.normalize(X.byte(), 0.5, 0.5), "CR751.*ToTensor"),
    "two means": (lambda: F.normalize(X, (1, 2), (1, 1, 1)), "CR751.*3 channels"),
    "std 0": (lambda: F.normalize(X, 0.0, 0.0), "CR751.*std of 0"),
    "too few digits": (lambda: F.convert_image_dtype(X, cr.int32), "CR751.*too few digits"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_clear_error(case):
    act, message = WRONG[case]
    with pytest.raises(ChainruleError, match=message):
        act()


def test_a_gradient_is_not_lost_silently():
    with pytest.raises(GradientError, match="CR309"):
        F.hflip(cr.ones(1, 2, 2, requires_grad=True))


def test_what_reads_numbers_cannot_be_compiled_and_normalize_can():
    with pytest.raises(TraceError):
        cr.compile(lambda x: F.resize(x, 4))(X)

    def standard(x):
        return F.normalize(x, (0.1, 0.2, 0.3), (0.5, 0.4, 0.3))

    np.testing.assert_allclose(cr.compile(standard)(X).numpy(), standard(X).numpy(), rtol=1e-6)
    x = cr.ones(1, 3, 2, 2, requires_grad=True)
    standard(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy()[0, :, 0, 0], [2, 2.5, 10 / 3], rtol=1e-6)
