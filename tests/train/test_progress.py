"""Progress: the lines of epochs, which epoch is best, how fast it goes and for how long."""

import io
import math
import re
import time
import types

import numpy as np
import pytest
from event_reader import summaries
from small_training import points, trainer

import chainrule as cr
from chainrule.errors import ArgumentError
from chainrule.metrics import Mean
from chainrule.train import (
    Callback,
    Checkpoint,
    CSVLog,
    EarlyStopping,
    Progress,
    TensorBoard,
    Trainer,
)
from chainrule.train.epoch_line import (
    LAYOUTS,
    EpochLine,
    columns_of,
    cropped,
    duration,
    left_text,
    number_text,
    plain,
    rate_text,
    sparkline,
)
from chainrule.train.time_left import Pace
from chainrule.utils.data import DataLoader

RECORD = {
    "epoch": 3, "step": 12, "train_loss": 0.25, "learning_rate": 0.1, "validation_loss": 0.5,
    "validation_accuracy": 0.9125, "seconds": 1.5,
}  # fmt: skip


def line(best=True, rate=12345.6, left=225.0, epochs=20, losses=(3.0, 2.0, 1.0), **changes):
    record = RECORD | changes
    return EpochLine(record, epochs, list(losses), "validation_loss", best, rate, left)


def lines_of(epochs=3, monitor=None, callbacks=(), **options) -> list[str]:
    stream = io.StringIO()
    shown = Progress(stream, monitor=monitor)
    trainer(epochs, callbacks=[*callbacks, shown], **options).fit()
    return stream.getvalue().splitlines()


class Scores(Callback):
    """Puts validation losses of one's own into the history."""

    def __init__(self, losses, name="validation_loss") -> None:
        self.losses, self.name = losses, name

    def epoch_ends(self, trainer):
        trainer.history[-1][self.name] = self.losses[trainer.epoch - 1]


# -- the text --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "0.2500"), (12.34567, "12.346"), (123.4567, "123.46"), (1234.567, "1234.6"),
        (123456, "123456"), (1234567, "1.23e6"), (0.001, "0.0010"), (0.000999, "1.0e-3"),
        (1e-12, " 1e-12"), (-0.25, "-0.250"), (-123456.0, "-1.2e5"), (0, "0.0000"),
        (math.nan, "   nan"), (math.inf, "   inf"), (-math.inf, "  -inf"), (True, "1.0000"),
        (1.5e300, " 2e300"),
    ],
)  # fmt: skip
def test_numbers_have_six_characters(value, text):
    assert number_text(value) == text
    assert len(text) == 6


def test_every_float_fits_into_six_characters():
    rng = np.random.default_rng(0)
    for x in np.exp(rng.uniform(-700, 700, 500)) * rng.choice([-1, 1], 500):
        text = number_text(float(x))
        assert len(text) <= 7 and float(text) == pytest.approx(x, rel=0.5)
        if abs(math.log10(abs(x))) < 99:
            assert len(text) == 6


def test_times_have_six_characters_at_most():
    seconds = [0.0, 0.5, 9.994, 9.996, 59.94, 59.96, 90, 3599, 3599.8, 86399, 86400, 8e6]
    texts = [duration(x) for x in seconds]
    assert texts == [
        "0.00 s", "0.50 s", "9.99 s", "10.0 s", "59.9 s", "1m00s", "1m30s", "59m59s", "1h00m",
        "1d00h", "1d00h", "92d14h",
    ]  # fmt: skip
    assert left_text(0.2).split() == ["1", "s", "left"]
    assert left_text(90, at_least=True) == ">1m30s left"
    assert left_text(None).strip() == "" and len(left_text(None)) == len(left_text(5))


def test_rates_have_seven_characters():
    for rate, text in ((None, "?"), (2.345, "2.3"), (123.4, "123"), (99999.6, "100,000")):
        assert rate_text(rate) == f"{text:>7}"


