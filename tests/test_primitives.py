"""The law of the primitives: each one found in the registry is held to its own rules.

A new primitive needs samples in SAMPLES and nothing else. Checked for every sample:
shape rule = real shape, element type rule = real type, in all types that it is for;
first and second derivatives = finite differences; traced and run = computed at once, bit for
bit, the gradients included; strided memory gives the same values.
"""

import functools

import numpy as np
import pytest

import chainrule as cr
from chainrule import dtypes
from chainrule.autograd import grad, gradcheck, gradgradcheck
from chainrule.engines.reference import ReferenceProgram
from chainrule.ir.verifier import verify
from chainrule.ops.primitive import Primitive
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import Trace, active

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
BOOLEAN = ("bool",)
ANY = (*FLOATS, *INTEGERS, *BOOLEAN)
TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 2e-5, "float64": 1e-12}


def numbers(*shape, low=-2.0, high=2.0):
    """Different numbers in no order, none of them at a whole or half one."""
    count = int(np.prod(shape))
    spread = (np.arange(count) * 0.618034 + 0.131) % 1
    return (low + (high - low) * spread).reshape(shape)


def positive(*shape):
    return numbers(*shape, low=0.2, high=2.1)


def whole(*shape, low=-3, high=5):
    return np.floor(numbers(*shape, low=low, high=high + 0.9))


def small(*shape):
    return numbers(*shape, low=-0.9, high=0.9)


def natural(*shape):
    return whole(*shape, low=0, high=2)


def divisor(*shape):
    return whole(*shape, low=1)


def truth(*shape):
    return numbers(*shape) > 0.1


def at(*positions):
    return np.array(positions, np.int64)


class Sample:
    """Inputs and parameters of one call. Float inputs change type; others stay as they are."""

    def __init__(self, *inputs, types=FLOATS, **params):
        self.inputs = inputs
        self.types = types
        self.params = params

    def arrays(self, dtype):
        """The inputs with their floats in another type."""
        to = getattr(cr, dtype).numpy
        return tuple(
            dtypes.cast(np.abs(x) if dtype == "uint8" else x, to) if x.dtype == float else x
            for x in map(np.asarray, self.inputs)
        )

    def call(self, primitive):
        """The primitive as a function of tensors."""
        return lambda *xs: Tensor._apply(primitive, *xs, **self.params)


def unary(make=numbers, types=FLOATS):
    return [Sample(make(*shape), types=types) for shape in [(2, 3), (), (0, 2), (1, 1)]]


def binary(a=numbers, b=positive, types=FLOATS):
    """Equal shapes, broadcasting, a number, nothing at all."""
    shapes = [((2, 3), (2, 3)), ((2, 1, 2), (3, 1)), ((), (2,)), ((0, 3), (1, 3)), ((1,), (1,))]
    made = [(a(*left), b(*right)) for left, right in shapes]
    return [Sample(x, y, types=types) for x, y in made]


def update(operands):
    """x and its operands: equal shapes with a number last, and broadcasting everywhere."""
    shapes = [[(2, 3)] * operands + [()], [(), *[(2,)] * operands], [(0, 3)] * (operands + 1)]
    shapes.append([(2, 1, 2), (3, 1), (2,), (1,)][: operands + 1])
    return [Sample(*[positive(*shape) for shape in case]) for case in shapes]


def reduction(make=numbers, types=FLOATS, empty=True, **params):
    cases = [((2, 3), (0,)), ((2, 3), (1,)), ((2, 1, 3), (0, 2)), ((2, 3), (0, 1)), ((), ())]
    cases += [((0, 2), (0,)), ((0, 2), (0, 1))] if empty else []
    cases += [((0, 2), (1,))]
    return [
        Sample(make(*shape), axes=axes, keepdim=keepdim, types=types, **params)
        for shape, axes in cases
        for keepdim in (False, True)
    ]


def along(make=numbers, types=FLOATS, **params):
    shapes = [((2, 3), 0), ((2, 3), 1), ((2, 1, 3), 1), ((0, 2), 1), ((4,), 0)]
    return [Sample(make(*shape), axis=axis, types=types, **params) for shape, axis in shapes]


