"""Worker processes: the same batches for any number of them, one clear error, no trace left."""

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError, TraceError
from chainrule.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

METHODS = multiprocessing.get_all_start_methods()
pytestmark = pytest.mark.skipif("fork" not in METHODS, reason="classes of tests need fork")

SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No process and no shared memory stays behind."""
    before = set(SHARED_MEMORY.iterdir()) if SHARED_MEMORY.exists() else set()
    yield
    gc.collect()  # an error that a test caught holds the loader in a circle
    assert multiprocessing.active_children() == []
    if SHARED_MEMORY.exists():
        assert set(SHARED_MEMORY.iterdir()) <= before


class Augmented(Dataset):
    """Draws from everything a dataset can draw from."""

    def __init__(self, n: int = 14) -> None:
        self.n = n
        self.numpy_stream = np.random.default_rng(3)
        self.python_stream = random.Random(4)
        self.stream = cr.Generator().manual_seed(5)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index):
        drawn = [random.random(), np.random.rand(), np.random.normal()]
        own = [self.numpy_stream.random(), self.python_stream.random()]
        return index, cr.rand(2), drawn, own, cr.rand(1, generator=self.stream)


class Acting(Dataset):
    """Position 5 does something bad."""

    def __init__(self, act=lambda: None) -> None:
        self.act = act

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index):
        if index == 5:
            self.act()
        return index


class Counting(IterableDataset):
    """0 to n - 1, shared out over the workers, with a random number each."""

    def __init__(self, n: int, share: bool = True) -> None:
        self.n, self.share = n, share

    def __iter__(self):
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker and self.share else (0, 1)
        for i in range(first, self.n, step):
            yield i, random.random()


def plain(batch):
    """A batch as nested lists."""
    if isinstance(batch, cr.Tensor):
        return batch.tolist()
    return [plain(part) for part in batch] if isinstance(batch, (list, tuple)) else batch


def passes(loader: DataLoader, count: int) -> list:
    return [[plain(batch) for batch in loader] for _ in range(count)]


def seeded() -> None:
    cr.manual_seed(1)
    random.seed(2)
    np.random.seed(3)
    np.random.normal()  # leaves the second of a pair of Gaussian numbers behind


def streams() -> list:
    return [cr.rand(1).item(), random.random(), np.random.normal(), np.random.rand()]


# -- the law ---------------------------------------------------------------------------

WORKERS = {
    "1": {"num_workers": 1},
    "2": {"num_workers": 2},
    "4 that stay": {"num_workers": 4, "persistent_workers": True},
    "3 far ahead": {"num_workers": 3, "prefetch_factor": 5},
}


def law(**options):
    seeded()
    loader = DataLoader(Augmented(), 3, shuffle=True, **options)
    return passes(loader, 3), streams()


@pytest.mark.parametrize("case", WORKERS)
def test_the_same_samples_and_augmentations_for_any_number_of_workers(case):
    assert law(**WORKERS[case]) == law()


def test_workers_that_are_no_copies_of_the_program():
    data = cr.utils.data.TensorDataset(cr.arange(6), cr.arange(6) * 2.5)

    def batches(**options):
        cr.manual_seed(3)
        return passes(DataLoader(data, 4, shuffle=True, **options), 1)

    assert batches(num_workers=1, multiprocessing_context="spawn") == batches()


def test_data_without_an_end():
    class Endless(IterableDataset):
        def __iter__(self):
            return iter(int, 1)

    for number, batch in enumerate(DataLoader(Endless(), 2, num_workers=2)):
        assert batch.tolist() == [0, 0]
        if number == 9:
            break
    assert multiprocessing.active_children() == []


def test_a_compiled_function_does_not_load():
    loader = DataLoader([1.0, 2.0])
    with pytest.raises(TraceError):
        cr.compile(lambda x: x + next(iter(loader)))(cr.ones(1))


def test_every_pass_is_another_one_and_every_batch_has_other_numbers():
    seeded()
    loader = DataLoader(Augmented(), 2)
    batches = [batch for one in passes(loader, 3) for batch in one]
    for part in range(1, 5):
        drawn = [str(sample) for batch in batches for sample in batch[part]]
        assert len(set(drawn)) == len(drawn)


def test_the_seed_decides():
    def first(seed):
        cr.manual_seed(seed)
        return passes(DataLoader(Augmented(), 2, num_workers=1), 1)

    assert first(1) == first(1) != first(2)


def test_loading_does_not_touch_the_random_numbers_of_the_program():
    def after(act):
        seeded()
        act()
        return streams()

    def one_number():
        cr.default_generator.integers(0, 9, ())

    assert after(lambda: passes(DataLoader([1.0, 2.0]), 1)) == after(lambda: None)
    assert after(lambda: passes(DataLoader(Augmented(), 2), 1)) == after(one_number)
    data = Augmented()
    before = data.stream.get_state().tolist(), data.numpy_stream.bit_generator.state
    passes(DataLoader(data, 2), 1)
    assert (data.stream.get_state().tolist(), data.numpy_stream.bit_generator.state) == before


def test_the_seed_of_a_generator_that_the_dataset_holds_counts():
    def drawn(seed):
        cr.manual_seed(0)
        data = Augmented()
        data.numpy_stream = np.random.default_rng(seed)
        return passes(DataLoader(data, 2), 1)

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_collate_fn_may_draw():
    def mixed(samples):
        return [x * random.random() for x in samples]

    def drawn(workers):
        cr.manual_seed(0)
        data = cr.utils.data.TensorDataset(cr.arange(6).float())
        loader = DataLoader(data, 2, num_workers=workers, collate_fn=lambda s: mixed(range(2)))
        return passes(loader, 1)

    assert drawn(0) == drawn(2)
    assert len(set(map(str, drawn(0)[0]))) == 3


def test_batches_as_they_come():
    def slow_start():
        time.sleep(0.2)

    class Slow(Acting):
        def __getitem__(self, index):
            return super().__getitem__(index), random.random()

    cr.manual_seed(0)
    expected = passes(DataLoader(Slow(), 2), 1)[0]
    cr.manual_seed(0)
    loader = DataLoader(Slow(slow_start), 2, num_workers=2, in_order=False)
    (found,) = passes(loader, 1)
    assert sorted(found) == sorted(expected)
    assert found != expected


# -- iterable datasets -----------------------------------------------------------------


SHARED_OUT = {  # as torch 2.13 hands them out
    0: [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10]],
    1: [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10]],
    2: [[0, 2], [1, 3], [4, 6], [5, 7], [8, 10], [9]],
    3: [[0, 3], [1, 4], [2, 5], [6, 9], [7, 10], [8]],
    4: [[0, 4], [1, 5], [2, 6], [3, 7], [8], [9], [10]],
}


@pytest.mark.parametrize("workers", SHARED_OUT)
def test_workers_of_an_iterable_dataset_take_turns(workers):
    loader = DataLoader(Counting(11), 2, num_workers=workers)
    assert [x.tolist() for x, _ in loader] == SHARED_OUT[workers]
    full = DataLoader(Counting(11), 2, num_workers=workers, drop_last=True)
    assert [x.tolist() for x, _ in full] == [b for b in SHARED_OUT[workers] if len(b) == 2]


def test_an_iterable_dataset_that_is_not_shared_out_comes_from_every_worker():
    loader = DataLoader(Counting(5, share=False), None, num_workers=2)
    assert Counter(i for i, _ in loader) == dict.fromkeys(range(5), 2)


def test_the_random_numbers_of_an_iterable_dataset():
    def drawn(workers):
        cr.manual_seed(0)
        return passes(DataLoader(Counting(8), 2, num_workers=workers), 2)

    assert drawn(0) == drawn(1)
    assert drawn(2) == drawn(2)
    numbers = [x for batches in drawn(2) for _, drawn in batches for x in drawn]
    assert len(set(numbers)) == 16


def test_what_a_worker_knows():
    class Knowing(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            info = get_worker_info()
            same = info.dataset is self
            interrupts = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            return info.id, info.num_workers, info.seed, same, interrupts, cr.rand(1).dtype

    (first,), (second,) = DataLoader(Knowing(), num_workers=2, collate_fn=list)
    assert {first[0], second[0]} == {0, 1}
    assert first[2] - first[0] == second[2] - second[0]
    assert first[1] == 2 and first[3] and first[4] and first[5] is cr.float32
    assert get_worker_info() is None


def test_worker_init_fn_and_workers_that_stay():
    class Marked(Acting):
        mark = 0

        def __getitem__(self, index):
            return os.getpid(), self.mark

    def initialize(worker):
        get_worker_info().dataset.mark = worker + 7

    options = {"num_workers": 2, "worker_init_fn": initialize, "collate_fn": list}

    def seen(**more):
        loader = DataLoader(Marked(), 6, **options, **more)
        return [{sample for batch in loader for sample in batch} for _ in range(2)]

    first, second = seen(persistent_workers=True)
    assert first == second and {mark for _, mark in first} == {7, 8}
    first, second = seen()
    assert not first & second and {mark for _, mark in first | second} == {7, 8}


# -- what a batch may hold -------------------------------------------------------------


def test_batches_arrive_as_they_were_made():
    made = {
        "float": cr.ones(2, 3),
        "half": cr.ones(2).to(cr.bfloat16),
        "number": cr.tensor(5),
        "none": cr.zeros(0, 3),
        "turned": cr.arange(6).reshape(2, 3).T,
        "gradient": cr.ones(2, requires_grad=True),
        "array": np.arange(4.0),
        "text": ("a", None, {1}),
        "large": cr.arange(200_000),
    }
    (batch,) = DataLoader([0], num_workers=1, collate_fn=lambda _: made)
    for key, value in made.items():
        if isinstance(value, cr.Tensor):
            assert batch[key].dtype is value.dtype and batch[key].shape == value.shape
            assert batch[key].requires_grad == value.requires_grad
            assert plain(batch[key]) == plain(value)
    assert batch["array"].tolist() == [0, 1, 2, 3] and batch["text"] == made["text"]
    batch["array"][0] = 9  # it is the program's own
    batch["float"].add_(1)


# -- errors ----------------------------------------------------------------------------


class OwnError(Exception):
    """Wants other arguments than the text that it passes on."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(f"{what} {code}")
        self.code = code


