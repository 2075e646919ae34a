"""Where progress is shown: lines in a file, a bar in a terminal, an element in a notebook."""

from __future__ import annotations

import html
import importlib
import os
import shutil
import sys
from dataclasses import dataclass
from typing import Any, TextIO

from chainrule.train.epoch_line import columns_of, cropped

MOST_LINES = 200  # that a notebook's element shows; what came before is summed up
WIDEST_BAR, NARROWEST_BAR = 30, 8


@dataclass(frozen=True)
class Moment:
    """What is shown between the lines of two epochs."""

    title: str  # "epoch 3/20"
    done: int  # steps
    total: int | None
    scores: str
    rate: str
    left: str

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1, if that can be known."""
        return min(1.0, self.done / self.total) if self.total else None


class Lines:
    """Lines that are appended, and nothing else: for files, pipes and plain terminals."""

    moves = False  # whether anything is shown between lines

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream

    @property
    def width(self) -> int | None:
        """The columns there are; None for any number."""
        return shutil.get_terminal_size().columns if is_terminal(self.stream) else None

    @property
    def blocks(self) -> bool:
        """Whether sparklines can be written."""
        return self._writable("▁█━") == "▁█━"

    def line(self, text: str) -> None:
        """Write a line."""
        print(self._writable(text), file=self.stream, flush=True)

    def show(self, moment: Moment) -> None:
        """Show how far the training is."""

    def close(self) -> None:
        """No more is shown."""

    def _writable(self, text: str) -> str:
        """The text with ? for what the stream's encoding lacks."""
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)


class Terminal(Lines):
    """Lines, and below them a bar. What the program prints meanwhile stands above it, too."""

    moves = True

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        # rich takes a while to load, so that is done here and nowhere else
        self._text = importlib.import_module("rich.text").Text
        self._console = importlib.import_module("rich.console").Console(file=stream)
        own = stream is sys.stdout
        self._live = importlib.import_module("rich.live").Live(
            self._text(""),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=own,
            redirect_stderr=own and is_terminal(sys.stderr),
        )
        self._live.start()

    @property
    def width(self) -> int | None:
        return self._console.width

    def line(self, text: str) -> None:
        """Write a line above the bar."""
        self._console.print(self._text(self._writable(text), overflow="fold"))

    def show(self, moment: Moment) -> None:
        """Draw the bar anew."""
        before, done, rest, after = bar(moment, self._console.width, self.blocks)
        parts = (before, (done, "green"), (rest, "dim"), after)
        text = self._text.assemble(*parts, no_wrap=True, overflow="crop")
        self._live.update(text, refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        self._live.update(self._text(""))
        self._live.stop()


def bar(moment: Moment, width: int, blocks: bool) -> tuple[str, str, str, str]:
    """What stands before the bar, its done part, the rest, and what stands behind; where there
    is little room, less of it."""
    short = moment.title.removeprefix("epoch ")
    choices = [
        (moment.title, (moment.scores, moment.rate, moment.left)),
        (short, (moment.scores, moment.rate, moment.left)),
        (short, (moment.scores, moment.left)),
        (short, (moment.left,)),
        (short, ()),
    ]
    needed = 0 if moment.share is None else NARROWEST_BAR + 2
    for title, parts in choices:
        after = "  ".join(part for part in parts if part)
        room = width - columns_of(title) - columns_of(after) - 2
        if room >= needed:
            break
    if moment.share is None or room < needed:
        return cropped(f"{title}  {after}", width), "", "", ""
    length = min(room - 2, WIDEST_BAR)
    done = round(length * moment.share)
    full, empty = "━━" if blocks else "#-"
    return f"{title}  ", full * done, empty * (length - done), f"  {after}"


class Notebook(Lines):
    """One element of a notebook, which is updated: the lines, and below them a bar."""

    moves = True

    def __init__(self, display: Any) -> None:
        super().__init__(None)
        self._lines: list[str] = []
        self._hidden = 0
        self._moment: Moment | None = None
        self._element = display(self._content(), raw=True, display_id=True)

    @property
    def width(self) -> int | None:
        return None

    def line(self, text: str) -> None:
        """Add a line to the element."""
        self._lines.append(text)
        if len(self._lines) > MOST_LINES:
            del self._lines[0]
            self._hidden += 1
        self._update()

    def show(self, moment: Moment) -> None:
        """Move the bar on."""
        self._moment = moment
        self._update()

    def close(self) -> None:
        """Take the bar away; the lines stay."""
        self._moment = None
        self._update()

    def _update(self) -> None:
        self._element.update(self._content(), raw=True)

    def _content(self) -> dict[str, str]:
        """The element as a web page has it, and as text."""
        earlier = [f"({self._hidden} earlier lines)"] if self._hidden else []
        text = "\n".join([*earlier, *self._lines])
        page = f'<pre style="margin: 0; overflow-x: auto">{html.escape(text)}</pre>'
        moment = self._moment
        if moment is not None:
            share = moment.share
            value = "" if share is None else f' value="{share:.4f}"'
            parts = (moment.title, moment.scores, moment.rate, moment.left)
            caption = html.escape("   ".join(part for part in parts if part))
            page += (
                f'<div><progress max="1"{value} aria-label="training"></progress> '
                f'<span style="font-family: monospace; white-space: pre">{caption}</span></div>'
            )
        return {"text/plain": text, "text/html": page}


def screen(stream: TextIO | None) -> Lines:
    """Where to show progress: on the stream, or if none is given where the program runs."""
    display = None if stream is not None else _notebook()
    if display is not None:
        return Notebook(display)
    shown = stream or sys.stdout
    return Terminal(shown) if is_terminal(shown) and not _plain_wanted() else Lines(shown)


def is_terminal(stream: Any) -> bool:
    """Whether somebody sits in front of it."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # none there (pythonw), or closed
        return False


def _plain_wanted() -> bool:
    """Whether the user or the terminal wants no control characters."""
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return dumb or bool(os.environ.get("NO_COLOR"))


def _notebook() -> Any:
    """IPython's display function, if this is a notebook; then IPython is loaded already."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel"):
        return None
    return importlib.import_module("IPython.display").display
