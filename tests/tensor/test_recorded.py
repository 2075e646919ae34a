"""Expressions against PyTorch's answers, which are kept in recorded/: no PyTorch needed.

Of each result and gradient the element type, the shape and a digest are kept, a weighted sum
that any wrong element would change. Running this file as a program with PyTorch installed and
tests/support in PYTHONPATH records them anew.
"""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import expression_cases
import numpy as np
import pytest
from expression_cases import TEXTS, Case, all_texts, texts_of

import chainrule as cr
from chainrule.errors import ChainruleError

RECORDED = Path(expression_cases.__file__).with_name("recorded")

#: how far a digest may be off, as a share of the sum of sizes
TOLERANCE = {"float64": 1e-9, "float32": 1e-5, "float16": 3e-3, "bfloat16": 3e-2}


def flat(result: Any) -> list[Any]:
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in flat(part)]
    return [result]


def digest(tensor: Any) -> list[Any]:
    """Element type, shape, weighted sum of the finite elements, their size, and the others."""
    kind = str(tensor.dtype).rpartition(".")[2]
    wide = tensor.detach().double().numpy().astype(float).ravel()
    weights = np.cos(np.arange(wide.size) * 1.7) + 0.3
    finite = np.clip(np.where(np.isfinite(wide), wide, 0), -1e150, 1e150)
    odd = np.where(np.isnan(wide), 3, np.where(np.isinf(wide), np.sign(wide), 0)) @ weights
    sums = [float(f"{x:.12g}") for x in (finite @ weights, np.abs(finite * weights).sum(), odd)]
    return [kind, list(tensor.shape), *sums]


def outcome(module: Any, case: Case) -> Any:
    """All results and gradients of a case, or None for an error."""
    inputs = case.inputs(module)
    expected_error = ChainruleError if module is cr else Exception
    try:
        results = flat(case.run(module, inputs))
    except expected_error:
        return None
    found = [digest(y) if isinstance(y, module.Tensor) else plain(y) for y in results]
    total: Any = 0
    for y in results:
        if isinstance(y, module.Tensor) and y.requires_grad:
            weights = np.cos(np.arange(y.numel())).reshape(tuple(y.shape)) + 1.5
            total = total + (y.double() * module.from_numpy(np.asarray(weights))).sum()
    if not isinstance(total, module.Tensor):
        return [found, {}]
    total.backward()
    gradients = {k: x.grad for k, x in inputs.items() if getattr(x, "grad", None) is not None}
    return [found, {name: digest(g) for name, g in gradients.items()}]


def plain(value: Any) -> Any:
    """A result that is no tensor, as JSON knows it."""
    if isinstance(value, float):
        return float(f"{value:.10g}") if math.isfinite(value) else repr(value)
    return value if isinstance(value, (bool, int, str)) else str(value).replace("torch.", "")


def assert_recorded(found: Any, recorded: Any, what: str, loose: float = 0) -> None:
    if not isinstance(recorded, list):
        assert str(found).replace("chainrule.", "") == str(recorded) or found == pytest.approx(
            recorded
        ), what
        return
    assert found[:2] == recorded[:2], what
    limit = (TOLERANCE.get(recorded[0], 0) + loose) * recorded[3] + 1e-12
    assert abs(found[2] - recorded[2]) <= limit, what
    assert found[4] == pytest.approx(recorded[4], abs=1e-9), what


TABLE = {
    text: answer
    for path in sorted(RECORDED.glob("*.json"))
    for text, answer in json.loads(path.read_text("utf-8")).items()
}


def test_all_are_recorded():
    statements = [f"d; {text}" for text in all_texts(statements=True)]
    assert {*statements, *all_texts(statements=False)} == set(TABLE)
    assert len(TABLE) >= 400


def compare(case: Case) -> None:
    recorded = TABLE[case.text]
    found = outcome(cr, case)
    if recorded is None or found is None:
        assert found == recorded
        return
    assert len(found[0]) == len(recorded[0])
    for one, other in zip(found[0], recorded[0], strict=True):
        assert_recorded(one, other, case.text)
    if "h" in case.inputs(cr) or not found[1]:  # float16: the order of sums matters too much
        assert not recorded[1] or "h" in case.inputs(cr) or case.text.startswith("d;")
        return
    for name in found[1].keys() | recorded[1].keys():
        ours, theirs = found[1].get(name), recorded[1].get(name)
        if ours is None or theirs is None:  # overwritten: no gradient, or one of zeros
            assert (ours or theirs)[3] <= 1e-12, f"gradient of {name}"
        else:
            loose = 1e-6 if "float32" in case.text else 0
            assert_recorded(ours, theirs, f"gradient of {name}", loose)


def test_expression(expression: str, case: Case) -> None:
    compare(case)


def test_in_place(statement: str, case: Case) -> None:
    compare(case)


if __name__ == "__main__":
    import torch

    warnings.simplefilter("ignore")
    RECORDED.mkdir(exist_ok=True)
    for path in sorted(TEXTS.glob("*.txt")):
        found = [Case(text, statement) for statement in (False, True)
                 for text in texts_of(path, statement)]  # fmt: skip
        lines = [f"{json.dumps(c.text)}: {json.dumps(outcome(torch, c))}" for c in found]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        (RECORDED / f"{path.stem}.json").write_text(text, encoding="utf-8")
