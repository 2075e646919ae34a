"""Calls of primitives: large enough for several chunks, vectors and what is left over."""

from __future__ import annotations

import collections
import itertools

import numpy as np
from primitive_samples.making import ANY, ARITHMETIC, BOOLEAN, FLOATS

import chainrule as cr
from chainrule import dtypes
from chainrule.ops.primitive import Primitive

TABLE, CUBE = (200, 333), (13, 37, 61)
WIDE = ("float32", "float64")
SOME = (*WIDE, "bfloat16", "int32", "int8")


def numbers(dtype, *shape):
    """Numbers of a type, other ones in every place."""
    spread = np.random.default_rng(sum(shape)).uniform(-2, 3, shape)
    to = getattr(cr, dtype).numpy
    if to.kind in "biu":
        whole = np.floor(spread * (1 if to.kind == "b" else 3))
        return np.asarray((np.abs(whole) if to.kind == "u" else whole) % 7).astype(to)
    return np.asarray(dtypes.cast(np.asarray(spread), to))


def positions(limit, *shape):
    return np.random.default_rng(limit).integers(0, limit, shape)


class Cases:
    """Calls by the name of their primitive."""

    def __init__(self):
        self.calls = collections.defaultdict(list)

    def call(self, name, *arrays, **params):
        self.calls[name].append((Primitive.registry[name], arrays, params))

    def add(self, names, types, *shapes, **params):
        for name, dtype in itertools.product(names.split(), types):
            self.call(name, *[numbers(dtype, *shape) for shape in shapes], **params)


def elementwise(cases):
    two = "Add Multiply Maximum Less Equal"
    cases.add(two, ANY, TABLE, TABLE)
    cases.add(two, ANY, (13, 1, 37), (5, 1))
    cases.add(two, FLOATS, TABLE, (333,))
    cases.add(two, FLOATS, (200, 1), TABLE)
    cases.add(two, FLOATS, (), TABLE)
    cases.add("Subtract", ARITHMETIC, (37, 13), (13,))
    cases.add("Divide", FLOATS, TABLE, (200, 1))
    cases.add("Exp Tanh Sigmoid Sqrt Log Erf Sin", FLOATS, TABLE)
    cases.add("Negate Absolute Relu Sign", ARITHMETIC, CUBE[:2])
    cases.add("Lerp", FLOATS, TABLE, TABLE, ())
    cases.add("AddProduct", FLOATS, TABLE, TABLE, (333,), ())
    for dtype in ANY:
        arrays = numbers(dtype, *TABLE), numbers(dtype, 333)
        cases.call("Where", numbers("bool", *TABLE), *arrays)


REDUCED = [
    (TABLE, (0,)), (TABLE, (1,)), (TABLE, (0, 1)), (CUBE, (1,)), (CUBE, (0, 2)), (CUBE, (1, 2)),
    (CUBE, (0,)), ((7, 3, 5, 11), (1, 3)), ((70000,), (0,)), ((1, 17), (0,)), ((3, 1000), (1,)),
    ((1000, 3), (0,)), ((37, 64, 64), (0, 1)), ((16384, 1), (0,)), ((1, 1), (0,)),
]  # fmt: skip


def reductions(cases):
    for shape, axes in REDUCED:
        params = {"axes": axes, "keepdim": len(shape) == 3}
        cases.add("Sum", ARITHMETIC if len(shape) == 2 else SOME, shape, **params)
        cases.add("Amax Amin", ANY if len(shape) == 2 else SOME, shape, **params)
        cases.add("All AnyTrue", BOOLEAN, shape, **params)
    for axes in [(0,), (1,), (0, 1)]:
        for dtype in (*WIDE, "int32"):
            close = 1 + numbers(dtype, 13, 37) / 50 if dtype in WIDE else numbers(dtype, 13, 37)
            cases.call("Product", close.astype(dtype), axes=axes, keepdim=False)
    for shape, axis in [(TABLE, 0), (TABLE, 1), (CUBE, 1)]:
        cases.add("Argmax Argmin", SOME, shape, axis=axis, keepdim=False)
        cases.add("Cumsum", (*WIDE, "int32"), shape, axis=axis)
    for shape, axes in [(TABLE, (1,)), (TABLE, (0,)), (CUBE, (0, 2)), (CUBE, (1, 2))]:
        cases.add("Standardize", FLOATS, shape, axes=axes, eps=1e-5)
        cases.add("StandardizeCotangent", FLOATS, shape, shape, axes=axes, eps=1e-5)
        cases.add("Moments", FLOATS, shape, axes=axes)


