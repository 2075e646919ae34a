"""Invented points: their places, their classes, their seed."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import data
from chainrule.errors import ArgumentError

SETS = ("xor", "circles", "moons", "spirals", "blobs", "pass_the_class")


def arrays(dataset):
    return [x.numpy() for x in dataset.tensors]


@pytest.mark.parametrize("name", SETS)
def test_the_seed_decides(name):
    def drawn(seed):
        generator = cr.Generator().manual_seed(seed)
        noise = {} if name == "blobs" else {"noise": 0.5}
        return getattr(data, name)(101, generator=generator, **noise)

    x, y = arrays(drawn(1))
    assert x.shape == (101, 2) and x.dtype == np.float32 and y.dtype == np.int64
    np.testing.assert_array_equal(x, arrays(drawn(1))[0])
    assert (x != arrays(drawn(2))[0]).any()
    assert set(y.tolist()) == set(range(3 if name == "blobs" else 2))


@pytest.mark.parametrize("name", ["xor", "circles", "moons", "spirals"])
def test_noise_moves_points_by_its_size(name):
    still, moved = (arrays(getattr(data, name)(4000, noise=n)) for n in (0.0, 0.3))
    np.testing.assert_array_equal(still[1], moved[1])
    assert (moved[0] - still[0]).std() == pytest.approx(0.3, rel=0.05)


def test_circles_and_moons_are_where_scikit_learn_has_them():
    theirs = pytest.importorskip("sklearn.datasets")
    for ours, other in [
        (data.circles(31, factor=0.4), theirs.make_circles(31, shuffle=False, factor=0.4)),
        (data.moons(31), theirs.make_moons(31, shuffle=False)),
    ]:
        np.testing.assert_allclose(ours.tensors[0].numpy(), other[0], atol=1e-6)
        np.testing.assert_array_equal(ours.tensors[1].numpy(), other[1])


def test_circles_and_moons_are_where_they_are_known_to_be():
    x, y = arrays(data.circles(8, factor=0.5))
    np.testing.assert_allclose(np.hypot(*x.T), [1] * 4 + [0.5] * 4, rtol=1e-6)
    np.testing.assert_allclose(x[1], [0, 1], atol=1e-6)
    x, y = arrays(data.moons(6))
    np.testing.assert_allclose(x, [[1, 0], [0, 1], [-1, 0], [0, 0.5], [1, -0.5], [2, 0.5]],
                               atol=1e-6)  # fmt: skip
    assert y.tolist() == [0, 0, 0, 1, 1, 1]


def test_spirals_have_an_arm_for_each_class():
    x, y = arrays(data.spirals(300, classes=3, turns=0.75))
    assert np.bincount(y).tolist() == [100] * 3
    turned = x[y == 0] @ np.array([[-0.5, 3**0.5 / 2], [-(3**0.5) / 2, -0.5]])
    np.testing.assert_allclose(turned, x[y == 1], atol=1e-5)
    assert np.hypot(*x.T).max() == pytest.approx(1)


def test_blobs_lie_around_their_centres():
    places = [[0.0, 0.0], [50.0, 0.0], [0.0, 80.0]]
    x, y = arrays(data.blobs(3000, places, cluster_std=2.0))
    for k, place in enumerate(places):
        np.testing.assert_allclose(x[y == k].mean(0), place, atol=0.3)
        np.testing.assert_allclose(x[y == k].std(0), 2, rtol=0.1)
    assert np.bincount(arrays(data.blobs(10, 4))[1]).tolist() == [3, 3, 2, 2]
    assert arrays(data.blobs(10, 4, n_features=5))[0].shape == (10, 5)


def test_students_pass_by_lectures_and_hours():
    x, y = arrays(data.pass_the_class(500))
    assert (x == np.floor(x)).all() and x.min(0).tolist() == [0, 0]
    assert x.max(0).tolist() == [7, 8]
    np.testing.assert_array_equal(y, x.sum(1) >= 8)
    assert (arrays(data.pass_the_class(500, noise=2.0))[1] != (x.sum(1) >= 8)).any()


@pytest.mark.parametrize(
    "act",
    [
        lambda: data.xor(0),
        lambda: data.moons(5, noise=-1),
        lambda: data.circles(5, noise=float("nan")),
        lambda: data.circles(5, factor=1),
        lambda: data.spirals(5, classes=0),
        lambda: data.blobs(5, centers=0),
        lambda: data.pass_the_class(-1),
    ],
)
def test_what_cannot_be_invented(act):
    with pytest.raises(ArgumentError, match="CR749"):
        act()
