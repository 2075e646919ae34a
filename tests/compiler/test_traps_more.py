"""More traps: what Python code can read, change and share around a compiled function."""

import copy
import functools
import gc
import types
import weakref

import numpy as np
import pytest
from both_engines import ENGINES as ENGINES
from both_engines import alike

import chainrule as cr
from chainrule import nn, optim
from chainrule.errors import GradientError, TraceError


class Options:
    scale = 2.0


class Scaled:
    def __init__(self, scale):
        self.scale = scale

    def __call__(self, x):
        return x * self.scale[0]


class Layer(nn.Module):
    scale = 2.0

    def __init__(self, act=None):
        super().__init__()
        self.act = act

    def forward(self, x):
        return self.act(x) if self.act else x * self.scale


def first_then(f, change, *arguments):
    """What the compiled function returns before and after something was changed."""
    before = f(cr.ones(1), *arguments).item()
    change()
    return before, f(cr.ones(1), *arguments).item()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda f: functools.partial(f),
        lambda f: lambda x: [f][0](x),
        lambda f: Layer(f),
        lambda f: functools.partial(Layer(f)),
        lambda f: types.MethodType(lambda self, x: f(x), object()),
    ],
)
def test_a_number_read_by_a_function_held_by_something(wrap):
    k = [2.0]
    f = cr.compile(wrap(lambda x: x * k[0]))
    assert first_then(f, lambda: k.append(k.pop() + 1)) == (2, 3)


def test_a_function_among_the_arguments_and_an_object_that_is_called():
    k = [2.0]
    change = lambda: k.append(k.pop() + 1)  # noqa: E731
    assert first_then(cr.compile(lambda x, f: f(x)), change, lambda x: x * k[0]) == (2, 3)
    assert first_then(cr.compile(Scaled(k)), change) == (3, 4)
    scaled = Scaled(k)
    assert first_then(cr.compile(lambda x: scaled(x)), change) == (4, 5)


def test_attributes_of_classes(monkeypatch):
    change = lambda: monkeypatch.setattr(Options, "scale", 5.0)  # noqa: E731
    assert first_then(cr.compile(lambda x: x * Options.scale), change) == (2, 5)
    options, change = Options(), lambda: monkeypatch.setattr(Options, "scale", 2.0)
    assert first_then(cr.compile(lambda x: x * options.scale), change) == (5, 2)
    change = lambda: monkeypatch.setattr(Layer, "scale", 5.0)  # noqa: E731
    assert first_then(cr.compile(nn.Sequential(Layer())), change) == (2, 5)


def test_defaults_of_functions():
    def f(x, s=2.0, *, t=1.0):
        return x * s * t

    compiled = cr.compile(f)
    assert first_then(compiled, lambda: setattr(f, "__defaults__", (3.0,))) == (2, 3)
    assert first_then(compiled, lambda: f.__kwdefaults__.update(t=2.0)) == (3, 6)


def test_settings_kept_in_a_module_of_the_program():
    config = types.ModuleType("config")
    config.scale = 2.0
    f = cr.compile(eval("lambda x: x * config.scale", {"config": config}))
    assert first_then(f, lambda: setattr(config, "scale", 5.0)) == (2, 5)


@pytest.mark.parametrize(
    ("value", "change", "read"),
    [
        ({1, 2}, lambda v: v.add(3), len),
        (np.ones(2), lambda v: v.fill(1.5), lambda v: float(v.sum())),
        (types.SimpleNamespace(k=2), lambda v: setattr(v, "k", 3), lambda v: v.k),
        (cr.ones(2), lambda v: setattr(v, "data", cr.ones(3)), lambda v: v.shape[0]),
    ],
)
def test_contents_that_change_in_closures_and_arguments(value, change, read):
    value = copy.deepcopy(value)
    f = cr.compile(lambda x: x * read(value))
    assert first_then(f, lambda: change(value)) == (2, 3)
    if not isinstance(value, cr.Tensor):
        g = cr.compile(lambda x, v: x * read(v))
        before = g(cr.ones(1), copy.deepcopy(value)).item()
        assert before == 3


def test_an_argument_object_that_changes_between_calls():
    options = Options()
    f = cr.compile(lambda x, o: x * o.scale)
    assert first_then(f, lambda: setattr(options, "scale", 3.0), options) == (2, 3)


