"""The journal: what is written is read again, also after a crash, a resumption, by others."""

import errno
import json
import math
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import RunError
from chainrule.journal import JOURNAL, Journal, read_journal
from chainrule.journal.plain import number

HEADER = '{"kind":"journal","version":1,"started":"2026-01-01T00:00:00+00:00"}\n'


def kinds(folder):
    return [record["kind"] for record in read_journal(folder)]


def steps(folder):
    return [r["step"] for r in read_journal(folder) if r["kind"] == "scalars"]


def test_what_is_written_is_read_again(tmp_path):
    with Journal(tmp_path / "run") as journal:
        journal.write("run", config={"lr": 0.1}, seed=3)
        journal.scalars(1, {"train_loss": 2.5})
        journal.scalars(2, {"validation_loss": 2.0}, epoch=1, epoch_end=True)
        journal.layers(2, {"fc": {"dead": 0.5}})
        journal.finding(2, {"code": "D21"})
    header, run, step, epoch, layers, finding = read_journal(tmp_path / "run")
    assert header["kind"] == "journal" and header["version"] == 1 and "started" in header
    assert run == {"kind": "run", "config": {"lr": 0.1}, "seed": 3}
    assert step["values"] == {"train_loss": 2.5} and "epoch_end" not in step
    assert epoch["epoch"] == 1 and epoch["epoch_end"] is True
    assert layers["layers"] == {"fc": {"dead": 0.5}}
    assert finding["finding"] == {"code": "D21"}
    assert read_journal(tmp_path / "run" / JOURNAL) == read_journal(tmp_path / "run")


def test_a_record_can_be_read_as_soon_as_it_is_written(tmp_path):
    journal = Journal(tmp_path)
    journal.scalars(1, {"loss": 1.0})
    assert steps(tmp_path) == [1]
    journal.close()
    journal.close()


def test_numbers_of_all_kinds_become_plain_ones(tmp_path):
    given = {
        "nan": math.nan, "inf": math.inf, "low": np.float32(-np.inf), "half": np.float16(0.5),
        "count": np.int64(3), "tensor": cr.tensor([1.5, math.nan]), "array": np.arange(2),
        "path": Path("a"), "none": None, "set": {1}, "nested": {2: math.inf},
    }  # fmt: skip
    with Journal(tmp_path) as journal:
        journal.write("run", **given)
    text = (tmp_path / JOURNAL).read_text()
    assert "NaN" not in text and "Infinity" not in text
    assert read_journal(tmp_path)[1] == {
        "kind": "run", "nan": "nan", "inf": "inf", "low": "-inf", "half": 0.5, "count": 3,
        "tensor": [1.5, "nan"], "array": [0, 1], "path": "a", "none": None, "set": [1],
        "nested": {"2": "inf"},
    }  # fmt: skip


def test_numbers_are_read_as_they_were_written():
    assert [number(x) for x in (1, 0.5, "inf", "-inf")] == [1.0, 0.5, math.inf, -math.inf]
    assert math.isnan(number("nan"))
    assert [number(x) for x in (None, True, "1", [1], 10**400)] == [None] * 4 + [math.inf]


def test_a_half_written_last_line_costs_only_itself(tmp_path):
    with Journal(tmp_path) as journal:
        journal.scalars(1, {"loss": 1.0})
        journal.scalars(2, {"loss": 0.5})
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[:-9])
    assert steps(tmp_path) == [1]
    with Journal(tmp_path) as journal:
        journal.scalars(3, {"loss": 0.25})
    assert steps(tmp_path) == [1, 3]


@pytest.mark.parametrize(
    "damage",
    [
        b"\x00\xff\xfe\x00", b"{}", b"[1, 2]", b"null", b'{"kind": 3}', b'{"kind": "scalars"',
        b'{"kind": "scalars", "step": "x"}', b'{"kind": "scalars", "step": 1.5}',
        b'{"kind": "scalars", "step": true}', b"[" * 100_000, b'{"a": 1}, {"b": 2}',
        b'{"kind":"scalars","step":[1', b'"', b"",
    ],
)  # fmt: skip
def test_damaged_lines_are_skipped(tmp_path, damage):
    good = b'{"kind":"scalars","step":1,"values":{"loss":1.0}}'
    (tmp_path / JOURNAL).write_bytes(
        HEADER.encode() + damage + b"\n" + good + b"\n" + damage + b"\n"
    )
    assert kinds(tmp_path) == ["journal", "scalars"]


def test_unknown_kinds_are_kept_for_those_who_know_them(tmp_path):
    (tmp_path / JOURNAL).write_text(HEADER + '{"kind":"dream","of":1}\n')
    assert kinds(tmp_path) == ["journal", "dream"]


def test_what_a_resumed_training_repeats_did_not_happen_before(tmp_path):
    with Journal(tmp_path) as journal:
        journal.write("run", seed=1)
        for step in range(1, 7):
            journal.scalars(step, {"loss": float(step)})
        journal.finding(5, {"code": "D17"})
    with Journal(tmp_path) as journal:
        journal.write("resumed", step=3)
        journal.scalars(4, {"loss": 40.0})
    assert steps(tmp_path) == [1, 2, 3, 4]
    assert read_journal(tmp_path)[-1]["values"] == {"loss": 40.0}
    assert "finding" not in kinds(tmp_path) and "run" in kinds(tmp_path)


