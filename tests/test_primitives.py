"""The law of the primitives: each one found in the registry is held to its own rules.

A new primitive needs samples in support/primitive_samples and nothing else. Checked for
every sample: shape rule = real shape, element type rule = real type, in all types that it is
for; first and second derivatives = finite differences; traced and run = computed at once, bit
for bit, the gradients included; strided memory gives the same values.
"""

import functools

import numpy as np
import pytest
from primitive_samples import SAMPLES
from primitive_samples.making import FLOATS

import chainrule as cr
from chainrule import dtypes
from chainrule.autograd import grad, gradcheck, gradgradcheck
from chainrule.engines.reference import ReferenceProgram
from chainrule.ir.verifier import verify
from chainrule.ops.primitive import Primitive
from chainrule.tensor.tensor import Tensor
from chainrule.tensor.trace import Trace, active

TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 2e-5, "float64": 1e-12}

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
