"""Values, gradients, types, shapes and errors against PyTorch, expression by expression.

The cases are in expressions.txt, evaluated with chainrule and with torch on equal inputs: `m`
is the module, single letters are the inputs listed in INPUTS, `q` is a tensor to write to.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

RANDOM = np.random.default_rng(7)
NAN, INF = math.nan, math.inf
INPUTS = {
    "x": RANDOM.standard_normal((3, 4)),
    "y": RANDOM.standard_normal((3, 4)),
    "p": RANDOM.uniform(0.2, 2, (3, 4)),  # positive
    "u": RANDOM.uniform(-0.9, 0.9, (3, 4)),
    "r": np.array([1.5, 0, 2, 2, -1, 0, 2, -1, -1, 0.5, 1.5, 2.5]).reshape(
        3, 4
    ),  # ties, halves
    "n": np.array([1.0, NAN, -INF, INF, 0, -0.0, -2.5, NAN]).reshape(2, 4),
    "v": RANDOM.standard_normal(4),
    "c": RANDOM.standard_normal((3, 1)),
    "s": np.array(1.7),
    "e": np.zeros((0, 4)),
    "o": np.array([[-0.3]]),
    "z": RANDOM.standard_normal((2, 3, 4)),
    "w": RANDOM.standard_normal((4, 5)),
    "t": RANDOM.standard_normal((4, 3, 2)).T,  # not contiguous, (2, 3, 4)
    "d": RANDOM.standard_normal((4, 4)),
    "f": RANDOM.standard_normal((3, 4)).astype(np.float32),
    "h": RANDOM.standard_normal((3, 4)).astype(np.float16),
    "k": np.array([-3, 0, 2, 7, -1, 5, 4, 4, 1, 1, -2, 6]).reshape(3, 4),
    "j": np.array([1, 5, 2, 3, 3, 2, 4, 1, 2, 2, 5, 3]).reshape(3, 4),
    "i": np.array([2, 0, 1, 1, 2]),
    "l": np.array([[0, 2, 1, 1], [2, 2, 0, 1], [1, 0, 0, 2]]),  # rows of a (3, 4) tensor
    "b": np.array([1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1], bool).reshape(3, 4),
    "a": np.array([True, False, True]),
}


def cases(*sections: str) -> list[str]:
    text = Path(__file__).with_name("expressions.txt").read_text("utf-8")
    tables = dict(re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL))
    return [case.strip() for name in sections for case in tables[name].split(" ;")]


def names_in(expression: str) -> list[str]:
    return [n for n in re.findall(r"(?<![\w.\"'])[a-z](?!\w|\")", expression) if n in INPUTS]


def inputs_for(expression: str, module: Any) -> dict[str, Any]:
    """The inputs that an expression names, as leaves of the module's tape where they can."""
    found = {}
    for name in names_in(expression):
        tensor = module.from_numpy(INPUTS[name].copy(order="K"))
        found[name] = tensor.requires_grad_() if tensor.is_floating_point() else tensor
    return found


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


def compare(expression: str, run: Any) -> None:
    """Run an expression in both modules: equal results, or an error in both."""
    theirs_in, ours_in = inputs_for(expression, torch), inputs_for(expression, cr)
    try:
        theirs = list(flat(run(torch, theirs_in)))
    except Exception:
        with pytest.raises(cr.errors.ChainruleError):
            run(cr, ours_in)
        return
    ours = list(flat(run(cr, ours_in)))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert_equal(one, other, expression)
    halves = any(name == "h" for name in theirs_in)
    loose = 1e-2 if halves else 1e-6 if "float32" in expression else None
    if expression.startswith("d;"):  # what was overwritten keeps a history of zeros there
        theirs = theirs if ours[0].requires_grad else []
    assert backward(cr, ours) == backward(torch, theirs), "one requires a gradient"
    for name, leaf in theirs_in.items():
        if leaf.grad is not None:
            gradient = ours_in[name].grad
            if gradient is None:  # overwritten: no gradient here, a gradient of zeros there
                gradient = cr.zeros_like(ours_in[name])
            assert_equal(gradient, leaf.grad, f"gradient of {name}", loose)


def evaluate(expression: str) -> Any:
    code = compile(expression, "<case>", "eval")
    scope = {"np": np, "NAN": NAN, "INF": INF}
    return lambda module, inputs: eval(code, {**scope, "m": module, **inputs})


def execute(statement: str) -> Any:
    code = compile(statement, "<case>", "exec")

    def run(module: Any, inputs: dict[str, Any]) -> Any:
        scope = {"np": np, "m": module, **inputs, "q": inputs["d"][:3] * 1}
        exec(code, scope)
        return scope["q"]

    return run


EXPRESSIONS = cases(
    "elementwise", "arithmetic", "comparison", "reduction", "movement", "contraction",
    "indexing", "creation",
)  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression(expression: str) -> None:
    compare(expression, evaluate(expression))


@pytest.mark.parametrize("statement", cases("writing"))
def test_in_place(statement: str) -> None:
    compare(f"d; {statement}", execute(statement))
