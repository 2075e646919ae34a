"""Pictures of digits, brought to the form of the data."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from chainrule.data.image import digit_image, read_image
from chainrule.errors import DataError

Image = pytest.importorskip("PIL.Image")


def seven(size: int = 60) -> np.ndarray:
    """Ink of a slanted 7, 0 to 1."""
    row, column = np.indices((size, size)) / size
    bar = (abs(row - 0.3) < 0.05) & (abs(column - 0.5) < 0.2)
    stem = (abs(column - (0.7 - (row - 0.3) * 0.6)) < 0.05) & (row > 0.3) & (row < 0.8)
    return (bar | stem).astype(float)


def close(a: np.ndarray, b: np.ndarray, tolerance: float = 0.2) -> bool:
    return float(abs(a - b).mean()) < tolerance * float(a.mean())


REFERENCE = digit_image(1 - seven(), 8, 0)


def test_the_ink_fills_the_square_from_top_to_bottom_and_is_centred():
    assert REFERENCE.shape == (8, 8) and REFERENCE.dtype == np.float32
    assert REFERENCE.max() == 1 and REFERENCE.min() == 0
    assert REFERENCE[0].max() > 0.5 and REFERENCE[-1].max() > 0.3
    assert REFERENCE[:, 0].max() < 0.3 and abs(REFERENCE.sum(0) @ np.arange(-3.5, 4)) < 5
    assert REFERENCE[0, 1:7].mean() > 0.6 and REFERENCE[3:, 6:].max() == 0


def test_a_margin_stays_empty():
    image = digit_image(1 - seven(200), 28, 4)
    assert image.shape == (28, 28)
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    assert np.ptp(rows) == 19 and np.ptp(columns) < 20


def test_with_a_margin_the_centre_of_mass_is_in_the_middle():
    image = digit_image(1 - seven(200), 28, 6)
    mass = np.indices((28, 28)).reshape(2, -1) @ image.ravel() / image.sum()
    assert (abs(mass - 13.5) <= 0.5).all()


VARIANTS = {
    "white on black": lambda ink: ink,
    "faint": lambda ink: 0.8 - 0.3 * ink,
    "uneven light": lambda ink: (
        (1 - 0.7 * ink) * np.linspace(0.6, 1, len(ink)) * np.linspace(1, 0.8, len(ink))[:, None]
    ),
    "noise": lambda ink: 0.9 - 0.7 * ink + np.random.default_rng(0).normal(0, 0.04, ink.shape),
    "off centre": lambda ink: 1 - np.roll(ink, (25, -30), (0, 1)),
    "wide paper": lambda ink: np.pad(1 - ink, ((20, 30), (5, 200)), constant_values=1),
    "tightly cut": lambda ink: 1 - ink[np.ix_(ink.any(1), ink.any(0))],
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_light_size_and_place_do_not_matter(variant):
    picture = VARIANTS[variant](seven(240))
    assert close(REFERENCE, digit_image(picture, 8, 0))


def test_small_pictures_are_enlarged():
    assert close(digit_image(1 - seven(14), 28, 0), digit_image(1 - seven(280), 28, 0), 0.5)


@pytest.mark.parametrize("picture", [np.ones((20, 20)), np.full((1, 1), 0.3), np.eye(9) * 0.05])
def test_nothing_to_be_seen(picture):
    with pytest.raises(DataError, match=r"CR716.*no digit"):
        digit_image(picture, 8, 0)


# -- files -----------------------------------------------------------------------------


def saved(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    Image.fromarray(pixels).convert(mode).save(path) if mode else Image.fromarray(pixels).save(
        path
    )
    return path


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_kind_of_png_gives_brightness(tmp_path, mode):
    pixels = np.where(seven(30) > 0, 0, 255).astype(np.uint8)
    found = read_image(saved(tmp_path / "a.png", pixels, mode))
    np.testing.assert_allclose(found, 1 - seven(30), atol=0.01)


def test_sixteen_bits_per_pixel(tmp_path):
    pixels = ((1 - seven(30)) * 40000).astype(np.uint16)
    np.testing.assert_allclose(read_image(saved(tmp_path / "a.png", pixels)), 1 - seven(30))


def test_transparent_paper_is_white(tmp_path):
    pixels = np.zeros((30, 30, 4), np.uint8)
    pixels[..., 3] = seven(30) * 255
    found = read_image(saved(tmp_path / "a.png", pixels))
    np.testing.assert_allclose(found, 1 - seven(30), atol=0.01)


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no picture"),
        lambda path: path.write_bytes(path.read_bytes()[:60]),
        lambda path: path.write_bytes(path.read_bytes()[:40] + b"xx" + path.read_bytes()[42:]),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["missing", "empty", "text", "cut", "damaged", "folder"],
)
def test_pictures_that_cannot_be_read(tmp_path, harm):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 30)).astype(np.uint8)
    path = saved(tmp_path / "a.png", pixels)
    harm(path)
    with pytest.raises(DataError, match=r"CR712.*a\.png"):
        read_image(path)


def test_without_pillow_the_error_says_what_to_install(monkeypatch):
    def refuse(name, package=None):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(DataError, match=r"CR715.*pip install pillow"):
        read_image("a.png")