def test_a_sparkline_goes_from_lowest_to_highest():
    assert sparkline([0.0, 7.0, 3.0]) == "▁█▄"
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([math.inf, 1.0, math.nan, 2.0]) == "!▁!█"
    assert sparkline([math.nan]) == "!" and sparkline([]) == ""


def test_a_wide_line_has_everything():
    assert line().text() == (
        "epoch  3/20   loss 0.2500   validation loss 0.5000   validation accuracy  91.2 %   "
        "█▅▁           12,346 samples/s   1.50 s   best    3m45s left"
    )


@pytest.mark.parametrize("width", range(40, 160))
def test_a_line_fits_and_keeps_what_matters(width):
    text = line().text(width)
    assert len(text) <= width
    assert "3/20" in text and "loss 0.2500" in text and " 0.5000" in text
    assert ("best" in text) != ("3/20*" in text)
    if width >= 80:
        assert "91.2 %" in text and "12,346" in text and "█" in text and "3m45s left" in text


@pytest.mark.parametrize("width", [None, 146, 105, 80, 72, 61, 43, 40, 30])
def test_lines_of_all_epochs_align(width):
    several = [
        line().text(width),
        line(best=False, epoch=12, train_loss=-12.5, validation_loss=1e-9).text(width),
        line(rate=None, validation_accuracy=1.0, train_loss=math.nan, seconds=75).text(width),
        line(left=None, losses=range(20), validation_loss=math.inf, seconds=4000).text(width),
    ]
    places = {word: [text.find(word) for text in several if word in text]
              for word in ("loss", "val", "accuracy", "%", "/s", "left", "best")}  # fmt: skip
    for word, found in places.items():
        assert len(set(found)) <= 1, (word, several)


def test_the_narrowest_lines():
    assert line(best=False).text(30) == "3/20  loss 0.2500  val 0.5000".rjust(30)[:30].rstrip()
    assert len(line().text(20)) == 20 and line().text(20).endswith("..")


def test_without_block_characters_there_is_no_sparkline():
    assert line().text(None, blocks=False).isascii()


def test_names_of_metrics_may_be_wide_or_evil():
    text = line(**{"validation_正解": 0.5, "validation_\x1b[2J\n": 1.0}).text()
    assert "validation 正解 0.5000" in text and "\x1b" not in text and "\n" not in text
    for width in (40, 80, 100):
        assert columns_of(line(**{"validation_正解率" * 3: 0.5}).text(width)) <= width
    assert columns_of("e\u0301") == 1
    assert cropped("損失損失", 7) == "損失.." and cropped("損失", 4) == "損失"
    assert plain("a\n b\tc\x07") == "a b c?"


def test_one_epoch_has_no_curve_and_nothing_left():
    text = line(epochs=1, epoch=1, left=None, losses=[1.0]).text()
    assert text.startswith("epoch 1/1   loss") and text.endswith("best")
    assert "█" not in text and "▁" not in text


# -- the callback ----------------------------------------------------------------------


def test_plain_lines_where_there_is_no_terminal():
    lines = lines_of(11)
    assert lines[0] == "running eagerly, as asked for" and len(lines) == 12
    assert lines[1].startswith("epoch  1/11   loss 0.")
    for part in ("validation loss 0.", "validation accuracy ", " %", " samples/s", " s"):
        assert part in lines[-1]
    assert "left" in lines[-2] and "left" not in lines[-1]
    assert not re.search(r"[\x00-\x1f]", "".join(lines))
    assert {text.index("validation loss") for text in lines[1:]} == {28}


def marked(lines) -> list[int]:
    return [number for number, text in enumerate(lines) if re.search(r"\bbest\b", text)]


def test_the_best_epoch_so_far_is_marked():
    assert marked(lines_of(5, callbacks=[Scores([3, 4, 2, math.nan, 1])])) == [1, 3, 5]


def test_without_validation_the_training_loss_says_what_is_best():
    lines = lines_of(3, validation=None, metrics=None)
    assert marked(lines) == [1, 2, 3] and "validation" not in lines[1]


