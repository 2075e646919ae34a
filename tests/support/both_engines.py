"""A graph run by both engines, and how far apart their results may be.

integers, truth values, whatever only moves        the same bits
elementwise primitives                             4 units of the last place
sums and products of many                          eps · log₂(n) of the sum of the sizes
"""

from __future__ import annotations

import math
import os

import numpy as np

from chainrule import dtypes
from chainrule.engines.choice import program
from chainrule.errors import ChainruleError
from chainrule.ir.graph import Equation, Graph, Variable
from chainrule.ir.verifier import verify
from chainrule.ops.elementwise import Elementwise

ENGINES = ("reference", "native")
ULPS = 4
#: what adds up many products: their error is measured by what the sizes add up to
SUMS = (
    "Sum", "MatMul", "Convolution", "ConvolutionInput", "ConvolutionWeight", "Cumsum", "Fold",
    "WindowSum", "WindowSumTranspose", "IndexAdd", "ScatterAdd", "Resample",
    "ResampleTranspose",
)  # fmt: skip
#: what is scaled by sums and by powers of them: relative to the largest result
SCALED = ("Standardize", "StandardizeCotangent", "Moments", "Logcumsumexp", "Scan")
#: each factor adds its own relative error
PRODUCTS = ("Product", "Cumprod")
MOVEMENT = ("Copy",)
#: how far tensors may be apart after a few steps of training, relative to the largest element
AFTER_TRAINING = {"float16": 2e-2, "bfloat16": 5e-2, "float32": 1e-4, "float64": 1e-9}


def graph_of(calls):
    """A graph of calls that have nothing to do with each other, and all their inputs.

    Args: calls: (primitive, arrays, params), each computed from inputs of its own.
    """
    graph, arrays = Graph(), []
    for primitive, given, params in calls:
        inputs = [Variable(x.shape, x.dtype) for x in given]
        shape = primitive.shape(*[x.shape for x in given], **params)
        dtype = primitive.dtype(*[x.dtype for x in given], **params)
        output = Variable(tuple(shape), dtype)
        graph.inputs += inputs
        graph.equations.append(Equation(primitive, tuple(inputs), params, output))
        graph.outputs.append(output)
        arrays += given
    verify(graph)
    return graph, arrays


def run(engine, graph, arrays):
    """What an engine makes of copies of the arrays."""
    with np.errstate(all="ignore"):
        return program(engine, graph).run([x.copy(order="K") for x in arrays])


def outcome(engine, graph, arrays):
    """The results, or the class and the text of the error."""
    try:
        return run(engine, graph, arrays)
    except (ChainruleError, ArithmeticError, ValueError, IndexError) as error:
        return type(error), str(error)


def limit(primitive, arrays, params, wanted):
    """How far from the reference each result may be; 0: the same bits."""
    if wanted.dtype.kind in "biuc" or not arrays:
        return 0.0
    eps = dtypes.finfo(dtypes.OF_NUMPY[wanted.dtype]).eps
    size = np.abs(wide(wanted))
    name = primitive.__name__
    terms = math.log2(4 + max(x.size for x in arrays))
    if name in SUMS:
        largest = [np.abs(wide(x)) if x.dtype.kind in "fV" else x for x in arrays]
        with np.errstate(all="ignore"):
            return terms * eps * np.abs(wide(primitive.evaluate(tuple(largest), params)))
    if name in SCALED:
        return 4 * terms * eps * max(1.0, float(np.max(size, initial=0)))
    if name in PRODUCTS:
        return 2 * max(x.size for x in arrays) * eps * size
    if issubclass(primitive, Elementwise) and name not in MOVEMENT:
        return ULPS * eps * size
    return 0.0


def wide(x):
    """Floats as float64."""
    return x.astype(float) if x.dtype.kind != "V" else dtypes.cast(x, np.dtype(float))


def difference(got, wanted, allowed=0.0):
    """What is wrong with a result, in words; nothing if nothing is."""
    if (got.shape, got.dtype) != (wanted.shape, wanted.dtype):
        return f"{got.dtype}{got.shape} instead of {wanted.dtype}{wanted.shape}"
    if got.tobytes() == wanted.tobytes() or got.size == 0:
        return ""
    if got.dtype.kind in "biu":
        apart = got != wanted
    else:
        a, b = (x if x.dtype.kind == "c" else wide(x) for x in (got, wanted))
        with np.errstate(invalid="ignore"):
            close = (a == b) | (np.abs(a - b) <= allowed) | (np.isnan(a) & np.isnan(b))
        apart = ~close
    if not apart.any():
        return ""
    at = tuple(int(i) for i in np.argwhere(np.atleast_1d(apart))[0][: got.ndim])
    return f"{apart.sum()} of {apart.size} differ; at {at} {got[at]}, wanted {wanted[at]}"


def differences(calls, results):
    """What is wrong with the results of the native engine, for each call where something is."""
    (wanted, got), found = results, {}
    for number, (primitive, arrays, params) in enumerate(calls):
        allowed = limit(primitive, arrays, params, wanted[number])
        if said := difference(got[number], wanted[number], allowed):
            shapes = [f"{x.dtype}{list(x.shape)}" for x in arrays]
            found[f"{number}: {primitive.__name__}({', '.join(shapes)}; {params})"] = said
    return found


def alike(a, b):
    """Whether two tensors are the same bits; of the native engine, up to its rounding."""
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return False
    if os.environ.get("CHAINRULE_ENGINE") == "reference" or not a.is_floating_point():
        return a.equal(b)
    x, y = a.detach().double().numpy(), b.detach().double().numpy()
    limit = AFTER_TRAINING[a.dtype.name] * float(np.abs(y).max(initial=1e-3))
    return np.allclose(x, y, rtol=0, atol=limit, equal_nan=True)
