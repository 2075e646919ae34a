"""Programs on images in PyTorch itself: chainrule's pictures come to it as its own tensors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from in_pytorch import changed_back

import chainrule


def in_pytorch_with_images(program: ModuleType) -> ModuleType:
    """The same text run anew in PyTorch, with datasets, transforms and digits to import."""
    pytest.importorskip("torch")
    with _modules(datasets=_datasets(), transforms=chainrule.transforms, data=_data()):
        return changed_back(program)


def same_random_numbers(monkeypatch: pytest.MonkeyPatch, *libraries: Any) -> None:
    """Let randn and randn_like of all libraries give the same numbers in the same order."""

    def prescribe(library: Any) -> None:
        normal = np.random.default_rng(0).standard_normal

        def randn(*shape: int, device: Any = None) -> Any:
            return library.from_numpy(normal(shape, dtype=np.float32))

        monkeypatch.setattr(library, "randn", randn)
        monkeypatch.setattr(library, "randn_like", lambda x: randn(*x.shape))

    for library in libraries:
        prescribe(library)


def as_torch(x: Any) -> Any:
    """A tensor of chainrule's, or the batches that consist of them, as PyTorch's."""
    if isinstance(x, chainrule.Tensor):
        return sys.modules["torch"].tensor(x.numpy())
    return type(x)(map(as_torch, x)) if isinstance(x, (list, tuple)) else x


def _datasets() -> ModuleType:
    module = ModuleType("datasets")
    for name in ("MNIST", "CIFAR10"):
        setattr(module, name, _converted(getattr(chainrule.datasets, name)))
    return module


def _converted(kind: Any) -> Any:
    class Converted(sys.modules["torch"].utils.data.Dataset):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.dataset = kind(*args, **kwargs)

        def __getitem__(self, index: int) -> Any:
            return as_torch(self.dataset[index])

        def __len__(self) -> int:
            return len(self.dataset)

    return Converted


def _data() -> ModuleType:
    def digits() -> list[Any]:
        dataset = sys.modules["torch"].utils.data.TensorDataset
        return [dataset(*as_torch(part.tensors)) for part in chainrule.data.digits()]

    module = ModuleType("data")
    module.digits = digits
    return module


@contextmanager
def _modules(**modules: ModuleType) -> Iterator[None]:
    """While it lasts, these can be imported from torch."""
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, f"torch.{name}", module)
        yield
