"""PyTorch's names: those that programs use are here, and the page about them is true."""

import importlib.util
import sys
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.errors import AbsentError

ROOT = Path(__file__).parents[1]

#: how many of 401 programs use a name, and the name
USES = [line.split() for line in (ROOT / "tests" / "names_by_use.txt").read_text().splitlines()]

#: families that are left out: using them raises AbsentError, which says so
LEFT_OUT = {
    "autograd.profiler.profile", "autograd.profiler.record_function", "ops", "Tensor.to_sparse",
    "nn.parallel.DistributedDataParallel", "serialization",
}  # fmt: skip

METHODS = {
    "nn.Module": (
        "parameters zero_grad train eval state_dict apply register_buffer load_state_dict "
        "forward named_parameters add_module register_forward_hook buffers children "
        "named_children named_modules modules named_buffers"
    ),
    "optim.Optimizer": "zero_grad step state_dict load_state_dict add_param_group",
    "optim.lr_scheduler.LRScheduler": "step get_last_lr state_dict load_state_dict",
    "nn.ModuleList": "append extend insert",
    "utils.data.DataLoader": "__iter__ __len__",
}


@pytest.fixture(scope="module")
def make_interface():
    path = ROOT / "docs" / "make_interface.py"
    spec = importlib.util.spec_from_file_location("make_interface", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_interface"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_interface"]


def test_the_page_is_what_is_there(make_interface):
    page = (ROOT / "docs" / "interface.md").read_text("utf-8")
    assert page == make_interface.page(), "run python docs/make_interface.py"


@pytest.mark.parametrize(("count", "name"), USES, ids=[name for _, name in USES])
def test_names_that_programs_use_are_here(count, name, make_interface):
    if name in LEFT_OUT:
        return
    make_interface.resolve(cr, name)


@pytest.mark.parametrize("owner", METHODS)
def test_methods_that_programs_use_are_here(owner, make_interface):
    found = make_interface.resolve(cr, owner)
    assert [name for name in METHODS[owner].split() if not hasattr(found, name)] == []


@pytest.mark.parametrize(
    "name", ["autograd.profiler.profile", "nn.parallel.DistributedDataParallel"]
)
def test_families_that_are_left_out_say_so(name, make_interface):
    with pytest.raises(AbsentError, match="CR211"):
        make_interface.resolve(cr, name)()