def movement(name, *cases):
    return [Sample(numbers(*shape), types=ANY, **{name: value}) for shape, value in cases]


def windows(inputs, *shapes, **params):
    return [
        Sample(*[make(*shape) for make, shape in zip(inputs, pair)], **params)
        for pair in shapes
    ]


PLAIN = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
STRIDED = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}
LINE = {"stride": (2,), "padding": (1,), "dilation": (1,), "groups": 1}
POOL = {"kernel": (2, 2), "stride": (2, 1), "padding": (1, 0), "ceil_mode": True}
ONE, TWO = [numbers], [numbers, numbers]

ARITHMETIC = (*FLOATS, *INTEGERS)
BITS = (*INTEGERS, *BOOLEAN)

SMOOTH = (
    "Exp", "Exp2", "Expm1", "Sigmoid", "Erf", "Sin", "Cos", "Arctan", "Sinh", "Cosh", "Tanh",
    "Floor", "Ceil", "Round", "Trunc",
)  # fmt: skip

SAMPLES = {
    **dict.fromkeys(SMOOTH, unary()),
    **dict.fromkeys(["Log", "Log2", "Log10", "Log1p", "Sqrt"], unary(positive)),
    **dict.fromkeys(["BitwiseAnd", "BitwiseOr", "BitwiseXor"], binary(whole, whole, BITS)),
    **dict.fromkeys(["Equal", "NotEqual", "Less", "LessEqual"], binary(whole, whole, ANY)),
    "Negate": unary(types=ARITHMETIC),
    "Absolute": unary(types=ARITHMETIC),
    "Sign": unary(types=ANY),
    "Relu": unary(types=ARITHMETIC),
    **dict.fromkeys(["Tan", "Arcsin", "Arccos"], unary(small)),
    "Add": binary(types=ANY),
    "Subtract": binary(types=ARITHMETIC),
    "Multiply": binary(types=ANY),
    "Divide": binary(),
    "FloorDivide": binary() + binary(whole, divisor, INTEGERS),
    "Remainder": binary() + binary(whole, divisor, INTEGERS),
    "Fmod": binary() + binary(whole, divisor, INTEGERS),
    "Power": binary(positive, numbers) + binary(natural, natural, INTEGERS),
    "Arctan2": binary(),
    "Maximum": binary(types=ANY),
    "Minimum": binary(types=ANY),
    "ShiftLeft": binary(whole, natural, INTEGERS),
    "ShiftRight": binary(whole, natural, INTEGERS),
    "Not": unary(whole, BITS),
    "IsNan": [*unary(), Sample(np.array([np.nan, np.inf, 1.0]))],
    "IsFinite": [*unary(), Sample(np.array([np.nan, -np.inf, 1.0]))],
    "InRange": [
        Sample(at(*numbers), limit=3, what="f", of="label", among="classes")
        for numbers in ([0, 2, 1], [], [2])
    ],
    "Probabilities": [
        Sample(np.array(x), what="f") for x in ([0.2, 0.9], [[0.5], [0.3]], 0.4, [])
    ],
    "Lerp": update(operands=2),
    "AddProduct": update(operands=3),
    "AddQuotient": update(operands=3),
    "Where": [
        Sample(truth(2, 3), numbers(2, 3), positive(2, 3), types=ANY),
        Sample(truth(3, 1), numbers(2), positive(), types=ANY),
        Sample(truth(0, 2), numbers(1, 2), positive(1, 1), types=ANY),
    ],
    "Convert": [
        Sample(whole(2, 3), to=to.numpy, source=np.dtype(np.int64), types=("int64",))
        for to in dtypes.ALL
    ]
    + [
        Sample(numbers(*shape), to=np.dtype(float), source=np.dtype(float), types=("float64",))
        for shape in [(2, 3), (), (0,)]
    ],
    "Copy": unary(types=ANY),
    "MatMul": [
        Sample(numbers(2, 3), numbers(3, 4), types=ARITHMETIC),
        Sample(numbers(2, 1, 2, 3), numbers(3, 3, 1)),
        Sample(numbers(0, 3), numbers(3, 2)),
        Sample(numbers(2, 0), numbers(0, 2)),
        Sample(numbers(1, 1), numbers(1, 1)),
    ],
    "Cumsum": along(types=ARITHMETIC),
    "Cumprod": [*along(types=ARITHMETIC), Sample(np.array([1.5, 0.0, 2.0, 0.0, 3.0]), axis=0)],
    "Sum": reduction(types=ARITHMETIC),
    "Product": [
        *reduction(types=ARITHMETIC),
        Sample(np.array([[1.5, 0, 2], [0, 0, 3]]), axes=(1,), keepdim=False),
    ],
    "All": reduction(truth, types=BOOLEAN),
    "AnyTrue": reduction(truth, types=BOOLEAN),
    "Amax": reduction(types=ANY, empty=False),
    "Amin": reduction(types=ANY, empty=False),
    "Argmax": along(types=ARITHMETIC, keepdim=False) + along(keepdim=True),
    "Argmin": along(types=ARITHMETIC, keepdim=False) + along(keepdim=True),
    "Argsort": along(types=ARITHMETIC, descending=False) + along(descending=True),
    "Reshape": movement("shape", ((2, 3), (3, 2)), ((0, 2), (4, 0)), ((), (1, 1)), ((1,), ())),
    "Permute": movement("axes", ((2, 3), (1, 0)), ((1, 0, 2), (2, 0, 1)), ((), ())),
    "Expand": movement("shape", ((2, 1), (3, 2, 2)), ((), (2,)), ((1, 2), (0, 2))),
    "Flip": movement("axes", ((2, 3), (0, 1)), ((0, 3), (1,)), ((2,), ()), ((1,), (0,))),
    "Slice": movement(
        "slices", ((5, 3), ((1, 5, 2), (0, 3, 1))), ((3,), ((2, 2, 1),)), ((), ())
    ),
    "SliceInto": [
        Sample(numbers(5, 3), positive(2, 3), slices=((1, 5, 2), (0, 3, 1)), types=ANY),
        Sample(numbers(3), positive(0), slices=((2, 2, 1),), types=ANY),
        Sample(numbers(), positive(), slices=()),
    ],
    "Pad": [
        Sample(numbers(2, 3), widths=((1, 0), (0, 2)), value=0, types=ANY),
        Sample(numbers(0, 2), widths=((1, 1), (0, 0)), value=1.0),
        Sample(numbers(), widths=(), value=0),
    ],
    "Concatenate": [
        Sample(numbers(2, 3), positive(1, 3), numbers(0, 3), axis=0, types=ANY),
        Sample(numbers(2, 1), positive(2, 2), axis=1),
        Sample(numbers(3), axis=0),
    ],
    "Index": [
        Sample(numbers(4, 2), at(2, 0, -1, 2), axes=(0,), types=ANY),
        Sample(numbers(2, 3), at([0], [1]), at(2, 0), axes=(0, 1)),
        Sample(numbers(2, 3, 2), at(1, 1), at(0, 1), axes=(0, 2)),
        Sample(numbers(2, 3), at(), axes=(1,)),
        Sample(numbers(3), np.array(1), axes=(0,)),
    ],
    "IndexAdd": [
        Sample(numbers(4, 2), positive(3, 2), at(2, 0, 2), axes=(0,), types=ARITHMETIC),
        Sample(numbers(2, 3), positive(2, 2), at(1, 1), axes=(1,)),
        Sample(numbers(2, 3), positive(2), at(1, 0), at(2, 2), axes=(0, 1)),
        Sample(numbers(2, 3), positive(1, 3), at(0, 0), axes=(0,)),
        Sample(numbers(2), positive(0), at(), axes=(0,)),
    ],
    "IndexPut": [
        Sample(numbers(4, 2), positive(3, 2), at(2, 0, 1), axes=(0,), types=ANY),
        Sample(numbers(2, 3), positive(2), at(1, 0), at(2, 1), axes=(0, 1)),
        Sample(numbers(2, 3), positive(2, 1), at(0, 2), axes=(1,)),
        Sample(numbers(2), positive(0), at(), axes=(0,)),
    ],
    "Gather": [
        Sample(numbers(3, 2), at([0, 2], [1, 1]), axis=0, types=ANY),
        Sample(numbers(2, 3), at([2], [0]), axis=1),
        Sample(numbers(3, 4), at([3, 0, 0]), axis=1),
        Sample(numbers(2, 3), np.zeros((0, 3), np.int64), axis=0),
    ],
    "ScatterAdd": [
        Sample(numbers(3, 2), at([0, 2], [0, 1]), positive(2, 2), axis=0, types=ARITHMETIC),
        Sample(numbers(2, 3), at([2, 2]), positive(2, 3), axis=1),
        Sample(numbers(2), np.zeros(0, np.int64), positive(0), axis=0),
    ],
    "Scatter": [
        Sample(numbers(3, 2), at([0, 2], [1, 1]), positive(2, 2), axis=0, types=ANY),
        Sample(numbers(2, 3), at([2, 0]), positive(2, 3), axis=1),
        Sample(numbers(2), np.zeros(0, np.int64), positive(0), axis=0),
    ],
    "Convolution": windows(TWO, ((1, 2, 4, 3), (2, 2, 2, 2)), **PLAIN)
    + windows(TWO, ((0, 2, 3, 3), (1, 2, 2, 1)), **PLAIN)
    + windows(TWO, ((2, 2, 3, 3), (2, 1, 2, 2)), **STRIDED)
    + windows(TWO, ((1, 1, 5), (2, 1, 3)), **LINE),
    "ConvolutionInput": windows(
        TWO, ((1, 2, 3, 2), (2, 2, 2, 2)), x_shape=(1, 2, 4, 3), **PLAIN
    )
    + windows(TWO, ((1, 2, 2, 5), (2, 1, 2, 2)), x_shape=(1, 2, 3, 3), **STRIDED),
    "ConvolutionWeight": windows(
        TWO, ((1, 2, 4, 3), (1, 2, 3, 2)), w_shape=(2, 2, 2, 2), **PLAIN
    )
    + windows(TWO, ((1, 2, 3, 3), (1, 2, 2, 5)), w_shape=(2, 1, 2, 2), **STRIDED),
    "WindowArgmax": windows(ONE, ((1, 2, 4, 3),), dilation=(1, 1), **POOL),
    "WindowSum": windows(ONE, ((1, 2, 4, 3),), ((0, 1, 3, 3),), **POOL),
    "WindowSumTranspose": windows(ONE, ((1, 2, 3, 2),), x_shape=(1, 2, 4, 3), **POOL),
    "Full": [
        Sample(shape=shape, value=2, dtype=dtype.numpy, types=("float64",))
        for dtype in dtypes.ALL
        for shape in [(2, 3), (), (0,)]
    ],
    "Arange": [
        Sample(start=1, step=2, size=size, dtype=dtype.numpy, types=("float64",))
        for dtype in dtypes.ALL
        for size in (0, 1, 3)
    ],
    "RandomBits": [Sample(at(3)[0], at(1)[0], shape=shape) for shape in [(2, 3), (), (0,)]],
    "RandomUniform": [
        Sample(at(3)[0], at(1)[0], shape=shape, dtype=np.dtype(dtype))
        for shape in [(2, 3), (), (0,)]
        for dtype in ("float32", "float64")
    ],
}  # fmt: skip

