"""The arithmetic of convolution and pooling windows in NumPy.

A convolution sums over the taps t of its kernel and the channels c of the image,

    y[o, m] = Σ_t Σ_c w[o, c, t] x[c, s m + d t - p].

Three steps turn it into one matrix product, which is what the machine does best:

1. Phases. With u = d t the index is s (m + u div s) + u mod s - p. So the padded images are
   split into phases (every s-th row and column), and inside a phase every tap has stride 1.
2. Lines. The rows of a phase, and the images of a chunk, are laid end to end in one line. A
   tap is now a shift of the line by a constant, which is copied in one long run of memory.
   The zeros in front of a row also serve as the zeros behind the row before it.
3. Columns. The shifted lines are stacked to (taps·c, positions), and the weights (o, taps·c)
   times the columns are the outputs, with some in between the rows that are cut off.

Both derivatives run the same steps backwards. A chunk of images is handled at a time, so that
columns stay in the cache and memory does not grow with the batch.

Source: Chellapilla et al. 2006, "High performance convolutional neural networks for document
processing" (columns); Vaidyanathan 1993, "Multirate systems and filter banks" (phases).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from chainrule import shapes
from chainrule.shapes import Shape

#: memory for the columns and outputs of one block: small enough to stay in the cache
BLOCK_BYTES = 4 << 20
#: with many channels a block is larger than that: a matrix product of fewer columns is slow
FEWEST_POSITIONS = 256

Index = tuple[Any, ...]  # (..., *slices)


class Layout(NamedTuple):
    """Where the elements of an image lie in a line."""

    windows: Shape  # outputs along each axis
    extents: Shape  # places that each axis takes in the line
    phases: tuple[tuple[Index, Index], ...]  # of each phase: its places, its elements
    taps: tuple[tuple[int, int], ...]  # of each tap: its phase, its shift
    size: int  # places of one image
    margin: int  # the longest shift


@functools.lru_cache(512)
def layout(
    spatial: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape
) -> Layout:
    """The layout of images with axes of the sizes `spatial`."""
    per_axis = map(_axis, spatial, kernel, stride, padding, dilation)
    windows, extents, phases = zip(*per_axis, strict=True)
    numbers = {phase: i for i, phase in enumerate(itertools.product(*phases))}
    taps = []
    for tap in itertools.product(*map(range, kernel)):
        at = [divmod(t * d, s) for t, d, s in zip(tap, dilation, stride, strict=True)]
        shift = sum(
            steps * pitch for (steps, _), pitch in zip(at, _pitches(extents), strict=True)
        )
        taps.append((numbers[tuple(phase for _, phase in at)], shift))
    where = []
    for pairs in itertools.product(*(by_phase.values() for by_phase in phases)):
        places, elements = zip(*pairs, strict=True)
        where.append(((..., *places), (..., *elements)))
    margin = max(shift for _, shift in taps)
    return Layout(windows, extents, tuple(where), tuple(taps), math.prod(extents), margin)


def _axis(size: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple:
    """One axis: its windows, its places in the line, and {phase: (places, elements)}."""
    windows = shapes.windows(size, kernel, stride, padding, dilation)
    extent = max(windows, -(-(size + padding) // stride))
    slices = {}
    for phase in dict.fromkeys(t * dilation % stride for t in range(kernel)):
        steps, first = divmod(phase - padding, stride)  # -steps zeros stand in front
        count = len(range(first, size, stride))
        slices[phase] = slice(-steps, count - steps), slice(first, size, stride)
    return windows, extent, slices


def _pitches(sizes: Shape) -> Shape:
    """The distance in memory of neighbours along each axis."""
    return tuple(math.prod(sizes[i + 1 :]) for i in range(len(sizes)))


def convolution(
    x: np.ndarray, w: np.ndarray, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> np.ndarray:
    """Weights times columns."""
    at = layout(x.shape[2:], w.shape[2:], stride, padding, dilation)
    weights = _matrix(w, groups)
    y = np.empty((len(x), len(w), *at.windows), x.dtype)
    work = Workspace(at, x.shape, w.shape, groups, x.dtype)
    for images in work.chunks():
        work.pack(x[images])
        wide = work.wide[..., : len(x[images]) * at.size]
        for block in work.blocks(wide):
            np.matmul(weights, work.take_columns(block), out=wide[..., block])
        y[images] = work.at_windows(wide).swapaxes(0, 1)
    return y


def convolution_input(
    dy: np.ndarray,
    w: np.ndarray,
    x_shape: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    groups: int,
) -> np.ndarray:
    """Transposed weights times cotangents are columns, added up where they were read."""
    at = layout(x_shape[2:], w.shape[2:], stride, padding, dilation)
    weights = np.ascontiguousarray(_matrix(w, groups).mT)
    # with one output per group (depthwise) this is an outer product, for which BLAS is slow
    product = np.multiply if weights.shape[-1] == 1 else np.matmul
    x = np.zeros(x_shape, dy.dtype)
    work = Workspace(at, x_shape, w.shape, groups, dy.dtype)
    for images in work.chunks():
        work.lines[...] = 0
        wide = work.widen(dy[images])
        for block in work.blocks(wide):
            columns = work.columns[..., : block.stop - block.start]
            work.add_columns(product(weights, wide[..., block], out=columns), block)
        work.unpack(x[images])
    return x


def convolution_weight(
    x: np.ndarray,
    dy: np.ndarray,
    w_shape: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    groups: int,
) -> np.ndarray:
    """Columns times cotangents, summed over all positions."""
    at = layout(x.shape[2:], w_shape[2:], stride, padding, dilation)
    outputs, channels, *kernel = w_shape
    dw = np.zeros((groups, len(at.taps) * channels, outputs // groups), x.dtype)
    work = Workspace(at, x.shape, w_shape, groups, x.dtype)
    for images in work.chunks():
        work.pack(x[images])
        wide = work.widen(dy[images])
        for block in work.blocks(wide):
            dw += work.take_columns(block) @ wide[..., block].mT
    by_tap = dw.reshape(groups, *kernel, channels, -1)
    return np.moveaxis(by_tap, (-1, -2), (1, 2)).reshape(w_shape)


def _matrix(w: np.ndarray, groups: int) -> np.ndarray:
    """(o, c, *kernel) → (groups, o, taps·c)"""
    return np.moveaxis(w, 1, -1).reshape(groups, len(w) // groups, -1)


def _slices(total: int, step: int) -> Iterator[slice]:
    """range(total) in pieces of `step`."""
    return (slice(i, min(i + step, total)) for i in range(0, total, step))


class Workspace:
    """The memory that the chunks and blocks of one convolution share.

    Fresh memory would cost more than the arithmetic: the system clears each page of it.
    """

    def __init__(self, at: Layout, x: Shape, w: Shape, groups: int, dtype: np.dtype) -> None:
        self.at = at
        self.batch = x[0]
        per_position = groups * math.prod(w[1:]) + w[0]
        positions = max(FEWEST_POSITIONS, BLOCK_BYTES // (per_position * dtype.itemsize))
        self.chunk = min(max(1, positions // at.size), max(1, x[0]))
        length = self.chunk * at.size
        self.block = min(positions, length)
        self.lines = np.zeros((len(at.phases), groups, w[1], length + at.margin), dtype)
        self.columns = np.empty((groups, len(at.taps) * w[1], self.block), dtype)
        self.wide = np.zeros((groups, w[0] // groups, length), dtype)

    def chunks(self) -> Iterator[slice]:
        """The images in chunks."""
        return _slices(self.batch, self.chunk)

    def blocks(self, wide: np.ndarray) -> Iterator[slice]:
        """The positions of a chunk in blocks."""
        return _slices(wide.shape[-1], self.block)

    def pack(self, x: np.ndarray) -> None:
        """Put images on the lines; the places between them stay zero."""
        for images, elements in self._phases(len(x)):
            images[...] = x.swapaxes(0, 1)[elements]

    def unpack(self, x: np.ndarray) -> None:
        """Take images from the lines."""
        for images, elements in self._phases(len(x)):
            x.swapaxes(0, 1)[elements] = images

    def _phases(self, n: int) -> Iterator[tuple[np.ndarray, Index]]:
        """The elements of n images on the line of each phase, and where an image has them."""
        for line, (places, elements) in zip(self.lines, self.at.phases, strict=True):
            yield self._images(line, n)[places], elements

    def _images(self, line: np.ndarray, n: int) -> np.ndarray:
        """A line seen as n images: (groups, c, line) → (c, n, *extents)"""
        groups, c, _ = line.shape
        return line[..., : n * self.at.size].reshape(groups * c, n, *self.at.extents)

    def at_windows(self, wide: np.ndarray) -> np.ndarray:
        """The places of a line that are outputs: (groups, o, line) → (o, n, *windows)"""
        outputs: Index = (..., *map(slice, self.at.windows))
        return self._images(wide, wide.shape[-1] // self.at.size)[outputs]

    def widen(self, dy: np.ndarray) -> np.ndarray:
        """(n, o, *windows) → (groups, o, line), zero where there is no output"""
        wide = self.wide[..., : len(dy) * self.at.size]
        self.at_windows(wide)[...] = dy.swapaxes(0, 1)
        return wide

    def take_columns(self, block: slice) -> np.ndarray:
        """The lines as each tap sees them: (groups, taps·c, positions)"""
        columns = self.columns[..., : block.stop - block.start]
        for tap, seen in self._taps(columns, block):
            tap[...] = seen
        return columns

    def add_columns(self, columns: np.ndarray, block: slice) -> None:
        """Add to the lines what each tap has, the transpose of `take_columns`."""
        for tap, seen in self._taps(columns, block):
            seen += tap

    def _taps(
        self, columns: np.ndarray, block: slice
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each tap its rows of the columns, and the part of a line that it sees."""
        groups, _, count = columns.shape
        by_tap = columns.reshape(groups, len(self.at.taps), -1, count).swapaxes(0, 1)
        for tap, (phase, shift) in zip(by_tap, self.at.taps, strict=True):
            yield tap, self.lines[phase, ..., block.start + shift : block.stop + shift]


