"""Two images of a batch in one, and their labels in the same proportion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import settings
from chainrule.data.transforms.transform import Transform, rounded, widened
from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.generator import Generator
from chainrule.tensor.tensor import Tensor


class _Mixing(Transform):
    """Batches (images, labels) in, images mixed in pairs and label probabilities out."""

    batched = False

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        labels_getter: str | Callable[[Any], Any] = "default",
        generator: Generator | None = None,
    ) -> None:
        if alpha <= 0:
            raise ArgumentError("CR751", f"{type(self).__name__}: alpha={alpha}; above 0")
        self.alpha = alpha
        self.num_classes = num_classes
        self.labels_getter = labels_getter
        self.generator = generator

    def __call__(self, *inputs: Any) -> Any:
        images, labels = self._batch_of(inputs)
        targets = self._probabilities(labels)
        share = self._shares(len(targets))
        partner = self._uniform(len(targets)).argsort()
        x = images.numpy()
        mixed, share = self._mixed(x, x[partner], share)
        part = share[:, None].astype(targets.dtype)
        return Tensor._of(mixed), Tensor._of(part * targets + (1 - part) * targets[partner])

    def _batch_of(self, inputs: Any) -> tuple[Tensor, Tensor]:
        pair = inputs[0] if len(inputs) == 1 else inputs
        images = pair[0]
        labels = self.labels_getter(pair) if callable(self.labels_getter) else pair[1]
        n = len(images) if images.ndim == 4 else None
        if n is None or labels.ndim not in (1, 2) or len(labels) != n:
            raise ShapeError(
                "CR750",
                f"{type(self).__name__} takes a batch of images (n, c, h, w) and labels (n,) "
                f"or (n, classes), got {tuple(images.shape)} and {tuple(labels.shape)}; apply "
                "it to what the DataLoader gives",
            )
        return images, labels

    def _probabilities(self, labels: Tensor) -> np.ndarray:
        """Labels (n,) as rows with a 1; rows as they are."""
        y = labels.numpy()
        if y.ndim == 2:
            return widened(y)
        k = self.num_classes
        if k is None or not ((y >= 0) & (y < k)).all():
            raise ArgumentError(
                "CR751",
                f"{type(self).__name__}: num_classes={k} and labels from {y.min()} to "
                f"{y.max()}; give the number of classes, labels are 0 to classes - 1",
            )
        return np.eye(k, dtype=settings.defaults.float_dtype)[y]

    def _shares(self, n: int) -> np.ndarray:
        """Beta(alpha, alpha): how much of the first image each pair has.

        u^(1/α) / (u^(1/α) + v^(1/α)) where that sum is at most 1   Source: Jöhnk 1964
        """
        share = np.full(n, np.nan)
        while (open_ := np.isnan(share)).any():
            u, v = np.log1p(-self._uniform(2, int(open_.sum()))) / self.alpha
            total = np.logaddexp(u, v)
            share[open_] = np.where(total <= 0, np.exp(u - total), np.nan)
        return share

    def _mixed(
        self, x: np.ndarray, other: np.ndarray, share: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError(f"{type(self).__name__} must define _mixed(x, other, share)")


class MixUp(_Mixing):
    """Pairs of images faded into each other:  x = λ xᵢ + (1 - λ) xⱼ,  y = λ yᵢ + (1 - λ) yⱼ

    Each image has its own λ ~ Beta(α, α) and its own partner from the batch.

    Args:
        alpha: above 0; small values leave most images nearly alone.
        num_classes: needed for labels (n,).
        labels_getter: finds the labels in a batch; the second part by default.

    Raises: ShapeError (CR750); ArgumentError (CR751)

    Source: Zhang et al. 2018, https://arxiv.org/abs/1710.09412

    Example:
        >>> import chainrule as cr
        >>> x, y = MixUp(num_classes=3)(cr.rand(4, 1, 8, 8), cr.tensor([0, 1, 2, 0]))
        >>> x.shape, y.shape
        (chainrule.Size([4, 1, 8, 8]), chainrule.Size([4, 3]))
    """

    def _mixed(
        self, x: np.ndarray, other: np.ndarray, share: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        part = share.astype(widened(x).dtype)[:, None, None, None]
        return rounded(part * x + (1 - part) * other, x.dtype), share


class CutMix(_Mixing):
    """A rectangle of each image from another one, the labels in proportion to the areas.

    Each image has its own rectangle, with sides √(1 - λ) of the image's, λ ~ Beta(α, α), around
    a point anywhere in it, and its own partner from the batch.

    Args: as for MixUp.

    Raises: ShapeError (CR750); ArgumentError (CR751)

    Source: Yun et al. 2019, https://arxiv.org/abs/1905.04899
    """

    def _mixed(
        self, x: np.ndarray, other: np.ndarray, share: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        n, _, h, w = x.shape
        middle = np.floor(self._uniform(2, n) * np.array([[h], [w]]))  # (2, n)
        reach = np.floor(0.5 * np.sqrt(1 - share) * np.array([[h], [w]]))
        first = np.clip(middle - reach, 0, [[h], [w]])
        last = np.clip(middle + reach, 0, [[h], [w]])
        rows, columns = (
            (np.arange(m) >= first[i][:, None]) & (np.arange(m) < last[i][:, None])
            for i, m in enumerate((h, w))
        )
        mask = rows[:, None, :, None] & columns[:, None, None, :]
        return np.where(mask, other, x), 1 - (last - first).prod(0) / (h * w)
