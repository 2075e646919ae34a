"""Names of PyTorch's that are switches, questions, or not here at all."""

import importlib

import pytest

import chainrule as cr
from chainrule.absent import NAMES
from chainrule.errors import AbsentError, ArgumentError, ChainruleError, DeviceError
from chainrule.utils.benchmark import Measurement, Timer

ABSENT = ["fft", "fx", "hub", "jit", "onnx", "profiler", "quantization", "sparse",
          "distributed", "cuda", "autograd.profiler"]  # fmt: skip


@pytest.mark.parametrize("name", ABSENT)
def test_a_family_that_is_not_here_says_so_and_what_to_do(name):
    module = importlib.import_module(f"chainrule.{name}")
    with pytest.raises(AbsentError, match=rf"CR211: chainrule has no {name}.anything: \w+"):
        getattr(module, "anything")  # noqa: B009
    assert not hasattr(module, "anything") and not hasattr(module, "__anything__")
    with pytest.raises(AttributeError):
        getattr(module, "__anything__")  # noqa: B009


def test_they_can_be_imported_by_name_and_say_so_when_used():
    script = importlib.import_module("chainrule.jit").script
    with pytest.raises(AbsentError, match=r"CR211: chainrule has no jit.script: .*compile"):
        script(lambda x: x)
    with pytest.raises(AbsentError, match=r"CR211.*nn.parallel.DistributedDataParallel"):
        cr.nn.parallel.DistributedDataParallel(cr.nn.Linear(1, 1))


@pytest.mark.parametrize("name", [name for names in NAMES.values() for name in names])
def test_names_of_the_top_level_that_are_not_here(name):
    with pytest.raises(AbsentError, match=rf"CR211: chainrule has no {name}: "):
        getattr(cr, name)


def test_other_names_are_no_attributes():
    with pytest.raises(AttributeError, match="'chainrule' has no attribute 'tenser'"):
        cr.tenser  # noqa: B018
    assert not hasattr(cr, "xpu")


def test_programs_can_ask():
    assert not cr.cuda.is_available() and cr.cuda.device_count() == 0
    assert not cr.distributed.is_available() and not cr.distributed.is_initialized()
    assert not cr.backends.mps.is_available() and not cr.backends.cudnn.is_available()
    cr.backends.cudnn.benchmark = True
    cr.backends.cudnn.deterministic = True
    cr.backends.cuda.matmul.allow_tf32 = True
    cr.cuda.empty_cache()


def test_switches():
    assert cr.get_float32_matmul_precision() == "highest"
    cr.set_float32_matmul_precision("high")
    assert cr.get_float32_matmul_precision() == "high"
    cr.set_float32_matmul_precision("highest")
    with pytest.raises(ArgumentError, match=r"CR902.*'low'"):
        cr.set_float32_matmul_precision("low")
    cr.use_deterministic_algorithms(True)
    assert cr.are_deterministic_algorithms_enabled()
    cr.use_deterministic_algorithms(False)
    cr.set_default_device("cpu")
    assert cr.get_default_device() == cr.device("cpu")
    with pytest.raises(DeviceError, match="CR207"):
        cr.set_default_device("cuda")


def test_threads():
    before = cr.get_num_threads()
    try:
        cr.set_num_threads(1)
        if cr.get_num_threads() != before or before == 1:
            assert cr.get_num_threads() == 1
    finally:
        cr.set_num_threads(before)
    assert cr.get_num_interop_threads() == 1
    cr.set_num_interop_threads(4)
    for wrong in (0, -1, True, 2.0):
        with pytest.raises(ArgumentError, match="CR902"):
            cr.set_num_threads(wrong)


def test_memory_and_kind_of_a_tensor():
    x = cr.arange(6, dtype=cr.int16).reshape(2, 3)
    assert (x.itemsize, x.get_device(), x.storage_offset()) == (2, -1, 0)
    assert x.is_cpu and x.is_signed() and not x.is_sparse and not x.bool().is_signed()
    assert x.storage().tolist() == [0, 1, 2, 3, 4, 5] and len(x.storage()) == 6
    assert x.untyped_storage().nbytes() == x.untyped_storage().size() == 12
    assert x.data_ptr() == x.storage().data_ptr() == x.untyped_storage().data_ptr()
    for same in (x.pin_memory(), x.share_memory_(), x.to_dense(), x.resolve_conj()):
        assert same is x
    assert not (x.is_pinned() or x.is_shared() or x.is_conj() or x.is_inference())
    assert x.is_same_size(cr.zeros(2, 3))
    with pytest.raises(AbsentError, match=r"CR211.*sparse"):
        x.to_sparse()
    with pytest.raises(ChainruleError):
        cr.compile(lambda x: x.data_ptr())(x)


def test_timing():
    ticks = iter(range(1000))
    timer = Timer("f()", "y = 1", globals={"f": lambda: None}, timer=lambda: next(ticks),
                  label="call", sub_label="of f")  # fmt: skip
    found = timer.timeit(10)
    assert (found.number_per_run, found.raw_times) == (10, [1])
    assert found.mean == found.median == 0.1 and found.iqr == 0
    assert repr(found) == "call: of f\n  100.00 ms, the median of 1 blocks of 10 runs"
    assert [m.number_per_run for m in timer.repeat(3, 4)] == [4, 4, 4]
    seen = []
    blocks = timer.blocked_autorange(lambda n, t: seen.append((n, t)), min_run_time=5)
    assert len(blocks.times) == len(seen) == 5
    assert Measurement(2, [1.0, 2.0, 3.0, 4.0], "x").iqr == 0.75
