"""Pictures: samples as the page shows them, images as PNG and all else as rows."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.journal.png import png

LARGEST = 96  # pixels of a side; larger pictures are thinned
LONGEST = 24  # numbers of a row
SMALLEST = 4  # pixels of a side; what is smaller is no picture


def shown(samples: np.ndarray) -> Iterator[dict[str, Any]]:
    """Each sample as {"image": …} or {"row": …}.

    Notes: the pictures are scaled together, so that they can be compared: black is the lowest
        number of them all, white the highest.

    Shapes: samples (n, c, h, w) or (n, h, w) for pictures with c of 1, 3 or 4; else (n, …)
    """
    images = as_images(samples)
    if images is None:
        for sample in samples:
            yield {"row": sample.ravel()[:LONGEST].tolist()}
        return
    finite = images[np.isfinite(images)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    scaled = np.nan_to_num((images - low) * (255 / (high - low) if high > low else 0.0))
    for pixels in scaled.clip(0, 255).round().astype(np.uint8):
        code = base64.b64encode(png(pixels)).decode()
        yield {"image": f"data:image/png;base64,{code}"}


def as_images(samples: np.ndarray) -> np.ndarray | None:
    """The pixels, (n, h, w, c), not larger than what is shown; None for what is no picture."""
    if samples.ndim == 4 and samples.shape[1] in (1, 3):
        images = samples.transpose(0, 2, 3, 1)
    elif samples.ndim == 3 and samples.dtype.kind == "f":
        images = samples[..., None]
    else:
        return None
    if min(images.shape[1:3]) < SMALLEST:
        return None
    every = -(-max(images.shape[1:3]) // LARGEST)
    return np.ascontiguousarray(images[:, ::every, ::every], dtype=np.float64)
