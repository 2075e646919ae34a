"""Samples of the primitives."""

import numpy as np

from chainrule import dtypes
from primitive_samples.making import (
    ANY,
    ARITHMETIC,
    BITS,
    BOOLEAN,
    INTEGERS,
    Sample,
    along,
    at,
    binary,
    divisor,
    movement,
    natural,
    numbers,
    positive,
    reduction,
    small,
    truth,
    unary,
    update,
    whole,
    windows,
)

PLAIN = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
STRIDED = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}
LINE = {"stride": (2,), "padding": (1,), "dilation": (1,), "groups": 1}
POOL = {"kernel": (2, 2), "stride": (2, 1), "padding": (1, 0), "ceil_mode": True}
ONE, TWO = [numbers], [numbers, numbers]

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
        Sample(np.array(x), what="f", of="input", repair="mend it")
        for x in ([0.2, 0.9], [[0.5], [0.3]], 0.4, [])
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