def test_minus_zero_and_the_order_of_a_dict_are_told_apart():
    f = cr.compile(lambda x, s: x * s)
    assert [str(f(cr.ones(1), s).item()) for s in (0.0, -0.0)] == ["0.0", "-0.0"]
    first = cr.compile(lambda x, d: x * next(iter(d.values())))
    assert [first(cr.ones(1), d).item() for d in ({"a": 1, "b": 2}, {"b": 2, "a": 1})] == [1, 2]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, d: d.update(n=1),
        lambda x, d: d.update(x=x * 2),
        lambda x, d: [x.requires_grad_()],
        lambda x, d: setattr(d["o"], "scale", 7.0),
        lambda x, d: (x * k for k in range(3)),
    ],
)
def test_what_would_happen_at_the_first_call_only_raises(f):
    with pytest.raises(TraceError, match="CR404"):
        cr.compile(f)(cr.ones(1), {"o": Options()})


def test_modes_switched_for_good_raise():
    def f(x):
        cr.set_default_dtype(cr.float64)
        return x * 2

    try:
        with pytest.raises(TraceError, match="CR404"):
            cr.compile(f)(cr.ones(1))
    finally:
        cr.set_default_dtype(cr.float32)


def test_an_alias_of_an_argument_belongs_to_the_argument_of_this_call():
    f = cr.compile(lambda x: x.detach())
    for value in (1.0, 5.0):
        x = cr.full((2,), value)
        y = f(x)
        assert y.tolist() == [value] * 2
        y.add_(1)
        assert x.tolist() == [value + 1] * 2


def test_results_that_share_memory():
    def f(x):
        y = x * 2
        return y, y, y.detach()

    a, b, c = cr.compile(f)(cr.ones(1))
    assert a is b
    a.add_(1)
    assert c.item() == 3


def test_a_part_of_an_argument_is_a_view_outside_too():
    x = cr.ones(2, 2)
    part = cr.compile(lambda x: x[0])(x)
    with pytest.raises(GradientError, match="CR304"):
        part.add_(1)


def test_adding_to_a_part_given_as_argument_raises_instead_of_hitting_another_part():
    def f(part):
        part += 1
        return part

    x = cr.ones(2, 2)
    with pytest.raises(GradientError, match="CR304"):
        cr.compile(f)(x[0])
    assert x.tolist() == [[1, 1], [1, 1]]


def test_a_parameter_passed_in_and_known_to_the_optimizer_raises():
    w = nn.Parameter(cr.ones(2))
    optimizer = optim.SGD([w], lr=0.1)

    def step(p):
        (p * 2).sum().backward()
        optimizer.step()

    with pytest.raises(TraceError, match="CR409"):
        cr.compile(step)(w)


@pytest.mark.parametrize("passed", [True, False])
def test_hooks_come_and_go_between_calls(passed):
    w = cr.ones(1, requires_grad=True)

    def f(p):
        ((p if passed else w) * 2).sum().backward()

    run, found = cr.compile(f), []
    for change in ("none", "hook", "removed", "accumulated"):
        w.grad = None
        if change == "hook":
            handle = w.register_hook(lambda g: g * 10)
        elif change == "removed":
            handle.remove()
        elif change == "accumulated":
            w.register_post_accumulate_grad_hook(lambda p: setattr(p, "grad", p.grad * 3))
        run(w if passed else cr.ones(1))
        found.append(w.grad.item())
    assert found == [2, 20, 2, 6]


@pytest.mark.parametrize("passed", [True, False])
def test_a_hook_runs_once_where_backward_comes_from_outside(passed):
    w = cr.ones(1, requires_grad=True)
    w.register_hook(lambda g: g * 10)
    cr.compile(lambda p: (p if passed else w) * 2)(w if passed else cr.ones(1)).backward()
    assert w.grad.item() == 20


@pytest.mark.parametrize("inside", [True, False])
def test_a_gradient_retained_between_two_results_raises(inside):
    def f(x):
        y = x * 2
        if inside:
            y.retain_grad()
        return y, (y * y).sum()

    y, z = cr.compile(f)(cr.ones(1, requires_grad=True))
    y.retain_grad()
    with pytest.raises(GradientError, match="CR406"):
        z.backward()


def test_a_result_that_retains_its_gradient():
    def f(x):
        y = x * 2
        y.retain_grad()
        return y

    y = cr.compile(f)(cr.ones(1, requires_grad=True))
    (y * y).sum().backward()
    assert y.grad.item() == 4


def test_the_same_tensor_twice_is_one_object_inside():
    f = cr.compile(lambda x, y: x * 2 if x is y else x * 3)
    a = cr.ones(1)
    assert [f(a, a).item(), f(a, cr.ones(1)).item(), f(a, a).item()] == [2, 3, 2]


