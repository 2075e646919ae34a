"""A module that names ENGINES runs on each of them; others choose for themselves."""

import pytest


def pytest_generate_tests(metafunc):
    if "engine" in metafunc.fixturenames and hasattr(metafunc.module, "ENGINES"):
        metafunc.parametrize("engine", metafunc.module.ENGINES, indirect=True)


@pytest.fixture(autouse=True)
def engine(request, monkeypatch):
    """The engine of `compile`, where the module says which."""
    if (name := getattr(request, "param", None)) is not None:
        monkeypatch.setenv("CHAINRULE_ENGINE", name)
    return name
