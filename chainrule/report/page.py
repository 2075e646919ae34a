"""The page: content, style and script in one file that needs nothing else."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chainrule.files import write_text

FOLDER = Path(__file__).parent / "page"
STYLE = "page.css"
#: scripts in the order in which they are read: what all pages use, then the page's own
SHARED = (
    "elements.js", "numbers.js", "axes.js", "saving.js", "line.js", "chart.js",
    "chart_input.js", "controls.js",
)  # fmt: skip
SCRIPTS = {
    "report": (
        *SHARED, "curves.js", "findings.js", "heat_map.js", "layers.js",
        "samples.js", "architecture.js", "facts.js", "report.js",
    ),
    "comparison": (*SHARED, "runs_table.js", "scatter.js", "comparison.js"),
}  # fmt: skip


def write_page(content: Mapping[str, Any], title: str, path: str | os.PathLike) -> None:
    """Write a page as a whole: a reader sees the old one or the new one.

    Raises: RunError (CR803) where it cannot be written.
    """
    write_text(path, page(content, title))


def page(content: Mapping[str, Any], title: str) -> str:
    """The text of a page; whatever the content holds stays text and never becomes a script."""
    template = _read("page.html")
    parts = {
        "title": html.escape(title),
        "style": _read(STYLE),
        "content": embedded(content),
        "script": "\n".join(_read(name) for name in SCRIPTS[content["page"]]),
    }
    before, *rest = template.split("{{")
    pieces = [before]
    for piece in rest:
        name, _, after = piece.partition("}}")
        pieces += [parts[name], after]
    return "".join(pieces)


def embedded(content: Mapping[str, Any]) -> str:
    """JSON that is safe inside a script element: without `<`, `>` and `&`.

    Example:
        >>> embedded({"label": "</script>"})
        '{"label":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
