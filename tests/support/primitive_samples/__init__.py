"""Samples of every primitive, by name: the tables SAMPLES of all files of this folder."""

import importlib
import pkgutil

SAMPLES = {}
for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    table = getattr(importlib.import_module(f"{__name__}.{module}"), "SAMPLES", {})
    twice = SAMPLES.keys() & table.keys()
    assert not twice, f"{twice} have samples in {module} and in another file"
    SAMPLES |= table
