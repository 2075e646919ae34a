"""The cases of tensor expressions and of layers give the same on both engines.

Many expressions are one compiled function, whose graph then holds many unlike kernels; what
cannot be traced is left out. Layers run with their gradients.
"""

import numpy as np
import pytest
from both_engines import ENGINES
from expression_cases import Case, all_texts
from layer_cases.making import CASES as LAYERS

import chainrule as cr
from chainrule.errors import ChainruleError

EVERY = 4  # of so many layers one is tried, as compiling takes its time
TOGETHER = 40
TEXTS = [text for text in all_texts(statements=False) if "save" not in text]
GROUPS = [TEXTS[i : i + TOGETHER] for i in range(0, len(TEXTS), TOGETHER)]
CLOSE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 1e-5, "float64": 1e-10}


def tensors_in(result):
    """The tensors of a result."""
    if isinstance(result, cr.Tensor):
        return [] if result.is_complex() else [result.detach()]
    if isinstance(result, tuple | list):
        return [x for part in result for x in tensors_in(part)]
    return []


def function(case, names):
    def run(*inputs):
        cr.manual_seed(0)
        return tensors_in(case.run(cr, dict(zip(names, inputs, strict=True))))

    return run


def traceable(text):
    """The function of an expression and its inputs; None where it cannot be compiled."""
    case = Case(text)
    given = {name: x.detach() for name, x in case.inputs(cr).items()}
    run = function(case, list(given))
    try:
        with np.errstate(all="ignore"):
            found = cr.compile(run, engine="reference")(*given.values())
    except Exception as error:
        if isinstance(
            error, ChainruleError | TypeError | AttributeError | ValueError | IndexError
        ):
            return None
        raise
    return (text, run, list(given.values())) if found else None


def same(got, wanted):
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    if not wanted.is_floating_point():
        return got.equal(wanted)
    a, b = got.double().numpy(), wanted.double().numpy()
    finite = np.abs(b[np.isfinite(b)])
    limit = CLOSE[wanted.dtype.name] * max(1.0, float(finite.max(initial=0)))
    return np.allclose(a, b, rtol=CLOSE[wanted.dtype.name], atol=limit, equal_nan=True)


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_expressions(group):
    cases = [found for text in GROUPS[group] if (found := traceable(text))]
    assert len(cases) > TOGETHER // 8 or group == len(GROUPS) - 1

    def together(*inputs):
        rest, found = iter(inputs), []
        for _, run, given in cases:
            found.append(run(*[next(rest) for _ in given]))
        return found

    arguments = [x for _, _, given in cases for x in given]
    with np.errstate(all="ignore"):
        expected, got = (cr.compile(together, engine=e)(*arguments) for e in ENGINES)
    bad = {
        text: (a, b)
        for (text, _, _), parts, wanted in zip(cases, got, expected, strict=True)
        for a, b in zip(parts, wanted, strict=True)
        if not same(a, b)
    }
    assert not bad


def layer_outcome(name, engine):
    """Outputs, gradients and buffers of a layer, computed by a compiled function."""
    make, specs = LAYERS[name]
    cr.manual_seed(0)
    model = make(cr)
    is_module = isinstance(model, cr.nn.Module)
    parameters = list(model.double().parameters()) if is_module else []
    inputs = [cr.tensor(s.array(f"{name} input {i}")) for i, s in enumerate(specs)]
    chosen = [i for i, spec in enumerate(specs) if spec.grad]

    def run(*inputs):
        given = [
            x.detach().requires_grad_() if i in chosen else x for i, x in enumerate(inputs)
        ]
        found = model(*given)
        tensors = found if isinstance(found, tuple) else (found,)
        loss = sum(
            (y * (y + 0.7)).sum()
            for y in tensors if isinstance(y, cr.Tensor) and y.requires_grad
        )  # fmt: skip
        over = [*[given[i] for i in chosen], *parameters]
        slopes = (
            cr.autograd.grad(loss, over, materialize_grads=True)
            if isinstance(loss, cr.Tensor) and over else []
        )  # fmt: skip
        return tensors_in(found), list(slopes)

    outputs, slopes = cr.compile(run, engine=engine)(*inputs)
    return [*outputs, *slopes, *(model.buffers() if is_module else [])]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LAYERS)[::EVERY])
def test_layers(name):
    try:
        wanted = layer_outcome(name, "reference")
    except ChainruleError:
        pytest.skip("this cannot be compiled")
    got = layer_outcome(name, "native")
    assert all(same(a, b) for a, b in zip(got, wanted, strict=True))
