"""The executable model of the core: derivatives, broadcasting, trace = eager in every bit."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "chainrule_in_one_file.py"
cr = SimpleNamespace(**runpy.run_path(str(EXAMPLE)))
Tensor, grad = cr.Tensor, cr.grad


def parameter(*shape: int, seed: int = 0) -> Tensor:
    """Numbers between 0.5 and 1.5."""
    return Tensor(np.random.default_rng(seed).uniform(0.5, 1.5, shape), requires_grad=True)


def numerical_gradient(f, x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """Central differences of a function from an array to a float."""
    slopes = np.empty_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        slopes[i] = (f(x + step) - f(x - step)) / (2 * h)
    return slopes


def weighted(y: Tensor) -> Tensor:
    """A scalar whose gradient differs from element to element."""
    return (y * np.cos(np.arange(np.prod(y.shape))).reshape(y.shape)).sum_to(())


OPERATIONS = {
    "add": (lambda a, b: a + b, (2, 3), (2, 3)),
    "add broadcasts a row": (lambda a, b: a + b, (2, 3), (3,)),
    "multiply broadcasts both": (lambda a, b: a * b, (2, 1), (1, 3)),
    "multiply by a scalar": (lambda a, b: a * b, (), (2, 3)),
    "multiply adds an axis": (lambda a, b: a * b, (3, 1), (2, 1, 4)),
    "subtract": (lambda a, b: a - b, (2, 3), (3,)),
    "tanh": (lambda a: a.tanh(), (2, 3)),
    "matmul": (lambda a, b: a @ b, (2, 3), (3, 4)),
    "matmul broadcasts batches": (lambda a, b: a @ b, (5, 2, 3), (3, 4)),
    "transpose": (lambda a: a.mT, (2, 3, 4)),
    "sum to a scalar": (lambda a: a.sum_to(()), (2, 3)),
    "sum to a column": (lambda a: a.sum_to((2, 1)), (4, 2, 3)),
    "mean": (lambda a: a.mean(), (2, 3)),
    "expand": (lambda a: a.expand((4, 2, 3)), (2, 1)),
    "numbers on either side": (lambda a: 2 - 3 * (1 + a * 2) - 1, (3,)),
    "an input used twice": (lambda a: a * a.tanh() + a, (3,)),
}


@pytest.fixture(params=OPERATIONS.values(), ids=OPERATIONS)
def operation(request):
    f, *shapes = request.param
    return f, [parameter(*shape, seed=i) for i, shape in enumerate(shapes)]


def test_gradient_equals_finite_differences(operation):
    f, inputs = operation
    for i, (x, g) in enumerate(zip(inputs, grad(weighted(f(*inputs)), inputs), strict=True)):

        def loss(value, i=i):
            arguments = [*inputs[:i], Tensor(value), *inputs[i + 1 :]]
            return float(weighted(f(*arguments)).numpy())

        assert g.shape == x.shape
        np.testing.assert_allclose(g.numpy(), numerical_gradient(loss, x.numpy()), atol=1e-8)


def slope_of_slope(f, inputs) -> Tensor:
    """A scalar made of the first derivatives, to be differentiated again."""
    total = Tensor(0.0)
    for g in grad(weighted(f(*inputs) * f(*inputs)), inputs):
        total = total + weighted(g)
    return total


def test_second_derivative_equals_finite_differences(operation):
    f, inputs = operation
    for i, g in enumerate(grad(slope_of_slope(f, inputs), inputs)):

        def first(value, i=i):
            arguments = [*inputs[:i], Tensor(value, True), *inputs[i + 1 :]]
            return float(slope_of_slope(f, arguments).numpy())

        expected = numerical_gradient(first, inputs[i].numpy())
        np.testing.assert_allclose(g.numpy(), expected, rtol=1e-6, atol=1e-7)


def test_trace_equals_eager_and_shape_rules_tell_the_truth(operation):
    f, inputs = operation

    def gradients(*inputs):
        slopes = grad(slope_of_slope(f, inputs), list(inputs))
        return sum((weighted(g) for g in slopes), f(*inputs))

    trace = cr.Trace(gradients, tuple(inputs))
    result = trace.run(tuple(inputs))
    np.testing.assert_array_equal(result.numpy(), gradients(*inputs).numpy(), strict=True)
    values = {s: x.numpy() for s, x in zip(trace.arguments, inputs, strict=True)}
    values |= {s: x.numpy() for x, s in trace.bound.items()}
    for y, primitive, operands, params in trace.equations:
        values[y] = primitive.forward(*(values[x] for x in operands), **params)
        assert values[y].shape == y.shape, primitive


def test_third_derivative_of_tanh():
    x = Tensor(0.3, requires_grad=True)
    y = x.tanh()
    for _ in range(3):
        (y,) = grad(y, [x])
    t = np.tanh(0.3)
    assert float(y.numpy()) == pytest.approx((1 - t * t) * (6 * t * t - 2), rel=1e-12)


def test_gradients_equal_those_of_torch():
    torch = pytest.importorskip("torch")
    parameters = cr.network()
    error = cr.predict(parameters, cr.POINTS) - cr.XOR
    theirs = [torch.tensor(p.numpy(), requires_grad=True) for p in parameters]
    w1, b1, w2, b2 = theirs
    says = (torch.tensor(cr.POINTS.numpy()) @ w1 + b1).tanh() @ w2 + b2
    torch.nn.functional.mse_loss(says, torch.tensor(cr.XOR.numpy())).backward()
    for ours, p in zip(grad((error * error).mean(), parameters), theirs, strict=True):
        np.testing.assert_allclose(ours.numpy(), p.grad.numpy(), rtol=1e-12, atol=1e-15)


def train(prepare, steps: int = 8) -> tuple[list, list]:
    """Losses and final parameters; the learning rate changes midway, as a schedule does."""
    parameters, lr = cr.network(width=6), Tensor(0.1)
    step = prepare(cr.training_step(parameters, lr))
    losses = []
    for i in range(steps):
        if i == steps // 2:
            cr.assign(lr, lr * 0.5)
        losses.append(step(cr.POINTS, cr.XOR).numpy())
    return losses, [p.numpy() for p in parameters]


def test_compiled_training_equals_eager_training_in_every_bit():
    eager, compiled = train(lambda step: step), train(cr.compile)
    assert eager[0][-1] < eager[0][0]
    for a, b in zip(eager[0] + eager[1], compiled[0] + compiled[1], strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def test_another_shape_is_another_trace_and_the_same_shape_is_not():
    calls = []

    def double(x):
        calls.append(x.shape)
        return x * 2

    run = cr.compile(double)
    for n in (2, 3, 2, 3):
        np.testing.assert_array_equal(run(Tensor(np.ones(n))).numpy(), np.full(n, 2.0))
    assert calls == [(2,), (3,)]


def test_state_changed_between_calls_is_seen_and_state_written_is_read_back():
    total = Tensor(0.0)

    def add(x):
        cr.assign(total, total + x)
        return total * 10

    run = cr.compile(add)
    assert [float(run(Tensor(v)).numpy()) for v in (1.0, 2.0)] == [10.0, 30.0]
    cr.assign(total, Tensor(100.0))
    assert float(run(Tensor(1.0)).numpy()) == 1010.0
    assert float(total.numpy()) == 101.0


def test_a_compiled_function_inside_another_is_part_of_it():
    square = cr.compile(lambda x: x * x)
    slope = cr.compile(lambda x: grad(square(x), [x])[0])
    assert float(slope(Tensor(3.0, requires_grad=True)).numpy()) == 6.0


def raises(error, message, function, *arguments):
    with pytest.raises(error, match=message):
        function(*arguments)
    assert cr.current.get() is None


def test_what_a_trace_cannot_do_raises_and_leaves_nothing_behind():
    leaked, state = [], Tensor(1.0)
    raises(TypeError, "no numbers", cr.compile(lambda x: x if x * 2 else -x), Tensor(1.0))
    raises(TypeError, "no numbers", cr.compile(lambda x: x * state.numpy()), Tensor(1.0))
    raises(TypeError, "before the trace", cr.compile(lambda x: cr.assign(x, x)), Tensor(1.0))

    def leak(x):
        leaked.append(x * 2)
        return x

    def update(x):
        cr.assign(state, x)
        return x

    cr.compile(leak)(Tensor(1.0))
    raises(TypeError, "no numbers", lambda: leaked[0] + 1)
    raises(TypeError, "finished trace", cr.compile(lambda x: x * leaked[0]), Tensor(1.0))
    raises(ValueError, "assigned to", cr.compile(update), state)


def test_grad_and_assign_refuse_what_would_be_wrong():
    x = parameter(2)
    raises(ValueError, r"scalar, but y has shape \(2,\)", grad, x * 2, [x])
    raises(ValueError, "not made from", grad, (x * 2).sum_to(()), [x, parameter(2)])
    compiled = cr.compile(lambda x: (x * 2).sum_to(()))
    raises(ValueError, "not made from", grad, compiled(x), [x])
    raises(ValueError, r"shape \(3,\) into shape \(2,\)", cr.assign, x, parameter(3))


def test_arrays_and_tensors_mix_in_either_order():
    x = Tensor([1.0, 2.0])
    y = np.array([3.0, 4.0]) * x
    assert isinstance(y, Tensor)
    np.testing.assert_array_equal(y.numpy(), [3.0, 8.0])


def test_a_long_chain_needs_no_recursion():
    x = Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(3000):
        y = y + 1
    assert float(grad(y, [x])[0].numpy()) == 1.0


def test_main_learns_xor_and_tells_that_both_ways_agree(capsys):
    losses = cr.main(steps=300)
    assert losses["eager"] == losses["compiled"]
    assert losses["eager"][-1] < 1e-3 < losses["eager"][0]
    printed = capsys.readouterr().out
    assert "v1[] = Tanh(v0[])" in printed
    assert "equal in every bit of every step: True" in printed
