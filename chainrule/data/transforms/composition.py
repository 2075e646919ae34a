"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.data.transforms.transform import (
    Transform,
    apply_to,
    checked_probability,
    works_on_batches,
)
from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.tensor.generator import Generator
from chainrule.tensor.tensor import Tensor


class OfTransforms(Transform):
    """The family: transforms of which each image goes through some, or through all."""

    def __init__(
        self,
        transforms: Sequence[Callable[[Any], Any]],
        *,
        generator: Generator | None = None,
    ) -> None:
        self.transforms = checked_transforms(transforms, type(self).__name__)
        self.generator = generator

    @property
    def batched(self) -> bool:  # type: ignore[override]
        """Whether every part of it may be given a batch."""
        return all(works_on_batches(t) for t in self.transforms)

    def _through(self, which: int) -> Callable[[np.ndarray], np.ndarray]:
        """One of the transforms, from array to array."""
        transform = self.transforms[which]

        def change(x: np.ndarray) -> np.ndarray:
            if works_on_batches(transform):
                return transform(Tensor._of(x)).numpy()
            return np.stack([transform(Tensor._of(image)).numpy() for image in x])

        return change


class Compose(OfTransforms):
    """Transforms one after the other.

    Args: transforms: callables; each gets what the one before gave.

    Raises: ArgumentTypeError (CR753) for something that cannot be called.

    Example:
        >>> import chainrule as cr
        >>> from chainrule.transforms import Normalize, ToTensor
        >>> change = Compose([ToTensor(), Normalize((0.5,), (0.5,))])
        >>> change(cr.tensor([[[0, 255]]], dtype=cr.uint8))
        tensor([[[-1.,  1.]]])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        super().__init__(transforms)

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        lines = "".join(f"    {t!r}\n" for t in self.transforms)
        return f"{type(self).__name__}(\n{lines})"


class Lambda(Transform):
    """A function of one's own as a transform; it sees one image at a time."""

    batched = False

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        self.lambd = checked_transforms([lambd], "Lambda")[0]

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)


class RandomApply(OfTransforms):
    """All transforms in order, with probability p for each image; else none of them.

    Args: p: from 0 to 1.
    """

    def __init__(
        self,
        transforms: Sequence[Callable[[Any], Any]],
        p: float = 0.5,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(transforms, generator=generator)
        self.p = checked_probability(p, "RandomApply")

    def _batch(self, x: np.ndarray) -> np.ndarray:
        return apply_to(x, self._uniform(len(x)) < self.p, self._all, "RandomApply")

    def _all(self, x: np.ndarray) -> np.ndarray:
        for which in range(len(self.transforms)):
            x = self._through(which)(x)
        return x


class RandomChoice(OfTransforms):
    """One of the transforms, chosen anew for each image.

    Args: p: how likely each is, in any unit; all the same if None.

    Raises: ArgumentError (CR751) for as many p as there are not transforms.
    """

    def __init__(
        self,
        transforms: Sequence[Callable[[Any], Any]],
        p: Sequence[float] | None = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(transforms, generator=generator)
        shares = np.asarray([1] * len(self.transforms) if p is None else p, np.float64)
        if len(shares) != len(self.transforms) or shares.min() < 0 or not shares.sum() > 0:
            raise ArgumentError(
                "CR751",
                f"RandomChoice: p={p} does not say how likely each of "
                f"{len(self.transforms)} transforms is; give one number from 0 on for each",
            )
        self.p = p
        self._limits = np.cumsum(shares / shares.sum())[:-1]

    def _batch(self, x: np.ndarray) -> np.ndarray:
        which = np.searchsorted(self._limits, self._uniform(len(x)), "right")
        for i in range(len(self.transforms)):
            if (which == i).all():
                return self._through(i)(x)
            x = apply_to(x, which == i, self._through(i), "RandomChoice")
        return x


class RandomOrder(OfTransforms):
    """All transforms, in an order drawn anew for each image."""

    def _batch(self, x: np.ndarray) -> np.ndarray:
        order = self._uniform(len(x), len(self.transforms)).argsort(1)
        for turn in order.T:
            for i in range(len(self.transforms)):
                x = apply_to(x, turn == i, self._through(i), "RandomOrder")
        return x


def checked_transforms(transforms: Any, name: str) -> list[Any]:
    """The transforms as a list, if they all can be called."""
    if not isinstance(transforms, Sequence) or not all(callable(t) for t in transforms):
        raise ArgumentTypeError(
            "CR753",
            f"{name} takes transforms that can be called, in a list, got {transforms!r}. "
            "Write the brackets of a class, ToTensor() rather than ToTensor's module or None",
        )
    return list(transforms)
