"""Images moved at random."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import DataLoader, RandomAffine, TensorDataset
from chainrule.data.dataset import read_batch
from chainrule.data.transforms.warp import through

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])


def one_image() -> np.ndarray:
    return np.random.default_rng(0).random((1, 2, 5, 7), np.float32)


def moved(matrix=np.eye(2), offset=(0.0, 0.0), image=None) -> np.ndarray:  # noqa: B008
    image = one_image() if image is None else image
    return through(image, np.asarray(matrix)[None], np.asarray(offset, float)[None])


def test_the_identity_changes_nothing():
    np.testing.assert_array_equal(moved(), one_image())


def test_a_whole_shift_moves_pixels_and_brings_in_nothing():
    y, x = moved(offset=(1, -2)), one_image()
    np.testing.assert_allclose(y[..., :-1, 2:], x[..., 1:, :-2], atol=1e-6)
    assert (y[..., -1, :] == 0).all() and (y[..., :2] == 0).all()


def test_half_a_pixel_is_the_mean_of_two():
    y, x = moved(offset=(0, 0.5)), one_image()
    np.testing.assert_allclose(y[..., :-1], (x[..., :-1] + x[..., 1:]) / 2, atol=1e-6)
    np.testing.assert_allclose(y[..., -1], x[..., -1] / 2, atol=1e-6)


def test_a_quarter_turn():
    square = one_image()[..., :5]
    np.testing.assert_allclose(
        moved(TURN, image=square), np.rot90(square, -1, (2, 3)), atol=1e-6
    )


def test_far_away_there_is_nothing():
    assert (moved(offset=(100, -100)) == 0).all()


def test_nothing_to_vary_gives_the_same_images():
    data = TensorDataset(cr.from_numpy(one_image()), cr.tensor([3]))
    image, label = RandomAffine(data)[0]
    np.testing.assert_array_equal(image.numpy(), one_image()[0])
    assert label.item() == 3


def dataset() -> TensorDataset:
    images = np.zeros((200, 1, 9, 9), np.float32)
    images[:, :, 4, 4] = 1
    return TensorDataset(cr.from_numpy(images), cr.arange(200))


@pytest.mark.parametrize("how", [{"degrees": 20.0}, {"shift": 1.0}, {"scale": 0.3}])
def test_variation_is_seeded_and_new_each_time(how):
    line = np.zeros((200, 1, 9, 9), np.float32)
    line[:, :, 1:8, 3] = 1
    data = TensorDataset(cr.from_numpy(line), cr.arange(200))

    def read(seed):
        varied = RandomAffine(data, **how, generator=cr.Generator().manual_seed(seed))
        return [read_batch(varied, np.arange(200))[0].numpy() for _ in range(2)]

    (first, second), (again, _), (other, _) = read(1), read(1), read(2)
    np.testing.assert_array_equal(first, again)
    assert (first != second).any() and (first != other).any()
    assert first.dtype == np.float32 and first.min() >= 0 and first.max() <= 1 + 1e-6


def test_shifts_stay_within_their_bound_and_reach_every_side():
    images, labels = next(iter(DataLoader(RandomAffine(dataset(), shift=1.0), 200)))
    ink = images.numpy()[:, 0]
    assert labels.tolist() == list(range(200))
    near = ink[:, 3:6, 3:6]
    np.testing.assert_allclose(near.sum((1, 2)), 1, atol=1e-5)
    rows = (near.sum(2) * [-1, 0, 1]).sum(1)
    assert rows.min() < -0.8 and rows.max() > 0.8


def test_scaling_makes_larger_and_smaller():
    disc = np.hypot(*(np.indices((21, 21)) - 10)) < 5
    images = np.repeat(disc[None, None].astype(np.float32), 100, 0)
    data = TensorDataset(cr.from_numpy(images), cr.arange(100))
    varied, _ = next(iter(DataLoader(RandomAffine(data, scale=0.2), 100)))
    ratio = varied.numpy().sum((1, 2, 3)) / disc.sum()
    assert 1 / 1.2**2 * 0.95 < ratio.min() < 0.8 and 1.25 < ratio.max() < 1.2**2 * 1.05
