"""What all tests share: a cache folder of this run, and the engine of bit-for-bit tests."""

import os
import signal

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # the processes share the cores: one thread for each
    for variable in ("CHAINRULE_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

#: folders whose tests compare compiled functions with eager ones bit for bit, which the
#: reference engine promises; tests/engines/native holds the native engine against it
BIT_FOR_BIT = ("distributions", "functional", "nn", "optim", "tensor")


def pytest_configure():
    """Ctrl-C is heard, also by the programs that tests start and where a shell ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """One folder for the whole run, also where several processes share the tests."""
    whole = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        whole = whole.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_CACHE_DIR", str(whole / "compiled"))
        yield


@pytest.fixture(autouse=True)
def _engine_of_the_folder(request, monkeypatch):
    folder = request.path.relative_to(request.config.rootpath / "tests").parts[0]
    if folder in BIT_FOR_BIT:
        monkeypatch.setenv("CHAINRULE_ENGINE", "reference")
