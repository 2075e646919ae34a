"""Pictures in folders: each folder is a class."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chainrule.data.dataset import Dataset
from chainrule.data.image import read_rgb
from chainrule.errors import DataError
from chainrule.tensor.tensor import Tensor

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


class DatasetFolder(Dataset):
    """Files in folders, root/CLASS/…/FILE: sample i is (transform(file), class).

    Args:
        root: the folder with a folder for each class; classes are numbered by name.
        loader: what reads a file, given its path as a str.
        extensions: how the names of files end that count.
        transform: what goes over each thing read.
        target_transform: what goes over each class, an int.
        is_valid_file: says of a path whether the file counts; instead of extensions.
        allow_empty: whether a class may have no file.

    Raises: DataError (CR741) for a root without classes, or a class without files.
    """

    def __init__(
        self,
        root: str | Path,
        loader: Callable[[str], Any],
        extensions: Sequence[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        self.root = Path(root).expanduser()
        self.loader = loader
        self.extensions = extensions
        self.transform = transform
        self.target_transform = target_transform
        self.classes = _classes(self.root)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        ends = tuple(e.lower() for e in extensions or ("",))
        counts = is_valid_file or (lambda path: path.lower().endswith(ends))
        self.samples = [
            (path, label)
            for label, name in enumerate(self.classes)
            for path in _files(self.root / name, counts)
        ]
        self.targets = [label for _, label in self.samples]
        if not allow_empty:
            self._check_empty(ends)

    def _check_empty(self, ends: Sequence[str]) -> None:
        seen = set(self.targets)
        empty = [name for i, name in enumerate(self.classes) if i not in seen]
        if empty:
            raise DataError(
                "CR741",
                f"{self.root}: no file for the class {', '.join(empty)}; files that count end "
                f"in {', '.join(ends)}. Put some there, take the folder away, or pass "
                "allow_empty=True",
            )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, label = self.samples[index]
        read = self.loader(path)
        if self.transform is not None:
            read = self.transform(read)
        return read, label if self.target_transform is None else self.target_transform(label)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.root)!r}, {len(self)} files)"


class ImageFolder(DatasetFolder):
    """Pictures in folders, root/CLASS/…/PICTURE: sample i is (transform(image), class).

    Shapes: images are uint8 tensors (3, h, w)

    Args: as for DatasetFolder; the pictures are read with Pillow.

    Raises: DataError (CR741) for a root without classes, or a class without pictures; (CR712)
    for a picture that cannot be read, (CR715) without Pillow.

    Example:
        >>> import PIL.Image
        >>> for name in ("cat", "dog"):
        ...     Path("pets", name).mkdir(parents=True)
        ...     PIL.Image.new("RGB", (4, 2), "white").save(f"pets/{name}/1.png")
        >>> pets = ImageFolder("pets")
        >>> pets.classes, pets[1][0].shape, pets[1][1]
        (['cat', 'dog'], chainrule.Size([3, 2, 4]), 1)
    """

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(
            root, loader or _read, EXTENSIONS, transform, target_transform, is_valid_file,
            allow_empty,
        )  # fmt: skip
        self.imgs = self.samples


def _read(path: str) -> Tensor:
    return Tensor._of(read_rgb(path))


def _classes(root: Path) -> list[str]:
    """The names of the folders in root, in order."""
    try:
        names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    except OSError as error:
        raise DataError("CR741", f"cannot read the folder {root}: {error.strerror}") from None
    if not names:
        raise DataError(
            "CR741",
            f"{root} has no folders: every class needs one with its files, root/CLASS/FILE",
        )
    return names


def _files(folder: Path, counts: Callable[[str], bool]) -> list[str]:
    """The paths of the files below a folder that count, in order."""
    found = []
    for place, _, names in sorted(os.walk(folder, followlinks=True)):
        found += [p for name in sorted(names) if counts(p := os.path.join(place, name))]
    return found
