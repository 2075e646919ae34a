"""The catalogue of traps: a compiled function is right in each of them, or it raises."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from both_engines import ENGINES as ENGINES
from both_engines import alike as equal

import chainrule as cr
from chainrule import nn, optim
from chainrule.errors import GradientError, ShapeError, TraceError


def network():
    cr.manual_seed(7)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def batches(count=6, n=5):
    cr.manual_seed(1)
    return [(cr.randn(n, 4), cr.randint(0, 3, (n,))) for _ in range(count)]


def training(model, optimizer, compiled, before=None, zero=True):
    """The losses of a training; `before(i)` runs ahead of step i."""
    criterion = nn.CrossEntropyLoss()

    def step(x, y):
        if zero:
            optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = cr.compile(step) if compiled else step
    losses = []
    for i, (x, y) in enumerate(batches()):
        if before is not None:
            before(i)
        losses.append(run(x, y))
    return losses, run


def assert_same_training(prepare):
    """Eager and compiled training agree bit for bit, in losses, weights and gradients."""
    found = []
    for compiled in (False, True):
        model, optimizer, before, zero = prepare()
        cr.manual_seed(3)
        losses, run = training(model, optimizer, compiled, before, zero)
        found.append((losses, list(model.state_dict().values()),
                      [p.grad for p in model.parameters()]))  # fmt: skip
    for eager, traced in zip(*found, strict=True):
        for a, b in zip(eager, traced, strict=True):
            assert (a is None and b is None) or equal(a, b)
    return run


@pytest.mark.parametrize("make", [
    lambda p: optim.SGD(p, lr=0.1),
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    lambda p: optim.Adagrad(p, lr=0.1),
    lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    lambda p: optim.Adam(p, lr=0.01),
    lambda p: optim.AdamW(p, lr=0.01, amsgrad=True),
])  # fmt: skip
def test_a_whole_training_step_with_any_optimizer(make):
    def prepare():
        model = network()
        return model, make(model.parameters()), None, True

    run = assert_same_training(prepare)
    assert len(run.explain().recordings) == 1


def test_a_learning_rate_schedule_needs_no_new_trace():
    def prepare():
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        schedule = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
        return model, optimizer, lambda i: schedule.step() if i else None, True

    run = assert_same_training(prepare)
    assert len(run.explain().recordings) == 1


def test_a_schedule_that_also_moves_the_momentum():
    def prepare():
        model = network()
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=10)
        return model, optimizer, lambda i: schedule.step() if i else None, True

    run = assert_same_training(prepare)
    assert len(run.explain().recordings) == 1


def test_a_schedule_stepped_inside_the_function_raises():
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    schedule = optim.lr_scheduler.StepLR(optimizer, step_size=1)

    @cr.compile
    def step(x):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()
        schedule.step()

    with pytest.raises(TraceError, match="CR609"):
        step(cr.ones(2, 4))


def test_gradients_accumulate_over_compiled_calls():
    def prepare():
        model = network()
        return model, optim.SGD(model.parameters(), lr=0.01), None, False

    assert_same_training(prepare)


def test_gradients_set_to_none_or_zero_between_calls():
    def prepare():
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.01)
        return model, optimizer, lambda i: optimizer.zero_grad(set_to_none=i % 2 == 0), False

    assert_same_training(prepare)


def test_gradients_zeroed_in_place_inside_the_function():
    w = cr.ones(3, requires_grad=True)
    w.grad = cr.ones(3)

    @cr.compile
    def step():
        w.grad.zero_()

    step()
    assert w.grad.tolist() == [0, 0, 0]
    w.grad = cr.ones(3)
    step()
    assert w.grad.tolist() == [0, 0, 0]


def test_dropout_draws_the_same_numbers_and_new_ones_every_step():
    def prepare():
        cr.manual_seed(7)
        model = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5), nn.Linear(16, 3))
        return model, optim.Adam(model.parameters()), None, True

    assert_same_training(prepare)
    noise = cr.compile(lambda: cr.rand(4))
    assert not equal(noise(), noise())


def test_batch_norm_updates_its_buffers():
    def prepare():
        cr.manual_seed(7)
        model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
        return model, optim.SGD(model.parameters(), lr=0.1), None, True

    assert_same_training(prepare)


def test_train_and_eval_are_two_recordings():
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
    run = cr.compile(model)
    x = cr.randn(6, 4)
    for mode in (True, False, True, False):
        model.train(mode)
        cr.manual_seed(2)
        state = {k: v.clone() for k, v in model.state_dict().items()}
        compiled = run(x)
        model.load_state_dict(state)
        cr.manual_seed(2)
        assert equal(compiled, model(x))
    assert len(run.explain().recordings) == 2


def test_a_shared_weight_gets_one_gradient():
    def prepare():
        cr.manual_seed(7)
        inner = nn.Linear(4, 4)
        model = nn.Sequential(inner, nn.Tanh(), inner, nn.Linear(4, 3))
        return model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9), None, True

    assert_same_training(prepare)


def test_tied_memory_is_written_once():
    a = cr.ones(3)
    b = a.detach()

    @cr.compile
    def f():
        a.add_(1)
        b.mul_(10)

    f()
    assert a.tolist() == b.tolist() == [20, 20, 20]


def test_other_shapes_and_types_are_traced_anew():
    f = cr.compile(lambda x: x.mean(0) * x.shape[0])
    for x in (cr.randn(3, 2), cr.randn(5, 2), cr.randn(3, 2).double(), cr.randn(3, 2)):
        assert equal(f(x), x.mean(0) * x.shape[0])
    reasons = f.explain().reasons()
    assert len(reasons) == 3
    assert "shape" in reasons[1] and "dtype" in reasons[2]


SCALE = 2.0


def global_scale(x):
    return x * SCALE


def test_changed_python_numbers_are_seen_wherever_they_stand(monkeypatch):
    x = cr.ones(2)
    f = cr.compile(lambda x, k, flag=False: x * k if flag else x + k)
    assert [f(x, 2).tolist(), f(x, 3).tolist(), f(x, 3, flag=True).tolist(),
            f(x, 3.0).tolist()] == [[3, 3], [4, 4], [3, 3], [4, 4]]  # fmt: skip

    scale = 2
    closure = cr.compile(lambda x: x * scale)
    assert closure(x).tolist() == [2, 2]
    scale = 5
    assert closure(x).tolist() == [5, 5]

    compiled = cr.compile(global_scale)
    assert compiled(x).tolist() == [2, 2]
    monkeypatch.setattr(f"{__name__}.SCALE", 7.0)
    assert compiled(x).tolist() == [7, 7]

    class Config:
        def __init__(self):
            self.k = 2

    nested = {"k": 2, "parts": [1, 2]}
    h = cr.compile(lambda x: x * nested["k"] + nested["parts"][-1])
    assert h(x).tolist() == [4, 4]
    nested["k"] = 3
    assert h(x).tolist() == [5, 5]
    nested["parts"][-1] = 0
    assert h(x).tolist() == [3, 3]
    settings = Config()
    c = cr.compile(lambda x: x * settings.k)
    c(x)
    settings.k = 9
    assert c(x).tolist() == [9, 9]


def helper(x):
    return x * SCALE


def test_a_number_read_by_a_function_that_the_function_calls(monkeypatch):
    f = cr.compile(lambda x: helper(x) + 1)
    assert f(cr.ones(1)).item() == 3
    monkeypatch.setattr(f"{__name__}.SCALE", 4.0)
    assert f(cr.ones(1)).item() == 5


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = 2.0
        self.inner = nn.Linear(3, 3)

    def forward(self, x):
        return self.inner(x) * self.scale


def test_changed_attributes_and_children_of_a_module():
    model = Scaled()
    f = cr.compile(lambda x: model(x))
    x = cr.randn(2, 3)
    assert equal(f(x), model(x))
    model.scale = 3.0
    assert equal(f(x), model(x))
    model.inner = nn.Linear(3, 3)
    assert equal(f(x), model(x))
    model.inner.weight = nn.Parameter(cr.zeros(3, 3))
    assert equal(f(x), model(x))
    model.inner.weight.data = cr.ones(3, 3)
    assert equal(f(x), model(x))
    with cr.no_grad():
        model.inner.weight.mul_(2)
    assert equal(f(x), model(x))
    model.double()
    assert equal(f(x.double()), model(x.double()))
    model.inner.weight.requires_grad_(False)
    assert equal(f(x.double()), model(x.double()))


def test_loaded_weights_are_seen():
    model = network()
    f = cr.compile(model)
    x = cr.randn(2, 4)
    f(x)
    model.load_state_dict({k: v * 2 for k, v in model.state_dict().items()})
    assert equal(f(x), model(x))
    assert len(f.explain().recordings) == 1


def test_an_exception_in_the_middle_leaves_everything_as_it_was():
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    fail = True

    @cr.compile
    def step(x):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()
        if fail:
            raise KeyError("broken")

    with pytest.raises(KeyError):
        step(cr.ones(2, 4))
    assert all(equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert cr.ones(2).sum().item() == 2  # nothing is traced any more
    fail = False
    step(cr.ones(2, 4))
    assert not equal(model[0].weight, before["0.weight"])


def test_a_wrong_shape_raises_the_same_error_as_eager():
    model = network()
    with pytest.raises(ShapeError) as eager:
        model(cr.ones(2, 5))
    with pytest.raises(ShapeError) as traced:
        cr.compile(model)(cr.ones(2, 5))
    assert str(eager.value) == str(traced.value)


def test_compile_inside_compile_is_one_graph():
    inner = cr.compile(lambda x: x * 2)
    outer = cr.compile(lambda x: inner(x) + inner(x + 1))
    assert outer(cr.ones(2)).tolist() == [6, 6]
    assert not inner.explain().recordings


def test_threads_trace_and_run_at_the_same_time():
    model = network()
    f = cr.compile(model)
    inputs = [cr.randn(n % 4 + 1, 4) for n in range(40)]
    expected = [model(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(f, inputs))
    assert all(equal(a, b) for a, b in zip(found, expected, strict=True))
    assert len(f.explain().recordings) == 4


def test_a_trace_in_one_thread_does_not_show_in_another():
    inside, outside = threading.Event(), threading.Event()

    @cr.compile
    def slow(x):
        inside.set()
        outside.wait(10)  # an assert would be guarded, with all of pytest that it reads
        return x + 1

    worker = threading.Thread(target=slow, args=(cr.ones(1),))
    worker.start()
    assert inside.wait(10)
    assert (cr.ones(1) * 2).item() == 2
    outside.set()
    worker.join()


class HasEverything:
    def __getattr__(self, name):
        if name.startswith("__") and name != "__wrapped__":
            raise AttributeError(name)
        return HasEverything()


everything = HasEverything()


def test_an_object_that_has_any_attribute_is_no_wrapper():
    @cr.compile
    def f(x):
        everything.anything  # noqa: B018
        return x + 1

    assert f(cr.ones(1)).item() == 2


def test_numbers_asked_for_while_tracing_raise_with_the_users_line():
    questions = [
        lambda x: x.sum().item(),
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x * float(x[0]),
        lambda x: x.numpy(),
        lambda x: x.tolist(),
        lambda x: x[x > 0],
        lambda x: np.add(x, 1),
    ]
    for question in questions:
        with pytest.raises(TraceError, match=r"CR401.*test_traps\.py"):
            cr.compile(question)(cr.ones(2))


def test_a_tensor_kept_outside_raises():
    kept = SimpleNamespace(h=None)

    def keep(x):
        kept.h = x * 2
        return x

    with pytest.raises(TraceError, match=r"CR40[24]"):
        cr.compile(keep)(cr.ones(2))
    with pytest.raises(TraceError, match="CR402"):
        kept.h + 1


def test_python_state_that_the_function_changes_raises():
    calls = [0]

    def counting(x):
        calls[0] += 1
        return x

    with pytest.raises(TraceError, match="CR404"):
        cr.compile(counting)(cr.ones(1))


def test_slots_are_seen_as_attributes_are():
    class Scale:
        __slots__ = ("calls", "factor")

        def __init__(self):
            self.factor = 2.0

    scale = Scale()
    run = cr.compile(lambda x: x * scale.factor)
    assert run(cr.ones(1)).item() == 2
    scale.factor = 3.0
    assert run(cr.ones(1)).item() == 3

    def counting(x):
        scale.calls = 1
        return x

    with pytest.raises(TraceError, match="CR404"):
        cr.compile(counting)(cr.ones(1))


OWN = random.Random(0), np.random.default_rng(0), np.random.RandomState(0)


@pytest.mark.parametrize(
    "draw",
    [
        random.random,
        np.random.rand,
        *[lambda stream=stream: float(stream.random()) for stream in OWN],
    ],
)
def test_randomness_from_elsewhere_raises(draw):
    with pytest.raises(TraceError, match="CR408"):
        cr.compile(lambda x: x * draw())(cr.ones(1))


def test_an_array_from_outside_raises_instead_of_being_frozen():
    array = np.ones(2)
    with pytest.raises(TraceError, match="CR403"):
        cr.compile(lambda x: x + cr.from_numpy(array))(cr.ones(2))
    with pytest.raises(TraceError, match="CR403"):
        cr.compile(lambda x: x + cr.tensor(array))(cr.ones(2))


def test_arguments_written_in_place():
    @cr.compile
    def fill(x, v):
        x.add_(v)
        x[0] = -1
        return x

    for start in (1.0, 2.0):
        x = cr.full((3,), start)
        assert fill(x, cr.ones(3)) is x
        assert x.tolist() == [-1, start + 1, start + 1]


def test_one_tensor_passed_twice_and_then_two():
    @cr.compile
    def f(a, b):
        a.add_(1)
        return a + b

    x = cr.ones(1)
    assert f(x, x).item() == 4
    assert f(cr.ones(1), cr.ones(1)).item() == 3
    y = cr.ones(1)
    assert f(y, y).item() == 4


def test_an_argument_that_is_also_known_from_outside():
    w = cr.ones(2)
    f = cr.compile(lambda x: x.add_(1) + w)
    assert f(w).tolist() == [4, 4]  # the sum sees the w that was just written
    assert f(cr.ones(2)).tolist() == [4, 4]  # w is still 2, the argument another tensor
    assert f(w).tolist() == [6, 6]


def test_structures_in_and_out():
    @cr.compile
    def f(pair, *, table):
        return {"sum": pair[0] + pair[1], "rest": [table["x"], (None, "text", 3)]}

    x = cr.ones(2)
    out = f((x, x), table={"x": x})
    assert out["sum"].tolist() == [2, 2]
    assert out["rest"][0] is x and out["rest"][1] == (None, "text", 3)


def test_the_gradient_flows_through_a_compiled_module():
    for detach in (True, False):
        grads = []
        for compiled in (False, True):
            model = network()
            f = cr.compile(model) if compiled else model
            before = cr.linspace(-1, 1, 8).reshape(2, 4).requires_grad_()
            x = before.detach() if detach else before * 3
            for _ in range(2):
                (f(x).square().sum() + f(x + 1).sum()).backward()
                x = before * 3 if not detach else x
            grads.append([p.grad for p in model.parameters()] + [before.grad])
        for a, b in zip(*grads, strict=True):
            assert (a is None and b is None) or a.allclose(b, rtol=1e-6, atol=1e-6)


def test_the_compiled_gradient_is_freed_and_cannot_be_differentiated_again():
    f = cr.compile(lambda x: x.exp())
    x = cr.ones(2, requires_grad=True)
    y = f(x).sum()
    y.backward()
    with pytest.raises(GradientError, match="CR301"):
        y.backward()
    with pytest.raises(GradientError, match="CR406"):
        cr.autograd.grad(f(x).sum(), x, create_graph=True)


def test_a_loss_whose_backward_ran_inside_comes_back_as_in_eager():
    w = cr.ones(2, requires_grad=True)

    def step(x):
        w.grad = None
        loss = (w * x).square().sum()
        loss.backward()
        return loss, loss * 2

    run = cr.compile(step)
    for function in (step, run):
        loss, doubled = function(cr.tensor([1.0, 2.0]))
        assert loss.item() == 5 and doubled.item() == 10
        assert w.grad.tolist() == [2, 8]
        assert loss.requires_grad and doubled.requires_grad
        with pytest.raises(GradientError, match="CR301"):
            loss.backward()
        with pytest.raises(GradientError, match="CR301"):
            (doubled + w.sum()).backward()


def test_second_derivatives_inside_a_compiled_function():
    @cr.compile
    def curvature(x):
        (slope,) = cr.autograd.grad((x**3).sum(), x, create_graph=True)
        return cr.autograd.grad(slope.sum(), x)[0]

    x = cr.tensor([1.0, 2.0], requires_grad=True)
    assert curvature(x).tolist() == [6, 12]
    assert curvature(x + 1).tolist() == [12, 18]


def test_no_grad_is_another_situation():
    model = network()
    f = cr.compile(model)
    x = cr.ones(1, 4)
    assert f(x).requires_grad
    with cr.no_grad():
        assert not f(x).requires_grad
    assert f(x).requires_grad


def test_backward_into_a_graph_from_outside_raises():
    w = cr.ones(2, requires_grad=True)

    @cr.compile
    def f(h):
        h.sum().backward()

    with pytest.raises((GradientError, TraceError), match="CR302"):
        f(w * 2)
    hidden = w * 2

    @cr.compile
    def g():
        hidden.sum().backward()

    with pytest.raises((GradientError, TraceError), match="CR302"):
        g()


def test_a_tensor_that_no_longer_requires_a_gradient():
    w = cr.ones(2, requires_grad=True)
    f = cr.compile(lambda x: x * w)
    assert f(cr.ones(2)).requires_grad
    w.requires_grad_(False)
    assert not f(cr.ones(2)).requires_grad


def test_a_write_that_carries_history_to_the_outside_raises():
    state = cr.zeros(2)
    w = cr.ones(2, requires_grad=True)

    @cr.compile
    def f():
        state.add_(w)

    with pytest.raises(TraceError, match="CR405"):
        f()


def test_results_and_state_do_not_share_surprises():
    w = cr.ones(2)
    f = cr.compile(lambda: w * 1)
    first = f()
    w.add_(1)
    second = f()
    assert first.tolist() == [1, 1] and second.tolist() == [2, 2]


def test_a_compiled_method_and_an_options_call():
    class Net:
        def __init__(self, k):
            self.k = k

        @cr.compile
        def f(self, x):
            return x * self.k

    a, b = Net(2), Net(3)
    assert (a.f(cr.ones(1)).item(), b.f(cr.ones(1)).item()) == (2, 3)
    a.k = 5
    assert a.f(cr.ones(1)).item() == 5
    assert (
        cr.compile(fullgraph=True, mode="max-autotune")(lambda x: x + 1)(cr.ones(1)).item() == 2
    )
    plain = lambda x: x  # noqa: E731
    assert cr.compile(plain, disable=True) is plain
    with pytest.raises(ValueError, match="CR407"):
        cr.compile(plain, engine="warp")


def test_a_compiled_module_is_still_a_module():
    model = network()
    f = cr.compile(model)
    assert list(f.state_dict()) == list(model.state_dict())
    assert len(list(f.parameters())) == 4
    f.eval()
    assert not model.training
