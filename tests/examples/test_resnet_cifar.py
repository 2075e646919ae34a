"""A residual network's whole training: augmentation, schedule, checkpoint; beside PyTorch's."""

import gzip

import numpy as np
import pytest
from images_in_pytorch import as_torch, in_pytorch_with_images
from in_pytorch import copy_weights

import chainrule as cr
from chainrule.utils.data import DataLoader, Subset

SMALL = ["--blocks", "1", "--batch-size", "64"]


@pytest.fixture(scope="module")
def in_pytorch(lesson):
    return in_pytorch_with_images(lesson)


def write_cifar(folder, train, test):
    """Records of bytes in the five files for training and the one for the test."""
    folder.mkdir(exist_ok=True)
    for i, part in enumerate(np.array_split(train, 5), start=1):
        (folder / f"data_batch_{i}.bin").write_bytes(part.tobytes())
    (folder / "test_batch.bin").write_bytes(test.tobytes())
    return folder


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """Pictures of ten classes, told apart by the colour and direction of bright bars."""
    rng = np.random.default_rng(0)

    def records(n):
        labels = np.arange(n) % 10
        images = rng.integers(0, 90, (n, 3, 32, 32))
        for image, label in zip(images, labels):
            offset = rng.integers(0, 4)
            plane = image[label % 5 % 3]
            lines = plane if label < 5 else plane.T
            lines[offset :: 4 if label % 5 < 3 else 8] += 150
        return np.concatenate([labels[:, None], images.reshape(n, -1)], 1).astype(np.uint8)

    return write_cifar(tmp_path_factory.mktemp("bars"), records(200), records(50))


@pytest.fixture
def checkpoint(tmp_path):
    return ["--checkpoint", str(tmp_path / "checkpoint.pt")]


def training(program, steps):
    """A model, its optimizer and the schedule, as the program makes them."""
    model = program.ResNet(blocks=1, widths=(8, 12, 16))
    optimizer = program.optim.SGD(
        model.parameters(), 0.05, 0.9, weight_decay=5e-4, nesterov=True
    )
    cycle = program.optim.lr_scheduler.OneCycleLR
    return model, optimizer, cycle(optimizer, max_lr=0.05, total_steps=steps)


def test_losses_follow_those_of_pytorch(lesson, in_pytorch):
    train_set, test_set = lesson.load_data(None)
    batches = list(DataLoader(train_set, batch_size=32))[:20]
    cr.manual_seed(0)
    ours, theirs = training(lesson, 20), training(in_pytorch, 20)
    copy_weights(ours[0], theirs[0])
    model, *rest = ours
    found = lesson.train(model, "cpu", batches, *rest)
    model, *rest = theirs
    expected = in_pytorch.train(model, "cpu", as_torch(batches), *rest)
    assert len(found) == 20
    assert found[-1] < 0.9 * found[0]
    assert found == pytest.approx(expected, abs=1e-4)
    assert ours[1].param_groups[0]["momentum"] == theirs[1].param_groups[0]["momentum"]
    images = test_set.tensors[0]
    logits = ours[0].eval()(images).detach().numpy()
    assert np.allclose(logits, theirs[0].eval()(as_torch(images)).detach().numpy(), atol=1e-3)


def test_it_has_the_layers_and_the_size_of_the_paper(lesson):
    model = lesson.ResNet(blocks=3)
    convolutions = [m for m in model.stages.modules() if m is not model.stages]
    kernels = [m for m in convolutions if getattr(m, "kernel_size", 0) == (3, 3)]
    assert len(kernels) == 18  # with the first and the last layer: 20
    assert 0.27e6 < sum(p.numel() for p in model.parameters()) < 0.28e6
    assert model(cr.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.slow
def test_it_reads_digits(lesson, checkpoint, capsys):
    _, accuracy = lesson.main([*SMALL, *checkpoint, "--epochs", "4"])
    assert accuracy >= 0.94
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4
    assert f"{accuracy:.2%}" in printed[-1]


def test_pictures_vary_from_epoch_to_epoch_in_training_only(lesson, bars):
    cr.manual_seed(0)
    for part, varies in zip(lesson.load_data(bars), (True, False), strict=True):
        loader = DataLoader(part, batch_size=50)
        (first, labels), (second, _) = (next(iter(loader)) for _ in range(2))
        assert first.shape == (50, 3, 32, 32)
        assert labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
        assert cr.equal(first, second) != varies
    shifted = {tuple(image[0].abs().sum(1).argsort()[:3].tolist()) for image in first}
    assert len(shifted) > 5


@pytest.mark.slow
def test_a_resumed_training_ends_as_an_uninterrupted_one(lesson, bars, tmp_path, capsys):
    def run(name, *more):
        file = str(tmp_path / name)
        options = ["--data-dir", str(bars), "--epochs", "2", "--checkpoint", file]
        return lesson.main([*SMALL, *options, *more])[0].state_dict()

    whole = run("whole.pt")
    stop_after(1, lesson, pytest.MonkeyPatch.context, lambda: run("broken.pt"))
    resumed = run("broken.pt", "--resume", "--seed", "5")
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        assert cr.equal(value, resumed[name]), name


def stop_after(epochs, lesson, patching, run):
    """Let the training die when it begins the epoch after these."""
    train, begun = lesson.train, []

    def dying(*args):
        begun.append(1)
        if len(begun) > epochs:
            raise KeyboardInterrupt
        return train(*args)

    with patching() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(lesson, "train", dying)
        run()


def test_workers_read_the_same_pictures(lesson, bars):
    def first_batches(workers):
        cr.manual_seed(0)
        train_set, _ = lesson.load_data(bars)
        loader = DataLoader(train_set, 64, shuffle=True, drop_last=True, num_workers=workers)
        return [images for images, _ in loader]

    for alone, helped in zip(first_batches(0), first_batches(2), strict=True):
        assert cr.equal(alone, helped)


def test_pytorch_runs_the_whole_of_it(in_pytorch, bars, checkpoint, capsys):
    options = [*SMALL, *checkpoint, "--data-dir", str(bars), "--epochs", "2"]
    in_pytorch.main(options)
    model, again = in_pytorch.main([*options, "--resume"])
    assert again == 0.0  # nothing was left to do
    assert model.training


@pytest.mark.slow
def test_on_real_pictures(lesson, shared_data, tmp_path):
    def records(name):
        content = gzip.decompress(shared_data(f"cifar10_subset/{name}.bin.gz").read_bytes())
        return np.frombuffer(content, np.uint8).reshape(-1, 3073)

    folder = write_cifar(tmp_path / "cifar", records("train"), records("test"))
    train_set, test_set = lesson.load_data(folder)
    assert (len(train_set), len(test_set)) == (10000, 2000)
    cr.manual_seed(0)
    loader = DataLoader(Subset(train_set, range(1600)), batch_size=32, shuffle=True)
    model, *rest = training(lesson, len(loader))
    losses = lesson.train(model, "cpu", loader, *rest)
    assert np.mean(losses[-10:]) < 2.2 < 2.3 < np.mean(losses[:3])  # blind: log 10 = 2.303
