"""Compiled functions equal eager ones here bit for bit, which the reference engine promises.

tests/engines/native holds the native engine against it.
"""

import pytest


@pytest.fixture(autouse=True)
def _reference_engine(monkeypatch):
    monkeypatch.setenv("CHAINRULE_ENGINE", "reference")
