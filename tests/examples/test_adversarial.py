"""Steps along the gradient's sign fool the classifier, steps of random sign do not."""

import itertools

import pytest
from images_in_pytorch import as_torch, in_pytorch_with_images
from in_pytorch import copy_weights

import chainrule as cr
from chainrule.utils.data import DataLoader, Subset


@pytest.fixture(scope="module")
def in_pytorch(lesson):
    return in_pytorch_with_images(lesson)


@pytest.fixture(scope="module")
def batches(lesson):
    cr.manual_seed(0)
    train_set, _ = lesson.load_data(None)
    return list(DataLoader(train_set, batch_size=32, shuffle=True))[:25]


@pytest.fixture
def pair(lesson, in_pytorch):
    cr.manual_seed(0)
    ours, theirs = lesson.classifier(8), in_pytorch.classifier(8)
    copy_weights(ours, theirs)
    return ours, theirs


def test_losses_follow_those_of_pytorch(lesson, in_pytorch, batches, pair):
    ours, theirs = pair
    found = lesson.train(ours, "cpu", batches, epochs=1)
    expected = in_pytorch.train(theirs, "cpu", as_torch(batches), epochs=1)
    assert found[-1] < 0.9 * found[0]
    assert found == pytest.approx(expected, abs=1e-4)


def test_attacked_images_are_those_of_pytorch(lesson, in_pytorch, batches, pair):
    ours, theirs = pair
    data, target = batches[0]
    found = lesson.fgsm_attack(ours, data, target, 0.1)
    expected = in_pytorch.fgsm_attack(theirs, as_torch(data), as_torch(target), 0.1)
    assert not found.requires_grad
    differing = abs(found.numpy() - expected.numpy()) > 1e-6
    assert differing.mean() < 0.002  # a gradient that is zero but for rounding has no sign


def test_an_attack_moves_pixels_by_epsilon_at_most_and_raises_the_loss(lesson, batches):
    cr.manual_seed(0)
    model = lesson.classifier(8)
    data, target = batches[0]
    before = data.clone()
    attacked = lesson.fgsm_attack(model, data, target, 0.25)
    assert cr.equal(data, before)
    assert not data.requires_grad
    assert attacked.min() >= 0 and attacked.max() <= 1
    assert (attacked - data).abs().max().item() == pytest.approx(0.25, abs=1e-6)
    loss = lesson.F.cross_entropy
    assert loss(model(attacked), target) > loss(model(data), target) + 0.05


@pytest.mark.slow
def test_accuracy_falls_with_epsilon(lesson, capsys):
    results = lesson.main(["--epochs", "8", "--batch-size", "32"])
    epsilons, attacked, shaken = zip(*results, strict=True)
    assert epsilons == lesson.EPSILONS
    assert attacked[0] == shaken[0] >= 0.95
    assert all(a >= b for a, b in itertools.pairwise(attacked))
    assert attacked[2] < 0.7
    assert attacked[-1] < 0.05
    assert shaken[-1] > 0.75
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(results)


def test_pytorch_runs_the_whole_of_it(in_pytorch, capsys):
    results = in_pytorch.main(["--epochs", "3"])
    assert results[0][1] > 0.85 > 0.1 > results[-1][1]


@pytest.mark.slow
def test_real_digits(lesson, shared_data, monkeypatch, capsys):
    train_set, test_set = lesson.load_data(shared_data("mnist"))
    parts = Subset(train_set, range(3000)), Subset(test_set, range(500))
    monkeypatch.setattr(lesson, "load_data", lambda data_dir: parts)
    monkeypatch.setattr(lesson, "EPSILONS", (0.0, 0.15, 0.3))
    results = lesson.main(["--data-dir", "given"])
    assert results[0][1] > 0.85
    assert results[-1][1] < 0.1