@pytest.mark.parametrize("keeper", ["stopping", "checkpoint", "own"])
def test_best_is_by_the_score_that_is_watched(keeper, tmp_path):
    name = "validation_f1"
    callbacks = [Scores([1, 3, 2], name)]
    if keeper == "stopping":
        callbacks.append(EarlyStopping(9, name, higher_is_better=True))
    if keeper == "checkpoint":
        callbacks.append(Checkpoint(tmp_path, monitor=name, higher_is_better=True))
    stream = io.StringIO()
    own = {"monitor": name, "higher_is_better": True} if keeper == "own" else {}
    trainer(3, callbacks=[*callbacks, Progress(stream, **own)]).fit()
    assert marked(stream.getvalue().splitlines()) == [1, 2]


def test_a_score_that_is_added_later_marks_nothing():
    stream = io.StringIO()
    late = [Progress(stream), Scores([1, 2, 3], "late"), EarlyStopping(9, "late")]
    trainer(3, callbacks=late).fit()
    assert marked(stream.getvalue().splitlines()) == []


def test_a_score_that_nobody_measures():
    with pytest.raises(ArgumentError, match=r"CR809.*'f1'"):
        lines_of(1, monitor="f1")


def test_a_resumed_training_writes_the_lines_it_would_have_written(tmp_path):
    def timeless(text):
        text = re.sub(r"[\d,.?]+ samples/s.*?s   |\d+ s left", "", text)
        return " ".join(text.split())

    whole = [timeless(text) for text in lines_of(6)]
    half = trainer(6, callbacks=[Checkpoint(tmp_path), Progress(io.StringIO())])
    half.epochs = 3
    half.fit()
    stream = io.StringIO()
    resumed = trainer(6, callbacks=[Checkpoint(tmp_path / "2"), Progress(stream)])
    resumed.resume(tmp_path)
    resumed.fit()
    lines = [timeless(text) for text in stream.getvalue().splitlines()]
    assert lines == [whole[0], *whole[4:]]


def test_say_shows_one_line_between_the_others():
    class Doctor(Callback):
        def step_ends(self, trainer):
            if trainer.step == 5:
                trainer.say("D18\tlearning rate\n too high \x1b[31m")

    stream = io.StringIO()
    trainer(2, callbacks=[Progress(stream), Doctor()]).fit()
    assert stream.getvalue().splitlines()[2] == "D18 learning rate too high ?[31m"


def test_what_nobody_shows_goes_to_stderr(capsys):
    trainer(1).say("a finding")
    assert capsys.readouterr() == ("", "a finding\n")
    trainer(1, callbacks=[Progress()]).say("a finding")
    assert capsys.readouterr() == ("a finding\n", "")


def test_progress_costs_next_to_nothing():
    t = types.SimpleNamespace(
        seconds=0.0, batch=0, step=0, epoch=0, epochs=1, history=[], train_loss=Mean(),
        callbacks=[], compile_seconds={}, batches=range(10**6), validation=None, stopped=False,
        execution="",
    )  # fmt: skip
    shown = Progress(io.StringIO())
    shown.training_begins(t)
    took = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(10_000):
            shown.step_ends(t)
        took.append((time.perf_counter() - started) / 10_000)
    assert min(took) < 0.005 * 0.5e-3


# -- how fast and how long -------------------------------------------------------------