def test_a_compiled_module_can_be_copied():
    f = cr.compile(nn.Linear(2, 1))
    before = f(cr.ones(2)).item()
    twin = copy.deepcopy(f)
    with cr.no_grad():
        for p in twin.parameters():
            p.zero_()
    assert (f(cr.ones(2)).item(), twin(cr.ones(2)).item()) == (before, 0)


def test_a_gradient_that_is_returned_is_the_gradient():
    w = nn.Parameter(cr.ones(1))

    def f(x):
        w.grad = None
        (w * x).sum().backward()
        return w.grad

    assert cr.compile(f)(cr.ones(1)) is w.grad
    assert cr.compile(lambda x: w.grad)(cr.ones(1)) is w.grad


def test_an_optimizer_of_the_program_with_state_made_in_the_first_step():
    class Heavy(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def _new_state(self, p, group):
            return {"m": p.detach().zeros_like()}

        def _update(self, params, step, numbers):
            for p in params:
                m = self.state[p]["m"]
                m.copy_(m * 0.5 + p.grad)
                p.sub_(m * numbers.number("lr"))

    found = []
    for wrap in (lambda f: f, cr.compile):
        w = nn.Parameter(cr.ones(1, dtype=cr.float64))
        optimizer = Heavy([w], 0.5)

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            (w * x).sum().backward()
            optimizer.step()

        run = wrap(step)
        for _ in range(3):
            run(cr.ones(1, dtype=cr.float64))
            optimizer.param_groups[0]["lr"] *= 0.5
        found.append(w.item())
    assert found[0] == found[1]
    assert len(run.explain().retraces) == 1


def test_labels_and_rows_are_checked_at_every_call():
    loss = cr.compile(nn.functional.cross_entropy)
    rows = cr.compile(nn.functional.embedding)
    hot = cr.compile(lambda x: nn.functional.one_hot(x, 3))
    x = cr.randn(2, 3)
    for call in (lambda y: loss(x, y), lambda y: rows(y, x.T), hot):
        call(cr.tensor([0, 2]))
        for wrong in ([0, 3], [-1, 0]):
            with pytest.raises(IndexError, match="CR512"):
                call(cr.tensor(wrong))


def test_probabilities_are_checked_at_every_call():
    loss = cr.compile(nn.functional.binary_cross_entropy)
    t = cr.tensor([0.0, 1.0])
    loss(cr.tensor([0.5, 0.5]), t)
    with pytest.raises(ValueError, match="CR517"):
        loss(cr.tensor([0.5, 1.5]), t)


def test_a_call_holds_its_arguments_no_longer_than_it_runs():
    f = cr.compile(lambda pair: [pair[0] + pair[1]])
    f((cr.ones(2), cr.ones(2)))
    gc.collect()
    gc.disable()
    try:
        x = cr.ones(2)
        watched = weakref.ref(x)
        result = f((x, cr.ones(2)))
        del x
        assert watched() is None
        watched = weakref.ref(result[0])
        del result
        assert watched() is None
    finally:
        gc.enable()


def test_attributes_of_a_distribution():
    normal = cr.distributions.Normal(cr.tensor(0.0), cr.tensor(1.0))
    relaxed = cr.distributions.RelaxedBernoulli(cr.tensor(1.0), probs=cr.tensor([0.3]))
    x = cr.tensor([0.4])
    for f, change in (
        (lambda x: normal.log_prob(x), lambda: setattr(normal, "loc", cr.tensor(5.0))),
        (normal.log_prob, lambda: setattr(normal, "scale", cr.tensor(3.0))),
        (
            relaxed.log_prob,
            lambda: setattr(relaxed.base_dist, "temperature", cr.tensor(2.0)),
        ),
    ):
        compiled = cr.compile(f)
        assert alike(compiled(x), f(x))
        change()
        assert alike(compiled(x), f(x))


def test_the_rate_that_a_schedule_set_last():
    p = nn.Parameter(cr.ones(1))
    optimizer = optim.SGD([p], lr=1.0)
    schedule = optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    f = cr.compile(lambda x: x * schedule.get_last_lr()[0] + 10 * schedule.last_epoch)
    found = []
    for _ in range(3):
        found.append(f(cr.ones(1)).item())
        p.grad = cr.zeros(1)
        optimizer.step()
        schedule.step()
    assert found == [1.0, 10.5, 20.25]


@pytest.mark.parametrize(
    "call",
    [lambda m: m.update(1.0), lambda m: m.compute(), lambda m: m.reset(), lambda m: m.total],
)
def test_a_metric_inside_a_compiled_function(call):
    mean = cr.metrics.Mean()

    def step(x):
        call(mean)
        return x

    with pytest.raises(TraceError, match=r"CR410.*Mean"):
        cr.compile(step)(cr.ones(1))
