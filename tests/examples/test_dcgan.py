"""The game of the two networks goes as in PyTorch, and what is forged looks like digits."""

import re

import pytest
from images_in_pytorch import as_torch, in_pytorch_with_images, same_random_numbers
from in_pytorch import copy_weights

import chainrule as cr
from chainrule.utils.data import DataLoader

LATENT, WIDTH = 16, 8


@pytest.fixture(scope="module")
def in_pytorch(lesson):
    return in_pytorch_with_images(lesson)


def players(program):
    """Both networks and their optimizers."""
    networks = program.Generator(LATENT, WIDTH), program.Discriminator(WIDTH)
    for network in networks:
        network.apply(program.weights_init)
    adam = program.optim.Adam
    return networks, [adam(n.parameters(), lr=1e-3, betas=(0.5, 0.999)) for n in networks]


def test_losses_follow_those_of_pytorch(lesson, in_pytorch, monkeypatch):
    batches = list(DataLoader(lesson.load_data(None), batch_size=16))[:20]
    cr.manual_seed(0)
    (ours, our_optimizers), (theirs, their_optimizers) = players(lesson), players(in_pytorch)
    for source, target in zip(ours, theirs):
        copy_weights(source, target)
    same_random_numbers(monkeypatch, lesson.torch, in_pytorch.torch)
    found = lesson.train(*ours, "cpu", batches, our_optimizers, LATENT)
    expected = in_pytorch.train(*theirs, "cpu", as_torch(batches), their_optimizers, LATENT)
    assert len(found) == 20
    assert min(loss_d for loss_d, _ in found) < 0.75 * found[0][0]
    for ours_at, theirs_at in zip(found, expected, strict=True):
        assert ours_at == pytest.approx(theirs_at, abs=1e-4)


def test_the_initial_weights_are_those_of_the_paper(lesson):
    cr.manual_seed(0)
    (generator, discriminator), _ = players(lesson)
    for network in (generator, discriminator):
        for name, value in network.named_parameters():
            if value.ndim == 4 and value.numel() > 1000:
                assert value.std().item() == pytest.approx(0.02, rel=0.1), name
    norm = generator.main[1]
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.02)
    assert norm.weight.std() > 0
    assert not norm.bias.any()


def test_each_player_moves_only_its_own_weights(lesson):
    (generator, discriminator), optimizers = players(lesson)
    real = next(iter(DataLoader(lesson.load_data(None), batch_size=8)))
    for idle, network in enumerate((generator, discriminator)):
        before = [p.clone() for p in network.parameters()]
        rates = [0.0 if i == idle else 1e-3 for i in range(2)]
        for optimizer, rate in zip(optimizers, rates):
            optimizer.param_groups[0]["lr"] = rate
        lesson.train(generator, discriminator, "cpu", [real], optimizers, LATENT)
        assert all(cr.equal(p, b) for p, b in zip(network.parameters(), before))


@pytest.mark.slow
def test_what_it_forges_looks_like_digits(lesson, capsys):
    options = "--width 16 --batch-size 32 --lr 1e-3 --epochs 6 --latent 16"
    forged = lesson.main(options.split())
    real = lesson.load_data(None).tensors[0]
    assert forged.shape == (256, 1, 16, 16)
    assert abs(forged.mean() - real.mean()) < 0.12
    assert abs(forged.std() - real.std()) < 0.15
    for of_pixels in (lambda x: x.mean(0), lambda x: x.std(0)):
        both = cr.stack([of_pixels(forged).flatten(), of_pixels(real).flatten()])
        assert cr.corrcoef(both)[0, 1] > 0.8
    printed = capsys.readouterr().out
    assert len(re.findall(r"Loss_D [\d.]+, Loss_G [\d.]+", printed)) == 6
    assert [len(row) for row in printed.splitlines()[6:]] == [3 * 32 + 2 * 3] * 16


def test_pytorch_runs_the_whole_of_it(in_pytorch, capsys):
    forged = in_pytorch.main(["--epochs", "1", "--width", "8"])
    assert forged.shape == (256, 1, 16, 16)
    assert forged.isfinite().all()


def test_real_digits_are_made_smaller(lesson, shared_data):
    dataset = lesson.load_data(shared_data("mnist"))
    images, _ = next(iter(DataLoader(dataset, 1000)))
    assert images.shape == (1000, 1, 16, 16)
    assert images.min() == -1
    assert 0.8 < images.max() <= 1
    assert -0.75 < images.mean() < -0.72
