"""The elementary functions of the native engine against NumPy in its longest floats."""

import ctypes
import functools
import math
import re

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from chainrule.engines.native import mathematics
from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.emitter.affine import Affine, Var
from chainrule.engines.native.running.llvm import assembly, compile_object, load
from chainrule.engines.native.running.target import host, named

SIZE = 1024  # elements that one call of a kernel goes through
HAS_FMA = host().vector_bytes >= 32 or host().architecture == "aarch64"
SETUPS = [
    ("float", 16, HAS_FMA),
    ("float", 1, False),
    ("double", 8, HAS_FMA),
    ("double", 1, False),
]
TYPES = {"float": np.float32, "double": np.float64}
NAMES = mathematics.__all__
TWO = ("pow", "atan2")  # functions of two numbers

# name → where it is looked at closely, and the largest errors in ulp: float, double.
# What float computes in float64 is rounded right but for one in many millions.
ACCURACY = {
    "exp": ((-104, 89), 1.2, 1.2),
    "exp2": ((-150, 128), 1.2, 1.2),
    "expm1": ((-20, 20), 2.2, 2.2),
    "log": ((0.3, 3), 1.2, 1.2),
    "log2": ((0.3, 3), 2.2, 1.7),
    "log10": ((0.3, 3), 2.2, 3.0),
    "log1p": ((-1, 3), 1.6, 1.4),
    "sigmoid": ((-104, 40), 2.5, 2.3),
    "tanh": ((-10, 10), 2.8, 2.8),
    "erf": ((-5, 5), 2.0, 2.5),
    "erfc": ((-5, 27), 0.51, 4.0),
    "sin": ((-1000, 1000), 0.51, 1.8),
    "cos": ((-1000, 1000), 0.51, 1.8),
    "tan": ((-1000, 1000), 0.51, 2.5),
    "asin": ((-1, 1), 0.51, 2.5),
    "acos": ((-1, 1), 0.51, 1.8),
    "atan": ((-5, 5), 0.51, 1.5),
    "sinh": ((-10, 10), 0.51, 2.2),
    "cosh": ((-10, 10), 0.51, 1.8),
    "asinh": ((-10, 10), 0.51, 2.2),
    "acosh": ((1, 10), 0.51, 2.2),
    "atanh": ((-1, 1), 0.51, 2.4),
}
NUMPY_NAMES = {
    name: name.replace("a", "arc", 1)
    for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")
}


def module(kind, lanes, fused, names):
    """All the functions, each in a kernel of its name."""
    helpers, declared, kernels = {}, {}, []
    for name in names:
        e = Emitter(f"kernel_{name}", ["y", "a", "b"], lanes, fused=fused)
        var = Var("i", SIZE)
        with e.over(var, step=lanes):
            at = Affine.of(var)
            inputs = [
                e.load(e.address(e.pointers[p], at, kind), kind, lanes)
                for p in ("ab" if name in TWO else "a")
            ]
            result = getattr(mathematics, name)(e, *inputs)
            e.store(result, e.address(e.pointers["y"], at, kind))
        kernels.append(e.text())
        helpers.update(e.helpers)
        declared.update(e.declared)
    return "\n".join([*helpers.values(), *kernels, *declared.values()])


def with_attributes(text, target):
    return f"{text}\nattributes #0 = {{ {target.attributes} }}\n"


@functools.cache
def library(kind, lanes, fused):
    text = module(kind, lanes, fused, NAMES)
    return load(compile_object(with_attributes(text, host()), host()))