def fail(error: Exception):
    def act():
        raise error

    return act


RAISED = {
    "usual": (KeyError("five"), KeyError),
    "of its own": (OwnError(5, "five"), OwnError),
    "chainrule's": (DataError("CR799", "five"), DataError),
    "stop": (StopIteration("five"), RuntimeError),
}


@pytest.mark.parametrize("staying", [False, True])
@pytest.mark.parametrize("case", RAISED)
def test_an_error_in_the_dataset_is_raised_once_and_says_where(case, staying):
    error, kind = RAISED[case]
    loader = DataLoader(Acting(fail(error)), 3, num_workers=2, persistent_workers=staying)
    batches, found = iter(loader), []
    assert next(batches).tolist() == [0, 1, 2]
    with pytest.raises(kind) as caught:
        next(batches)
    assert caught.value.args == error.args or kind is RuntimeError
    assert vars(caught.value).get("code") == vars(error).get("code")
    (note,) = caught.value.__notes__
    assert "in worker" in note and "batch 1, samples [3, 4, 5]" in note
    assert "in act\n    raise error" in note
    assert bool(multiprocessing.active_children()) == staying
    found = [batch.tolist() for batch in batches]
    assert found == [[6, 7, 8], [9, 10, 11]]


def test_without_workers_the_error_says_the_batch_too():
    with pytest.raises(KeyError) as caught:
        list(DataLoader(Acting(fail(KeyError(5))), 8))
    assert caught.value.__notes__ == [
        "while DataLoader made batch 0, samples [0, 1, 2, 3, 4, 5, 6, 7]"
    ]


