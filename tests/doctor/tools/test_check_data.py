"""check_data: every fault has a sick and a healthy set, and nothing is touched."""

import json
import time

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.digits import digits
from chainrule.doctor.tools import check_data
from chainrule.errors import ArgumentError, ArgumentTypeError, DataError
from chainrule.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

RNG = np.random.default_rng(0)
N = 240
X = RNG.normal(size=(N, 5)).astype(np.float32)
Y = RNG.integers(0, 4, N)


def codes(data, validation=None, **options):
    return [f.code for f in check_data(data, validation, **options).findings]


def changed(x, place, value):
    x = x.copy()
    x[place] = value
    return x


def only(findings, code):
    (found,) = [f for f in findings if f.code == code]
    return found


def test_healthy_data_has_no_findings():
    train, validation, _ = digits()
    loader = DataLoader(train, 32, shuffle=True)
    report = check_data(loader, DataLoader(validation, 64))
    assert report.findings == () and not report
    assert (report.samples, report.total, len(report.classes)) == (1258, 1258, 10)
    assert "nothing wrong was found" in str(report)
    assert codes((X, Y)) == codes(TensorDataset(cr.tensor(X), cr.tensor(Y))) == []
    assert codes((X, RNG.normal(size=N))) == codes(X) == []
    ids = RNG.integers(0, 1000, (N, 12))
    assert codes((ids, Y)) == []
    labels = RNG.integers(0, 2, (N, 1)).astype(np.float32)
    flat = DataLoader([(x.flatten(), y) for x, y in zip(*train.tensors)], 32, shuffle=True)
    assert codes(flat) == []  # corners are nearly always 0
    rare = np.c_[X, (RNG.random(N) < 0.02)].astype(np.float32)
    assert codes((rare, labels)) == []


def test_numbers_that_are_not_finite():
    report = check_data((changed(X, (17, 3), np.nan), changed(Y.astype(float), 5, np.inf)))
    first, second = [f for f in report.findings if f.code == "D11"]
    assert "sample 17" in first.evidence and "column 3" in first.evidence
    assert "sample 5" in second.evidence and second.layer == "targets"
    assert report and report.findings[0].severity == "fatal"
    image = changed(RNG.normal(size=(20, 1, 4, 4)), (3, 0, 2, 1), np.inf)
    assert "(0, 2, 1)" in only(check_data(image).findings, "D11").evidence
    found = check_data((X, Y), (changed(X + 0.1, (1, 1), np.nan), Y)).findings
    assert "in the validation data" in only(found, "D11").evidence


def test_scales():
    raw = X * np.array([1, 1000, 1, 1, 0.1], np.float32)
    found = only(check_data((raw, Y)).findings, "D12")
    assert "feature 1" in found.evidence and "feature 4" in found.evidence
    assert "std" in found.change
    pixels = RNG.integers(0, 256, (40, 1, 6, 6))
    assert "/ 255" in only(check_data(pixels.astype(np.float32)).findings, "D12").change
    assert only(check_data(pixels.astype(np.uint8)).findings, "D12").severity == "note"
    assert codes((X * 5, Y)) == []
    assert codes((X / 255, Y)) == ["D13"]


def test_constant_features():
    found = only(check_data((changed(X, (slice(None), 2), 3.0), Y)).findings, "D12")
    assert found.severity == "note" and "2 (always 3)" in found.evidence
    same = np.ones((N, 5), np.float32)
    assert check_data((same, RNG.normal(size=N))).findings[0].severity == "fatal"
    dark = RNG.random((40, 2, 6, 6)) * np.array([1, 0])[:, None, None]
    assert "1 of 2 features" in only(check_data(dark).findings, "D12").evidence


@pytest.mark.parametrize(
    ("targets", "code", "words"),
    [
        (RNG.choice([-1, 1], N), "D07", "(targets + 1) / 2"),
        (Y + 1, "D07", "targets - 1"),
        (Y * 2, "D07", "return_inverse"),
        ((RNG.random(N) < 0.05).astype(int), "D32", "weight="),
        (np.zeros(N, int), "D32", "labels"),
        (100 + 50 * RNG.normal(size=(N, 1)), "D14", "targets - "),
        (5 + RNG.normal(size=N), "D14", "targets - "),
    ],
)
def test_targets(targets, code, words):
    found = only(check_data((X, targets)).findings, code)
    assert words in found.change and found.layer == "targets"


def test_order():
    order = np.argsort(Y)
    dataset = TensorDataset(cr.tensor(X[order]), cr.tensor(Y[order]))
    assert codes(DataLoader(dataset, 20)) == ["D24"]
    assert codes(DataLoader(dataset, 20, shuffle=True)) == []
    assert check_data(dataset, samples=N).findings == ()  # one block tells no order
    values = np.sort(RNG.normal(size=N))
    found = check_data(DataLoader(TensorDataset(cr.tensor(X), cr.tensor(values)), 20))
    assert [f.code for f in found.findings] == ["D24"]
    assert "D24" not in codes(DataLoader(TensorDataset(cr.tensor(X), cr.tensor(Y)), 3))