def test_of_a_folder_that_is_used_anew_only_the_last_training_is_read(tmp_path):
    with Journal(tmp_path) as journal:
        journal.write("run", seed=1, model="Old")
        journal.finding(0, {"code": "D18"})
        journal.scalars(0, {"loss": 1.0})
    with Journal(tmp_path) as journal:
        journal.write("resumed", step=0)
        journal.write("run", seed=2)
        journal.scalars(1, {"loss": 2.0})
    assert kinds(tmp_path) == ["journal", "resumed", "run", "scalars"]


def test_a_journal_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied")

    Journal(tmp_path).close()
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(RunError, match=r"CR821: cannot read .*denied. Make it readable"):
        read_journal(tmp_path)


def test_records_of_one_step_are_one_record(tmp_path):
    with Journal(tmp_path) as journal:
        journal.scalars(1, {"loss": 1.0, "a": 1})
        journal.scalars(1, {"loss": 2.0, "b": 2})
        journal.scalars(1, {"loss": 3.0}, epoch=1, epoch_end=True)
        journal.layers(1, {"x": {"dead": 0.0}})
        journal.layers(1, {"y": {"dead": 0.5}})
        journal.write("note", text="one")
        journal.write("note", text="other")
        journal.finding(1, {"code": "D1", "layer": "x"})
        journal.finding(1, {"code": "D1", "layer": "y"})
        journal.finding(1, {"code": "D1", "layer": "y", "verified": True})
    found = read_journal(tmp_path)
    assert [r["values"] for r in found if r["kind"] == "scalars"] == [
        {"loss": 2.0, "a": 1, "b": 2}, {"loss": 3.0},
    ]  # fmt: skip
    assert [set(r["layers"]) for r in found if r["kind"] == "layers"] == [{"x", "y"}]
    assert [r["text"] for r in found if r["kind"] == "note"] == ["one", "other"]
    verified = [r["finding"].get("verified") for r in found if r["kind"] == "finding"]
    assert verified == [None, True]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "CR821"), (b"", "CR821"), (b"\n\n", "CR821"), (b"PK\x03\x04", "CR822"),
        (b'{"loss": 1}\n', "CR822"), (b'{"kind":"scalars"}\n', "CR822"),
        (b'{"kind":"journal","version":2}\n', "CR823"), (b'{"kind":"journal"}\n', "CR823"),
    ],
)  # fmt: skip
def test_what_is_no_journal_is_named(tmp_path, content, code):
    path = tmp_path / JOURNAL
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        read_journal(tmp_path)
    assert caught.value.code == code and str(tmp_path) in str(caught.value)
    if code in ("CR822", "CR823"):
        with pytest.raises(RunError) as caught:
            Journal(tmp_path)
        assert caught.value.code == code
        assert path.read_bytes() == content, "nothing is added to a file of another kind"


def test_an_empty_journal_is_begun(tmp_path):
    (tmp_path / JOURNAL).touch()
    Journal(tmp_path).close()
    assert kinds(tmp_path) == ["journal"]


def test_a_full_disk_is_an_error_that_keeps_what_is_there(tmp_path, monkeypatch):
    class Full:
        def write(self, line):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    journal = Journal(tmp_path)
    journal.scalars(1, {"loss": 1.0})
    journal._file.close()
    journal._file = Full()
    with pytest.raises(RunError, match=r"CR803.*No space left.*unharmed"):
        journal.scalars(2, {"loss": 1.0})
    assert steps(tmp_path) == [1]


class Filling:
    """A file that takes a few bytes at once, and from some moment on none for a while."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, line):
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self.file.write(bytes(line[: min(7, self.room)]))
        self.room -= taken
        return taken

    def close(self):
        self.file.close()


def test_a_line_that_the_system_takes_in_parts_is_whole(tmp_path):
    with Journal(tmp_path) as journal:
        journal._file = Filling(journal._file, 10**6)
        journal.scalars(1, {"loss": 1.0})
        journal.scalars(2, {"loss": 0.5})
    assert steps(tmp_path) == [1, 2]


def test_a_disk_that_was_full_for_a_while_costs_only_what_did_not_fit(tmp_path):
    with Journal(tmp_path) as journal:
        journal._file = Filling(journal._file, 20)
        with pytest.raises(RunError, match="CR803"):
            journal.scalars(1, {"loss": 1.0})
        journal._file.room = 10**6
        journal.scalars(2, {"loss": 0.5})
        journal.scalars(3, {"loss": 0.2})
    assert steps(tmp_path) == [2, 3]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="CR803"):
        Journal(tmp_path / "file")


def test_two_writers_do_not_mix_their_lines(tmp_path):
    one, two = Journal(tmp_path), Journal(tmp_path)
    for step in range(1, 50):
        one.scalars(step, {"a": step})
        two.scalars(step, {"b": step})
    one.close()
    two.close()
    lines = (tmp_path / JOURNAL).read_text().splitlines()
    assert len(lines) == 99 and all(json.loads(line) for line in lines)
    assert read_journal(tmp_path)[-1]["values"] == {"a": 49, "b": 49}