def unfold(
    x: np.ndarray, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, windows: Shape
) -> np.ndarray:
    """What each tap sees, all windows at once: (n, c, *spatial) → (n, c, *kernel, *windows)"""
    padded = np.pad(x, [(0, 0), (0, 0), *zip(padding, padding, strict=True)])
    y = np.empty((*x.shape[:2], *kernel, *windows), x.dtype)
    for tap in np.ndindex(*kernel):
        y[(slice(None), slice(None), *tap)] = padded[
            _tap_slices(tap, stride, dilation, windows)
        ]
    return y


def fold(
    columns: np.ndarray, spatial: Shape, stride: Shape, padding: Shape, dilation: Shape
) -> np.ndarray:
    """What each tap has, added where it sees it, the transpose of `unfold`."""
    kernel, windows = np.split(np.array(columns.shape[2:]), 2)
    extents = [n + 2 * p for n, p in zip(spatial, padding, strict=True)]
    padded = np.zeros((*columns.shape[:2], *extents), columns.dtype)
    for tap in np.ndindex(*kernel):
        seen = _tap_slices(tap, stride, dilation, tuple(windows))
        padded[seen] += columns[(slice(None), slice(None), *tap)]
    inner: Index = (..., *(slice(p, p + n) for n, p in zip(spatial, padding, strict=True)))
    return padded[inner]