def test_copies_and_overlap():
    twice = np.concatenate([X, X[:60]]), np.concatenate([Y, Y[:60]])
    found = only(check_data(twice).findings, "D25")
    assert "60 of 300" in found.evidence and found.severity == "serious"
    wrong = twice[0], np.concatenate([Y, (Y[:60] + 1) % 4])
    assert "equal inputs" in only(check_data(wrong).findings, "D26").title
    shared = check_data((X, Y), (X[:50].astype(np.float64), Y[:50]))
    assert "50 of 50" in only(shared.findings, "D25").evidence
    assert codes((X, Y), (RNG.normal(size=(50, 5)), Y[:50])) == []
    coarse = RNG.integers(0, 3, (N, 2)).astype(np.float32)
    assert codes((coarse, Y), (coarse[:50], Y[:50])) == []


def test_validation_on_another_scale():
    other = RNG.normal(size=(60, 5)).astype(np.float32)
    assert codes((X, Y), (other, Y[:60])) == []
    for sick in (other + 3, other / 10):
        assert "another scale" in only(check_data((X, Y), (sick, Y[:60])).findings, "D12").title


def test_batches_of_different_forms():
    batches = [(cr.randn(4, 3), cr.zeros(4)), (cr.randn(4, 5).double(), cr.ones(4))]
    found = only(check_data(batches * 2).findings, "D08")
    assert "float64 [5] from batch 1" in found.evidence and found.severity == "serious"
    lengths = [cr.randn(4, n, 2) for n in (3, 5)]
    assert only(check_data(lengths).findings, "D08").severity == "note"


def test_batches_of_all_forms_are_read():
    rows = [{"x": X[i], "extra": (X[i, :2], X[i, 2:]), "label": int(Y[i])} for i in range(N)]
    report = check_data(DataLoader(rows, 40, shuffle=True))
    assert set(report.statistics) == {"inputs['x']", "inputs['extra'][0]",
                                      "inputs['extra'][1]", "targets"}  # fmt: skip
    assert sum(report.classes.values()) == N
    three = TensorDataset(cr.tensor(X), cr.tensor(X[:, 0]), cr.tensor(Y))
    assert set(check_data(three).statistics) == {"inputs[0]", "inputs[1]", "targets"}
    words = [(["a", "b"], cr.randn(2, 3), cr.zeros(2))]
    assert "inputs[1]" in check_data(words).statistics
    assert check_data(cr.tensor(X).bfloat16()).samples == N

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([(X[i], int(Y[i])) for i in range(N)])

    report = check_data(DataLoader(Stream(), 24))
    assert (report.samples, report.total) == (N, None)


def test_limits_are_kept_and_said():
    class Large(Dataset):
        reads = 0

        def __len__(self):
            return 10**7

        def __getitem__(self, i):
            Large.reads += 1
            return (np.full(3, np.nan) if i == 10**7 - 1 else X[i % N, :3]), int(i % 4)

    report = check_data(Large(), samples=100)
    assert report.samples == 100 and "looked at 100 of 10,000,000 samples" in str(report)
    assert "sample 9999999" in only(report.findings, "D11").evidence
    endless = ((cr.randn(8, 3), cr.randn(8)) for _ in iter(int, 1))
    began = time.perf_counter()
    assert check_data(endless, samples=10**9, seconds=0.2).samples > 0
    assert time.perf_counter() - began < 2


def test_loaders_and_random_numbers_are_left_alone():
    class Noisy(Dataset):
        def __init__(self):
            self.stream = np.random.default_rng(1)
            self.reads = 0

        def __len__(self):
            return N

        def __getitem__(self, i):
            self.reads += 1
            return X[i] + self.stream.normal(size=5).astype(np.float32), int(Y[i])

    dataset = Noisy()
    loader = DataLoader(dataset, 20, shuffle=True, generator=cr.Generator().manual_seed(5))
    batches = iter(loader)
    next(batches)
    kept = [loader.state_dict(), dataset.stream.bit_generator.state, dataset.reads,
            cr.get_rng_state().tolist()]  # fmt: skip
    check_data(loader, dataset)
    assert [loader.state_dict(), dataset.stream.bit_generator.state, dataset.reads,
            cr.get_rng_state().tolist()] == kept  # fmt: skip
    assert len(list(batches)) == 11


def test_it_is_json_in_the_form_of_the_journal():
    report = check_data((changed(X, (0, 0), np.nan), Y + 1))
    values = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    wanted = {"code", "title", "severity", "layer", "step", "evidence", "cause", "change",
              "source", "verified", "consequences"}  # fmt: skip
    assert wanted <= values["findings"][0].keys()
    assert values["classes"]["1"] == int((Y == 0).sum())
    text = str(report)
    assert text.index("D11") < text.index("D07") and "  change     " in text


def test_wrong_use():
    def broken():
        yield X[:4], Y[:4]
        raise OSError("the user's own error")

    for code, kind, call in [
        ("CR830", DataError, lambda: check_data([])),
        ("CR835", ArgumentError, lambda: check_data((X, Y), samples=0)),
        ("CR839", ArgumentTypeError, lambda: check_data("path/to/data")),
        ("CR839", ArgumentTypeError, lambda: check_data([(["a"], ["b"])])),
        ("CR839", ArgumentTypeError, lambda: check_data((X, Y[:-1]))),
        ("own error", OSError, lambda: check_data(broken())),
    ]:
        with pytest.raises(kind, match=code):
            call()
