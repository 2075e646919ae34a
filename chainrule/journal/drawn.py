"""Pictures that are drawn for TensorBoard: figures, boxes on an image, frames that move."""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError

RED, BLACK = (255, 0, 0), (0, 0, 0)
LINE = 2  # pixels
MARGIN = 2  # around a label


def figures(figure: Any, close: bool) -> np.ndarray:
    """The pixels of a figure of matplotlib, or of several of one size, (n, h, w, 3)."""
    given = figure if isinstance(figure, list) else [figure]
    return np.stack([_drawn(each, close) for each in given])


def _drawn(figure: Any, close: bool) -> np.ndarray:
    """The pixels of a figure, (h, w, 3). It was made by matplotlib, so that is there."""
    before = figure.canvas
    canvas = importlib.import_module("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.array(canvas.buffer_rgba())[..., :3]
    figure.set_canvas(before)
    plots = sys.modules.get("matplotlib.pyplot")
    if close and plots is not None:
        plots.close(figure)
    return pixels


def boxed(
    pixels: np.ndarray, boxes: np.ndarray, labels: Sequence[str] | None, rescale: float
) -> np.ndarray:
    """An image at another size, with rectangles on it and a label at each.

    Shapes: pixels: bytes (h, w, c); boxes (n, 4): left, top, right, bottom → (h', w', 3)

    Raises: ArgumentError (CR853) without Pillow.
    """
    picture = _pillow("Image").fromarray(_colours(pixels))
    size = tuple(max(1, int(side * rescale)) for side in picture.size)
    picture = picture if size == picture.size else picture.resize(size)
    brush = _pillow("ImageDraw").Draw(picture)
    for place, box in enumerate(rescale * boxes):
        corners = np.sort(box.reshape(2, 2), axis=0).ravel().tolist()
        brush.rectangle(corners, outline=RED, width=LINE)
        if labels is not None:
            _write(brush, corners, str(labels[place]))
    return np.asarray(picture)


def _write(brush: Any, corners: list[float], label: str) -> None:
    """A label on red: above its box, or inside where there is no room above."""
    left, top = corners[:2]
    _, _, width, height = brush.textbbox((0, 0), label)
    tall = height + 2 * MARGIN
    top = top - tall if top >= tall else top
    brush.rectangle((left, top, left + width + 2 * MARGIN, top + tall), fill=RED)
    brush.text((left + MARGIN, top + MARGIN), label, fill=BLACK)


def gif(frames: np.ndarray, fps: float) -> bytes:
    """Frames as an animated GIF that begins anew when it has ended.

    Shapes: frames: bytes (t, h, w, c)

    Raises: ArgumentError (CR853) without Pillow.
    """
    image = _pillow("Image")
    first, *rest = (image.fromarray(_colours(frame)) for frame in frames)
    file = io.BytesIO()
    first.save(
        file, "GIF", save_all=True, append_images=rest, duration=round(1000 / fps), loop=0
    )
    return file.getvalue()


def _colours(pixels: np.ndarray) -> np.ndarray:
    """(h, w, 3) of any number of channels: grey three times, without how transparent it is."""
    colours = pixels if pixels.shape[-1] >= 3 else np.repeat(pixels[..., :1], 3, axis=-1)
    return np.ascontiguousarray(colours[..., :3])


def _pillow(part: str) -> Any:
    """Pillow is loaded here and nowhere else in this room."""
    try:
        return importlib.import_module(f"PIL.{part}")
    except ModuleNotFoundError:
        raise ArgumentError(
            "CR853",
            "add_video and add_image_with_boxes draw with Pillow, which is not installed: "
            "pip install pillow",
        ) from None
