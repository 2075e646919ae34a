"""Samplers, collating and DataLoader."""

from collections import namedtuple
from itertools import chain

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, AxisError, DataError
from chainrule.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
)

Point = namedtuple("Point", "x y")


def numbers(n: int) -> TensorDataset:
    return TensorDataset(cr.arange(n) * 10, cr.arange(n))


class Counting(Dataset):
    """Samples one by one, as plain Python values; remembers what it was asked for."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.asked: list = []

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index):
        self.asked.append(index)
        return float(index), index


def labels(loader: DataLoader) -> list[list[int]]:
    return [y.tolist() for _, y in loader]


# -- order -----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [numbers, Counting], ids=["at once", "one by one"])
@pytest.mark.parametrize(
    ("drop_last", "batches"),
    [(False, [[0, 1], [2, 3], [4]]), (True, [[0, 1], [2, 3]])],
)
def test_batches_in_order(make, drop_last, batches):
    loader = DataLoader(make(5), batch_size=2, drop_last=drop_last)
    assert labels(loader) == batches
    assert len(loader) == len(batches)


@pytest.mark.parametrize("make", [numbers, Counting], ids=["at once", "one by one"])
def test_shuffling_shows_every_sample_once_in_a_new_order_each_time(make):
    loader = DataLoader(make(40), batch_size=7, shuffle=True)
    first, second = (list(chain(*labels(loader))) for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: Subset(d, range(40)), lambda d: d + d])
def test_the_order_comes_from_the_generator_whatever_the_dataset(wrap):
    def order(data, seed):
        generator = cr.Generator().manual_seed(seed)
        return labels(DataLoader(data, 8, shuffle=True, generator=generator))

    data = wrap(numbers(40))
    assert order(data, 3) == order(data, 3) != order(data, 4)


def test_without_a_generator_the_default_one_is_used():
    loader = DataLoader(numbers(30), 5, shuffle=True)
    cr.manual_seed(5)
    first = labels(loader)
    cr.manual_seed(5)
    assert labels(loader) == first


def test_a_dataset_of_ones_own_is_asked_with_plain_numbers():
    data = Counting(4)
    list(DataLoader(data, 2, shuffle=True))
    assert all(type(index) is int for index in data.asked)


def test_samplers_and_batch_samplers_of_ones_own():
    assert labels(DataLoader(numbers(6), 2, sampler=[5, 1, 3])) == [[5, 1], [3]]
    assert labels(DataLoader(numbers(6), batch_sampler=[[0, 5], [2]])) == [[0, 5], [2]]
    assert len(DataLoader(numbers(6), batch_sampler=[[0, 5], [2]])) == 2


class Backwards(SequentialSampler):
    def __iter__(self):
        return reversed(range(len(self)))


class Pairs(BatchSampler):
    def __iter__(self):
        return iter([[0, 1], [1, 0]])


def test_subclasses_of_samplers_have_their_way():
    data = numbers(4)
    assert labels(DataLoader(data, 3, sampler=Backwards(data))) == [[3, 2, 1], [0]]
    pairs = Pairs(SequentialSampler(data), 2, drop_last=False)
    assert labels(DataLoader(data, batch_sampler=pairs)) == [[0, 1], [1, 0]]


def test_single_samples_without_a_batch_axis():
    loader = DataLoader(TensorDataset(cr.arange(3)), batch_size=None)
    assert [x.tolist() for (x,) in loader] == [0, 1, 2]
    assert len(loader) == 3
    (made,) = DataLoader([np.float32(2)], batch_size=None)
    assert made.dtype is cr.float32


def test_an_empty_dataset_in_order_has_no_batches():
    assert labels(DataLoader(numbers(0), 4)) == []


def test_a_collate_fn_of_ones_own_sees_the_list_of_samples():
    loader = DataLoader(numbers(3), 2, collate_fn=len)
    assert list(loader) == [2, 1]


@pytest.mark.parametrize(
    ("sampler", "positions"),
    [
        (SequentialSampler(range(4)), [0, 1, 2, 3]),
        (RandomSampler(range(3), num_samples=7), [0, 0, 1, 1, 2, 2]),
        (RandomSampler(range(1), replacement=True, num_samples=3), [0, 0, 0]),
    ],
)
def test_samplers(sampler, positions):
    drawn = list(sampler)
    assert sorted(drawn)[: len(positions)] == positions
    assert len(drawn) == len(sampler)


def test_drawing_with_replacement_repeats_some():
    drawn = list(RandomSampler(range(100), replacement=True))
    assert len(drawn) == 100 and len(set(drawn)) < 100 and set(drawn) <= set(range(100))


def test_a_batch_sampler_over_any_iterable():
    assert list(BatchSampler(iter("abc"), 2, drop_last=False)) == [["a", "b"], ["c"]]
    assert list(BatchSampler(iter("abc"), 2, drop_last=True)) == [["a", "b"]]


# -- collating -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "dtype", "values"),
    [
        ([1, 2], cr.int64, [1, 2]),
        ([1.0, 2.5], cr.float64, [1.0, 2.5]),
        ([True, False], cr.bool, [True, False]),
        ([np.float32(1), np.float32(2)], cr.float32, [1.0, 2.0]),
        ([np.ones(2, np.int16)] * 2, cr.int16, [[1, 1], [1, 1]]),
        ([cr.zeros(1), cr.ones(1)], cr.float32, [[0.0], [1.0]]),
    ],
)
def test_collating_makes_one_tensor(samples, dtype, values):
    batch = default_collate(samples)
    assert batch.dtype is dtype
    assert batch.tolist() == values


def test_collating_goes_through_containers():
    batch = default_collate(
        [{"p": Point(1, "a"), "q": [2.0, 3]}, {"p": Point(4, "b"), "q": [5.0, 6]}]
    )
    assert isinstance(batch["p"], Point)
    assert (batch["p"].x.tolist(), batch["p"].y) == ([1, 4], ["a", "b"])
    assert [part.tolist() for part in batch["q"]] == [[2.0, 5.0], [3, 6]]


def test_collating_agrees_with_torch():
    torch = pytest.importorskip("torch")
    samples = [
        (1, 2.0, [True, "a"], {"k": np.ones(2)}),
        (3, 4.0, [False, "b"], {"k": np.zeros(2)}),
    ]
    theirs = torch.utils.data.default_collate(samples)
    ours = default_collate(samples)
    assert [x.tolist() for x in ours[:2]] == [x.tolist() for x in theirs[:2]]
    assert str(ours[1].dtype).split(".")[1] == str(theirs[1].dtype).split(".")[1]
    assert list(ours[2][1]) == list(theirs[2][1])
    assert ours[3]["k"].tolist() == theirs[3]["k"].tolist()


# -- errors ----------------------------------------------------------------------------

WRONG = {
    "workers": (
        lambda: DataLoader(numbers(3), num_workers=2),
        ArgumentError,
        "CR704.*num_workers=2",
    ),
    "zero": (lambda: DataLoader(numbers(3), 0), ArgumentError, "CR705.*at least 1, got 0"),
    "negative": (lambda: DataLoader(numbers(3), -4), ArgumentError, "CR705.*got -4"),
    "fraction": (lambda: DataLoader(numbers(3), 2.5), ArgumentError, "CR705.*got 2.5"),
    "bool": (lambda: DataLoader(numbers(3), True), ArgumentError, "CR705.*got True"),
    "two orders": (
        lambda: DataLoader(numbers(3), shuffle=True, sampler=[0]),
        ArgumentError,
        "CR703.*sampler already says the order",
    ),
    "two batchings": (
        lambda: DataLoader(numbers(3), 2, batch_sampler=[[0]]),
        ArgumentError,
        "CR703.*batch_sampler already says the batches",
    ),
    "no batch to drop": (
        lambda: DataLoader(numbers(3), None, drop_last=True),
        ArgumentError,
        "CR703.*no last one",
    ),
    "empty": (lambda: DataLoader(numbers(0), shuffle=True), DataError, "CR706.*no samples"),
    "no draws": (lambda: RandomSampler(range(3), num_samples=0), ArgumentError, "CR705.*=0"),
    "out of range, at once": (
        lambda: list(DataLoader(numbers(3), 2, sampler=[0, 3])),
        AxisError,
        "CR708.*sample 3, but the dataset has 3 samples, 0 to 2",
    ),
    "out of range, one by one": (
        lambda: list(DataLoader([1.0, 2.0], sampler=[5])),
        AxisError,
        "CR708.*sample 5, but the dataset has 2",
    ),
    "shapes": (
        lambda: default_collate([cr.zeros(2), cr.zeros(3)]),
        DataError,
        r"CR707.*\(2,\)|\(3,\).*collate_fn",
    ),
    "parts": (lambda: default_collate([(1,), (1, 2)]), DataError, r"CR707.*\[1, 2\]"),
    "objects": (lambda: default_collate([object()]), DataError, "CR707.*holds a object"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_clear_error(case):
    act, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        act()


def test_an_index_error_inside_a_dataset_is_its_own():
    class Broken(Counting):
        def __getitem__(self, index):
            return [][index]

    with pytest.raises(IndexError, match="list index out of range"):
        list(DataLoader(Broken(3)))