#: computed through numbers of another sign or size, which small types wrap or round
NOT_ALIKE = ("Convert", "RandomBits", "RandomUniform", "Full", "Arange")

PRIMITIVES = sorted(Primitive.registry)


every_sample = pytest.mark.parametrize(
    "primitive, sample",
    [
        pytest.param(Primitive.registry[name], sample, id=f"{name}-{number}")
        for name in PRIMITIVES
        for number, sample in enumerate(SAMPLES.get(name, []))
    ],
)


def tensors(sample, dtype="float64", requires_grad=False):
    made = [Tensor._of(x.copy()) for x in sample.arrays(dtype)]
    return [x.requires_grad_() if requires_grad and x.is_floating_point() else x for x in made]


def differentiable(primitive, sample):
    rules = primitive.rules_for(len(sample.inputs)) if primitive.rest else primitive.rules
    return any(rules) and any(x.size for x in map(np.asarray, sample.inputs))


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_has_samples(name):
    assert SAMPLES.get(name), f"add samples of {name} to SAMPLES in tests/test_primitives.py"
    assert Primitive.registry[name].__doc__.strip()


@every_sample
def test_shape_and_element_type_are_as_the_rules_say(primitive, sample):
    for dtype in sample.types:
        arrays = sample.arrays(dtype)
        y = primitive.evaluate(arrays, sample.params)
        assert type(y) is np.ndarray
        assert y.shape == tuple(primitive.shape(*[x.shape for x in arrays], **sample.params))
        assert y.dtype == primitive.dtype(*[x.dtype for x in arrays], **sample.params), dtype


