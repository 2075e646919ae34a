"""Each test module tests the example of its name: `lesson` is that example, imported.

`in_pytorch` is the same text with its import lines changed back, run by PyTorch itself.
`shared_data("names/names.txt")` is that file of the real data beside the checkout.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from in_pytorch import changed_back

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def lesson(request):
    name = Path(request.path).stem.removeprefix("test_")
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def in_pytorch(lesson):
    return changed_back(lesson)


@pytest.fixture
def shared_data():
    def path(name: str) -> Path:
        file = ROOT.parent / "shared" / "data" / name
        return file if file.exists() else pytest.skip(f"the real data {name} is not here")

    return path