def movement(cases):
    cases.add("Reshape", ANY, TABLE, shape=(333, 200))
    cases.add("Permute", ANY, TABLE, axes=(1, 0))
    cases.add("Expand", ANY, TABLE, shape=(3, *TABLE))
    cases.add("Flip", ANY, TABLE, axes=(0, 1))
    cases.add("Flip", ANY, TABLE, axes=(1,))
    cases.add("Slice", ANY, TABLE, slices=((3, 190, 3), (7, 300, 1)))
    cases.add("Slice", ANY, TABLE, slices=((0, 200, 1), (1, 333, 2)))
    for axes in itertools.permutations(range(3)):
        cases.add("Permute", SOME, CUBE, axes=axes)
    cases.add("Pad", ANY, TABLE, widths=((1, 3), (0, 5)), value=1)
    cases.add("Concatenate", ANY, TABLE, (7, 333), (1, 333), axis=0)
    cases.add("Concatenate", ANY, TABLE, (200, 1), (200, 13), axis=1)
    cases.add("SliceInto", ANY, TABLE, (50, 333), slices=((3, 53, 1), (0, 333, 1)))
    cases.add("SliceInto", ANY, TABLE, (50, 333), slices=((3, 153, 3), (0, 333, 1)))


FACTORS = [
    ((65, 37), (37, 129)), ((1, 37), (37, 129)), ((65, 37), (37, 1)), ((1, 37), (37, 1)),
    ((3, 1, 13, 17), (5, 17, 11)), ((200, 333), (333, 100)), ((2, 3), (3, 0)), ((2, 0), (0, 3)),
    ((4, 13, 37), (37, 29)), ((7, 1), (1, 9)), ((9, 5), (5, 17)), ((3, 2000), (2000, 5)),
]  # fmt: skip
PLAIN = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
CONVOLUTIONS = [
    ((3, 5, 17, 19), (7, 5, 3, 3), {}),
    ((3, 5, 17, 19), (7, 5, 3, 3), {"padding": (1, 2)}),
    ((3, 6, 17, 19), (8, 3, 3, 3), {"stride": (2, 2), "padding": (1, 1), "groups": 2}),
    ((2, 8, 13, 13), (8, 1, 3, 3), {"padding": (1, 1), "groups": 8}),
    ((2, 5, 13, 13), (9, 5, 1, 1), {}),
    ((2, 5, 13, 15), (6, 5, 3, 2), {"stride": (3, 1), "dilation": (2, 3)}),
    ((2, 3, 32, 32), (16, 3, 7, 7), {"stride": (2, 2), "padding": (3, 3)}),
]
POOL = {"kernel": (3, 2), "stride": (2, 2), "padding": (1, 1), "ceil_mode": False}
POOLS = [{}, {"kernel": (2, 2), "padding": (0, 0)}, {"stride": (1, 1)}, {"ceil_mode": True}]


def products(cases):
    for a, b in FACTORS:
        cases.add("MatMul", SOME, a, b)
    for x, w, changed in CONVOLUTIONS:
        params = PLAIN | changed
        y = Primitive.registry["Convolution"].shape(x, w, **params)
        types = (*WIDE, "bfloat16")
        cases.add("Convolution", types, x, w, **params)
        cases.add("ConvolutionInput", types, y, w, x_shape=x, **params)
        cases.add("ConvolutionWeight", types, x, y, w_shape=w, **params)


def windows(cases):
    x = (3, 5, 17, 19)
    for changed in POOLS:
        params, types = POOL | changed, (*WIDE, "bfloat16")
        y = Primitive.registry["WindowSum"].shape(x, **params)
        cases.add("WindowArgmax", types, x, dilation=(1, 1), **params)
        cases.add("WindowSum", types, x, **params)
        cases.add("WindowSumTranspose", types, y, x_shape=x, **params)


def lookups(cases):
    for dtype in ANY:
        x = numbers(dtype, *TABLE)
        cases.call("Index", x, positions(200, 77) - 50, axes=(0,))
        cases.call("Index", x, positions(333, 13, 7), axes=(1,))
        cases.call("Index", x, positions(200, 77), positions(333, 77), axes=(0, 1))
        cases.call("Gather", x, positions(200, 50, 333), axis=0)
        cases.call("Gather", x, positions(333, 199, 11), axis=1)
        if dtype != "bool":
            rows, more = numbers(dtype, 77, 333), numbers(dtype, 50, 333)
            cases.call("IndexAdd", x, rows, positions(200, 77), axes=(0,))
            cases.call("ScatterAdd", x, positions(200, 50, 333), more, axis=0)


def larger():
    """name → calls of the primitive."""
    cases = Cases()
    for family in (elementwise, reductions, movement, products, windows, lookups):
        family(cases)
    return dict(cases.calls)
