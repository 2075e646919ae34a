"""Random transforms: seeded, drawn anew for each image, within their bounds."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import transforms as T
from chainrule.errors import ChainruleError

BYTES = np.random.default_rng(0).integers(20, 230, (40, 3, 32, 24), dtype=np.uint8)
HALF = ("RandomHorizontalFlip", "RandomVerticalFlip", "RandomPerspective", "RandomErasing",
        "RandomInvert", "RandomPosterize", "RandomSolarize", "RandomAdjustSharpness",
        "RandomEqualize")  # fmt: skip
MADE = {
    "RandomCrop": T.RandomCrop(12, padding=2),
    "RandomResizedCrop": T.RandomResizedCrop((32, 24)),
    "RandomHorizontalFlip": T.RandomHorizontalFlip(),
    "RandomVerticalFlip": T.RandomVerticalFlip(),
    "RandomRotation": T.RandomRotation(20),
    "RandomAffine": T.RandomAffine(10, (0.2, 0.2), (0.8, 1.2), 5),
    "RandomPerspective": T.RandomPerspective(),
    "ColorJitter": T.ColorJitter(0.4, 0.4, 0.4, 0.2),
    "GaussianBlur": T.GaussianBlur(3),
    "RandomErasing": T.RandomErasing(),
    "RandomInvert": T.RandomInvert(),
    "RandomPosterize": T.RandomPosterize(2),
    "RandomSolarize": T.RandomSolarize(128),
    "RandomAdjustSharpness": T.RandomAdjustSharpness(2),
    "RandomEqualize": T.RandomEqualize(),
    "RandAugment": T.RandAugment(),
    "TrivialAugmentWide": T.TrivialAugmentWide(),
    "RandomApply": T.RandomApply([T.RandomInvert(1.0), T.RandomRotation(30)]),
    "RandomChoice": T.RandomChoice([T.RandomInvert(1.0), T.RandomVerticalFlip(1.0)]),
    "RandomOrder": T.RandomOrder([T.RandomSolarize(100, 1.0), T.RandomPosterize(1, 1.0)]),
    "of one's own": T.RandomApply([T.Lambda(lambda image: 255 - image)]),
}  # fmt: skip


def run(transform, x=BYTES, seed=3) -> np.ndarray:
    cr.manual_seed(seed)
    return transform(cr.from_numpy(x)).numpy()


@pytest.mark.parametrize("name", MADE)
def test_the_seed_decides_and_images_differ(name):
    same = np.repeat(BYTES[:1], 40, 0)
    first = run(MADE[name], same)
    np.testing.assert_array_equal(first, run(MADE[name], same))
    assert (first != run(MADE[name], same, seed=4)).any()
    assert len({image.tobytes() for image in first}) > 1
    assert first.dtype == np.uint8 and first.shape[:2] == (40, 3)


@pytest.mark.parametrize("name", MADE)
def test_a_single_image_goes_through_too(name):
    cr.manual_seed(1)
    single = MADE[name](cr.from_numpy(BYTES[0]))
    assert single.shape == run(MADE[name])[0].shape


@pytest.mark.parametrize("name", HALF)
def test_about_half_of_the_images_change(name):
    x = np.repeat(BYTES, 5, 0)
    changed = (run(MADE[name], x) != x).any((1, 2, 3)).mean()
    assert 0.4 < changed < 0.6


def test_a_generator_of_ones_own_is_the_only_source():
    flip = T.RandomHorizontalFlip(generator=cr.Generator().manual_seed(5))
    first = flip(cr.from_numpy(BYTES)).numpy()
    before = cr.get_rng_state().tolist()
    again = T.RandomHorizontalFlip(generator=cr.Generator().manual_seed(5))
    np.testing.assert_array_equal(again(cr.from_numpy(BYTES)).numpy(), first)
    assert cr.get_rng_state().tolist() == before


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_never_and_always(p):
    for make, change in [
        (T.RandomHorizontalFlip, lambda x: x[..., ::-1]),
        (T.RandomVerticalFlip, lambda x: x[..., ::-1, :]),
        (T.RandomInvert, lambda x: 255 - x),
    ]:
        np.testing.assert_array_equal(run(make(p)), change(BYTES) if p else BYTES)


def test_parts_come_from_everywhere_and_are_parts():
    x = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8).repeat(500, 0)
    parts = run(T.RandomCrop((6, 7)), x)
    corner = parts[:, 0, 0, 0].astype(int)
    places = {8 * i + j for i in range(3) for j in range(2)}
    assert set(corner.tolist()) == places
    for part, start in zip(parts[:20, 0], corner[:20], strict=True):
        np.testing.assert_array_equal(part, start + 8 * np.arange(6)[:, None] + np.arange(7))


def test_resized_parts_keep_to_scale_and_shape():
    crop = T.RandomResizedCrop(4, scale=(0.2, 0.5), ratio=(0.5, 2))
    cr.manual_seed(0)
    top, left, height, width = crop._windows(500, 40, 40).T
    area, ratio = height * width / 1600, width / height
    assert area.min() > 0.17 and area.max() < 0.53
    assert 0.45 < ratio.min() < 0.6 and 1.8 < ratio.max() < 2.2
    assert (top >= 0).all() and (top + height <= 40).all() and (left + width <= 40).all()
    thin = T.RandomResizedCrop(4, scale=(1, 1), ratio=(1, 1))._windows(3, 10, 40)
    assert thin.tolist() == [[0, 15, 10, 10]] * 3


def test_turns_and_shifts_keep_to_their_bounds():
    dot = np.zeros((300, 1, 41, 41), np.float32)
    dot[:, :, 20, 35] = 1
    turned = run(T.RandomRotation((0, 90), "bilinear"), dot)[:, 0]
    weight = turned.sum((1, 2))
    rows = (turned.sum(2) * np.arange(41)).sum(1) / weight - 20
    columns = (turned.sum(1) * np.arange(41)).sum(1) / weight - 20
    angle = np.degrees(np.arctan2(-rows, columns))
    assert -2 < angle.min() < 4 and 86 < angle.max() < 92  # counter-clockwise
    moved = run(T.RandomAffine(0, translate=(0.1, 0)), dot)[:, 0]
    assert (moved[:, 20].sum(1) == 1).all()
    assert set(moved[:, 20].argmax(1).tolist()) == set(range(31, 40))


def test_rectangles_are_wiped_out_within_their_bounds():
    x = np.ones((400, 2, 20, 30), np.float32)
    wiped = run(T.RandomErasing(1.0, scale=(0.1, 0.2), ratio=(0.5, 2), value=(5, 6)), x)
    hole = wiped[:, 0] == 5
    np.testing.assert_array_equal(hole, wiped[:, 1] == 6)
    area = hole.mean((1, 2))
    assert 0.06 < area.min() < 0.12 and 0.18 < area.max() < 0.24
    sides = hole.any(2).sum(1) * hole.any(1).sum(1)
    assert (sides == hole.sum((1, 2))).all()
    noise = run(T.RandomErasing(1.0, value="random"), x)
    assert noise[noise != 1].std() == pytest.approx(1, abs=0.05)


def test_erasing_in_place_writes_into_the_tensor():
    x = cr.ones(3, 1, 20, 20)
    T.RandomErasing(1.0, inplace=True)(x)
    assert (x == 0).any().item()


def test_colours_are_changed_in_any_order():
    x = np.random.default_rng(1).random((200, 3, 4, 4), np.float32)
    cr.manual_seed(0)
    orders = T.ColorJitter(0.5)._uniform(200, 8)[:, 4:].argsort(1)
    assert len({tuple(order) for order in orders.tolist()}) == 24
    brighter = run(T.ColorJitter(brightness=(2, 2)), x)
    np.testing.assert_allclose(brighter, np.minimum(2 * x, 1), rtol=1e-6)
    np.testing.assert_array_equal(run(T.ColorJitter(), x), x)


def test_a_choice_follows_its_weights():
    choice = T.RandomChoice([T.RandomInvert(1.0), T.RandomVerticalFlip(1.0)], p=[3, 1])
    x = BYTES[:1].repeat(1000, 0)
    inverted = (run(choice, x) == 255 - x).all((1, 2, 3)).mean()
    assert 0.7 < inverted < 0.8


@pytest.mark.parametrize("name", ["RandAugment", "TrivialAugmentWide"])
def test_every_change_of_a_policy_happens(name):
    policy = MADE[name]
    names = list(policy._strengths(16, 12))
    assert len(names) == 14
    for i, change in enumerate(names):
        bins = np.full(40, 20)
        cr.manual_seed(0)
        changed = policy._change(BYTES, np.full(40, i), bins) != BYTES
        assert changed.any() == (change != "Identity"), change


def test_a_policy_is_torchvision_s_strength():
    theirs = pytest.importorskip("torchvision.transforms")
    for ours, other, args in [
        (T.RandAugment(), theirs.RandAugment(), (31, (16, 12))),
        (T.TrivialAugmentWide(), theirs.TrivialAugmentWide(), (31,)),
    ]:
        space = other._augmentation_space(*args)
        found = ours._strengths(16, 12)
        assert list(space) == list(found)
        for name, (strength, _) in space.items():
            if strength.ndim:
                scale = 255 if name == "Solarize" and strength.max() > 1 else 1
                np.testing.assert_allclose(found[name], strength.numpy() / scale, rtol=1e-5)


# -- labels too ------------------------------------------------------------------------


def test_mixup_fades_images_and_labels_in_the_same_proportion():
    x = cr.eye(10).reshape(10, 1, 1, 10)
    cr.manual_seed(0)
    mixed, target = T.MixUp(alpha=1.0, num_classes=10)(x, cr.arange(10))
    np.testing.assert_allclose(mixed.reshape(10, 10).numpy(), target.numpy(), atol=1e-6)
    np.testing.assert_allclose(target.sum(1).numpy(), 1, atol=1e-6)
    assert (mixed != x).any().item()
    assert target.dtype is cr.float32


def test_cutmix_labels_are_the_areas():
    x = cr.arange(10).float().reshape(10, 1, 1, 1).expand(10, 1, 8, 6)
    cr.manual_seed(0)
    mixed, target = T.CutMix(num_classes=10)(x, cr.arange(10))
    for image, row in zip(mixed.numpy(), target.numpy(), strict=True):
        share = np.bincount(image.astype(int).ravel(), minlength=10) / 48
        np.testing.assert_allclose(row, share, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_shares_have_a_beta_distribution(alpha):
    cr.manual_seed(0)
    share = T.MixUp(alpha=alpha, num_classes=2)._shares(4000)
    assert share.mean() == pytest.approx(0.5, abs=0.03)
    assert share.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_labels_are_found_in_a_batch_and_may_be_probabilities():
    x, y = cr.rand(4, 1, 3, 3), cr.eye(4)
    _, target = T.MixUp()((x, y))
    assert target.shape == (4, 4)
    labels = T.CutMix(num_classes=4, labels_getter=lambda batch: batch[2])
    assert labels((x, "name", cr.arange(4)))[1].shape == (4, 4)


# -- errors ----------------------------------------------------------------------------

X = cr.from_numpy(BYTES)
WRONG = {
    "probability": (lambda: T.RandomHorizontalFlip(1.5), "CR751.*p=1.5"),
    "too small": (lambda: T.RandomCrop(33)(X), "CR750.*33 x 33.*32 x 24.*padding="),
    "range": (lambda: T.RandomResizedCrop(8, scale=(1, 0.5)), "CR751.*scale"),
    "turn": (lambda: T.RandomRotation(-5), "CR751.*degrees"),
    "shares": (lambda: T.RandomAffine(0, translate=(2, 0)), "CR751.*translate"),
    "shear": (lambda: T.RandomAffine(0, shear=(1, 2, 3)), "CR751.*shear"),
    "expand": (lambda: T.RandomRotation(5, expand=True)(X), "CR751.*single images"),
    "distortion": (lambda: T.RandomPerspective(2), "CR751.*distortion_scale=2"),
    "jitter": (lambda: T.ColorJitter(brightness=-1), "CR751.*brightness"),
    "hue": (lambda: T.ColorJitter(hue=0.7), "CR751.*hue"),
    "grey": (lambda: T.Grayscale(2), "CR751.*=2"),
    "sigma": (lambda: T.GaussianBlur(3, (0, 1)), "CR751.*sigma"),
    "value": (lambda: T.RandomErasing(value="black"), "CR751.*black"),
    "weights": (lambda: T.RandomChoice([T.RandomInvert()], p=[1, 2]), "CR751.*1 transforms"),
    "magnitude": (lambda: T.RandAugment(magnitude=31), "CR751.*magnitude=31"),
    "bins": (lambda: T.TrivialAugmentWide(1), "CR751.*=1"),
    "no classes": (lambda: T.MixUp()(X, cr.arange(40)), "CR751.*num_classes"),
    "class": (lambda: T.MixUp(num_classes=9)(X, cr.arange(40)), "CR751.*to 39"),
    "no batch": (lambda: T.CutMix(num_classes=9)(X[0], cr.arange(3)), "CR750.*DataLoader"),
    "alpha": (lambda: T.MixUp(alpha=0), "CR751.*alpha=0"),
    "class itself": (lambda: T.Compose([T.ToTensor(), None]), "CR753.*None"),
    "no list": (lambda: T.Compose(T.ToTensor()), "CR753.*list"),
    "unlike": (lambda: T.RandomApply([T.Resize(8)])(X), "CR752.*one by one"),
    "whitening": (lambda: T.LinearTransformation(cr.eye(3), cr.zeros(3))(X), "CR750.*2304"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_clear_error(case):
    act, message = WRONG[case]
    cr.manual_seed(0)
    with pytest.raises(ChainruleError, match=message):
        act()


def test_whitening():
    x = cr.rand(50, 1, 2, 2)
    flat = x.flatten(1).numpy()
    matrix = np.linalg.inv(np.linalg.cholesky(np.cov(flat.T, bias=True))).T
    white = T.LinearTransformation(matrix, flat.mean(0))(x).flatten(1).numpy()
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(4), atol=1e-4)


def test_what_a_transform_says_about_itself():
    assert repr(T.RandomCrop(8)) == (
        "RandomCrop(size=(8, 8), padding=None, pad_if_needed=False, fill=0, "
        "padding_mode='constant')"
    )
    assert repr(T.Compose([T.ToTensor()])) == "Compose(\n    ToTensor()\n)"
