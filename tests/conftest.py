"""What all tests share: a cache folder of this run, and the engine that `compile` uses.

A module that names ENGINES runs on each of them; others choose for themselves.
"""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        yield


def pytest_generate_tests(metafunc):
    if "engine" in metafunc.fixturenames and hasattr(metafunc.module, "ENGINES"):
        metafunc.parametrize("engine", metafunc.module.ENGINES, indirect=True)


@pytest.fixture(autouse=True)
def engine(request, monkeypatch):
    """The engine of `compile`, where the module says which."""
    if (name := getattr(request, "param", None)) is not None:
        monkeypatch.setenv("CHAINRULE_ENGINE", name)
    return name
