"""Guards at every call: what has changed is seen, also after many calls without a change."""

import ast
import collections
import gc
import types

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, optim
from chainrule.compiler.situation import ClassGuard, SnapshotGuard
from chainrule.errors import TraceError
from chainrule.tensor.guards import Guard, GuardSet, TensorGuard

ENGINES = ["reference"]


class Options:
    def __init__(self):
        self.scale, self.parts = 300.5, [1, (2, [3])]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.sizes = 300.5, {"a": [1, 2]}
        self.fc = nn.Linear(2, 2)
        self.register_buffer("mean", cr.zeros(2))


def is_noticed(guard, change):
    """Whether a change is; the guards hold before, found out by identity."""
    guards = GuardSet([guard])
    assert guards._witness.unsettled == [] and guards._witness.is_unchanged()
    change()
    return guards.broken() is guard


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.eval(),
        lambda net: setattr(net, "scale", 2.0),
        lambda net: setattr(net, "training", 1),
        lambda net: setattr(net, "new", None),
        lambda net: delattr(net, "scale"),
        lambda net: net.sizes["a"].append(3),
        lambda net: net.sizes["a"].reverse(),
        lambda net: net.sizes.update(b=1),
        lambda net: net.sizes.pop("a"),
        lambda net: vars(net).update(scale=3),
        lambda net: setattr(net, "__dict__", {**vars(net), "scale": 3}),
        lambda net: net._parameters.update(w=nn.Parameter(cr.ones(1))),
        lambda net: net._buffers.update(mean=cr.zeros(2)),
        lambda net: net._buffers["mean"].requires_grad_(),
        lambda net: setattr(net, "fc", nn.Linear(2, 2)),
        lambda net: setattr(net, "mean", cr.zeros(3)),
        lambda net: setattr(net.mean, "data", cr.zeros(3)),
        lambda net: net.register_forward_hook(lambda *_: None),
    ],
)
def test_a_change_of_a_module_is_noticed(change):
    net = Net()
    assert is_noticed(SnapshotGuard(lambda: vars(net), "a module"), lambda: change(net))


def test_a_renamed_attribute_is_noticed_though_the_values_are_the_same():
    net = types.SimpleNamespace(a=None, b=None)

    def rename():
        del net.a
        net.c = None

    assert is_noticed(SnapshotGuard(lambda: net, "names"), rename)


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (Options(), lambda v: setattr(v, "scale", 301)),
        (Options(), lambda v: v.parts[1][1].append(4)),
        (Options(), lambda v: vars(v).update(scale=0.0)),
        (collections.deque([1]), lambda v: v.append(2)),
        (collections.OrderedDict(a=1, b=2), lambda v: v.move_to_end("a")),
        ({1: "a"}, lambda v: v.update({1: "b"})),
        ({1: "a"}, lambda v: (v.clear(), v.update({True: "a"}))),
        ({}, lambda v: v.update(a=1)),
        ([0.0], lambda v: v.__setitem__(0, -0.0)),
        ([cr.ones(2)], lambda v: v[0].requires_grad_()),
        (cr.ones(2), lambda v: setattr(v, "data", cr.ones(2).double())),
    ],
)
def test_a_change_inside_a_value_is_noticed(value, change):
    assert is_noticed(SnapshotGuard(lambda: value, "a value"), lambda: change(value))


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ({1, 2}, lambda v: v.add(3)),
        ([np.ones(2)], lambda v: v[0].fill(2)),
        ({"a": {3}}, lambda v: v["a"].add(4)),
    ],
)
def test_what_identities_do_not_tell_is_looked_at(value, change):
    guards = GuardSet([SnapshotGuard(lambda: value, "a value")])
    assert len(guards._witness.unsettled) == 1 and guards.broken() is None
    change(value)
    assert guards.broken() is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda w: setattr(w, "data", cr.ones(2)),
        lambda w: w.requires_grad_(not w.requires_grad),
        lambda w: w.register_post_accumulate_grad_hook(print),
    ],
)
@pytest.mark.parametrize("learned", [True, False])
def test_a_change_of_a_tensor_is_noticed_wherever_it_matters(change, learned):
    w = cr.ones(2, requires_grad=learned)
    noticed = is_noticed(TensorGuard(w), lambda: change(w))
    assert noticed == (learned or not w._hook_functions())  # a hook that never runs