def run(setup, name, a, b=None):
    """One function of arrays."""
    dtype = TYPES[setup[0]]
    a, b = np.broadcast_arrays(np.asarray(a, dtype), np.asarray(0 if b is None else b, dtype))
    kernel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(
        library(*setup).address(f"kernel_{name}")
    )
    inputs = [np.resize(x, -(-x.size // SIZE) * SIZE) for x in (a, b)]
    y = np.empty(inputs[0].size, dtype)
    for start in range(0, y.size, SIZE):
        rows = [x[start:].ctypes.data for x in (y, *inputs)]
        kernel((ctypes.c_void_p * 3)(*rows), None, 0)
    return y[: a.size].reshape(a.shape)


def expected(name, *inputs):
    """NumPy's result, in floats longer than float64 where the machine has them."""
    if name in ("erf", "erfc"):
        function = getattr(math, name)
        return np.array([function(x) for x in inputs[0].tolist()])
    long = [x.astype(np.longdouble) for x in inputs]
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            return 1 / (1 + np.exp(-long[0]))
        if name == "pow":
            return np.power(*long)
        return getattr(np, NUMPY_NAMES.get(name, name))(*long)


def assert_close(y, right, limit, *inputs):
    """Equal within `limit` units in the last place; nan, infinities and signs of zero alike."""
    with np.errstate(all="ignore"):
        rounded = right.astype(y.dtype)
    same = (y == rounded) | (np.isnan(y) & np.isnan(rounded))
    with np.errstate(all="ignore"):
        error = np.abs(y - right) / np.spacing(np.abs(rounded))
    wrong = ~same & ~(error <= limit)
    assert not wrong.any(), [
        (*(x[i] for x in inputs), y[i], rounded[i], error[i]) for i in np.flatnonzero(wrong)[:4]
    ]
    zero = (rounded == 0) & (y == 0)
    assert (np.signbit(y) == np.signbit(rounded))[zero].all()


def everywhere(dtype, count):
    """Numbers of every size and both signs: random bits."""
    bits = np.random.default_rng(7).integers(0, 1 << 64, count, np.uint64)
    x = bits.view(np.float64) if dtype == np.float64 else (bits >> 32).astype(np.uint32)
    x = x.view(dtype)
    return x[np.isfinite(x)]


def special(dtype):
    info = np.finfo(dtype)
    sizes = [0, 1, np.inf, info.max, info.tiny, info.smallest_subnormal, 0.5, 2, 1e-30]
    return np.array([*sizes, *(-x for x in sizes), np.nan], dtype)


@pytest.mark.parametrize("setup", SETUPS, ids=str)
@pytest.mark.parametrize("name", ACCURACY)
def test_accuracy(name, setup):
    (low, high), *limits = ACCURACY[name]
    dtype = TYPES[setup[0]]
    limit = limits[setup[0] == "double"]
    dense = np.linspace(low, high, 6000, dtype=dtype)
    x = np.concatenate([dense, everywhere(dtype, 3000), special(dtype)])
    assert_close(run(setup, name, x), expected(name, x), limit, x)


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_powers(setup):
    dtype = TYPES[setup[0]]
    rng = np.random.default_rng(3)
    log_largest = math.log(float(np.finfo(dtype).max))
    a = np.exp(rng.uniform(-1, 1, 9000) ** 3 * log_largest).astype(dtype)
    reach = log_largest / np.maximum(np.abs(np.log(a)), 1e-6)
    b = (rng.uniform(-1.05, 1.05, 9000) * reach).astype(dtype)
    assert_close(run(setup, "pow", a, b), expected("pow", a, b), 1.5, a, b)


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_powers_of_special_numbers(setup):
    dtype = TYPES[setup[0]]
    odd = 2.0 ** np.finfo(dtype).nmant + 1  # the largest odd numbers are about twice this
    more = np.array([3, -3, 1.5, -1.5, odd, -odd, 2 * odd, 4 * odd, 1 / 3], dtype)
    numbers = np.concatenate([special(dtype), more])
    a, b = (x.ravel() for x in np.meshgrid(numbers, numbers))
    assert_close(run(setup, "pow", a, b), expected("pow", a, b), 1.5, a, b)
    x = everywhere(dtype, 2000)
    np.testing.assert_array_equal(run(setup, "pow", x, 1), x)
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_array_max_ulp(run(setup, "pow", x, 2), x * x, 1)


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_angles_of_points(setup):
    dtype = TYPES[setup[0]]
    some = np.concatenate([special(dtype), np.linspace(-3, 3, 40, dtype=dtype)])
    a, b = (x.ravel() for x in np.meshgrid(some, some))
    right = np.arctan2(a.astype(np.longdouble), b.astype(np.longdouble))
    assert_close(run(setup, "atan2", a, b), right, 0.51 if dtype == np.float32 else 2.6, a, b)


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_inverse_error_function(setup):
    dtype = TYPES[setup[0]]
    x = np.concatenate([np.linspace(-1, 1, 4001, dtype=dtype)[1:-1], dtype([1e-9, 1 - 2**-20])])
    y = run(setup, "erfinv", x)
    for x_, y_ in zip(x.tolist(), y.tolist()):
        slope = 2 / math.sqrt(math.pi) * math.exp(-y_ * y_)
        lost = math.erf(y_) - x_ if abs(x_) < 0.5 else 1 - abs(x_) - math.erfc(abs(y_))
        assert abs(lost) <= 3 * np.finfo(dtype).eps * slope * abs(y_)
    ends = run(setup, "erfinv", [1, -1, 1.5, np.nan, 0.0, -0.0])
    np.testing.assert_array_equal(ends, [np.inf, -np.inf, np.nan, np.nan, 0, 0])
    assert not np.signbit(ends[4]) and np.signbit(ends[5])


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_whole_numbers(setup):
    dtype = TYPES[setup[0]]
    x = np.concatenate([np.arange(-40, 40) / 8, everywhere(dtype, 3000), special(dtype)])
    x = np.concatenate([x.astype(dtype), dtype([0.49999997, 2.0**23 - 0.5, 2.0**52 - 0.5])])
    numpy_names = {"round_half_even": "rint"}
    for name in ("floor", "ceil", "trunc", "round_half_even"):
        right = getattr(np, numpy_names.get(name, name))(x)
        y = run(setup, name, x)
        np.testing.assert_array_equal(y, right, name)
        np.testing.assert_array_equal(np.signbit(y)[x == x], np.signbit(right)[x == x], name)


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_symmetries_hold_to_the_bit(setup):
    x = np.linspace(0, 8, 3000, dtype=TYPES[setup[0]])
    for name in ("tanh", "erf", "sin", "tan", "sinh", "asinh", "atan"):
        np.testing.assert_array_equal(run(setup, name, -x), -run(setup, name, x), name)
    for name in ("cos", "cosh"):
        np.testing.assert_array_equal(run(setup, name, -x), run(setup, name, x), name)
    both = run(setup, "sigmoid", x) + run(setup, "sigmoid", -x)
    np.testing.assert_allclose(both, 1, rtol=2 * np.finfo(x.dtype).eps)


@pytest.mark.parametrize("setup", SETUPS, ids=str)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_near_zeros_and_poles(name, setup):
    dtype = TYPES[setup[0]]
    quarters = np.concatenate([np.arange(1, 1000), np.arange(1000, 1_500_000, 37)])
    x = (quarters * (np.pi / 2)).astype(dtype)
    limit = 0.52 if dtype == np.float32 else 2.5
    assert_close(run(setup, name, x), expected(name, x), limit, x)


WORST = 6381956970095103 * 2.0**797  # no float64 is closer to a multiple of ½π
FAR = {
    "sin": [(1e22, -0.8522008497671888), (WORST, 1.0), (2.0**1023, 0.563127779850884),
            (2.0**21 + 0.5, 0.9221693097510237)],
    "cos": [(1e22, 0.523214785395139), (WORST, -4.687165924254628e-19),
            (2.0**1023, -0.826369834614148), (2.0**21 + 0.5, 0.38678645807902895)],
    "tan": [(1e22, -1.6287782256068988), (WORST, -2.133485385753704e18),
            (2.0**1023, -0.6814476476066215), (2.0**21 + 0.5, 2.38418199626473)],
}  # fmt: skip


@pytest.mark.parametrize("setup", [s for s in SETUPS if s[0] == "double"], ids=str)
@pytest.mark.parametrize("name", FAR)
def test_huge_angles(name, setup):
    x, y = (np.array(column) for column in zip(*FAR[name]))
    np.testing.assert_array_max_ulp(run(setup, name, x), y, 2)


@pytest.mark.parametrize(
    "target, fused",
    [("x86-64", False), ("haswell", True), ("skylake-avx512", True), ("neoverse-n1", True)],
)
@pytest.mark.parametrize(
    "kind, lanes", [("float", 1), ("float", 8), ("double", 1), ("double", 8)]
)
def test_no_library_is_called(target, fused, kind, lanes):
    text = module(kind, lanes, fused, NAMES)
    code = assembly(with_attributes(text, named(target)), named(target))
    called = re.findall(r"^\s+(?:call|callq|jmp|bl|b)\s+([A-Za-z_][\w.]*)", code, re.MULTILINE)
    defined = re.findall(r"^([A-Za-z_][\w.]*):", code, re.MULTILINE)
    assert called  # else the pattern does not know this assembler
    assert set(called) <= set(defined)


def test_a_long_function_stands_in_a_module_once():
    once, twice = (Emitter("kernel", [], 8) for _ in range(2))
    x = once.constant("float", 2.0, 8)
    mathematics.pow(once, x, x)
    for k in range(3):
        mathematics.pow(twice, x, twice.constant("float", float(k), 8))
    assert once.helpers == twice.helpers
    assert not [name for name in twice.declared if not name.startswith("llvm.")]
