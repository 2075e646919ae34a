"""L-BFGS: the same moves as PyTorch's, its limits, and compiled closures."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim
from chainrule.errors import ArgumentError, TraceError
from chainrule.optim.line_search import Point, WolfeSearch, cubic_minimum

WOLFE = {"line_search_fn": "strong_wolfe"}


def rosenbrock(library, kind):
    """Four parameters in a bent valley."""
    w = library.tensor([-1.2, 1.0, 0.5, -0.3], dtype=kind, requires_grad=True)
    return [w], lambda: ((1 - w[:-1]) ** 2 + 100 * (w[1:] - w[:-1] ** 2) ** 2).sum()


def network(library, kind):
    """A small network that learns a sine."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 3))
    y = library.tensor(np.sin(2 * x.sum(1, keepdims=True)), dtype=kind)
    x = library.tensor(x, dtype=kind)
    params = [
        library.tensor(0.5 * rng.normal(size=shape), dtype=kind, requires_grad=True)
        for shape in ((3, 8), (8,), (8, 1), (1,))
    ]
    a, b, c, d = params
    return params, lambda: (((x @ a + b).tanh() @ c + d - y) ** 2).mean()


def trajectory(library, make, steps, dtype="float64", compiled=False, **options):
    """Losses, counts and parameters of some steps."""
    params, loss_of = make(library, getattr(library, dtype))
    optimizer = library.optim.LBFGS(params, **options)

    def closure():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    closure = cr.compile(closure) if compiled else closure
    rows = []
    for _ in range(steps):
        loss = optimizer.step(closure).item()
        state = optimizer.state[params[0]]
        numbers = [p.detach().numpy().ravel() for p in params]
        rows.append([loss, state["func_evals"], state["n_iter"], *np.concatenate(numbers)])
    return np.array(rows)


CASES = [
    (rosenbrock, {}),
    (rosenbrock, {"lr": 0.1}),
    (rosenbrock, WOLFE),
    (rosenbrock, {**WOLFE, "history_size": 3, "max_iter": 4}),
    (rosenbrock, {**WOLFE, "lr": 0.01, "max_eval": 7}),
    (rosenbrock, {**WOLFE, "lr": 30.0, "max_iter": 3}),
    (rosenbrock, {"max_iter": 1, "lr": 0.3}),
    (rosenbrock, {**WOLFE, "max_eval": 1}),
    (network, {**WOLFE, "history_size": 3, "max_iter": 4}),
    (network, {**WOLFE, "lr": 0.01, "max_eval": 7}),
    (network, {"history_size": 5, "max_iter": 3, "lr": 0.5}),
    (network, {**WOLFE, "tolerance_grad": 0.02, "tolerance_change": 1e-3}),
]


@pytest.mark.parametrize(("make", "options"), CASES)
def test_12_steps_of_torchs(make, options):
    torch = pytest.importorskip("torch")
    ours, theirs = (trajectory(library, make, 12, **options) for library in (cr, torch))
    np.testing.assert_array_equal(ours[:, 1:3], theirs[:, 1:3])
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)


