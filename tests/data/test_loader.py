"""Samplers, collating and DataLoader."""

import copy
import inspect
import pickle
from collections import OrderedDict, UserDict, defaultdict, deque, namedtuple
from itertools import chain

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ArgumentTypeError, AxisError, DataError
from chainrule.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
)
from chainrule.utils.data._utils.collate import collate, default_collate_fn_map

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
        (RandomSampler(range(3), num_samples=6), [0, 0, 1, 1, 2, 2]),
        (SubsetRandomSampler([7, 3, 5]), [3, 5, 7]),
        (SubsetRandomSampler("abc"), ["a", "b", "c"]),
        (SubsetRandomSampler([]), []),
        (WeightedRandomSampler([0, 2.5, 0], 3), [1, 1, 1]),
        (WeightedRandomSampler(np.ones(3), 3, replacement=False), [0, 1, 2]),
        (RandomSampler(range(1), replacement=True, num_samples=3), [0, 0, 0]),
    ],
)
def test_samplers(sampler, positions):
    drawn = list(sampler)
    assert sorted(drawn)[: len(positions)] == positions
    assert len(drawn) == len(sampler)


def test_weights_are_probabilities():
    generator = cr.Generator().manual_seed(0)
    sampler = WeightedRandomSampler([1.0, 0.0, 3.0, 4.0], 8000, generator=generator)
    counts = np.bincount(list(sampler), minlength=4)
    assert counts[1] == 0
    assert np.allclose(counts / 8000, [0.125, 0, 0.375, 0.5], atol=0.02)
    few = WeightedRandomSampler([1.0, 1e-9, 1.0], 2, replacement=False, generator=generator)
    assert sorted(few) == [0, 2]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("n", "replicas"), [(10, 2), (11, 4), (1, 3), (0, 2), (3, 3)])
def test_shares_of_several_programs(n, replicas, drop_last):
    data = pytest.importorskip("torch.utils.data")
    for rank in range(replicas):
        ours = DistributedSampler(range(n), replicas, rank, False, drop_last=drop_last)
        if n:
            theirs = data.DistributedSampler(range(n), replicas, rank, False, 0, drop_last)
            assert list(ours) == list(theirs) and len(ours) == len(theirs)
        else:
            assert list(ours) == []


def test_shuffled_shares_do_not_overlap_and_follow_the_epoch():
    samplers = [DistributedSampler(range(12), 3, rank, seed=5) for rank in range(3)]
    first = [list(sampler) for sampler in samplers]
    assert sorted(chain(*first)) == list(range(12))
    assert first == [list(sampler) for sampler in samplers]
    samplers[0].set_epoch(1)
    assert list(samplers[0]) != first[0]


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


def samples_of(library) -> dict:
    """Samples of every kind that is collated."""
    one = library.ones(2)
    return {
        "mixed": [(1, 2.0, [True, "a"], {"k": np.ones(2)}), (3, 4.0, [False, "b"], {"k": one})],
        "floats first": [2.5, 1],
        "integers first": [1, 2.5],
        "bytes": [b"a", b"b"],
        "text of NumPy": [np.str_("a")] * 2,
        "named": [Point(1, 2.0), Point(3, 4.0)],
        "ordered": [OrderedDict(a=1, b="x")] * 2,
        "default": [defaultdict(int, a=1)] * 2,
        "user's": [UserDict(a=1)] * 2,
        "queue": [deque([1, 2])] * 2,
        "range": [range(2)] * 3,
        "empty": [(), ()],
        "numbers": [np.float32(1), np.float32(2)],
        "half": [np.float16(1)],
        "bool": [np.bool_(True)] * 2,
        "array and list": [np.ones(2), [1, 2]],
        "0-d": [np.array(1.5)] * 2,
        "tensors": [one, one],
    }


def described(batch):
    """A batch in words that both libraries share."""
    if hasattr(batch, "dtype") and hasattr(batch, "tolist"):
        return str(batch.dtype).split(".")[-1], batch.tolist()
    if isinstance(batch, (dict, UserDict)):
        return type(batch), {key: described(part) for key, part in batch.items()}
    if isinstance(batch, (list, tuple, deque)):
        return type(batch), [described(part) for part in batch]
    return batch


@pytest.mark.parametrize("case", [c for c in samples_of(cr) if c != "mixed"])
def test_collating_agrees_with_torch(case):
    torch = pytest.importorskip("torch")
    theirs = torch.utils.data.default_collate(samples_of(torch)[case])
    assert described(default_collate(samples_of(cr)[case])) == described(theirs)


@pytest.mark.parametrize("case", samples_of(cr))
def test_converting_agrees_with_torch(case):
    torch = pytest.importorskip("torch")
    theirs = torch.utils.data.default_convert(samples_of(torch)[case])
    assert described(default_convert(samples_of(cr)[case])) == described(theirs)


SAME_SIGNATURE = [
    *("DataLoader", "DistributedSampler", "StackDataset", "ChainDataset", "default_collate"),
    *("RandomSampler", "BatchSampler", "SubsetRandomSampler", "WeightedRandomSampler"),
]


