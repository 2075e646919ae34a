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
from typing import NamedTuple

import numpy as np

from chainrule import shapes
from chainrule.shapes import Shape

#: memory for the columns and outputs of one block: about the second-level cache of a core
BLOCK_BYTES = 2 << 20

Slices = tuple[slice, ...]


class Layout(NamedTuple):
    """Where the elements of an image lie in a line."""

    windows: Shape  # outputs along each axis
    extents: Shape  # places that each axis takes in the line
    phases: tuple[tuple[Slices, Slices], ...]  # of each phase: its places, its elements
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
    pairs = itertools.product(*(by_phase.values() for by_phase in phases))
    slices = tuple(tuple(zip(*pair, strict=True)) for pair in pairs)
    margin = max(shift for _, shift in taps)
    return Layout(windows, extents, slices, tuple(taps), math.prod(extents), margin)


def _axis(size: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple:
    """One axis: its windows, its places in the line, and {phase: (places, elements)}."""
    windows = shapes.windows(size, kernel, stride, padding, dilation)
    extent, slices = windows, {}
    reach = {t * dilation % stride: t * dilation // stride for t in range(kernel)}
    for phase, steps in reach.items():
        front = max(0, -((phase - padding) // stride))  # zeros before the first element
        first = front * stride + phase - padding
        count = max(0, -((first - size) // stride))
        slices[phase] = slice(front, front + count), slice(first, size, stride)
        extent = max(extent, front + count, windows + steps - front)
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
    positions = _positions(w.shape, groups, x.itemsize)
    for images in _slices(len(x), positions // at.size):
        lines = _pack(x[images], at, groups)
        wide = np.empty((*weights.shape[:2], lines.shape[-1] - at.margin), x.dtype)
        for block in _slices(wide.shape[-1], positions):
            np.matmul(weights, _columns(lines, at, block), out=wide[..., block])
        y[images] = _at_windows(wide, at).swapaxes(0, 1)
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
    # one output per group (depthwise): an outer product, for which BLAS is slow
    product = np.multiply if weights.shape[-1] == 1 else np.matmul
    x = np.zeros(x_shape, dy.dtype)
    positions = _positions(w.shape, groups, dy.itemsize)
    for images in _slices(len(x), positions // at.size):
        wide = _widen(dy[images], at, groups)
        lines = np.zeros((len(at.phases), *_line_shape(x[images], at, groups)), dy.dtype)
        for block in _slices(wide.shape[-1], positions):
            _add_columns(product(weights, wide[..., block]), lines, at, block.start)
        _unpack(lines, at, x[images])
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
    positions = _positions(w_shape, groups, x.itemsize)
    for images in _slices(len(x), positions // at.size):
        lines = _pack(x[images], at, groups)
        wide = _widen(dy[images], at, groups)
        for block in _slices(wide.shape[-1], positions):
            dw += _columns(lines, at, block) @ wide[..., block].mT
    by_tap = dw.reshape(groups, *kernel, channels, -1)
    return np.moveaxis(by_tap, (-1, -2), (1, 2)).reshape(w_shape)


def _matrix(w: np.ndarray, groups: int) -> np.ndarray:
    """(o, c, *kernel) → (groups, o, taps·c)"""
    return np.moveaxis(w, 1, -1).reshape(groups, len(w) // groups, -1)


def _positions(w_shape: Shape, groups: int, itemsize: int) -> int:
    """How many positions of all columns and outputs together fill a block."""
    return BLOCK_BYTES // (itemsize * (groups * math.prod(w_shape[1:]) + w_shape[0]))


def _slices(total: int, step: int) -> Iterator[slice]:
    """range(total) in pieces of `step`, at least 1."""
    step = max(step, 1)
    return (slice(i, min(i + step, total)) for i in range(0, total, step))


def _line_shape(x: np.ndarray, at: Layout, groups: int) -> Shape:
    return (groups, x.shape[1] // groups, len(x) * at.size + at.margin)


def _images(line: np.ndarray, n: int, at: Layout) -> np.ndarray:
    """A line seen as images: (groups, c, line) → (c, n, *extents)"""
    groups, c, _ = line.shape
    return line[..., : n * at.size].reshape(groups * c, n, *at.extents)


def _pack(x: np.ndarray, at: Layout, groups: int) -> np.ndarray:
    """(n, c, *spatial) → (phases, groups, c, line)"""
    lines = np.zeros((len(at.phases), *_line_shape(x, at, groups)), x.dtype)
    for line, (places, elements) in zip(lines, at.phases, strict=True):
        _images(line, len(x), at)[(..., *places)] = x.swapaxes(0, 1)[(..., *elements)]
    return lines


def _unpack(lines: np.ndarray, at: Layout, x: np.ndarray) -> None:
    """Back from lines into images, the transpose of `_pack`."""
    for line, (places, elements) in zip(lines, at.phases, strict=True):
        x.swapaxes(0, 1)[(..., *elements)] = _images(line, len(x), at)[(..., *places)]


def _at_windows(wide: np.ndarray, at: Layout) -> np.ndarray:
    """The places of a line that are outputs: (groups, o, line) → (o, n, *windows)"""
    images = _images(wide, wide.shape[-1] // at.size, at)
    return images[(..., *map(slice, at.windows))]


def _widen(dy: np.ndarray, at: Layout, groups: int) -> np.ndarray:
    """(n, o, *windows) → (groups, o, line), zero where there is no output"""
    n, o = dy.shape[:2]
    wide = np.zeros((groups, o // groups, n * at.size), dy.dtype)
    _at_windows(wide, at)[...] = dy.swapaxes(0, 1)
    return wide


def _columns(lines: np.ndarray, at: Layout, block: slice) -> np.ndarray:
    """The lines as each tap sees them: (groups, taps·c, positions)"""
    _, groups, c, _ = lines.shape
    columns = np.empty((groups, len(at.taps), c, block.stop - block.start), lines.dtype)
    for i, (phase, shift) in enumerate(at.taps):
        columns[:, i] = lines[phase, ..., block.start + shift : block.stop + shift]
    return columns.reshape(groups, len(at.taps) * c, -1)


def _add_columns(columns: np.ndarray, lines: np.ndarray, at: Layout, start: int) -> None:
    """Add to the lines what each tap has, the transpose of `_columns`."""
    groups, _, count = columns.shape
    by_tap = columns.reshape(groups, len(at.taps), -1, count)
    for i, (phase, shift) in enumerate(at.taps):
        lines[phase, ..., start + shift : start + shift + count] += by_tap[:, i]


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


def _tap_slices(tap: Shape, stride: Shape, dilation: Shape, windows: Shape) -> tuple:
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
