"""The script everybody starts from reads digits, and follows PyTorch step by step."""

import re

import numpy as np
import pytest
from images_in_pytorch import as_torch, in_pytorch_with_images
from in_pytorch import copy_weights

import chainrule as cr
from chainrule.utils.data import DataLoader, Subset


@pytest.fixture(scope="module")
def in_pytorch(lesson):
    return in_pytorch_with_images(lesson)


def losses(program, model, batches, capsys):
    """What the script prints of every step."""
    for module in model.modules():
        if "Dropout" in type(module).__name__:
            module.p = 0.0  # the two libraries draw different masks
    optimizer = program.optim.Adadelta(model.parameters(), lr=0.5)
    args = program.argparse.Namespace(log_interval=1, dry_run=False)
    capsys.readouterr()
    program.train(args, model, "cpu", batches, optimizer, epoch=1)
    return [float(x) for x in re.findall(r"Loss: ([\d.]+)", capsys.readouterr().out)]


def test_losses_follow_those_of_pytorch(lesson, in_pytorch, capsys):
    train_set, test_set = lesson.load_data(None)
    cr.manual_seed(0)
    batches = list(DataLoader(train_set, batch_size=32, shuffle=True))[:20]
    ours, theirs = lesson.Net(), in_pytorch.Net()
    copy_weights(ours, theirs)
    found = losses(lesson, ours, batches, capsys)
    expected = losses(in_pytorch, theirs, as_torch(batches), capsys)
    assert len(found) == 20
    assert found[-1] < 0.8 * found[0]
    assert found == pytest.approx(expected, abs=1e-4)
    _, their_test_set = in_pytorch.load_data(None)
    accuracy = lesson.test(ours, "cpu", DataLoader(test_set, 128))
    loader = in_pytorch.DataLoader(their_test_set, 128)
    assert accuracy == pytest.approx(in_pytorch.test(theirs, "cpu", loader), abs=2 / 359)


@pytest.mark.slow
def test_it_reads_digits(lesson, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--epochs", "3", "--batch-size", "32", "--seed", "2"]
    accuracy = lesson.main([*options, "--save-model"])
    printed = capsys.readouterr().out
    assert accuracy >= 0.95
    assert f"({accuracy:.2%})" in printed
    assert printed.count("Test: ") == 3

    model = lesson.Net()
    model.load_state_dict(cr.load("mnist_cnn.pt"))
    _, test_set = lesson.load_data(None)
    assert lesson.test(model, "cpu", DataLoader(test_set, 359)) == accuracy


def test_a_dry_run_takes_one_step(lesson, capsys):
    lesson.main(["--epochs", "1", "--dry-run", "--log-interval", "1"])
    assert capsys.readouterr().out.count("Loss: ") == 1


def test_pytorch_runs_the_whole_of_it(in_pytorch, capsys):
    assert in_pytorch.main(["--epochs", "1", "--batch-size", "32"]) >= 0.6


def test_real_digits_are_normalized(lesson, shared_data):
    train_set, test_set = lesson.load_data(shared_data("mnist"))
    assert (len(train_set), len(test_set)) == (60000, 10000)
    images, labels = next(iter(DataLoader(train_set, 2000)))
    assert np.abs([images.mean().item(), images.std().item() - 1]).max() < 0.02
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.mark.slow
def test_it_reads_real_digits_after_a_fortieth_of_an_epoch(lesson, shared_data, monkeypatch):
    train_set, test_set = lesson.load_data(shared_data("mnist"))
    parts = Subset(train_set, range(1500)), Subset(test_set, range(500))
    monkeypatch.setattr(lesson, "load_data", lambda data_dir: parts)
    assert lesson.main(["--epochs", "1", "--batch-size", "32"]) >= 0.8
