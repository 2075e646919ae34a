"""How samples are made: numbers of some kind in some shapes, and whole families of them."""

import numpy as np

import chainrule as cr
from chainrule import dtypes
from chainrule.tensor.tensor import Tensor

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
BOOLEAN = ("bool",)
ANY = (*FLOATS, *INTEGERS, *BOOLEAN)
ARITHMETIC = (*FLOATS, *INTEGERS)
BITS = (*INTEGERS, *BOOLEAN)


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