def test_20_iterations_in_float32_of_torchs():
    torch = pytest.importorskip("torch")
    ours, theirs = (
        trajectory(library, network, 5, "float32", **WOLFE, max_iter=4)
        for library in (cr, torch)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(("make", "options"), CASES)
def test_a_compiled_closure_makes_the_same_moves(make, options):
    eager, compiled = (trajectory(cr, make, 4, compiled=c, **options) for c in (False, True))
    np.testing.assert_array_equal(eager, compiled)


def test_a_parabola_is_solved_in_as_many_moves_as_it_has_axes():
    target = cr.tensor([1.0, -2.0, 3.0, -4.0], dtype=cr.float64)
    scale = cr.tensor([1.0, 2.0, 5.0, 10.0], dtype=cr.float64)
    w = cr.zeros(4, dtype=cr.float64, requires_grad=True)
    optimizer = optim.LBFGS([w], max_iter=25, max_eval=100, tolerance_change=0, **WOLFE)

    def closure():
        optimizer.zero_grad()
        loss = (scale * (w - target) ** 2).sum()
        loss.backward()
        return loss

    first = optimizer.step(closure)
    assert first.item() == pytest.approx((scale * target**2).sum().item())
    np.testing.assert_allclose(w.detach().numpy(), target.numpy(), atol=1e-8)


def test_parameters_without_a_gradient_and_of_all_shapes():
    a, b, c = (cr.ones(shape, requires_grad=True) for shape in ((2, 2), (), (3,)))
    optimizer = optim.LBFGS([a, b, c], **WOLFE)

    def closure():
        optimizer.zero_grad()
        loss = ((a - 2) ** 2).sum() + (b + 1) ** 2
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(a.detach().numpy(), 2, rtol=1e-6)
    assert b.item() == pytest.approx(-1)
    assert c.detach().tolist() == [1, 1, 1]


def test_a_closure_may_return_a_number_and_is_called_with_gradients_on():
    w = cr.ones(1, requires_grad=True)
    optimizer = optim.LBFGS([w], max_iter=3)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss.item()

    with cr.no_grad():
        assert optimizer.step(closure) == 1.0
    assert w.item() == pytest.approx(0)


def test_where_the_gradient_is_0_nothing_moves():
    w = cr.ones(1, requires_grad=True)
    w.grad = cr.zeros(1)
    optimizer = optim.LBFGS([w])
    assert optimizer.step(lambda: 5.0) == 5.0
    assert optimizer.state[w]["func_evals"] == 1 and w.item() == 1


@pytest.mark.parametrize(("options", "says"), [
    ({"lr": -1}, "lr must be a number ≥ 0"),
    ({"history_size": 0}, "history_size must be at least 1, got 0"),
    ({"line_search_fn": "armijo"}, "None or 'strong_wolfe', got 'armijo'"),
])  # fmt: skip
def test_numbers_out_of_range(options, says):
    with pytest.raises(ArgumentError, match=says) as caught:
        optim.LBFGS([cr.ones(1, requires_grad=True)], **options)
    assert caught.value.code == "CR604"


def test_there_is_one_group():
    a, b = (cr.ones(1, requires_grad=True) for _ in range(2))
    with pytest.raises(ArgumentError, match="CR614"):
        optim.LBFGS([{"params": [a]}, {"params": [b]}])


def test_a_step_is_not_compiled():
    w = cr.ones(1, requires_grad=True)
    optimizer = optim.LBFGS([w])

    def step(x):
        def closure():
            optimizer.zero_grad()
            loss = (w * w * x).sum()
            loss.backward()
            return loss

        return optimizer.step(closure)

    with pytest.raises(TraceError, match=r"CR615: LBFGS.step\(\) inside a compiled function"):
        cr.compile(step)(cr.ones(1))
    assert step(cr.ones(1)).item() == 1


# -- the line search -------------------------------------------------------------------


def on_a_line(f, slope):
    return lambda t: Point(t, f(t), cr.tensor([slope(t)]), slope(t))


@pytest.mark.parametrize("t", [1e-3, 0.1, 1.0, 3.0, 50.0])
def test_the_step_found_meets_the_conditions(t):
    def f(x):
        return (x - 2) ** 2 + np.sin(3 * x)

    def slope(x):
        return 2 * (x - 2) + 3 * np.cos(3 * x)

    search = WolfeSearch(on_a_line(f, slope), on_a_line(f, slope)(0.0), 1.0, 1e-12, 50)
    found = search.run(t)
    assert f(found.t) <= f(0) + 1e-4 * found.t * slope(0)
    assert abs(slope(found.t)) <= 0.9 * abs(slope(0))


def test_the_cubic_through_a_cubic_has_its_minimum():
    def at(t):
        return Point(t, t**3 - 3 * t, cr.zeros(1), 3 * t * t - 3)

    for ends in ((0.0, 2.5), (2.5, 0.0)):
        a, b = map(at, ends)
        assert cubic_minimum(a, b, (0.0, 2.5)) == pytest.approx(1)
        assert cubic_minimum(a, b, (1.5, 2.0)) == 1.5
    flat = Point(1.0, 0.0, cr.zeros(1), 0.0)
    assert cubic_minimum(flat, flat, (1.0, 3.0)) == 2
