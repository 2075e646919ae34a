"""Going on in the middle of a pass: everything is as if there had been no interruption."""

import json
import multiprocessing
import random

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError
from chainrule.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="classes of tests need fork"
)
N = 11


class Augmented(Dataset):
    def __init__(self) -> None:
        self.stream = np.random.default_rng(3)

    def __len__(self) -> int:
        return N

    def __getitem__(self, index):
        return index, cr.rand(1), random.random(), np.random.rand(), self.stream.random()


class Shuffled(Sampler):
    """Draws all of its order when the pass begins, like most samplers that people write."""

    def __init__(self, shuffle) -> None:
        self.shuffle = shuffle

    def __iter__(self):
        order = list(range(N))
        self.shuffle(order)
        return iter(order)

    def __len__(self) -> int:
        return N


class Drawing(Sampler):
    """Draws position by position, and does not know how many there will be."""

    def __init__(self, draw) -> None:
        self.draw = draw

    def __iter__(self):
        for _ in range(N):
            yield self.draw()


class Holding(Sampler):
    """Has generators of its own, and an epoch."""

    def __init__(self) -> None:
        self.numpy_stream = np.random.default_rng(1)
        self.state = np.random.RandomState(2)
        self.python_stream = random.Random(3)
        self.streams = {"mine": cr.Generator().manual_seed(4)}
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self):
        start = self.state.randint(N) + self.epoch
        for _ in range(N // 2):
            yield int(self.numpy_stream.integers(N))
            yield (self.python_stream.randrange(N) + start) % N
            yield cr.randint(0, N, (), generator=self.streams["mine"]).item()


def shuffle_with_chainrule(order: list) -> None:
    order[:] = cr.randperm(len(order)).tolist()


def batched(sampler, **options):
    return lambda: {"batch_sampler": BatchSampler(sampler, 2, drop_last=False), **options}


ORDERS = {
    "in order": dict,
    "shuffle": lambda: {"shuffle": True},
    "dropping": lambda: {"shuffle": True, "drop_last": True},
    "generator": lambda: {"shuffle": True, "generator": cr.Generator().manual_seed(9)},
    "replacement": lambda: {"sampler": RandomSampler(range(N), replacement=True)},
    "own generator": lambda: {
        "sampler": RandomSampler(range(N), generator=cr.Generator().manual_seed(8))
    },
    "weights": lambda: {"sampler": WeightedRandomSampler(np.arange(N) + 1.0, N)},
    "subset": lambda: {"sampler": SubsetRandomSampler(range(1, N))},
    "share": lambda: {"sampler": DistributedSampler(range(N), 1, 0)},
    "list": lambda: {"sampler": list(range(N))[::-1]},
    "batches": lambda: {
        "batch_sampler": BatchSampler(SubsetRandomSampler(range(N)), 2, drop_last=False)
    },
    "list of batches": lambda: {"batch_sampler": [[0, 1], [5], [7, 2, 3], [4], [9]]},
    "python": lambda: {"sampler": Shuffled(random.shuffle)},
    "numpy": lambda: {"sampler": Shuffled(np.random.shuffle)},
    "chainrule": lambda: {"sampler": Shuffled(shuffle_with_chainrule)},
    "python, one by one": lambda: {"sampler": Drawing(lambda: random.randrange(N))},
    "numpy, one by one": lambda: {"sampler": Drawing(lambda: np.random.randint(N))},
    "chainrule, one by one": lambda: {
        "sampler": Drawing(lambda: int(cr.randint(0, N, ()).item()))
    },
    "generators of its own": lambda: {"sampler": Holding()},
    "batches of one's own": lambda: {
        "batch_sampler": BatchSampler(Drawing(lambda: random.randrange(N)), 2, drop_last=True)
    },
    "single samples": lambda: {"shuffle": True, "batch_size": None},
}


def build(order: str, dataset=None, **options) -> DataLoader:
    options = {"batch_size": 2, **ORDERS[order](), **options}
    if "batch_sampler" in options:
        del options["batch_size"]
    return DataLoader(dataset or Augmented(), **options)


def plain(batch):
    if isinstance(batch, cr.Tensor):
        return batch.tolist()
    return [plain(part) for part in batch] if isinstance(batch, (list, tuple)) else batch


def start(seed: int) -> None:
    cr.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


def program():
    """The streams of the program."""
    return cr.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()


def set_epoch(loader: DataLoader, epoch: int) -> None:
    if hasattr(loader.sampler, "set_epoch"):
        loader.sampler.set_epoch(epoch)


def train(loader: DataLoader, seen: list, epochs=range(3), stop=None):
    """Epochs of a program that draws numbers too; its state at the batch `stop`."""
    for epoch in epochs:
        set_epoch(loader, epoch)
        for number, batch in enumerate(loader):
            noise = [cr.rand(1).item(), random.random(), np.random.rand()]
            seen.append((plain(batch), noise))
            if (epoch, number) == stop:
                state = json.loads(json.dumps(loader.state_dict()))
                return state, cr.get_rng_state(), random.getstate(), np.random.get_state()
    return None


def restore(state) -> None:
    """What a program does for its own streams."""
    cr.set_rng_state(state[1])
    random.setstate(state[2])
    np.random.set_state(state[3])


def interrupted(order: str, stop, before: dict, after: dict, seen: list, **options) -> None:
    """Train up to `stop`, then go on with a loader that was built anew."""
    start(1)
    state = train(build(order, **before, **options), seen, stop=stop)
    start(99)
    loader = build(order, **after, **options)
    loader.load_state_dict(state[0])
    restore(state)
    epoch = stop[0]
    set_epoch(loader, epoch)
    for batch in loader:
        noise = [cr.rand(1).item(), random.random(), np.random.rand()]
        seen.append((plain(batch), noise))
    train(loader, seen, range(epoch + 1, 3))


@pytest.mark.parametrize("stop", [(0, 0), (1, 2), (2, 4)])
@pytest.mark.parametrize("order", ORDERS)
def test_a_pass_goes_on(order, stop):
    start(1)
    whole: list = []
    train(build(order), whole)
    seen: list = []
    interrupted(order, stop, {}, {}, seen)
    assert seen == whole


AHEAD = {"num_workers": 2}
STAYING = {"num_workers": 3, "persistent_workers": True, "prefetch_factor": 4}


@pytest.mark.parametrize(
    ("before", "after"), [(AHEAD, AHEAD), ({}, AHEAD), (STAYING, {}), (AHEAD, STAYING)]
)
@pytest.mark.parametrize("order", ["shuffle", "python, one by one", "generators of its own"])
def test_the_number_of_workers_may_change(order, before, after):
    start(1)
    whole: list = []
    train(build(order), whole)
    seen: list = []
    interrupted(order, (1, 1), before, after, seen)
    assert seen == whole


def test_batches_that_were_handed_out_of_order_do_not_come_again():
    loader = build("shuffle", num_workers=2, in_order=False)
    first = iter(loader)
    seen = [plain(next(first)) for _ in range(3)]
    again = build("shuffle")
    again.load_state_dict(loader.state_dict())
    seen += [plain(batch) for batch in again]
    assert sorted(i for batch in seen for i in batch[0]) == list(range(N))


def test_prefetched_batches_do_not_count_and_passed_ones_are_not_made():
    class Noting(Augmented):
        asked: list = []

        def __getitem__(self, index):
            self.asked.append(index)
            return index

    loader = build("in order", num_workers=2, prefetch_factor=3)
    next(iter(loader))
    assert loader.state_dict()["pass"]["done"] == 1
    data = Noting()
    again = build("in order", data)
    again.load_state_dict(loader.state_dict())
    list(again)
    assert data.asked == list(range(2, N))


def test_going_on_moves_no_stream():
    loader = build("python, one by one")
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    start(5)
    before = program()
    again = build("python, one by one")
    again.load_state_dict(state)
    resumed = iter(again)
    assert program() == before
    assert [plain(x) for x in resumed] == [plain(x) for x in batches]
    assert program() == before


def test_at_the_end_of_a_pass():
    loader = build("shuffle")
    for _ in loader:
        inside = loader.state_dict()
    after = loader.state_dict()
    again = build("shuffle")
    again.load_state_dict(inside)
    assert list(again) == []
    assert len(list(again)) == 6
    again.load_state_dict(after)
    assert len(list(again)) == 6


def test_before_the_first_pass_and_before_going_on():
    loader = build("generator")
    assert loader.state_dict()["pass"] is None
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    again = build("generator")
    again.load_state_dict(state)
    assert again.state_dict() == state
    assert again.generator.get_state().tolist() == loader.generator.get_state().tolist()


def test_datasets_in_memory_go_on_too():
    data = TensorDataset(cr.arange(N))
    loader = build("shuffle", data)
    batches = iter(loader)
    next(batches)
    again = build("shuffle", data)
    again.load_state_dict(loader.state_dict())
    assert [plain(x) for x in again] == [plain(x) for x in batches]


# -- iterable datasets -----------------------------------------------------------------


class Stream(IterableDataset):
    """Shared out over the workers; draws for every sample."""

    def __iter__(self):
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for i in range(first, N, step):
            self.read = i
            yield i, random.random(), cr.rand(1)


class Remembering(Stream):
    """Knows where it is, and goes on there without reading again."""

    def __init__(self) -> None:
        self.next = None
        self.first = 0

    def __iter__(self):
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        self.first = self.next if self.next is not None else first
        for i in range(self.first, N, step):
            self.next = i + step
            yield i, random.random(), cr.rand(1), self.first
        self.next = None

    def state_dict(self):
        return {"next": self.next}

    def load_state_dict(self, state):
        self.next = state["next"]


@pytest.mark.parametrize("stop", [0, 2, 4])
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", [Stream, Remembering])
def test_an_iterable_dataset_goes_on(kind, workers, stop):
    def loader():
        return DataLoader(kind(), 2, num_workers=workers)

    start(1)
    whole = [plain(batch)[:3] for batch in loader()]
    start(1)
    first, seen = loader(), []
    for number, batch in enumerate(first):
        seen.append(plain(batch)[:3])
        if number == stop:
            break
    again = loader()
    again.load_state_dict(json.loads(json.dumps(first.state_dict())))
    rest = [plain(batch) for batch in again]
    assert seen + [batch[:3] for batch in rest] == whole
    if kind is Remembering and rest:
        assert min(rest[0][3]) >= min(rest[0][0]) > 0


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: build("shuffle", batch_size=3), "CR725.*has 6 batches, this one 4"),
        (lambda: build("generator"), "CR725.*0 generators and epochs.*this one 1"),
    ],
)
def test_the_state_of_another_loader(other, message):
    loader = build("shuffle")
    next(iter(loader))
    with pytest.raises(DataError, match=message):
        other().load_state_dict(loader.state_dict())


def test_an_iterable_dataset_needs_the_same_number_of_workers():
    loader = DataLoader(Stream(), 2, num_workers=2)
    next(iter(loader))
    with pytest.raises(DataError, match=r"CR725.*read by 2 workers.*num_workers=3"):
        DataLoader(Stream(), 2, num_workers=3).load_state_dict(loader.state_dict())
    assert not multiprocessing.active_children()