def local_error():
    class Hidden(Exception):
        pass

    raise Hidden("five")


BROKEN = {
    "killed": (lambda: os.kill(os.getpid(), signal.SIGKILL), {}, r"CR720: worker \d .*SIGKILL"),
    "exit": (lambda: os._exit(3), {}, r"CR720: worker \d .*exit code 3"),
    "hanging": (lambda: time.sleep(60), {"timeout": 0.2}, "CR721.*timeout=0.2 seconds"),
    "spawn": (lambda: None, {"multiprocessing_context": "spawn"}, "CR722.*'spawn'.*top level"),
    "unsendable": (None, {"collate_fn": lambda _: lambda: 0}, "CR723.*pickle"),
    "history": (
        None,
        {"collate_fn": lambda _: cr.ones(2, requires_grad=True) * 2},
        r"CR723.*shape \(2,\).*detach\(\)",
    ),
    "hidden": (local_error, {}, "CR727: a worker raised local_error.*Hidden: five"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_one_clear_error(case):
    act, options, message = BROKEN[case]
    data = Acting(act or (lambda: None))
    with pytest.raises(DataError, match=message):
        list(DataLoader(data, 4, num_workers=2, **options))
    assert multiprocessing.active_children() == []


def test_a_worker_that_cannot_begin():
    def initialize(worker):
        raise LookupError(f"no file for worker {worker}")

    loader = DataLoader(Acting(), num_workers=1, worker_init_fn=initialize)
    with pytest.raises(LookupError, match="no file for worker 0"):
        list(loader)


def test_after_a_death_the_pass_may_go_on(tmp_path):
    def once():
        if not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os._exit(1)

    loader = DataLoader(Acting(once), 3, num_workers=2, persistent_workers=True)
    batches, found = iter(loader), []
    with pytest.raises(DataError, match="CR720"):
        found += [x.tolist() for x in batches]
    found = [x.tolist() for x in batches]
    assert found[-2:] == [[6, 7, 8], [9, 10, 11]] and [3, 4, 5] in found


def test_workers_that_stay_serve_one_pass_at_a_time():
    loader = DataLoader(Acting(), 3, num_workers=2, persistent_workers=True)
    first = iter(loader)
    next(first)
    assert len(list(loader)) == 4
    with pytest.raises(DataError, match="CR728"):
        next(first)


# -- nothing is left -------------------------------------------------------------------


@pytest.mark.parametrize("staying", [False, True])
def test_a_loop_that_is_left_early(staying):
    loader = DataLoader(Augmented(), 2, num_workers=2, persistent_workers=staying)
    for _ in loader:
        break
    assert len(multiprocessing.active_children()) == 2 * staying
    again = [x[0].tolist() for x in loader]
    assert again == [[i, i + 1] for i in range(0, 14, 2)]


def test_ctrl_c_while_waiting():
    loader = DataLoader(Acting(lambda: time.sleep(0.5)), 3, num_workers=2)
    batches = iter(loader)
    next(batches)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            next(batches)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert multiprocessing.active_children() == []
    assert loader.state_dict()["pass"]["done"] == 1


PROGRAM = """
import multiprocessing, sys, time
import chainrule as cr

class Slow(cr.utils.data.Dataset):
    def __len__(self):
        return 1000

    def __getitem__(self, index):
        if index > 20:
            time.sleep(30)
        return cr.zeros(50_000)

if __name__ == "__main__":
    loader = cr.utils.data.DataLoader(Slow(), 2, num_workers=2, persistent_workers=True)
    other = iter(cr.utils.data.DataLoader(Slow(), 2, num_workers=1))
    for number, batch in enumerate(loader):
        if number == 3:
            print(*[p.pid for p in multiprocessing.active_children()], flush=True)
            if sys.argv[1] == "end":
                break
"""


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
@pytest.mark.parametrize(
    ("how", "code"),
    [("end", 0), (signal.SIGKILL, -9), (signal.SIGTERM, -15), (signal.SIGINT, -2)],
)
def test_workers_end_with_the_program(how, code, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    root = Path(cr.__file__).parents[1]
    program = subprocess.Popen(
        [sys.executable, script, str(how)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(root)}, start_new_session=True,
    )  # fmt: skip
    with program:
        try:
            workers = [int(pid) for pid in program.stdout.readline().split()]
            if how == signal.SIGINT:
                os.killpg(program.pid, how)  # as a terminal does
            elif how != "end":
                program.send_signal(how)
            assert program.wait(20) == code
            errors = program.stderr.read()
        finally:
            program.kill()
    deadline = time.monotonic() + 10
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(workers) == 3 and not any(map(is_alive, workers))
    assert errors.count("Traceback") == (how == signal.SIGINT)