def window_argmax(
    x: np.ndarray,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    windows: Shape,
) -> np.ndarray:
    """Compare tap by tap, all windows at once, and keep the number of the winning tap.

    Branch-free on bytes (a maximum of tap numbers): masked copies cost ten times as much.
    """
    padded = _pad_lowest(x, kernel, stride, padding, dilation, windows)
    first, *others = itertools.product(*map(range, kernel))
    best = padded[_tap_slices(first, stride, dilation, windows)].copy()
    winner = np.empty(best.shape, np.min_scalar_type(len(others)))
    winner[...] = _first_inside(kernel, stride, padding, dilation, windows)
    for number, tap in enumerate(others, 1):
        value = np.ascontiguousarray(padded[_tap_slices(tap, stride, dilation, windows)])
        higher = value > best
        higher |= np.isnan(value)  # a NaN wins, and a later NaN wins over an earlier one
        np.maximum(winner, higher * winner.dtype.type(number), out=winner)
        np.maximum(best, value, out=best)
    pitches = _pitches(x.shape[2:])
    index = _grid(kernel, dilation, (0,) * len(kernel), pitches).ravel().take(winner)
    index += _grid(windows, stride, padding, pitches)
    return index


def _tap_slices(tap: Shape, stride: Shape, dilation: Shape, windows: Shape) -> Index:
    """The elements that one tap reads, one for each window."""
    starts = [t * d for t, d in zip(tap, dilation, strict=True)]
    parts = zip(starts, stride, windows, strict=True)
    return (..., *(slice(a, a + s * (m - 1) + 1, s) for a, s, m in parts))