def test_a_hook_that_is_there_may_be_replaced():
    w = cr.ones(2, requires_grad=True)
    handle = w.register_hook(lambda g: g)
    guards = GuardSet([TensorGuard(w)])
    assert guards.broken() is None
    handle.remove()
    w.register_hook(lambda g: 2 * g)
    assert guards.broken() is not None


def test_a_change_of_a_class_is_noticed():
    kind = type("Kind", (), {"scale": 2.0, "table": [1]})
    assert is_noticed(ClassGuard(kind), lambda: setattr(kind, "scale", 3.0))
    assert is_noticed(ClassGuard(kind), lambda: kind.table.append(3))


def test_an_equal_object_is_noted_anew():
    options = Options()
    guards = GuardSet([SnapshotGuard(lambda: options, "options")])
    options.scale, options.parts = float("300.5"), [1, (2, [3])]
    assert not guards._witness.is_unchanged()
    assert guards.broken() is None and guards._witness.is_unchanged()
    options.parts[0] = 2
    assert guards.broken() is not None
    options.parts[0] = 1
    assert guards.broken() is None


def test_a_fact_computed_anew_at_every_call():
    values = [400.5]
    guards = GuardSet([Guard(lambda: values[0] + 1, "a sum")])
    assert guards.broken() is None
    values[0] = 7
    assert guards.broken().what == "a sum"


def test_a_change_in_the_middle_of_a_training_is_followed():
    found = []
    for compiled in (False, True):
        cr.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        run = cr.compile(step) if compiled else step
        changes = {
            3: lambda model=model: model.eval(),
            6: lambda model=model: model[0].weight.requires_grad_(False),
            9: lambda optimizer=optimizer: optimizer.param_groups[0].update(lr=0.01),
            12: lambda optimizer=optimizer: optimizer.param_groups[0].update(weight_decay=0.1),
            15: lambda model=model: model[2].weight.register_hook(lambda g: 3 * g),
        }
        x, losses = cr.linspace(-1, 1, 6).reshape(2, 3), []
        for i in range(18):
            changes.get(i, lambda: None)()
            losses.append(run(x).item())
        found.append(losses)
    assert found[0] == found[1]
    assert len(run.explain().recordings) == 5


def test_the_learning_rate_array_is_made_anew_only_for_another_rate():
    p = nn.Parameter(cr.ones(1))
    optimizer = optim.SGD([p], lr=0.5)
    schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0)
    rate = cr.compile(lambda x: (x * 1, schedule.get_last_lr()[0]))
    first, second = rate(cr.ones(1))[1], rate(cr.ones(1))[1]
    assert first.item() == second.item() == 0.5
    first.add_(1)  # a result of its own, though nothing was computed
    assert rate(cr.ones(1))[1].item() == 0.5


def test_keys_tell_arguments_apart_and_hold_none_of_them():
    f = cr.compile(lambda x, k: x * (2 if isinstance(k, bool) else 3))
    x = cr.ones(1)
    assert [f(x, k).item() for k in (True, 1, 1.0, True)] == [2, 3, 3, 2]
    assert len(f.explain().recordings) == 3
    nested = cr.compile(lambda x, tree: x * tree[0][0][0][0][0][0])
    for _ in range(2):
        assert nested(x, [[[[[[5]]]]]]).item() == 5
    many = cr.compile(lambda x, ks: x * ks[-1])
    assert [many(x, [0] * 2000 + [k]).item() for k in (1, 2, 1)] == [1, 2, 1]
    gc.collect()
    assert len(nested.explain().recordings) == 1 and len(many.explain().recordings) == 2