def test_the_signature_is_torch_s():
    data = pytest.importorskip("torch.utils.data")
    for name in SAME_SIGNATURE:
        ours, theirs = (
            {p.name: (p.kind, p.default) for p in inspect.signature(f).parameters.values()}
            for f in (getattr(cr.utils.data, name), getattr(data, name))
        )
        assert list(ours.items()) == list(theirs.items()), name


def test_types_of_one_s_own_may_be_collated():
    def joined(points, *, collate_fn_map):
        return [p.x for p in points]

    rules = {**default_collate_fn_map, Point: joined}
    assert collate([(Point(1, 2), 3)], collate_fn_map=rules)[0] == [1]
    with pytest.raises(ArgumentTypeError, match=r"CR707.*holds a int"):
        collate([1], collate_fn_map={})


# -- more of the interface -------------------------------------------------------------


def test_keys_that_are_no_numbers():
    loader = DataLoader({"a": 1, "b": 2, "c": 3}, 2, sampler=["c", "a", "b"])
    assert [x.tolist() for x in loader] == [[3, 1], [2]]


def test_many_samples_at_once_from_getitems():
    class Listing(Counting):
        def __getitems__(self, indices):
            return [("listed", i) for i in indices]

    assert next(iter(DataLoader(Listing(4), 3)))[0] == ["listed"] * 3
    part = Subset(Listing(4), [3, 2])
    assert next(iter(DataLoader(part, 2, collate_fn=list))) == [("listed", 3), ("listed", 2)]


def test_an_iterator_has_the_length_of_its_loader():
    assert len(iter(DataLoader(numbers(5), 2))) == 3


def test_a_loader_can_be_copied_and_pickled():
    loader = DataLoader(numbers(4), 2)
    list(loader)
    for twin in (copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        assert labels(twin) == [[0, 1], [2, 3]]


def test_samplers_take_types_and_sources():
    class Typed(Sampler[int]):
        def __init__(self, source):
            super().__init__(source)

        def __iter__(self):
            return iter([1])

    assert labels(DataLoader(numbers(2), sampler=Typed([0]))) == [[1]]


# -- errors ----------------------------------------------------------------------------

WRONG = {
    "workers": (
        lambda: DataLoader(numbers(3), num_workers=-2),
        ArgumentError,
        "CR704.*num_workers is at least 0, got -2",
    ),
    "half a worker": (
        lambda: DataLoader(numbers(3), num_workers=1.5),
        ArgumentTypeError,
        "CR704.*got 1.5",
    ),
    "timeout": (lambda: DataLoader(numbers(3), timeout=-1), ArgumentError, "CR704.*timeout"),
    "prefetch": (
        lambda: DataLoader(numbers(3), num_workers=1, prefetch_factor=0),
        ArgumentError,
        "CR704.*prefetch_factor is at least 1, got 0",
    ),
    "context": (
        lambda: DataLoader(numbers(3), num_workers=1, multiprocessing_context="knife"),
        ArgumentError,
        "CR704.*spawn.*got 'knife'",
    ),
    "context's type": (
        lambda: DataLoader(numbers(3), num_workers=1, multiprocessing_context=3),
        ArgumentTypeError,
        "CR704.*got 3",
    ),
    "no workers": (
        lambda: DataLoader(numbers(3), timeout=3, prefetch_factor=2, persistent_workers=True),
        ArgumentError,
        "CR703.*timeout and prefetch_factor and persistent_workers.*num_workers above 0",
    ),
    "order of a stream": (
        lambda: DataLoader(IterableDataset(), shuffle=True),
        ArgumentError,
        "CR703.*IterableDataset has an order",
    ),
    "changed": (
        lambda: setattr(DataLoader(numbers(3)), "batch_size", 2),
        ArgumentError,
        "CR730: batch_size.*build another",
    ),
    "weights": (
        lambda: WeightedRandomSampler([1.0, -2.0], 2),
        ArgumentError,
        "CR726.*got -2 to 1",
    ),
    "no weight": (lambda: WeightedRandomSampler([0.0], 2), ArgumentError, "CR726.*got 0 to 0"),
    "table of weights": (
        lambda: WeightedRandomSampler([[1.0]], 2),
        ArgumentError,
        r"CR726.*shape \(1, 1\)",
    ),
    "few weights": (
        lambda: WeightedRandomSampler([1.0], 2, replacement=False),
        ArgumentError,
        "CR726.*2 samples without replacement.*got 1",
    ),
    "no weighted draws": (
        lambda: WeightedRandomSampler([1.0], True),
        ArgumentError,
        "CR705.*num_samples=True",
    ),
    "flag": (
        lambda: RandomSampler(range(3), replacement=2),
        ArgumentTypeError,
        "CR903.*replacement is True or False, got 2",
    ),
    "programs": (lambda: DistributedSampler(range(3)), ArgumentError, "CR724.*num_replicas=4"),
    "rank": (
        lambda: DistributedSampler(range(3), 2, 2),
        ArgumentError,
        "CR724.*rank=2 of num_replicas=2",
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
    "keys": (
        lambda: default_collate([{"a": 1}, {"b": 2}]),
        DataError,
        r"CR707.*no 'a'.*\['b'\]",
    ),
    "words": (
        lambda: default_collate([np.array(["a"])]),
        ArgumentTypeError,
        "CR707.*array of <U1",
    ),
    "objects": (lambda: default_collate([object()]), ArgumentTypeError, "CR707.*a object"),
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
