"""Element types against PyTorch: results of mixed types, and every type by itself.

`m` is the module, `a` and `b` are tensors of each type in turn, `i` holds positions.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

#: what torch has no kernel for; here it may work
MISSING_THERE = r"not implemented for|support bool|input type encountered"
TOLERANCE = {"float64": 1e-10, "float32": 2e-6, "float16": 2e-3, "bfloat16": 2e-2}

DTYPES = [
    "bool", "uint8", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "float64",
]  # fmt: skip
PROMOTING = """
a + b ; a - b ; a * b ; a / b ; a // b ; a % b ; a ** b ; m.fmod(a, b) ; a < b ; a == b ;
a & b ; a << b ; m.maximum(a, b) ; m.where(a > 1, a, b) ; m.cat([a, b]) ; m.stack([a, b]) ;
m.atan2(a, b) ; a.clamp(b) ; m.add(a, b, alpha=2) ; a.masked_fill(a > 1, 2) ; a @ b ;
m.isclose(a, b) ; m.result_type(a, b) ; m.div(a, b, rounding_mode='trunc')
"""
ALONE = """
-a ; abs(a) ; a.sign() ; a.exp() ; a.sqrt() ; a.floor() ; a.round() ; a.relu() ; a.sigmoid() ;
a.square() ; a.reciprocal() ; ~a ; a.logical_not() ; a.sum() ; a.mean() ; a.prod() ; a.std() ;
a.norm() ; a.max() ; a.max(0) ; a.argmax() ; a.cumsum(0) ; a.cumprod(0) ; a.sort() ;
a.argsort(descending=True) ; a.topk(2) ; a.unique() ; a.logsumexp(0) ; a.softmax(0) ;
a.tolist() ; a[1].item() ; a.nonzero() ; a.bool() ; a.int() ; a.long() ; a.half() ;
a.bfloat16() ; a.float() ; a.double() ; a.byte() ; a.to(m.int8) ; a.type(m.float16) ;
a.type_as(m.zeros(1)) ; a.isnan() ; a + 1 ; a + 1.5 ; a + True ; 1 - a ; 2 / a ; a // 2 ;
a % 2.5 ; a ** 2 ; 2 ** a ; a ** 0.5 ; a == 1.0 ; a & 1 ; a * 2.0 ; a - 1 ; m.zeros_like(a) ;
m.ones_like(a) ; m.full_like(a, 3) ; a.new_zeros(2) ; a.new_tensor([1, 2]) ;
a.new_full((2,), 1.5) ; a.clone() ; a.flip(0) ; a.roll(1) ; a.repeat(2) ; a.gather(0, i) ;
a[i] ; a.scatter(0, i, a) ; m.zeros_like(a).scatter_add(0, i, a) ; a.where(a > 1, a) ;
m.tril(a.reshape(1, 4)) ; a.diag() ; m.bincount(a) ; m.isin(a, 2) ; a.dtype ;
a.is_floating_point() ; a.element_size() ; a.element_size() * a.numel() ; a.erf() ; a.trunc() ;
m.dot(a, a) ; m.einsum('i,i->', a, a) ; a.count_nonzero() ; a.numpy() ; a.var() ;
m.finfo(a.dtype).max ; m.finfo(a.dtype).eps ; m.iinfo(a.dtype).max ; m.finfo(a.dtype).tiny ;
m.clamp(a, 1, 2) ; m.clamp(a, 0.5) ; a.amax(0) ; a.aminmax() ; m.cat([a, a]) ; a.type()[-10:]
"""


def cases(table: str) -> list[str]:
    return [case.strip() for case in table.split(" ;")]


def operands(types: dict[str, tuple[Any, str]], module: Any) -> dict[str, Any]:
    return {
        letter: module.tensor(values).to(getattr(module, dtype))
        for letter, (values, dtype) in types.items()
    }


def flat(result: Any) -> Iterator[Any]:
    if isinstance(result, (tuple, list)):
        for part in result:
            yield from flat(part)
    else:
        yield result


def name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2]


def compare(formula: str, make: Callable[[Any], dict[str, Any]]) -> None:
    """Evaluate with the inputs `make(module)`: equal types and values, or an error in both."""
    try:
        theirs = list(flat(eval(formula, {"m": torch, **make(torch)})))
    except Exception as error:
        if not re.search(MISSING_THERE, str(error)):
            with pytest.raises(cr.errors.ChainruleError):
                eval(formula, {"m": cr, **make(cr)})
        return
    ours = flat(eval(formula, {"m": cr, **make(cr)}))
    for one, other in zip(ours, theirs, strict=True):
        if isinstance(other, torch.dtype):
            assert name(one) == name(other)
            continue
        if not isinstance(other, torch.Tensor):
            np.testing.assert_equal(one, other)
            continue
        assert (name(one.dtype), one.shape) == (name(other.dtype), tuple(other.shape))
        limit = TOLERANCE.get(name(other.dtype), 0)
        np.testing.assert_allclose(one.double().numpy(), other.double().numpy(), limit, limit)


@pytest.mark.parametrize("right", [[1, 2, 1, 3], 2], ids=["vector", "number"])
@pytest.mark.parametrize("formula", cases(PROMOTING))
def test_mixed_types(formula: str, right: Any) -> None:
    for left, other in itertools.product(DTYPES, DTYPES):
        types = {"a": ([3, 1, 2, 0], left), "b": (right, other)}
        compare(formula, partial(operands, types))


@pytest.mark.parametrize("formula", cases(ALONE))
def test_every_type(formula: str) -> None:
    for dtype in DTYPES:
        types = {"a": ([3, 1, 2, 0], dtype), "i": ([0, 2, 1, 3], "int64")}
        compare(formula, partial(operands, types))