@every_sample
def test_all_float_types_agree(primitive, sample):
    if primitive.__name__ in NOT_ALIKE or not set(sample.types) & set(FLOATS):
        return
    rounded = sample.arrays("bfloat16")  # numbers that every float type but float16 holds
    exact = [dtypes.cast(x, np.dtype(float)) if x.dtype.kind == "V" else x for x in rounded]
    y = primitive.evaluate(tuple(exact), sample.params)
    for dtype in ("bfloat16", "float32"):
        to = getattr(cr, dtype).numpy
        same = [dtypes.cast(x, to) if x.dtype == float else x for x in exact]
        got = dtypes.cast(primitive.evaluate(tuple(same), sample.params), y.dtype)
        limit = TOLERANCE[dtype]
        np.testing.assert_allclose(got, y, rtol=limit, atol=limit)


@every_sample
def test_derivatives_equal_finite_differences(primitive, sample):
    if not differentiable(primitive, sample) or sample.types[0] not in FLOATS:
        return
    inputs = tensors(sample, requires_grad=True)
    assert gradcheck(sample.call(primitive), inputs, rtol=1e-6, atol=1e-7)
    if all(np.prod(x.shape) <= 16 for x in inputs):
        assert gradgradcheck(sample.call(primitive), inputs, rtol=1e-5, atol=1e-6)


