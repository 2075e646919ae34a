"""Sequences of different lengths: padded to one length, or packed without padding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from chainrule import dtypes
from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.tensor.functions.joining import stack
from chainrule.tensor.tensor import Tensor

Lengths = Tensor | Sequence[int]
Sizes = tuple[int, ...]


class Packed(NamedTuple):
    """The four tensors of a PackedSequence."""

    data: Tensor
    batch_sizes: Any
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(Packed):
    """Sequences cut into time steps: all first elements, then all second ones, and so on.

    Longer sequences come first, so that those still running at a time are the first ones.

    Args:
        data: the elements (Σ lengths, …)
        batch_sizes: how many sequences run at each time
        sorted_indices: the order in which the sequences were taken; None if as they came
        unsorted_indices: the order that undoes it; found if not given

    Example:
        >>> import chainrule as cr
        >>> packed = pack_sequence([cr.tensor([1, 2, 3]), cr.tensor([4, 5])])
        >>> packed.data, packed.batch_sizes
        (tensor([1, 4, 2, 5, 3]), tensor([2, 2, 1]))
    """

    _sizes: Sizes | None = None  # batch_sizes, where they are known as numbers

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Any = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        if unsorted_indices is None and isinstance(sorted_indices, Tensor):
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def sizes(self) -> Sizes:
        """batch_sizes as numbers."""
        if self._sizes is None:
            self._sizes = tuple(self.batch_sizes._array("reading batch_sizes").tolist())
        return self._sizes

    def with_data(self, data: Tensor) -> PackedSequence:
        """Other elements of the same sequences."""
        twin = PackedSequence(data, *self[1:])
        twin._sizes = self._sizes
        return twin

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The elements in another type; the device "cpu" may be named."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self.with_data(data)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """On the CPU, where everything is."""
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """On a GPU: raises DeviceError (CR207), as there is none."""
        return self.to("cuda")

    def pin_memory(self) -> PackedSequence:
        """As it is: memory is pinned for GPUs."""
        return self

    def is_pinned(self) -> bool:
        """Never: memory is pinned for GPUs."""
        return False

    @property
    def is_cuda(self) -> bool:
        """Never: there is no GPU."""
        return False

    def double(self) -> PackedSequence:
        """The elements as float64."""
        return self.to(dtypes.float64)

    def float(self) -> PackedSequence:
        """The elements as float32."""
        return self.to(dtypes.float32)

    def half(self) -> PackedSequence:
        """The elements as float16."""
        return self.to(dtypes.float16)

    def long(self) -> PackedSequence:
        """The elements as int64."""
        return self.to(dtypes.int64)

    def int(self) -> PackedSequence:
        """The elements as int32."""
        return self.to(dtypes.int32)

    def short(self) -> PackedSequence:
        """The elements as int16."""
        return self.to(dtypes.int16)

    def char(self) -> PackedSequence:
        """The elements as int8."""
        return self.to(dtypes.int8)

    def byte(self) -> PackedSequence:
        """The elements as uint8."""
        return self.to(dtypes.uint8)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The order that undoes an order.

    Example:
        >>> import chainrule as cr
        >>> invert_permutation(cr.tensor([2, 0, 1]))
        tensor([1, 2, 0])
    """
    return None if permutation is None else permutation.argsort()


