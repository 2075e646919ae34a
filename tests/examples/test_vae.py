"""The autoencoder's loss falls as PyTorch's does, and what it draws looks like digits."""

import math
import re

import pytest
from images_in_pytorch import as_torch, in_pytorch_with_images, same_random_numbers
from in_pytorch import copy_weights

import chainrule as cr
from chainrule.utils.data import DataLoader

PIXELS = 64


@pytest.fixture(scope="module")
def in_pytorch(lesson):
    return in_pytorch_with_images(lesson)


@pytest.fixture(scope="module")
def trained(lesson):
    return lesson.main(["--epochs", "12", "--batch-size", "32"])


def test_losses_follow_those_of_pytorch(lesson, in_pytorch, monkeypatch):
    train_set, _ = lesson.load_data(None)
    batches = list(DataLoader(train_set, batch_size=32))[:25]
    cr.manual_seed(0)
    ours, theirs = lesson.VAE(PIXELS), in_pytorch.VAE(PIXELS)
    copy_weights(ours, theirs)
    same_random_numbers(monkeypatch, lesson.torch, in_pytorch.torch)
    optimizers = [p.optim.Adam(m.parameters(), lr=1e-3)
                  for p, m in ((lesson, ours), (in_pytorch, theirs))]  # fmt: skip
    found = lesson.train(ours, "cpu", batches, optimizers[0])
    expected = in_pytorch.train(theirs, "cpu", as_torch(batches), optimizers[1])
    assert found[-1] < 0.8 * found[0]
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-4)


def test_the_loss_is_that_of_the_paper(lesson):
    """The divergence in closed form against the integral, the rest pixel by pixel."""
    cr.manual_seed(0)
    mean, logvar = cr.randn(5, 3).double(), cr.randn(5, 3).double()
    x, p = cr.rand(5, 1, 2, 2).double(), cr.rand(5, 4).double()
    z = cr.linspace(-20, 20, 4001, dtype=cr.float64).view(-1, 1, 1)
    log_q = -0.5 * ((z - mean) ** 2 / logvar.exp() + logvar)
    density = (log_q.exp() / math.sqrt(2 * math.pi)) * (log_q + 0.5 * z**2)
    pixels = x.flatten(1) * p.log() + (1 - x.flatten(1)) * (1 - p).log()
    expected = cr.trapezoid(density, dx=0.01, dim=0).sum() - pixels.sum()
    found = lesson.loss_function(p, x, mean, logvar)
    assert found.item() == pytest.approx(expected.item(), rel=1e-9)


def test_it_learns_more_than_the_mean_digit(lesson, trained):
    """The mean picture alone costs 27.3 nats; a decoder that ignores z cannot do better."""
    _, test_loss = trained
    train_set, test_set = lesson.load_data(None)
    mean = train_set.tensors[0].mean(0).expand(len(test_set), -1, -1, -1)
    blind = lesson.F.binary_cross_entropy(mean, test_set.tensors[0], reduction="sum").item()
    assert blind / len(test_set) == pytest.approx(27.3, abs=0.05)
    assert 20 < test_loss < 26.3


def test_what_it_draws_has_the_mean_of_the_digits_and_no_two_alike(lesson, trained):
    model, _ = trained
    cr.manual_seed(0)
    drawn = lesson.draw(model, "cpu", n=500)
    assert drawn.shape == (500, 8, 8)
    train_set, _ = lesson.load_data(None)
    real = train_set.tensors[0][:, 0]
    assert (drawn.mean(0) - real.mean(0)).abs().max() < 0.12
    correlation = cr.corrcoef(cr.stack([drawn.std(0).flatten(), real.std(0).flatten()]))[0, 1]
    assert correlation > 0.9


def test_main_prints_losses_and_two_digits(lesson, capsys):
    lesson.main(["--epochs", "2", "--batch-size", "64"])
    printed = capsys.readouterr().out
    epochs = re.findall(r"train loss ([\d.]+), test loss ([\d.]+)", printed)
    assert len(epochs) == 2
    assert float(epochs[1][1]) < float(epochs[0][1])
    picture = printed.splitlines()[2:]
    assert [len(row) for row in picture] == [2 * 16 + 3] * 8


def test_pytorch_runs_the_whole_of_it(in_pytorch, capsys):
    _, test_loss = in_pytorch.main(["--epochs", "2", "--batch-size", "32"])
    assert test_loss < 30


def test_real_digits(lesson, shared_data):
    train_set, test_set = lesson.load_data(shared_data("mnist"))
    assert (len(train_set), len(test_set)) == (60000, 10000)
    batches = list(DataLoader(train_set, batch_size=128))[:40]
    cr.manual_seed(0)
    model = lesson.VAE(784)
    losses = lesson.train(model, "cpu", batches, lesson.optim.Adam(model.parameters(), lr=1e-3))
    assert losses[0] > 500
    assert sum(losses[-5:]) / 5 < 250
