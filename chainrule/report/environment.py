"""Versions and machine: what a result may depend on besides the recipe."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.engines.choice import engine_named
from chainrule.threads import get_num_threads
from chainrule.version import __version__

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def environment() -> dict[str, Any]:
    """Versions, processor, threads and engine, as plain values."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "chainrule": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas['name']} {blas['version']}",
        "system": platform.platform(),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "threads": get_num_threads(),
        "limits": {name: os.environ[name] for name in THREADS if name in os.environ},
        "engine": engine_named(None),
        "llvmlite": _version("llvmlite"),
    }


def _version(package: str) -> str:
    """Of an installed package, without loading it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """The processor's name, as the system tells it."""
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