def pack_padded_sequence(
    input: Tensor, lengths: Lengths, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Padded sequences packed, the padding left out.

    Shapes:  input (t, n, …), or (n, t, …) if batch_first
    Args:
        lengths: of each sequence, without its padding
        enforce_sorted: refuse sequences that do not come longest first, instead of sorting

    Raises:  ArgumentError (CR593) for lengths that do not fit.

    Example:
        >>> import chainrule as cr
        >>> x = cr.tensor([[1, 2, 3], [4, 0, 0]])
        >>> pack_padded_sequence(x, [3, 1], batch_first=True).data
        tensor([1, 4, 2, 3])
    """
    x = input.transpose(0, 1) if batch_first else input
    sizes = _numbers(lengths)
    _check_lengths(sizes, x, enforce_sorted)
    order = None
    if not enforce_sorted:
        ranks = np.argsort(-sizes, kind="stable")
        order, sizes = Tensor._of(ranks), sizes[ranks]
        x = x.index_select(1, order)
    running = np.arange(sizes[0])[:, None] < sizes  # (t, n): whether the sequence goes on
    places = np.flatnonzero(np.pad(running, ((0, len(x) - len(running)), (0, 0))))
    data = x.flatten(0, 1).index_select(0, Tensor._of(places))
    batch_sizes = running.sum(1)
    packed = PackedSequence(data, Tensor._of(batch_sizes), order, invert_permutation(order))
    packed._sizes = tuple(batch_sizes.tolist())
    return packed


def _numbers(lengths: Lengths) -> np.ndarray:
    if isinstance(lengths, Tensor):
        lengths = lengths._array("reading the lengths of sequences")  # type: ignore[assignment]
    return np.asarray(lengths, np.int64)


def _check_lengths(sizes: np.ndarray, x: Tensor, enforce_sorted: bool) -> None:
    time, batch = x.shape[:2]
    if sizes.shape != (batch,):
        raise ArgumentError(
            "CR593",
            f"pack_padded_sequence got lengths of shape {sizes.shape} for {batch} sequences; "
            f"give one length for each{_exchanged(sizes, time)}",
        )
    if batch == 0 or sizes.min() <= 0 or sizes.max() > time:
        raise ArgumentError(
            "CR593",
            f"pack_padded_sequence got lengths {sizes.tolist()} of sequences padded to {time}; "
            f"each must be from 1 to {time}",
        )
    if enforce_sorted and (np.diff(sizes) > 0).any():
        raise ArgumentError(
            "CR593",
            f"pack_padded_sequence got lengths {sizes.tolist()}, which do not decrease; pass "
            "enforce_sorted=False",
        )


def _exchanged(sizes: np.ndarray, time: int) -> str:
    return ". The axes seem to be exchanged: batch_first" if sizes.shape == (time,) else ""


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Packed sequences padded to one length, and how long each of them is.

    Shapes:  (t, n, …), or (n, t, …) if batch_first; lengths (n)
    Args:    total_length: pad to this length; None pads to the longest.
    Raises:  ArgumentError (CR593) where total_length is too small.

    Example:
        >>> import chainrule as cr
        >>> packed = pack_sequence([cr.tensor([1, 2, 3]), cr.tensor([4, 5])])
        >>> pad_packed_sequence(packed, batch_first=True)
        (tensor([[1, 2, 3],
                [4, 5, 0]]), tensor([3, 2]))
    """
    sizes = np.array(sequence.sizes())
    time = len(sizes) if total_length is None else total_length
    if time < len(sizes):
        raise ArgumentError(
            "CR593",
            f"pad_packed_sequence got total_length={time}, the longest sequence has "
            f"{len(sizes)} elements",
        )
    running = np.arange(sizes[0]) < np.pad(sizes, (0, time - len(sizes)))[:, None]
    places = np.where(running, np.cumsum(running.reshape(-1)).reshape(running.shape) - 1, 0)
    data = sequence.data
    y = data.index_select(0, Tensor._of(places.reshape(-1)))
    rest = Tensor._of(~running.reshape(-1, *[1] * (data.ndim - 1)))
    y = y.masked_fill(rest, padding_value).unflatten(0, running.shape)
    lengths = Tensor._of(running.sum(0))
    if sequence.unsorted_indices is not None:
        y = y.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return y.transpose(0, 1) if batch_first else y, lengths


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences side by side, padded to the length of the longest.

    Shapes:  each (length, …) → (t, n, …), or (n, t, …) if batch_first
    Args:    padding_side: "right" pads after the last element, "left" before the first.
    Raises:  ArgumentError (CR593); ShapeError (CR109) where the other axes differ.

    Example:
        >>> import chainrule as cr
        >>> pad_sequence([cr.tensor([1, 2, 3]), cr.tensor([4])], batch_first=True)
        tensor([[1, 2, 3],
                [4, 0, 0]])
    """
    if padding_side not in ("left", "right"):
        raise ArgumentError("CR593", f"padding_side={padding_side!r}; choose left or right")
    if not isinstance(sequences, Iterable):
        raise ArgumentTypeError(
            "CR209", f"pad_sequence takes a list of tensors, got {type(sequences).__name__}"
        )
    listed = sequences.unbind(0) if isinstance(sequences, Tensor) else list(sequences)
    time = max((len(x) for x in listed), default=0)
    padded = []
    for x in listed:
        widths = [(0, time - len(x))] + [(0, 0)] * (x.ndim - 1)
        if padding_side == "left":
            widths[0] = widths[0][::-1]
        padded.append(x.pad_constant(widths, padding_value))
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Lengths, batch_first: bool = False
) -> list[Tensor]:
    """The sequences that pad_sequence padded on the right."""
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    numbers = _numbers(lengths).tolist()
    if len(numbers) != len(x):
        raise ArgumentError(
            "CR593", f"unpad_sequence got {len(numbers)} lengths for {len(x)} sequences"
        )
    return [x.select(0, i).narrow(0, 0, n) for i, n in enumerate(numbers)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences packed; see pack_padded_sequence."""
    lengths = [len(x) for x in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, False, enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that pack_sequence packed.

    Example:
        >>> import chainrule as cr
        >>> unpack_sequence(pack_sequence([cr.tensor([1, 2, 3]), cr.tensor([4, 5])]))
        [tensor([1, 2, 3]), tensor([4, 5])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences)
    return unpad_sequence(padded, lengths)
