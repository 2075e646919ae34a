"""Where progress is shown: in files, terminals of all widths, and notebooks."""

import io
import re
import sys
import types

import pytest
from small_training import trainer

from chainrule.train import Callback, Progress
from chainrule.train.screens import Lines, Moment, Notebook, Terminal, bar, screen

MOMENT = Moment("epoch  3/20", 5, 20, "loss 0.2500", "1,234 samples/s", "3m45s left")


class Typewriter(io.StringIO):
    """A stream somebody sits in front of."""

    def isatty(self) -> bool:
        return True


class Encoded(io.TextIOWrapper):
    """A stream of another encoding."""

    def __init__(self, encoding) -> None:
        super().__init__(io.BytesIO(), encoding)

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


def on_screen(written: str) -> list[str]:
    """What a terminal shows that was sent this; unknown control sequences are an error."""
    rows, at, column = [""], 0, 0
    pattern = (
        r"\r|\n|\x1b\[2K|\x1b\[1A|\x1b\[\?25[lh]|\x1b\[[\d;]*m|[^\x00-\x1f\x7f]|(?P<odd>.)"
    )
    for match in re.finditer(pattern, written):
        token = match.group()
        assert match["odd"] is None, repr(token)
        if token == "\r":
            column = 0
        elif token == "\n":
            at, column = at + 1, 0
            rows += [""] * (at == len(rows))
        elif token == "\x1b[2K":
            rows[at] = ""
        elif token == "\x1b[1A":
            at -= 1
        elif len(token) == 1:
            rows[at] = rows[at][:column].ljust(column) + token + rows[at][column + 1 :]
            column += 1
    return [row.rstrip() for row in rows]


class Speak(Callback):
    def step_ends(self, trainer):
        if trainer.step == 6:
            trainer.say("D18 a finding that is a good deal longer than forty columns are")


@pytest.fixture
def terminal(monkeypatch):
    """Makes a stream a terminal of so many columns."""
    monkeypatch.setattr("chainrule.train.progress.PAUSE", 0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def sized(columns) -> Typewriter:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("LINES", "30")
        return Typewriter()

    return sized


# -- in a terminal ---------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 60, 80, 160])
def test_in_a_terminal_the_lines_stay_and_the_bar_goes(terminal, columns):
    stream = terminal(columns)
    trainer(3, callbacks=[Progress(stream), Speak()]).fit()
    written = stream.getvalue()
    assert written.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # the cursor is there again
    rows = [row for row in on_screen(written) if row]
    assert max(map(len, rows)) <= columns
    starts = ["running", "epoch 1/3" if columns > 90 else "1/3", "D18"]
    assert [row.split("*")[0].startswith(s) for row, s in zip(rows, starts, strict=False)]
    said = " ".join(" ".join(rows).split())
    assert "D18 a finding that is a good deal longer than forty columns are" in said
    assert not any("━" in row for row in rows)
    assert len([row for row in rows if "loss 0." in row]) == 3
    assert "━" in written and "1/3" in written and " s left" in written


def test_the_bar_is_below_the_lines_while_it_moves(terminal):
    stream = terminal(100)
    shown = Terminal(stream)
    shown.line("first")
    shown.show(MOMENT)
    shown.line("second")
    rows = on_screen(stream.getvalue())
    assert rows[:2] == ["first", "second"] and rows[2].startswith("epoch  3/20  ━")
    shown.close()
    assert [row for row in on_screen(stream.getvalue()) if row] == ["first", "second"]


def test_the_bar_goes_also_after_an_error(terminal):
    class Fail(Callback):
        def step_ends(self, trainer):
            raise KeyboardInterrupt

    stream = terminal(80)
    with pytest.raises(KeyboardInterrupt):
        trainer(3, callbacks=[Progress(stream), Fail()]).fit()
    assert [row for row in on_screen(stream.getvalue()) if row] == [
        "running eagerly, as asked for"
    ]


def test_what_the_program_prints_stands_above_the_bar(terminal, monkeypatch):
    class Print(Callback):
        def step_ends(self, trainer):
            if trainer.step == 3:
                print("hello from a callback")

    stream = terminal(100)
    monkeypatch.setattr(sys, "stdout", stream)
    trainer(2, callbacks=[Progress(), Print()]).fit()
    assert sys.stdout is stream
    rows = [row for row in on_screen(stream.getvalue()) if row]
    assert rows[1] == "hello from a callback" and len(rows) == 4


def test_another_stream_leaves_standard_output_alone(terminal, capsys):
    class Print(Callback):
        def step_ends(self, trainer):
            print("hello")

    stream = terminal(100)
    trainer(1, callbacks=[Progress(stream), Print()]).fit()
    assert capsys.readouterr().out.count("hello\n") == 4
    assert "hello" not in stream.getvalue()


@pytest.mark.parametrize("columns", range(24, 120, 3))
@pytest.mark.parametrize("total", [20, None])
def test_a_bar_fits_into_its_terminal(columns, total):
    moment = Moment(MOMENT.title, MOMENT.done, total, MOMENT.scores, MOMENT.rate, MOMENT.left)
    before, done, rest, after = bar(moment, columns, blocks=True)
    assert len(before + done + rest + after) <= columns
    assert "3/20" in before
    if total and columns >= 40:
        assert len(done + rest) >= 8 and "3m45s left" in after
        assert len(done) == round(len(done + rest) / 4)
    if columns >= 80:
        assert "loss 0.2500" in before + after and "1,234 samples/s" in before + after


# -- lines only ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "unknown")]
)
def test_who_wants_no_control_characters_gets_lines(terminal, monkeypatch, variable, value):
    stream = terminal(80)
    monkeypatch.setenv(variable, value)
    trainer(2, callbacks=[Progress(stream), Speak()]).fit()
    lines = stream.getvalue().split("\n")
    assert len(lines) == 5 and not re.search(r"[\x00-\x1f]", "".join(lines))
    assert lines[1].startswith("1/2* loss") and len(lines[1]) <= 80


