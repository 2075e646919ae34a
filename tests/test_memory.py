"""Memory stays flat over many steps, and a graph is gone after backward."""

import gc
import os
import subprocess
import sys
import weakref

import pytest

import chainrule as cr
from chainrule import nn, optim
from chainrule.memory import keep_freed_memory


def resident():
    """Bytes of memory this process holds now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's /proc")
@pytest.mark.parametrize("compiled", [False, True])
def test_two_thousand_steps_hold_no_more_memory(compiled):
    model = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1),
                          nn.Linear(64, 10))  # fmt: skip
    optimizer = optim.Adam(model.parameters())
    x, y = cr.randn(16, 32), cr.randint(0, 10, (16,))

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = cr.compile(step) if compiled else step
    for _ in range(50):
        run(x, y)
    gc.collect()
    before = resident()
    for _ in range(2000):
        run(x, y)
    gc.collect()
    assert resident() - before < 5e6


def test_the_graph_is_freed_by_backward_without_the_garbage_collector():
    gc.disable()
    try:
        x = cr.randn(4, requires_grad=True)
        hidden = (x * 2).exp()
        watched = weakref.ref(hidden.grad_fn)
        loss = hidden.sum()
        del hidden
        assert watched() is not None
        loss.backward()
        del loss
        assert watched() is None
    finally:
        gc.enable()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's mallopt")
def test_freed_arrays_are_kept_for_the_next():
    code = (
        "import resource, chainrule as cr\n"
        "x = cr.ones(1_000_000)\n"
        "for _ in range(5): y = x * 2 + 1\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(20): y = x * 2 + 1\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )

    def page_faults(keep):
        environment = {**os.environ, "CHAINRULE_KEEP_MEMORY": keep}
        found = subprocess.check_output([sys.executable, "-c", code], env=environment)
        return int(found)

    if not keep_freed_memory():
        pytest.skip("another C library than glibc")
    assert page_faults("1") < 100
    assert page_faults("0") >= page_faults("1")
