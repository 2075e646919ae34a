"""Layers that put a border around their input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from chainrule.functional.pad import pad
from chainrule.functional.spatial import check_spatial, per_axis
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor

Widths = int | Sequence[int]  # (before, after) of the last axis, then of the one before it


class Padding(Module):
    """The family: a border around the last `spatial` axes."""

    spatial: ClassVar[int]
    mode: ClassVar[str] = "constant"

    def __init__(self, padding: Widths) -> None:
        super().__init__()
        self.padding = per_axis(padding, 2 * self.spatial)

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPadding(Padding):
    """The family: a border of one number."""

    def __init__(self, padding: Widths, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, value=self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(ConstantPadding):
    """A border of one number around signals; see ConstantPad2d."""

    spatial = 1


class ConstantPad2d(ConstantPadding):
    """A border of one number around images.

    Args:    padding: its width, or (left, right, top, bottom); a negative width cuts.
    Raises:  ArgumentError (CR520) for a padding that does not fit.

    Example:
        >>> import chainrule as cr
        >>> ConstantPad2d((1, 0, 0, 0), 9.0)(cr.zeros(1, 2, 2))
        tensor([[[9., 0., 0.],
                 [9., 0., 0.]]])
    """

    spatial = 2


class ConstantPad3d(ConstantPadding):
    """A border of one number around volumes; see ConstantPad2d."""

    spatial = 3


class ZeroPadding(ConstantPadding):
    """The family: a border of zeros."""

    def __init__(self, padding: Widths) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(ZeroPadding):
    """A border of zeros around signals; see ConstantPad2d."""

    spatial = 1


class ZeroPad2d(ZeroPadding):
    """A border of zeros around images.

    Args:    padding: its width, or (left, right, top, bottom); a negative width cuts.
    Raises:  ArgumentError (CR520) for a padding that does not fit.

    Example:
        >>> import chainrule as cr
        >>> ZeroPad2d(1)(cr.ones(1, 28, 28)).shape
        chainrule.Size([1, 30, 30])
    """

    spatial = 2


class ZeroPad3d(ZeroPadding):
    """A border of zeros around volumes; see ConstantPad2d."""

    spatial = 3


class OwnPadding(Padding):
    """The family: a border of the input's own elements."""

    def forward(self, input: Tensor) -> Tensor:
        check_spatial(type(self).__name__, input, self.spatial)
        return super().forward(input)


class ReflectionPad1d(OwnPadding):
    """Signals mirrored at their ends; see ReflectionPad2d."""

    spatial, mode = 1, "reflect"


class ReflectionPad2d(OwnPadding):
    """Images mirrored at their edges, the edges themselves not repeated.

    Shapes:  (n, c, h, w) or (c, h, w)
    Args:    padding: its width, or (left, right, top, bottom); each below the axis' size.
    Raises:  ArgumentError (CR520), ShapeError (CR110).

    Example:
        >>> import chainrule as cr
        >>> ReflectionPad2d((2, 0, 0, 0))(cr.tensor([[[1.0, 2.0, 3.0]]]))
        tensor([[[3., 2., 1., 2., 3.]]])
    """

    spatial, mode = 2, "reflect"


class ReflectionPad3d(OwnPadding):
    """Volumes mirrored at their faces; see ReflectionPad2d."""

    spatial, mode = 3, "reflect"


class ReplicationPad1d(OwnPadding):
    """Signals whose ends go on; see ReplicationPad2d."""

    spatial, mode = 1, "replicate"


class ReplicationPad2d(OwnPadding):
    """Images whose edges go on.

    Shapes:  (n, c, h, w) or (c, h, w)
    Args:    padding: its width, or (left, right, top, bottom).
    Raises:  ArgumentError (CR520), ShapeError (CR110).

    Example:
        >>> import chainrule as cr
        >>> ReplicationPad2d((2, 0, 0, 0))(cr.tensor([[[1.0, 2.0, 3.0]]]))
        tensor([[[1., 1., 1., 2., 3.]]])
    """

    spatial, mode = 2, "replicate"


class ReplicationPad3d(OwnPadding):
    """Volumes whose faces go on; see ReplicationPad2d."""

    spatial, mode = 3, "replicate"


class CircularPad1d(OwnPadding):
    """Signals that begin anew at their end; see CircularPad2d."""

    spatial, mode = 1, "circular"


class CircularPad2d(OwnPadding):
    """Images as if on a torus: behind each edge the opposite one.

    Shapes:  (n, c, h, w) or (c, h, w)
    Args:    padding: its width, or (left, right, top, bottom); at most the axis' size.
    Raises:  ArgumentError (CR520), ShapeError (CR110).

    Example:
        >>> import chainrule as cr
        >>> CircularPad2d((2, 0, 0, 0))(cr.tensor([[[1.0, 2.0, 3.0]]]))
        tensor([[[2., 3., 1., 2., 3.]]])
    """

    spatial, mode = 2, "circular"


class CircularPad3d(OwnPadding):
    """Volumes as if on a torus; see CircularPad2d."""

    spatial, mode = 3, "circular"
