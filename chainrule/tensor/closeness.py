"""Whether two results agree to the precision of their type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.tensor.creation import as_tensor
from chainrule.tensor.tensor import Tensor

#: element type → relative and absolute tolerance
TOLERANCES = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
}  # fmt: skip


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
    msg: str | None = None,
) -> None:
    """Raise an AssertionError unless  |actual - expected| ≤ atol + rtol · |expected|.

    Args:
        actual, expected: tensors, arrays or numbers, or lists and dicts of them
        rtol, atol: tolerances; by default those of the less precise element type
        msg: what the error says instead of its own sentence

    Example:
        >>> import chainrule as cr
        >>> cr.testing.assert_close(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 2.0 + 1e-7]))
    """
    for where, a, b in _pairs(actual, expected, ""):
        problem = _difference(a, b, rtol, atol, equal_nan, check_dtype)
        if problem:
            raise AssertionError(msg or f"{where}{problem}")


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """assert_close under its older name: types may differ, and NaN equals NaN."""
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False,
        msg=msg or None,
    )  # fmt: skip


def _pairs(actual: Any, expected: Any, where: str) -> list[tuple[str, Tensor, Tensor]]:
    """The tensors to compare, each with the place where it stands."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        keys, others = list(expected), list(actual)
        if set(keys) != set(others):
            raise AssertionError(f"{where}the keys are {others}, expected {keys}")
    elif isinstance(expected, Sequence) and isinstance(actual, Sequence):
        keys = list(range(len(expected)))
        if len(actual) != len(keys):
            raise AssertionError(f"{where}{len(actual)} elements, expected {len(keys)}")
    else:
        return [(where, as_tensor(actual), as_tensor(expected))]
    found = []
    for key in keys:
        found += _pairs(actual[key], expected[key], f"{where}[{key!r}] ")
    return found


def _difference(
    a: Tensor,
    b: Tensor,
    rtol: float | None,
    atol: float | None,
    equal_nan: bool,
    check_dtype: bool,
) -> str | None:
    """What tells the two apart, in a sentence."""
    if a.shape != b.shape:
        return f"has shape {tuple(a.shape)}, expected {tuple(b.shape)}"
    if check_dtype and a.dtype is not b.dtype:
        return f"has type {a.dtype}, expected {b.dtype}"
    usual = [TOLERANCES.get(x.dtype.name, (0.0, 0.0)) for x in (a, b)]
    relative = max(r for r, _ in usual) if rtol is None else rtol
    absolute = max(t for _, t in usual) if atol is None else atol
    x, y = a.detach().double(), b.detach().double()
    far = ~x.isclose(y, relative, absolute, equal_nan)
    if not far.any():
        return None
    return (
        f"{int(far.sum())} of {x.numel()} elements differ, the largest difference is "
        f"{(x - y).abs().max().item():.3g} (allowed: {absolute:g} + {relative:g} · |expected|)"
    )
