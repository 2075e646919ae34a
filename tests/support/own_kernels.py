"""Numbers for kernels of single operations, and the comparison with their primitives."""

import numpy as np

import chainrule as cr
from chainrule import dtypes
from chainrule.engines.native.engine import NativeProgram
from chainrule.ir.graph import Equation, Graph, Variable

TYPES = (
    "float32", "float64", "float16", "bfloat16",
    "int64", "int32", "int16", "int8", "uint8", "bool",
)  # fmt: skip
FLOATS = TYPES[:4]
THREADS = 1, 2, 3


def dtype_named(name):
    return getattr(dtypes, "bool_" if name == "bool" else name).numpy


def numbers(shape, name, seed=0):
    """Numbers of a type, some of them equal."""
    rng, dtype = np.random.default_rng(seed), dtype_named(name)
    if name == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    whole = rng.integers(-20 if name != "uint8" else 0, 20, shape)
    return np.asarray(dtypes.cast(np.asarray(whole / 4 if name in FLOATS else whole), dtype))


def with_specials(x):
    """Infinities, nans and zeros of both signs in some places."""
    y = dtypes.cast(x, np.dtype(np.float64)).reshape(-1).copy()
    for i, value in enumerate((np.nan, np.inf, -np.inf, -0.0, 0.0)):
        y[i::11] = value
    return dtypes.cast(y, x.dtype).reshape(x.shape)


def places(shape, size, least=0, seed=0):
    return np.random.default_rng(seed).integers(least, size, shape)


def graph(primitive, arrays, params):
    inputs = [Variable(x.shape, x.dtype) for x in arrays]
    shape = primitive.shape(*[x.shape for x in arrays], **params)
    output = Variable(tuple(shape), primitive.dtype(*[x.dtype for x in arrays], **params))
    return Graph(inputs, {}, [Equation(primitive, tuple(inputs), params, output)], [output])


def calls(program):
    """What NumPy computes."""
    return [k.nodes[0].name for k in program.plan.kernels if k.kind == "call"]


def wide(x):
    return dtypes.cast(x, np.dtype(np.float64))


def check(primitive, *arrays, exact=False, **params):
    """The program gives what the primitive gives, on any number of threads the same."""
    program = NativeProgram(graph(primitive, arrays, params))
    assert not calls(program)
    before = cr.get_num_threads()
    with np.errstate(all="ignore"):
        wanted = primitive.evaluate(arrays, params)
    found = []
    for count in THREADS:
        cr.set_num_threads(count)
        found.append(program.run(arrays)[0])
    cr.set_num_threads(before)
    assert len({y.tobytes() for y in found}) == 1
    y = found[0]
    assert (y.shape, y.dtype) == (wanted.shape, wanted.dtype)
    if exact or dtypes.OF_NUMPY[wanted.dtype].category != dtypes.FLOAT:
        np.testing.assert_array_equal(wide(y), wide(wanted))
    else:
        eps = dtypes.finfo(dtypes.OF_NUMPY[wanted.dtype]).eps
        np.testing.assert_allclose(wide(y), wide(wanted), rtol=16 * eps, atol=64 * eps)