class Clock:
    """Stands for the time module; whoever works moves it on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def perf_counter(self) -> float:
        return self.now


class Works(Callback):
    """Steps, validation, checkpoints and compiling that take so many seconds."""

    def __init__(self, clock, step=0.0, after=0.0) -> None:
        self.clock, self.step, self.after = clock, step, after
        self.left: list = []

    def epoch_ends(self, trainer):
        self.clock.now += self.after


def timed(monkeypatch, epochs=4, step=1.0, validation=3.0, after=2.0, compiling=0.0, **options):
    """Fits with a clock of its own; returns the trainer, and what Pace said at each epoch."""
    clock = Clock()
    monkeypatch.setattr("chainrule.train.loop.time", clock)
    monkeypatch.setattr("chainrule.train.time_left.time", clock)
    pace, said = Pace(), []

    class Model(cr.nn.Linear):
        def forward(self, x):
            first = compiling and not compiled
            compiled.setdefault("step" if self.training else "score", compiling)
            clock.now += (step if self.training else validation / 2) + (
                compiling if first else 0
            )
            return super().forward(x)

    class Watch(Callback):
        def training_begins(self, trainer):
            pace.begin(trainer)

        def epoch_begins(self, trainer):
            pace.begin(trainer)

        def step_ends(self, trainer):
            pace.last_seconds = trainer.seconds
            said.append(("step", pace.left(trainer), pace.is_least(trainer)))

        def epoch_ends(self, trainer):
            pace.end_epoch(trainer)
            said.append(("epoch", pace.left(trainer), pace.samples_per_second))

    compiled: dict = {}
    t = trainer(epochs, callbacks=[Watch(), Works(clock, after=after)], **options)
    t.model = Model(2, 2)
    monkeypatch.setattr(Trainer, "compile_seconds", property(lambda self: dict(compiled)))
    t.fit()
    return said


def test_the_time_left_counts_steps_validation_and_checkpoints(monkeypatch):
    said = timed(monkeypatch)
    # an epoch is 4 steps of 1 s, 3 s of validation and 2 s of checkpoints
    at_epochs = [left for kind, left, _ in said if kind == "epoch"]
    assert at_epochs == [3 * 7, 2 * (4 + (5 + 3) / 2), 9, None]
    assert said[6][1] == pytest.approx(3 + 4 + 4 + 3 * 5 - 1)
    rates = {rate for kind, _, rate in said if kind == "epoch"}
    assert rates == {10.0}  # samples of training steps only


def test_before_validation_was_seen_the_time_is_a_lower_limit(monkeypatch):
    said = timed(monkeypatch)
    assert said[0] == ("step", 15.0, True)
    assert said[5][2] is False


def test_compiling_does_not_count(monkeypatch):
    said = timed(monkeypatch, compiling=100.0, after=0.0)
    assert said[0][1] == 15.0
    assert [rate for kind, _, rate in said if kind == "epoch"] == [10.0] * 4


def test_batches_without_a_number_are_counted_in_the_first_epoch(monkeypatch):
    class Batches:
        def __iter__(self):
            return iter(list(DataLoader(points(), 10)))

    said = timed(monkeypatch, batches=Batches(), validation=0.0, after=0.0)
    assert said[0][1] is None
    assert [left for kind, left, _ in said if kind == "epoch"] == [12, 8, 4, None]


def test_a_training_resumed_in_the_middle_counts_what_it_did_itself(monkeypatch, tmp_path):
    class Stop(Callback):
        def step_ends(self, trainer):
            if trainer.step == 6:
                raise KeyboardInterrupt

    first = trainer(4, callbacks=[Checkpoint(tmp_path, every_steps=2), Stop()])
    with pytest.raises(KeyboardInterrupt):
        first.fit()
    resumed = trainer(4, callbacks=[Checkpoint(tmp_path / "2"), Callback()])
    resumed.resume(tmp_path)
    assert (resumed.epoch, resumed.batch) == (1, 2)
    resumed.seconds = 100.0  # a slow machine
    pace = Pace()
    pace.begin(resumed)
    resumed.batch, resumed.step, resumed.seconds = 3, 7, 101.0
    assert pace.left(resumed) == (16 - 7) * 1.0
    assert pace.steps(resumed) == 16


# -- files -----------------------------------------------------------------------------


def test_csv_has_a_row_for_each_epoch(tmp_path):
    path = tmp_path / "history.csv"
    log = CSVLog(path)
    t = trainer(2, callbacks=[log])
    log.training_begins(t)
    assert path.read_text() == ""
    history = t.fit()
    rows = [text.split(",") for text in path.read_text().splitlines()]
    assert rows[0] == list(history[0])
    assert [float(x) for x in rows[2]] == list(history[1].values())


def test_csv_has_the_columns_of_all_epochs(tmp_path):
    class Late(Callback):
        def epoch_ends(self, trainer):
            if trainer.epoch == 2:
                trainer.history[-1]["note, odd"] = 'a "b"'

    trainer(2, callbacks=[Late(), CSVLog(tmp_path / "h.csv")]).fit()
    rows = (tmp_path / "h.csv").read_text().splitlines()
    assert rows[0].endswith(',"note, odd"') and rows[1].endswith(",")
    assert rows[2].endswith(',"a ""b"""')


