"""Summaries: what an event of TensorBoard shows, one function for each kind."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.journal.drawn import boxed, gif
from chainrule.journal.event_file import message
from chainrule.journal.png import png
from chainrule.tensor.tensor import Tensor

DATA_TYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6,
              "int64": 9, "bool": 10, "float16": 19}  # fmt: skip
TEXT_TYPE = 7  # of the elements of a text tensor
SCALAR_CLASS = 1  # tensors that TensorBoard shows as curves
SMALLEST_COUNT = 1e-7  # against 0 / 0 in precision and recall
MOST_THRESHOLDS = 127
GRID_COLUMNS = 8
MESH_PARTS = {"VERTEX": 1, "FACE": 2, "COLOR": 3}
BINS = 773  # steps of the default limits, to each side


def array_of(x: Any, what: str) -> np.ndarray:
    """A tensor, array, list or number as an array; bfloat16 becomes float32.

    Raises: ArgumentError (CR851) for what is not made of numbers.
    """
    found = x._readable_array(what) if isinstance(x, Tensor) else np.asarray(x)
    if found.dtype.kind not in "biuf":
        raise misfit(what, f"got a {type(x).__name__} of {found.dtype}; give numbers")
    return found


def misfit(what: str, why: str) -> ArgumentError:
    """The error for what cannot be shown."""
    return ArgumentError("CR851", f"{what}: {why}")


def summary(tag: str, plugin: str | None = None, plugin_data: bytes = b"",
             data_class: int | None = None, **kinds: Any) -> bytes:  # fmt: skip
    """A summary of one value; of the kinds, one is given."""
    metadata = None
    if plugin is not None:
        metadata = message({1: message({1: plugin, 2: plugin_data}), 4: data_class})
    numbers = {"simple": 2, "image": 4, "histogram": 5, "audio": 6, "tensor": 8}
    value = {numbers[kind]: content for kind, content in kinds.items()}
    return message({1: message({1: tag, **value, 9: metadata})})


def _tensor(array: np.ndarray) -> bytes:
    shape = message({2: [message({1: size}) for size in array.shape]})
    content = np.ascontiguousarray(array)
    return message({1: DATA_TYPES[array.dtype.name], 2: shape, 4: content.tobytes()})


def _texts(texts: list[str] | list[bytes], shape: tuple[int, ...]) -> bytes:
    dimensions = message({2: [message({1: size}) for size in shape]})
    return message({1: TEXT_TYPE, 2: dimensions, 8: texts})


def scalar(tag: str, value: Any, as_tensor: bool = False, double: bool = False) -> bytes:
    """One number; as a tensor it may have 8 bytes.

    Raises: ArgumentError (CR851) for what is not one number.
    """
    found = array_of(value, f"the scalar {tag!r}")
    if found.size != 1:
        raise misfit(f"the scalar {tag!r}", f"one number is needed, got shape {found.shape}")
    if not as_tensor:
        with np.errstate(over="ignore"):
            return summary(tag, simple=np.float32(found.item()))
    number = found.reshape(()).astype(np.float64 if double else np.float32)
    return summary(tag, "scalars", data_class=SCALAR_CLASS, tensor=_tensor(number))


def tensor(tag: str, value: Any) -> bytes:
    """An array as it is."""
    found = array_of(value, f"the tensor {tag!r}")
    if found.dtype.name not in DATA_TYPES:
        raise misfit(f"the tensor {tag!r}", f"{found.dtype} is no type of TensorBoard's")
    return summary(tag, "tensor", tensor=_tensor(found))


def default_bins() -> np.ndarray:
    """Limits that grow by a tenth from 1e-12 to 1e20, to both sides of 0."""
    positive = np.multiply.accumulate([1e-12] + BINS * [1.1])
    return np.concatenate([-positive[::-1], [0.0], positive])


_DEFAULT_BINS = default_bins()


def histogram(tag: str, values: Any, bins: Any, most: int | None = None) -> bytes:
    """How often which values occur; those that are not finite are left out.

    Args: bins: "tensorflow" for limits that grow by a tenth, or as np.histogram has them;
    most: join neighbouring bins until there are no more.

    Raises: ArgumentError (CR851) where there are no finite values.
    """
    what = f"the histogram {tag!r}"
    flat = array_of(values, what).astype(np.float64).ravel()
    finite = flat[np.isfinite(flat)]
    if finite.size == 0:
        raise misfit(what, f"of {flat.size} values none is finite; there is nothing to count")
    limits = _DEFAULT_BINS if isinstance(bins, str) and bins == "tensorflow" else bins
    inside = finite
    if limits is _DEFAULT_BINS:
        inside = np.clip(finite, limits[0], limits[-1])
    counts, limits = np.histogram(inside, limits)
    if most is not None and len(counts) > most:
        counts, limits = _joined(counts, limits, most)
    filled = np.flatnonzero(counts)
    first, last = (filled[0], filled[-1]) if filled.size else (0, len(counts) - 1)
    with np.errstate(over="ignore"):
        squares = finite @ finite
    # a bucket names its upper limit only, so an empty one stands below the lowest
    return histogram_raw(
        tag,
        finite.min(),
        finite.max(),
        finite.size,
        finite.sum(),
        squares,
        limits[first : last + 2],
        np.concatenate([[0], counts[first : last + 1]]),
    )


def _joined(counts: np.ndarray, limits: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """At most so many bins, each made of equally many; the last of what remains."""
    size = -(-len(counts) // most)
    starts = np.arange(0, len(counts), size)
    return np.add.reduceat(counts, starts), np.append(limits[starts], limits[-1])


def histogram_raw(tag: str, low: Any, high: Any, number: Any, total: Any, squares: Any,
                  limits: Any, counts: Any) -> bytes:  # fmt: skip
    """A histogram that was counted elsewhere: a bucket's upper limit, and how many are in it.

    Raises: ArgumentError (CR851) for other than one limit to a bucket.
    """
    edges, buckets = np.asarray(limits, np.float64), np.asarray(counts, np.float64)
    if edges.shape != buckets.shape or edges.ndim != 1:
        raise misfit(
            f"the histogram {tag!r}",
            f"a limit to every bucket is needed, got {edges.shape} and {buckets.shape}",
        )
    numbers = dict(enumerate(map(float, (low, high, number, total, squares)), start=1))
    return summary(tag, histogram=message({**numbers, 6: edges, 7: buckets}))


def image(tag: str, value: Any, axes: str) -> bytes:
    """A picture, or a grid of pictures, as PNG; numbers from 0 to 1, whole ones to 255.

    Raises: ArgumentError (CR851) where axes and shape do not fit.
    """
    return _image(tag, pixels_of(value, axes, f"the image {tag!r}"))


def _image(tag: str, pixels: np.ndarray, encoded: bytes | None = None) -> bytes:
    height, width, channels = pixels.shape
    content = png(pixels) if encoded is None else encoded
    return summary(tag, image=message({1: height, 2: width, 3: channels, 4: content}))


def boxes(tag: str, value: Any, axes: str, corners: Any, labels: str | Sequence[str] | None,
          rescale: float) -> bytes:  # fmt: skip
    """A picture with a rectangle for each row of left, top, right, bottom.

    Raises: ArgumentError (CR851) for boxes of another shape, or another number of labels.
    """
    what = f"the boxes of {tag!r}"
    table = array_of(corners, what).astype(np.float64)
    if table.ndim != 2 or table.shape[1] != 4 or not np.isfinite(table).all():
        raise misfit(
            what,
            "rows of left, top, right, bottom, in pixels, are needed, (n, 4) finite numbers, "
            f"got shape {table.shape}",
        )
    names = [labels] if isinstance(labels, str) else labels
    if names is not None and len(names) != len(table):
        raise misfit(what, f"there are {len(table)} boxes, but {len(names)} labels")
    if not rescale > 0:
        raise misfit(what, f"rescale is above 0, got {rescale}")
    pixels = pixels_of(value, axes, f"the image {tag!r}")
    return _image(tag, boxed(pixels, table, names, rescale))


def video(tag: str, value: Any, fps: float) -> bytes:
    """Videos (n, time, channel, height, width) in a grid, as an animated GIF.

    Raises: ArgumentError (CR851) for another shape, or no frames a second.
    """
    what = f"the video {tag!r}"
    found = array_of(value, what)
    if found.ndim != 5 or found.shape[1] == 0 or not fps > 0:
        raise misfit(
            what,
            "its axes are video, time, channel, height and width, and there is more than no "
            f"frame a second; got shape {found.shape} and fps={fps}",
        )
    frames = [pixels_of(found[:, t], "NCHW", what) for t in range(found.shape[1])]
    return _image(tag, frames[0], gif(np.stack(frames), fps))


def mesh(tag: str, vertices: Any, colours: Any, faces: Any,
         settings: dict[str, Any] | None) -> list[bytes]:  # fmt: skip
    """Points in space, with their colours, and triangles of them: a summary for each part.

    Raises: ArgumentError (CR851) for what is not (n, points, 3).
    """
    given = {"VERTEX": vertices, "FACE": faces, "COLOR": colours}
    parts = {name: part for name, part in given.items() if part is not None}
    known = sum(1 << MESH_PARTS[name] for name in parts)
    found = []
    for name, part in parts.items():
        what = f"the {name.lower()} part of the mesh {tag!r}"
        array = array_of(part, what).astype(np.float32)
        if array.ndim != 3 or array.shape[2] != 3:
            raise misfit(what, f"its shape is (meshes, points, 3), got {array.shape}")
        described = message({2: tag, 3: MESH_PARTS[name], 5: json.dumps(settings or {}),
                             6: list(array.shape), 7: known})  # fmt: skip
        found.append(summary(f"{tag}_{name}", "mesh", described, tensor=_tensor(array)))
    return found


def pixels_of(value: Any, axes: str, what: str) -> np.ndarray:
    """Bytes (h, w, channels) of an image whose axes are named, such as "NCHW" or "HW"."""
    found, names = array_of(value, what), axes.upper()
    if sorted(names) not in (sorted("NCHW"), sorted("CHW"), sorted("HW")):
        raise misfit(what, f"axes are N, C, H and W, or C, H and W, or H and W, got {axes!r}")
    if found.ndim != len(names):
        raise misfit(what, f"its shape {found.shape} has not the axes {names}; name them with "
                            "dataformats")  # fmt: skip
    wanted = [names.find(axis) for axis in "NHWC" if axis in names]
    pixels = found.transpose(wanted)
    pixels = pixels[..., None] if "C" not in names else pixels
    if pixels.shape[-1] not in (1, 3, 4) or 0 in pixels.shape:
        raise misfit(
            what,
            f"a picture has 1, 3 or 4 channels and at least one pixel, got shape {found.shape} "
            f"with the axes {names}",
        )
    return _bytes(_grid(pixels) if "N" in names else pixels)


def _bytes(pixels: np.ndarray) -> np.ndarray:
    scale = 255 if pixels.dtype.kind in "fb" else 1
    # the type must hold 255: that of int8 pixels, or of float16 ones after scaling, may not
    return (np.nan_to_num(pixels.astype(np.float64)) * scale).clip(0, 255).astype(np.uint8)


def _grid(pixels: np.ndarray) -> np.ndarray:
    """(n, h, w, c) beside and below one another, (rows · h, columns · w, c)."""
    n, h, w, c = pixels.shape
    columns = min(n, GRID_COLUMNS)
    rows = -(-n // columns)
    padded = np.zeros((rows * columns, h, w, c), pixels.dtype)
    padded[:n] = pixels
    cells = padded.reshape(rows, columns, h, w, c).swapaxes(1, 2)  # (rows, h, columns, w, c)
    return cells.reshape(rows * h, columns * w, c)


def audio(tag: str, value: Any, rate: int) -> bytes:
    """A sound, numbers from -1 to 1, as WAV."""
    what = f"the sound {tag!r}"
    found = array_of(value, what).squeeze()
    if found.ndim != 1:
        raise misfit(what, f"one row of numbers is needed, got shape {found.shape}")
    samples = (np.clip(found.astype(np.float64), -1, 1) * 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(int(rate))
        sound.writeframes(samples.tobytes())
    content = {1: np.float32(rate), 2: 1, 3: len(samples), 4: file.getvalue(), 5: "audio/wav"}
    return summary(tag, audio=message(content))


def text(tag: str, content: str) -> bytes:
    """A text, shown as Markdown."""
    return summary(f"{tag}/text_summary", "text", tensor=_texts([str(content)], (1,)))


def pr_curve(tag: str, labels: Any, scores: Any, thresholds: int, weights: Any) -> bytes:
    """Precision and recall at so many thresholds from 0 to 1.

    Raises: ArgumentError (CR851) for labels and predictions of different sizes.
    """
    what = f"the precision-recall curve {tag!r}"
    truth = array_of(labels, what).astype(np.float64).ravel()
    predicted = array_of(scores, what).astype(np.float64).ravel()
    if truth.size != predicted.size:
        raise misfit(what, f"got {truth.size} labels and {predicted.size} predictions")
    steps = min(thresholds, MOST_THRESHOLDS)
    bucket = np.floor(predicted.clip(0, 1) * (steps - 1)).astype(np.int64)
    weight = np.ones_like(truth) if weights is None else array_of(weights, what).ravel()
    true, false = (
        np.bincount(bucket, w, steps)[::-1].cumsum()[::-1]
        for w in (truth * weight, (1 - truth) * weight)
    )
    rows = [true, false, false[0] - false, true[0] - true]
    precision = true / np.maximum(SMALLEST_COUNT, true + false)
    recall = true / np.maximum(SMALLEST_COUNT, true[0])
    return pr_curve_raw(tag, [*rows, precision, recall], steps)


def pr_curve_raw(tag: str, rows: list[Any], thresholds: int) -> bytes:
    """A curve that was counted elsewhere: true and false positives, true and false negatives,
    precision, recall, each for all thresholds."""
    what = f"the precision-recall curve {tag!r}"
    table = np.stack([array_of(row, what).astype(np.float32).ravel() for row in rows])
    steps = min(thresholds, MOST_THRESHOLDS)
    return summary(tag, "pr_curves", message({2: steps}), tensor=_tensor(table))


def custom_scalars(layout: dict[str, dict[str, list[Any]]]) -> bytes:
    """Which curves stand together: {category: {title: ["Multiline" or "Margin", tags]}}."""
    categories = [
        message({1: category, 2: [_chart(title, *chart) for title, chart in charts.items()]})
        for category, charts in layout.items()
    ]
    content = message({2: categories})
    tag = "custom_scalars__config__"
    return summary(tag, "custom_scalars", tensor=_texts([content], ()))


def _chart(title: str, kind: str, tags: list[str]) -> bytes:
    if kind != "Margin":
        return message({1: title, 2: message({1: list(tags)})})
    if len(tags) != 3:
        raise misfit(
            f"the margin chart {title!r}",
            f"three tags are needed, those of value, lower and upper limit; got {len(tags)}",
        )
    return message({1: title, 3: message({1: message({1: tags[0], 2: tags[1], 3: tags[2]})})})
