"""Values, gradients, types, shapes and errors against PyTorch, expression by expression."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # on names that grow old there


def flat(result: Any) -> Iterator[Any]:
    if isinstance(result, (tuple, list)) and not isinstance(result, (cr.Size, torch.Size)):
        for part in result:
            yield from flat(part)
    else:
        yield result


def numbers(tensor: Any) -> np.ndarray:
    return tensor.detach().double().numpy() if tensor.is_floating_point() else tensor.numpy()


def kind(tensor: Any) -> tuple[str, tuple[int, ...]]:
    return str(tensor.dtype).rpartition(".")[2], tuple(tensor.shape)


TOLERANCE = {"float64": 1e-10, "float32": 2e-6, "float16": 2e-3, "bfloat16": 2e-2}


def assert_equal(ours: Any, theirs: Any, what: str, tolerance: float | None = None) -> None:
    if not isinstance(theirs, torch.Tensor):
        assert ours == theirs or (type(theirs) is float and math.isclose(ours, theirs)), what
        return
    assert isinstance(ours, cr.Tensor), what
    assert kind(ours) == kind(theirs), what
    limit = tolerance or TOLERANCE.get(kind(theirs)[0], 0)
    np.testing.assert_allclose(numbers(ours), numbers(theirs), limit, limit, err_msg=what)


def backward(module: Any, results: list[Any]) -> bool:
    """Send the same cotangents (of no special form) from both modules' results."""
    total = 0
    for result in results:
        if isinstance(result, module.Tensor) and result.requires_grad:
            weights = np.cos(np.arange(result.numel())).reshape(tuple(result.shape)) + 1.5
            total = total + (result.double() * module.from_numpy(np.asarray(weights))).sum()
    if isinstance(total, module.Tensor):
        total.backward()
    return isinstance(total, module.Tensor)


def compare(case: Any) -> None:
    """Run a case in both modules: equal results and gradients, or an error in both."""
    theirs_in, ours_in = case.inputs(torch), case.inputs(cr)
    try:
        theirs = list(flat(case.run(torch, theirs_in)))
    except Exception:
        with pytest.raises(cr.errors.ChainruleError):
            case.run(cr, ours_in)
        return
    ours = list(flat(case.run(cr, ours_in)))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert_equal(one, other, case.text)
    loose = 1e-2 if "h" in theirs_in else 1e-6 if "float32" in case.text else None
    if case.text.startswith("d;"):  # what was overwritten keeps a history of zeros there
        theirs = theirs if ours[0].requires_grad else []
    assert backward(cr, ours) == backward(torch, theirs), "one requires a gradient"
    for name, leaf in theirs_in.items():
        if leaf.grad is not None:
            gradient = ours_in[name].grad
            if gradient is None:  # overwritten: no gradient here, a gradient of zeros there
                gradient = cr.zeros_like(ours_in[name])
            assert_equal(gradient, leaf.grad, f"gradient of {name}", loose)


def test_expression(expression: str, case: Any) -> None:
    compare(case)


def test_in_place(statement: str, case: Any) -> None:
    compare(case)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64"])
def test_memory_travels_both_ways(dtype: str) -> None:
    theirs = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype))
    ours = cr.from_dlpack(theirs)
    assert (ours.tolist(), kind(ours)) == (theirs.tolist(), kind(theirs))
    back = torch.from_dlpack(ours.T)
    assert (back.tolist(), kind(back)) == (theirs.T.tolist(), kind(theirs.T))
    assert cr.from_dlpack(theirs.T[1:]).tolist() == theirs.T[1:].tolist()