def scalars(folder) -> dict[str, list]:
    found: dict[str, list] = {}
    for path in sorted(folder.glob("events.*")):
        for tag, step, value in summaries(path):
            found.setdefault(tag, []).append((step, value.get(2, [None])[0]))
    return found


def test_tensorboard_gets_curves_histograms_and_norms(tmp_path):
    board = TensorBoard(tmp_path, every_steps=3, histograms=2, gradient_norms=True)
    t = trainer(2, callbacks=[board])
    history = t.fit()
    t.say("a finding")
    found = scalars(tmp_path)
    assert [step for step, _ in found["loss/step"]] == [3, 6]
    assert found["loss/train"] == [
        (r["step"], pytest.approx(r["train_loss"], rel=1e-6)) for r in history
    ]
    for tag in ("loss/validation", "accuracy/validation", "learning_rate",
                "gradient_norm/weight", "samples_per_second"):  # fmt: skip
        assert [step for step, _ in found[tag]] == [4, 8]
    assert [step for step, _ in found["weights/bias"]] == [8]
    assert [step for step, _ in found["gradients/weight"]] == [8]
    gradient = np.linalg.norm(t.model.weight.grad.numpy())
    assert found["gradient_norm/weight"][1][1] == pytest.approx(gradient, rel=1e-6)
    assert [step for step, _ in found["alerts/text_summary"]] == [8]
    assert not {"epoch", "step", "seconds"} & set(found)


def test_tensorboard_of_a_broken_training(tmp_path):
    class Break(Callback):
        def step_ends(self, trainer):
            with cr.no_grad():
                trainer.model.weight.fill_(math.nan)

    board = TensorBoard(tmp_path, every_steps=None, histograms=1)
    trainer(1, callbacks=[Break(), board]).fit()
    found = scalars(tmp_path)
    assert math.isnan(found["loss/validation"][0][1])
    assert "weights/weight" not in found


def test_tensorboard_hides_what_a_resumed_training_does_again(tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def make():
        board = TensorBoard(tmp_path / "board", every_steps=1)
        return trainer(3, callbacks=[board, Checkpoint(tmp_path / "last")])

    class Stop(Callback):
        def step_ends(self, trainer):
            if trainer.step == 6:
                raise KeyboardInterrupt

    first = make()
    first._listeners["step_ends"].append(lambda t: Stop().step_ends(t))
    with pytest.raises(KeyboardInterrupt):
        first.fit()
    resumed = make()
    resumed.resume(tmp_path / "last")
    resumed.fit()
    read = module.EventAccumulator(str(tmp_path / "board"))
    read.Reload()
    assert [event.step for event in read.Scalars("loss/step")] == list(range(1, 13))


@pytest.mark.parametrize("options", [{"every_steps": 0}, {"histograms": 0}])
def test_tensorboard_every_so_often_is_at_least_one(tmp_path, options):
    with pytest.raises(ArgumentError, match="CR808"):
        TensorBoard(tmp_path, **options)


def test_layouts_go_from_wide_to_narrow():
    widths = [len(line()._in(layout)) for layout in LAYOUTS]
    assert widths == sorted(widths, reverse=True)