def _grid(counts: Shape, steps: Shape, before: Shape, pitches: Shape) -> np.ndarray:
    """Σ over axes of (i step - before) pitch, for every multi-index i."""
    axes = [
        (np.arange(count) * step - start) * pitch
        for count, step, start, pitch in zip(counts, steps, before, pitches, strict=True)
    ]
    return functools.reduce(np.add.outer, axes)


def _first_inside(
    kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, windows: Shape
) -> np.ndarray:
    """Of every window the number of its first tap that is not in the padding."""
    axes = [
        np.maximum(0, -((np.arange(m) * s - p) // d)) * pitch
        for m, s, p, d, pitch in zip(
            windows, stride, padding, dilation, _pitches(kernel), strict=True
        )
    ]
    return functools.reduce(np.add.outer, axes)


def _pad_lowest(
    x: np.ndarray, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, windows: Shape
) -> np.ndarray:
    """x with a border that no element is lower than; x itself where windows do not cross it."""
    widths = [(0, 0), (0, 0)]
    for n, k, s, p, d, m in zip(
        x.shape[2:], kernel, stride, padding, dilation, windows, strict=True
    ):
        widths.append((p, max(0, (m - 1) * s + d * (k - 1) + 1 - n - p)))
    if not any(map(any, widths)):
        return x
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return np.pad(x, widths, constant_values=lowest)


def window_sum(
    x: np.ndarray, kernel: Shape, stride: Shape, padding: Shape, windows: Shape
) -> np.ndarray:
    """A sum over a box is a sum along one axis after the other."""
    for axis, sizes in enumerate(zip(windows, kernel, stride, padding, strict=True), 2):
        y = np.zeros((*x.shape[:axis], sizes[0], *x.shape[axis + 1 :]), x.dtype)
        for outputs, elements in _meetings(x.shape[axis], *sizes):
            along = (slice(None),) * axis
            y[(*along, outputs)] += x[(*along, elements)]
        x = y
    return x


def window_sum_transpose(
    dy: np.ndarray, x_shape: Shape, kernel: Shape, stride: Shape, padding: Shape
) -> np.ndarray:
    """Each cotangent goes to all elements of its window, one axis after the other."""
    for axis in reversed(range(2, dy.ndim)):
        sizes = (dy.shape[axis], kernel[axis - 2], stride[axis - 2], padding[axis - 2])
        dx = np.zeros((*dy.shape[:axis], x_shape[axis], *dy.shape[axis + 1 :]), dy.dtype)
        for outputs, elements in _meetings(x_shape[axis], *sizes):
            along = (slice(None),) * axis
            dx[(*along, elements)] += dy[(*along, outputs)]
        dy = dx
    return dy


def _meetings(
    size: int, windows: int, kernel: int, stride: int, padding: int
) -> Iterator[tuple[slice, slice]]:
    """For each tap along an axis the windows where it meets an element, and the elements."""
    for tap in range(kernel):
        start = tap - padding
        low = max(0, -(start // stride))
        high = min(windows, -((start - size) // stride))
        if low < high:
            first, last = low * stride + start, (high - 1) * stride + start
            yield slice(low, high), slice(first, last + 1, stride)