def test_an_empty_no_color_means_nothing(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    shown = screen(terminal(80))
    shown.close()
    assert isinstance(shown, Terminal)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_stream_gets_what_its_encoding_has(encoding):
    stream = Encoded(encoding)
    trainer(2, callbacks=[Progress(stream)]).fit()
    assert ("█" in stream.text()) == (encoding == "utf-8")
    Lines(stream).line("→ lower it")
    assert (
        stream.text()
        .rstrip("\r\n")
        .endswith("→ lower it" if encoding == "utf-8" else "? lower it")
    )


def test_no_stream_and_a_closed_one(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    trainer(1, callbacks=[Progress()]).fit()
    closed = io.StringIO()
    closed.close()
    assert isinstance(screen(closed), Lines)


# -- in a notebook ---------------------------------------------------------------------


class Display:
    """Stands for IPython's display: one element and its updates."""

    def __init__(self) -> None:
        self.made = 0
        self.contents: list[dict] = []

    def __call__(self, content, *, raw, display_id):
        assert raw and display_id is True
        self.made += 1
        self.contents.append(content)
        return self

    def update(self, content, *, raw):
        assert raw
        self.contents.append(content)


@pytest.fixture
def notebook(monkeypatch):
    """A fake IPython whose shell has a kernel."""
    display = Display()
    shell = types.SimpleNamespace(kernel=object())
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    module = types.ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr("chainrule.train.progress.PAUSE", 0)
    display.shell = shell
    return display


def test_a_notebook_gets_one_element_that_is_updated(notebook, capsys):
    trainer(2, callbacks=[Progress(), Speak()]).fit()
    assert notebook.made == 1 and capsys.readouterr().out == ""
    last = notebook.contents[-1]
    lines = last["text/plain"].splitlines()
    assert len(lines) == 4 and lines[2].startswith("D18 a finding")
    assert "<progress" not in last["text/html"]
    moving = notebook.contents[-4]["text/html"]
    assert re.search(r'<progress max="1" value="(0\.\d+|1\.0+)"', moving)
    assert "epoch 2/2" in moving and "loss 0." in moving


def test_a_notebook_escapes_what_it_shows(notebook):
    Progress().say(trainer(1), "before")  # without an element it is a line
    shown = Notebook(notebook)
    shown.line("<script>1 & 2")
    content = notebook.contents[-1]
    assert "&lt;script&gt;1 &amp; 2" in content["text/html"]
    assert content["text/plain"] == "<script>1 & 2"


def test_a_long_training_does_not_fill_the_page(notebook):
    shown = Notebook(notebook)
    for number in range(500):
        shown.line(f"epoch {number}")
    lines = notebook.contents[-1]["text/plain"].splitlines()
    assert lines[0] == "(300 earlier lines)" and lines[1:] == [
        f"epoch {n}" for n in range(300, 500)
    ]


def test_ipython_in_a_terminal_is_no_notebook(notebook):
    del notebook.shell.kernel
    assert type(screen(None)) is Lines and notebook.made == 0


def test_a_stream_that_is_given_is_used_in_a_notebook_too(notebook):
    stream = io.StringIO()
    trainer(1, callbacks=[Progress(stream)]).fit()
    assert notebook.made == 0 and "epoch 1/1" in stream.getvalue()


def test_with_ipython_itself(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    pytest.importorskip("IPython", reason="IPython is not installed")
    shells = pytest.importorskip("IPython.core.interactiveshell")
    publishers = pytest.importorskip("IPython.core.displaypub")
    shell = shells.InteractiveShell.instance()
    published = publishers.CapturingDisplayPublisher()
    monkeypatch.setattr(shell, "display_pub", published)
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    monkeypatch.setattr("chainrule.train.progress.PAUSE", 0)
    try:
        trainer(2, callbacks=[Progress()]).fit()
    finally:
        shells.InteractiveShell.clear_instance()
    first, *others = published.outputs
    assert not first["update"] and all(output["update"] for output in others)
    assert len({output["transient"]["display_id"] for output in published.outputs}) == 1
    assert others[-1]["data"]["text/plain"].count("epoch") == 2
