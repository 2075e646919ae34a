"""The files of TensorBoard's PROJECTOR page: points with labels and pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from chainrule.files import make_folder, write_file, write_text
from chainrule.journal.png import png
from chainrule.journal.summaries import array_of, misfit, pixels_of

CONFIG = "projector_config.pbtxt"


def write_embedding(
    folder: Path,
    points: Any,
    labels: Sequence[Any] | None,
    header: Sequence[str] | None,
    pictures: Any,
    step: int | None,
    tag: str,
) -> str:
    """Write the tables and the sheet of pictures; returns their part of the configuration.

    Raises: ArgumentError (CR851) for points that are no table, or another number of labels or
    pictures.
    """
    what = f"the embedding {tag!r}"
    table = array_of(points, what)
    if table.ndim != 2:
        raise misfit(what, f"its points are the rows of a table, got shape {table.shape}")
    count = len(table)
    for name, given in (("labels", labels), ("pictures", pictures)):
        if given is not None and len(given) != count:
            raise misfit(what, f"there are {count} points, but {len(given)} {name}")
    below = f"{0 if step is None else int(step):05d}/{quote(tag, safe='')}"
    place = make_folder(folder / below)
    write_text(place / "tensors.tsv", _lines(table.tolist()))
    lines = [f'  tensor_name: "{_escaped(tag)}:{below[:5]}"',
             f'  tensor_path: "{below}/tensors.tsv"']  # fmt: skip
    if labels is not None:
        write_text(place / "metadata.tsv", _metadata(labels, header, what))
        lines.append(f'  metadata_path: "{below}/metadata.tsv"')
    if pictures is not None:
        sheet, (height, width) = _sheet(pictures, what)
        write_file(place / "sprite.png", lambda file: file.write(png(sheet)))
        lines.append(
            f'  sprite {{\n    image_path: "{below}/sprite.png"\n'
            f"    single_image_dim: {width}\n    single_image_dim: {height}\n  }}"
        )
    return "embeddings {\n" + "\n".join(lines) + "\n}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _cell(value: Any) -> str:
    """A value on one line without tabs, which part the columns."""
    return " ".join(str(value).split("\t")).replace("\n", " ").replace("\r", " ")


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    return "".join("\t".join(map(_cell, row)) + "\n" for row in rows)


def _metadata(labels: Sequence[Any], header: Sequence[str] | None, what: str) -> str:
    if header is None:
        return _lines([[label] for label in labels])
    odd = next((row for row in labels if len(row) != len(header)), None)
    if odd is not None:
        raise misfit(what, f"the header names {len(header)} columns, a label has {list(odd)}")
    # a table of one column has no header for TensorBoard, which would take it for a label
    return _lines([header, *labels] if len(header) > 1 else labels)


def _sheet(pictures: Any, what: str) -> tuple[np.ndarray, tuple[int, int]]:
    """The pictures side by side in a square of as many rows as columns, and the size of one."""
    found = array_of(pictures, what)
    if found.ndim != 4:
        raise misfit(what, f"its pictures have the axes N, C, H, W, got shape {found.shape}")
    side = math.ceil(math.sqrt(len(found)))
    rows = [pixels_of(image, "CHW", what) for image in found]
    h, w, c = rows[0].shape
    sheet = np.zeros((side * h, side * w, c), np.uint8)
    for place, image in enumerate(rows):
        top, left = place // side * h, place % side * w
        sheet[top : top + h, left : left + w] = image
    return sheet, (h, w)