@every_sample
def test_traced_and_run_equals_computed_at_once(primitive, sample):
    gradients = differentiable(primitive, sample) and sample.types[0] in FLOATS
    function = functools.partial(_value_and_gradients, sample.call(primitive), gradients)
    for dtype in ("float64", "bfloat16") if sample.types == FLOATS else sample.types[:1]:
        inputs = tensors(sample, dtype, requires_grad=gradients)
        expected = [y.detach()._array("the test") for y in function(inputs)]
        for got, wanted in zip(_traced(function, inputs), expected, strict=True):
            assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
            assert got.tobytes() == wanted.tobytes()


def _value_and_gradients(call, gradients, inputs):
    y = call(*inputs)
    leaves = [x for x in inputs if x.requires_grad]
    if not gradients or not y.requires_grad:
        return [y]
    cotangent = (y.detach() * 0.5).cos()
    return [y, *grad(y, leaves, cotangent, materialize_grads=True)]


def _traced(function, inputs):
    """The function written down, verified, and run by the reference engine."""
    with active(Trace()) as trace:
        arguments = [trace.read(x) for x in inputs]
        outputs = [trace.read(y) for y in function(inputs)]
    trace.graph.outputs = [symbol.variable for symbol in outputs]
    verify(trace.graph)
    assert [symbol.variable for symbol in arguments] == trace.graph.inputs
    return ReferenceProgram(trace.graph).run([x._cell.array for x in inputs])


@every_sample
def test_strided_memory_gives_the_same_values(primitive, sample):
    arrays = sample.arrays(sample.types[0])
    strided = [np.repeat(x, 2, -1)[..., ::2] if x.ndim else x for x in arrays]
    transposed = [np.asfortranarray(x) if x.ndim else x for x in arrays]
    expected = primitive.evaluate(arrays, sample.params)
    for layout in (strided, transposed):
        before = [x.copy() for x in layout]
        got = primitive.evaluate(tuple(layout), sample.params)
        wide = [
            dtypes.cast(y, np.dtype(float)) if y.dtype.kind in "fV" else y
            for y in (got, expected)
        ]
        np.testing.assert_allclose(
            *wide, rtol=1e-2 if arrays and arrays[0].dtype.itemsize == 2 else 1e-12
        )
        for x, was in zip(layout, before, strict=True):
            assert x.tobytes() == was.tobytes(), "forward wrote into its input"
