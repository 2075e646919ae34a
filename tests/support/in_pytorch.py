"""A program of the examples under PyTorch itself: its import lines are changed back."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest


def changed_back(program: ModuleType) -> ModuleType:
    """The same text, run anew, in which chainrule is torch."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # two pools of threads on the same cores would wait for each other
    text = Path(program.__file__).read_text("utf-8")
    text, lines = re.subn(r"^(import|from) chainrule\b", r"\1 torch", text, flags=re.MULTILINE)
    assert lines > 0
    module = ModuleType(program.__name__)
    name = f"{program.__name__}_in_pytorch.py"
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
    assert module.torch is torch
    return module


def copy_weights(source, target) -> None:
    """Give one library's module the parameters and buffers of the other's."""
    like = target.state_dict()
    values = {name: value.numpy() for name, value in source.state_dict().items()}
    target.load_state_dict({k: like[k].new_tensor(v) for k, v in values.items()})
