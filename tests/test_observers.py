"""Observers hear what a program does, and nothing where nobody asks."""

import subprocess
import sys

import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule import nn, observers


class Ear(observers.Observer):
    def __init__(self):
        self.heard = []

    def loss_computed(self, name, arguments, loss):
        self.heard.append((name, arguments[1].tolist(), loss.item()))

    def backward_begins(self, root):
        self.heard.append("backward begins")

    def backward_ends(self, root):
        self.heard.append("backward ends")

    def module_made(self, module):
        self.heard.append(f"{type(module).__name__} made")

    def optimizer_made(self, optimizer):
        self.heard.append(f"{type(optimizer).__name__} made")

    def module_begins(self, module, arguments):
        self.heard.append(f"{type(module).__name__} begins")

    def module_ends(self, module, output):
        self.heard.append(f"{type(module).__name__} ends")


@pytest.fixture
def ear():
    ear = Ear()
    observers.present.append(ear)
    yield ear
    observers.present.remove(ear)


def test_an_observer_hears_what_is_built_and_computed(ear):
    model = nn.Sequential(nn.Linear(2, 1))
    optimizer = cr.optim.SGD(model.parameters(), lr=0.1)
    loss = F.mse_loss(model(cr.ones(3, 2)), target=cr.zeros(3, 1))
    loss.backward()
    optimizer.step()
    assert ear.heard == [
        "Linear made", "Sequential made", "SGD made", ("mse_loss", [[0.0]] * 3, loss.item()),
        "backward begins", "backward ends",
    ]  # fmt: skip


def test_one_that_is_close_hears_modules_and_not_those_that_raise():
    ear = Ear()
    model = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    observers.close.append(ear)
    try:
        model(cr.ones(3, 2))
        with pytest.raises(RuntimeError):
            model(cr.ones(3, 3))
    finally:
        observers.close.remove(ear)
    names = ["Sequential begins", "Linear begins", "Linear ends", "ReLU begins", "ReLU ends"]
    assert ear.heard == [*names, "Sequential ends", "Sequential begins", "Linear begins"]


def test_nothing_is_heard_while_a_function_is_traced(ear):
    layer = nn.Linear(2, 1)
    ear.heard.clear()

    @cr.compile(engine="reference")
    def gradients(x):
        F.mse_loss(layer(x), x[:, :1]).backward()

    gradients(cr.ones(3, 2))
    gradients(cr.ones(3, 2))
    assert ear.heard == []


def test_the_hook_of_an_observer_belongs_to_one_object():
    told = []
    layer = nn.Linear(2, 1)
    handle = layer.register_forward_pre_hook(observers.Hook(lambda *args: told.append(args)))
    call = cr.compile(layer, engine="reference")
    call(cr.ones(3, 2))
    assert len(told) == 1  # while it was traced
    handle.remove()
    call(cr.ones(3, 2))
    assert call.explain().reasons() == ["the first call"]
    layer.register_forward_pre_hook(observers.Hook(lambda *args: told.append(args)))
    call(cr.ones(3, 2))
    assert len(call.explain().reasons()) == 2  # it is traced anew for a new one
    assert len(told) == 2


def test_other_hooks_are_part_of_what_is_compiled():
    layer = nn.Linear(2, 1)
    call = cr.compile(layer, engine="reference")
    call(cr.ones(3, 2))
    with layer.register_forward_pre_hook(lambda module, args: (args[0] * 0,)):
        assert (call(cr.ones(3, 2)) == layer.bias).all()
    assert not (call(cr.ones(3, 2)) == layer.bias).all()


def test_where_nobody_is_to_look_is_known_in_each_thread():
    assert not observers.is_unobserved()
    with pytest.raises(ValueError, match="out"), observers.unobserved():
        assert observers.is_unobserved()
        raise ValueError("out")
    assert not observers.is_unobserved()


def test_importing_chainrule_does_not_load_the_doctor():
    loaded = "print([m for m in sys.modules if 'doctor' in m or 'report' in m])"
    program = (
        f"import sys, chainrule; {loaded}; chainrule.doctor.watch; chainrule.train.Trainer"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "[]\n"), found.stderr
