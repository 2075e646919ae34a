"""Scores that are gathered batch by batch."""

from __future__ import annotations

from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensor.tensor import Tensor


class Mean:
    """The weighted mean of numbers seen so far:  Σ wᵢ xᵢ / Σ wᵢ

    Example:
        >>> loss = Mean()
        >>> loss.update(1.0, weight=3)
        >>> loss.update(2.0, weight=1)
        >>> loss.compute()
        1.25
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.total = 0.0
        self.weight = 0.0

    def update(self, value: float | Tensor, weight: float = 1) -> None:
        """See one more number; a batch's mean counts with its number of samples."""
        self.total += float(value) * weight
        self.weight += weight

    def compute(self) -> float:
        """The mean; NaN where nothing was seen."""
        return self.total / self.weight if self.weight else float("nan")


class Accuracy:
    """The fraction of samples whose highest score belongs to the right class.

    Shapes: outputs (n, k) scores or (n,) classes, targets (n,)

    Raises: ShapeError (CR713) where outputs and targets do not belong together.

    Example:
        >>> import chainrule as cr
        >>> accuracy = Accuracy()
        >>> accuracy.update(cr.tensor([[2.0, 1.0], [0.0, 3.0]]), cr.tensor([0, 0]))
        >>> accuracy.compute()
        0.5
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.correct = 0
        self.seen = 0

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """See one more batch."""
        if outputs.ndim not in (1, 2) or tuple(targets.shape) != (outputs.shape[0],):
            raise ShapeError(
                "CR713",
                f"accuracy compares outputs (n, classes) or (n,) with targets (n,), got "
                f"{tuple(outputs.shape)} and {tuple(targets.shape)}; one-hot targets become "
                "classes by targets.argmax(1)",
            )
        predicted = outputs.argmax(1) if outputs.ndim == 2 else outputs
        self.correct += int((predicted == targets).sum().item())
        self.seen += len(targets)

    def compute(self) -> float:
        """The fraction, between 0 and 1.

        Raises: ArgumentError (CR714) where nothing was seen.
        """
        if not self.seen:
            raise ArgumentError("CR714", "accuracy of no samples: call update() first")
        return self.correct / self.seen
