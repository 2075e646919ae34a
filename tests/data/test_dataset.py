"""Datasets and splits."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.dataset import is_deterministic, read_batch
from chainrule.errors import AxisError, DataError
from chainrule.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


def numbers(n: int) -> TensorDataset:
    return TensorDataset(cr.arange(n) * 10, cr.arange(n))


class Doubled(TensorDataset):
    """Changes what one sample is, so reading many at once would be wrong."""

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return 2 * x, y


def test_a_sample_is_a_tuple_with_one_element_of_each_tensor():
    x, y = numbers(5)[3]
    assert (x.item(), y.item()) == (30, 3)


def test_many_samples_at_once_equal_them_one_by_one():
    x, y = read_batch(numbers(5), np.array([4, 0]))
    assert (x.tolist(), y.tolist()) == ([40, 0], [4, 0])


def test_a_batch_does_not_share_memory_with_the_dataset():
    data = numbers(3)
    read_batch(data, np.array([0, 1]))[0].numpy()[:] = 7
    assert data.tensors[0].tolist() == [0, 10, 20]


def test_a_subclass_that_changes_the_samples_is_asked_for_each():
    x, _ = read_batch(Doubled(cr.arange(4), cr.arange(4)), np.array([3, 1]))
    assert x.tolist() == [6, 2]


def test_a_subset_of_a_subset():
    inner = Subset(numbers(10), [1, 3, 5, 7, 9])
    outer = Subset(inner, [4, 0])
    assert [x.item() for x, _ in outer] == [90, 10]
    assert read_batch(outer, np.array([1, 0]))[0].tolist() == [10, 90]


def test_a_subset_of_something_that_is_no_dataset():
    assert read_batch(Subset(list("abc"), [2, 0]), np.array([0, 1])) == ["c", "a"]


def test_concatenation_goes_on_where_the_first_ends():
    both = numbers(2) + numbers(3)
    assert [y.item() for _, y in both] == [0, 1, 0, 1, 2]
    assert both[-1][1].item() == 2
    assert read_batch(both, np.array([4, 1]))[1].tolist() == [2, 1]


@pytest.mark.parametrize("position", [5, -6])
def test_concatenation_has_an_end(position):
    with pytest.raises(AxisError, match=r"CR708: sample -?\d of a dataset that has 5"):
        (numbers(2) + numbers(3))[position]


def test_a_dataset_says_what_it_lacks():
    with pytest.raises(NotImplementedError, match="Dataset must define __getitem__"):
        Dataset()[0]
    with pytest.raises(TypeError, match="Dataset must define __len__"):
        len(Dataset())


@pytest.mark.parametrize(
    ("tensors", "shapes"),
    [
        ((cr.zeros(3, 2), cr.zeros(2)), r"\(3, 2\), \(2,\)"),
        ((cr.zeros(3), cr.tensor(1.0)), r"\(3,\), \(\)"),
        ((), "none at all"),
    ],
)
def test_tensors_of_unequal_lengths(tensors, shapes):
    with pytest.raises(DataError, match=f"CR701.*{shapes}"):
        TensorDataset(*tensors)


def test_concatenating_nothing():
    with pytest.raises(DataError, match="CR706"):
        ConcatDataset([])


class Letters(IterableDataset):
    def __init__(self, text):
        self.text = text

    def __iter__(self):
        return iter(self.text)


def test_datasets_that_are_read_to_the_end():
    both = Letters("ab") + Letters("c")
    assert isinstance(both, ChainDataset) and list(both) == list("abc")
    with pytest.raises(NotImplementedError, match="Letters is an IterableDataset"):
        Letters("a")[0]
    with pytest.raises(NotImplementedError, match="must define __iter__"):
        iter(IterableDataset())
    with pytest.raises(TypeError, match=r"CR903.*got TensorDataset.*ConcatDataset"):
        list(ChainDataset([numbers(2)]))
    with pytest.raises(TypeError, match=r"CR903.*Letters is an IterableDataset.*ChainDataset"):
        ConcatDataset([Letters("a")])


def test_datasets_side_by_side():
    assert StackDataset("ab", [1, 2])[1] == ("b", 2)
    named = StackDataset(letter="ab", number=Subset([1, 2, 3], [2, 0]))
    assert named[0] == {"letter": "a", "number": 3} and len(named) == 2
    assert named.__getitems__([1, 0]) == [named[1], named[0]]
    assert StackDataset([1, 2]).__getitems__([1]) == [(2,)]


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [((), {}, "either"), (([1],), {"a": [1]}, "either"), (([1], [1, 2]), {}, r"\[1, 2\]")],
)
def test_datasets_that_do_not_stand_side_by_side(args, kwargs, message):
    with pytest.raises(ValueError, match=f"CR729.*{message}"):
        StackDataset(*args, **kwargs)


def test_a_list_of_positions_of_a_subset():
    assert Subset(np.arange(5) * 2, [4, 1, 0])[[2, 0]].tolist() == [0, 8]


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (numbers(2), True),
        (Subset(numbers(2), [0]), True),
        (numbers(2) + numbers(2), True),
        (StackDataset(a=numbers(2), b=[1, 2]), True),
        (Doubled(cr.zeros(2), cr.zeros(2)), False),
        (Subset(Doubled(cr.zeros(2), cr.zeros(2)), [0]), False),
        (Dataset(), False),
    ],
)
def test_which_datasets_are_known_to_draw_nothing(dataset, expected):
    assert is_deterministic(dataset) == expected


def test_datasets_take_types():
    class Typed(Dataset[int]):
        def __len__(self):
            return 1

    assert len(Typed()) == 1


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([7, 3], [7, 3]),
        ([0.5, 0.5], [5, 5]),
        ([0.75, 0.25], [8, 2]),
        ([1 / 3, 1 / 3, 1 / 3], [4, 3, 3]),
        ([1.0], [10]),
        ([10, 0], [10, 0]),
    ],
)
def test_random_split_shares_everything_out(lengths, sizes):
    parts = random_split(numbers(10), lengths)
    assert [len(part) for part in parts] == sizes
    assert sorted(y.item() for part in parts for _, y in part) == list(range(10))


def test_random_split_depends_on_the_generator_only():
    def split(seed):
        parts = random_split(range(50), [25, 25], generator=cr.Generator().manual_seed(seed))
        return [list(part) for part in parts]

    assert split(1) == split(1) != split(2)


@pytest.mark.parametrize("lengths", [[7, 4], [0.5, 0.4], [11, -1], [0.5, 0.6], []])
def test_random_split_that_does_not_add_up(lengths):
    with pytest.raises(DataError, match=r"CR702.*but the dataset has 10 samples"):
        random_split(numbers(10), lengths)
