"""Datasets of images under torchvision's names: Fashion-MNIST, CIFAR-10, folders."""

import gzip
import importlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule import datasets, transforms
from chainrule.data import cifar10, fashion_mnist, mnist
from chainrule.data.cifar10 import RECORD, read_cifar
from chainrule.data.image import read_rgb
from chainrule.errors import DataError
from chainrule.utils.data import DataLoader

DATA = Path(__file__).parents[3] / "shared" / "data"
PARTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")  # fmt: skip


def real(*parts: str) -> Path:
    """A file of real data beside the project; skips where it is not there."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs the real data {'/'.join(parts)} beside the project")
    return path


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def pixels(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def write_idx(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, n in zip(PARTS, (120, 120, 20, 20), strict=True):
        array = pixels(n) if "images" in name else (np.arange(n) % 10).astype(np.uint8)
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
    return folder


def records(n: int, seed: int = 0) -> bytes:
    found = np.random.default_rng(seed).integers(0, 256, (n, RECORD), dtype=np.uint8)
    found[:, 0] = np.arange(n) % 10
    return found.tobytes()


def write_cifar(path: Path, n: int = 10, leave_out: str = "") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for seed, name in enumerate([*(f"data_batch_{i}.bin" for i in range(1, 6)),
                                     "test_batch.bin", "readme.html"]):  # fmt: skip
            if name != leave_out:
                content = records(n, seed) if name.endswith("bin") else b"<html>"
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


# -- MNIST and Fashion-MNIST -----------------------------------------------------------


@pytest.mark.parametrize("kind", [datasets.MNIST, datasets.FashionMNIST])
def test_images_and_labels_by_position(kind, tmp_path):
    write_idx(tmp_path / kind.__name__ / "raw")
    data = kind(str(tmp_path), train=False)
    image, label = data[13]
    assert image.dtype is cr.uint8 and image.shape == (1, 28, 28) and label == 3
    np.testing.assert_array_equal(image.numpy()[0], pixels(20)[13])
    assert len(data) == 20 and len(kind(tmp_path)) == 120
    assert data.data.shape == (20, 28, 28) and data.targets.tolist() == [
        i % 10 for i in range(20)
    ]
    assert data.class_to_idx[data.classes[7]] == 7 and len(set(data.classes)) == 10


def test_the_files_may_lie_in_the_root_itself(tmp_path):
    assert len(datasets.FashionMNIST(write_idx(tmp_path / "here"), train=False)) == 20


@pytest.mark.parametrize("target_transform", [None, lambda label: label + 0.5])
@pytest.mark.parametrize("alone", [True, False], ids=["one by one", "at once"])
def test_a_batch_is_its_images_one_by_one(tmp_path, target_transform, alone):
    change = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.5,), (0.25,)), *[lambda x: x] * alone]
    )
    root = write_idx(tmp_path / "here")
    data = datasets.MNIST(root, True, change, target_transform)
    x, y = next(iter(DataLoader(data, batch_size=5, sampler=[3, 1, 4, 1, 5])))
    for i, position in enumerate([3, 1, 4, 1, 5]):
        image, label = data[position]
        np.testing.assert_array_equal(x[i].numpy(), image.numpy())
        assert y[i].item() == label
    expected = (pixels(120)[3] / np.float32(255) - np.float32(0.5)) / np.float32(0.25)
    np.testing.assert_allclose(x[0, 0].numpy(), expected, atol=1e-6)


def test_each_image_of_a_batch_is_changed_in_its_own_way(tmp_path):
    data = datasets.MNIST(write_idx(tmp_path / "here"), transform=transforms.RandomCrop(28, 8))
    cr.manual_seed(1)
    x, _ = next(iter(DataLoader(data, batch_size=40, sampler=[7] * 40)))
    assert len({image.numpy().tobytes() for image in x}) > 20
    cr.manual_seed(1)
    again, _ = next(iter(DataLoader(data, batch_size=40, sampler=[7] * 40)))
    np.testing.assert_array_equal(x.numpy(), again.numpy())


def test_splits_of_fashion_mnist(tmp_path):
    parts = fashion_mnist(write_idx(tmp_path / "here"))
    assert [len(part) for part in parts] == [110, 10, 20]
    assert parts.train.tensors[0].shape == (110, 1, 28, 28)


@pytest.mark.parametrize("kind", [datasets.MNIST, datasets.FashionMNIST, datasets.CIFAR10])
def test_missing_files_without_download(kind, tmp_path):
    with pytest.raises(DataError, match=r"CR709.*download=True") as caught:
        kind(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda r: datasets.FashionMNIST(r, download=True), PARTS[0]),
        (lambda r: datasets.CIFAR10(r, download=True), "cifar-10-binary.tar.gz"),
        (lambda r: fashion_mnist(), PARTS[0]),
        (lambda r: cifar10(), "cifar-10-binary.tar.gz"),
        (lambda r: mnist(), PARTS[0]),
    ],
    ids=["FashionMNIST", "CIFAR10", "fashion_mnist", "cifar10", "mnist"],
)
def test_without_a_network_the_error_says_which_file_to_put_where(
    make, name, tmp_path, monkeypatch
):
    def no_network(request, timeout):
        raise OSError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(
        DataError, match=rf"CR709.*{name}.*no route.*put the file into"
    ) as caught:
        make(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_real_mnist_is_read():
    data = datasets.MNIST(real("mnist"), train=False)
    assert len(data) == 10_000 and data.targets[:5].tolist() == [7, 2, 1, 0, 4]


# -- CIFAR-10 --------------------------------------------------------------------------


def test_cifar_from_the_archive_and_from_its_files(tmp_path):
    write_cifar(tmp_path / "cifar-10-binary.tar.gz")
    packed = datasets.CIFAR10(tmp_path)
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz") as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    unpacked = datasets.CIFAR10(tmp_path / "unpacked")
    assert len(packed) == len(unpacked) == 50
    np.testing.assert_array_equal(packed.data, unpacked.data)
    assert packed.data.shape == (50, 32, 32, 3) and packed.targets == [
        i % 10 for i in range(50)
    ]
    image, label = packed[12]
    first = np.frombuffer(records(10, 1), np.uint8).reshape(10, RECORD)[2]
    np.testing.assert_array_equal(image.numpy().ravel(), first[1:])
    assert label == 2 and packed.classes[packed.class_to_idx["frog"]] == "frog"
    assert len(datasets.CIFAR10(tmp_path, train=False)) == 10


def test_nothing_is_unpacked_to_the_disk(tmp_path):
    write_cifar(tmp_path / "cifar-10-binary.tar.gz")
    datasets.CIFAR10(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["cifar-10-binary.tar.gz"]


def test_splits_of_cifar(tmp_path):
    write_cifar(tmp_path / "cifar-10-binary.tar.gz", 20)
    parts = cifar10(tmp_path)
    assert [len(part) for part in parts] == [90, 10, 20]
    assert parts.train.tensors[0].shape == (90, 3, 32, 32)


BAD_LABEL = b"\x0b" + bytes(RECORD - 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds 0 bytes"),
        (records(2)[:-1], "no whole records of 3073"),
        (BAD_LABEL, "record 0 has the label 11"),
        (b"\x1f\x8b" + bytes(30), "cannot read"),
        (gzip.compress(records(2), mtime=0)[:-9], "cannot read"),
    ],
)
def test_malformed_records(tmp_path, content, message):
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(DataError, match=f"CR740.*{message}"):
        read_cifar(tmp_path / "a.bin")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (truncated, "cannot read|has no"),
        (lambda p: p.write_bytes(b"<html>"), "cannot read"),
        (lambda p: p.write_bytes(b""), "cannot read"),
        (lambda p: write_cifar(p, leave_out="data_batch_3.bin"), "has no data_batch_3.bin"),
    ],
    ids=["truncated", "no archive", "empty", "lacks a file"],
)
def test_malformed_archives(tmp_path, harm, message):
    path = write_cifar(tmp_path / "cifar-10-binary.tar.gz")
    harm(path)
    with pytest.raises(DataError, match=f"CR740.*({message}).*etch"):
        datasets.CIFAR10(tmp_path)


def test_real_cifar_images_are_read():
    images, labels = read_cifar(real("cifar10_subset", "test.bin.gz"))
    assert images.shape == (2000, 3, 32, 32) and np.bincount(labels).tolist() == [200] * 10


# -- folders of pictures ---------------------------------------------------------------


@pytest.fixture
def pets(tmp_path) -> Path:
    image = importlib.import_module("PIL.Image")
    for i, name in enumerate(["dog", "cat"]):
        (tmp_path / name / "more").mkdir(parents=True)
        for j, file in enumerate(["b.png", "a.PNG", "more/c.png"]):
            image.new("RGB", (5, 4), (i * 100, j, 7)).save(tmp_path / name / file)
        (tmp_path / name / "notes.txt").write_text("no picture")
    return tmp_path


def test_an_image_folder_has_a_class_for_each_folder(pets):
    data = datasets.ImageFolder(str(pets), transform=transforms.ToTensor())
    assert data.classes == ["cat", "dog"] and data.class_to_idx == {"cat": 0, "dog": 1}
    names = [str(Path(p).relative_to(pets)) for p, _ in data.samples]
    assert names == ["cat/a.PNG", "cat/b.png", "cat/more/c.png",
                     "dog/a.PNG", "dog/b.png", "dog/more/c.png"]  # fmt: skip
    assert data.targets == [0, 0, 0, 1, 1, 1] and data.imgs is data.samples
    image, label = data[1]
    assert image.shape == (3, 4, 5) and label == 0
    np.testing.assert_allclose(image[:, 0, 0].numpy() * 255, [100, 0, 7], atol=1e-4)
    x, y = next(iter(DataLoader(data, 6)))
    assert x.shape == (6, 3, 4, 5) and y.tolist() == data.targets


def test_a_folder_of_other_files(pets):
    data = datasets.DatasetFolder(pets, lambda p: Path(p).read_text(), (".txt",),
                                  target_transform=str)  # fmt: skip
    assert data[1] == ("no picture", "1")
    chosen = datasets.ImageFolder(pets, is_valid_file=lambda p: p.endswith("b.png"))
    assert len(chosen) == 2


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_picture_that_cannot_be_read_is_named(pets, content):
    (pets / "cat" / "a.PNG").write_bytes(content)
    with pytest.raises(DataError, match=r"CR712.*cat/a\.PNG"):
        datasets.ImageFolder(pets)[0]


def test_a_truncated_picture_is_named(pets):
    image = importlib.import_module("PIL.Image")
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    image.fromarray(noise).save(pets / "cat" / "a.PNG")
    path = pets / "cat" / "a.PNG"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"CR712.*cat/a\.PNG"):
        read_rgb(path)


@pytest.mark.parametrize(
    ("arrange", "message"),
    [
        (lambda root: None, "has no folders"),
        (lambda root: root.rmdir(), "cannot read the folder"),
        (lambda root: (root / "cat").mkdir(), "no file for the class cat.*allow_empty"),
    ],
)
def test_folders_without_pictures(tmp_path, arrange, message):
    root = tmp_path / "root"
    root.mkdir()
    arrange(root)
    with pytest.raises(DataError, match=f"CR741.*{message}"):
        datasets.ImageFolder(root)


def test_a_class_may_be_empty_if_that_is_allowed(pets):
    (pets / "fish").mkdir()
    data = datasets.ImageFolder(pets, allow_empty=True)
    assert data.classes == ["cat", "dog", "fish"] and len(data) == 6