def test_a_rate_kept_in_an_array_is_read_at_every_call():
    p = nn.Parameter(cr.zeros(1))
    optimizer = optim.SGD([p], lr=0.5)
    optimizer.param_groups[0]["lr"] = rate = np.array(0.5)

    @cr.compile
    def step():
        p.grad = cr.ones(1)
        optimizer.step()

    found = []
    for value in (0.5, 0.25, 1.0):
        rate[...] = value
        step()
        found.append(p.item())
    assert found == [-0.5, -0.75, -1.75]


def test_gradients_dropped_first_are_gone_when_the_graph_raises():
    for compiled in (False, True):
        w = nn.Parameter(cr.ones(2, 3))

        def step(y, w=w):
            w.grad = None
            loss = nn.functional.cross_entropy(w, y)
            loss.backward()
            return loss.detach()

        run = cr.compile(step) if compiled else step
        run(cr.tensor([0, 1]))
        assert w.grad is not None
        with pytest.raises(IndexError, match="CR512"):
            run(cr.tensor([0, 3]))
        assert w.grad is None


def test_gradients_that_are_replaced_later_stay_when_the_graph_raises():
    for compiled in (False, True):
        w = nn.Parameter(cr.ones(2, 3))

        def step(y, w=w):
            loss = nn.functional.cross_entropy(w, y)
            w.grad = None
            loss.backward()
            return loss.detach()

        run = cr.compile(step) if compiled else step
        run(cr.tensor([0, 1]))
        before = w.grad.tolist()
        with pytest.raises(IndexError, match="CR512"):
            run(cr.tensor([0, 3]))
        assert w.grad.tolist() == before


@pytest.mark.parametrize("source", ["argument", "parameter", "data"])
def test_a_leaf_made_inside_keeps_its_gradient_to_one_call(source):
    """A detached copy of a tensor is new at each call, though it shares the memory."""
    weight = nn.Parameter(cr.linspace(0.5, 1.5, 3))

    def step(x):
        made = {"argument": x.detach(), "parameter": weight.detach(), "data": weight.data}
        leaf = made[source].requires_grad_()
        loss = (leaf.square() * weight * x).sum()
        loss.backward()
        return leaf.grad * 1.0, loss.detach()

    run, x = cr.compile(step), cr.linspace(1, 2, 3)
    for _ in range(3):
        expected, found = step(x), run(x)
        assert [v.tolist() for v in found] == [v.tolist() for v in expected]
    assert len(run.explain().recordings) == 1


@pytest.mark.parametrize(("name", "recordings"), [("given", 2), ("@given", 1)])
def test_names_that_nobody_can_write_are_not_followed(name, recordings):
    tree = ast.parse("def f(x):\n    placeholder\n    return x * 2")
    read = next(n for n in ast.walk(tree) if getattr(n, "id", "") == "placeholder")
    read.id = name  # as pytest rewrites assertions
    namespace = {name: [1.0]}
    exec(compile(ast.fix_missing_locations(tree), "", "exec"), namespace)
    compiled = cr.compile(namespace["f"], engine="reference")
    compiled(cr.ones(2))
    namespace[name][0] = 2.0
    compiled(cr.ones(2))
    assert len(compiled._recordings) == recordings


shared = 1  # the name of a variable, and of attributes below


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(2, 2)

    def forward(self, x):
        return self.shared(x)


def test_a_variable_with_the_name_of_an_attribute_is_another_thing(monkeypatch):
    net = Shared()

    def reads(x):
        return net(x) * shared

    def inside(x):
        def scaled(y):
            return y * shared

        return scaled(net.shared(x))

    for function, recordings in ((net, 1), (reads, 2), (inside, 2)):
        compiled = cr.compile(function, engine="reference")
        for value in (2.5, 3.5):
            monkeypatch.setitem(globals(), "shared", value)
            compiled(cr.ones(1, 2))
        assert len(compiled._recordings) == recordings


def test_a_variable_that_is_only_written_is_seen():
    def counts(x):
        global written
        written = x
        return x + 1

    with pytest.raises(TraceError, match="the variable 'written' changed"):
        cr.compile(counts, engine="reference")(cr.ones(1))


written = None
