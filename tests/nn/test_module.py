"""Module: parameters, registration, modes, freezing, types, printing."""

from __future__ import annotations

import copy
from collections import OrderedDict

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import (
    ArgumentError,
    ArgumentTypeError,
    ChainruleError,
    DeviceError,
    DtypeError,
    ModuleError,
    ShapeError,
)


class Net(nn.Module):
    """Two layers, a buffer of each kind, and a shared parameter."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 4)
        self.fc2 = nn.Linear(4, 3)
        self.scale = nn.Parameter(cr.ones(3))
        self.same_scale = self.scale
        self.register_buffer("steps", cr.zeros(1))
        self.register_buffer("scratch", cr.zeros(2), persistent=False)

    def forward(self, x):
        return self.fc2(self.fc1(x).relu()) * self.scale


def names(pairs):
    return [name for name, _ in pairs]


# -- parameters ---------------------------------------------------------------------------


def test_a_parameter_is_a_tensor_that_requires_a_gradient():
    data = cr.tensor([1.0, 2.0])
    p = nn.Parameter(data)
    assert isinstance(p, cr.Tensor) and isinstance(p, nn.Parameter)
    assert p.requires_grad and p.is_leaf
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert not isinstance(p + 1, nn.Parameter)
    assert repr(p) == "Parameter containing:\ntensor([1., 2.], requires_grad=True)"


def test_a_parameter_lives_on_the_memory_of_its_data():
    data = cr.tensor([1.0, 2.0])
    p = nn.Parameter(data)
    with cr.no_grad():
        p.mul_(3)
    assert data.tolist() == [3.0, 6.0]


def test_a_parameter_of_a_view_can_be_written():
    table = cr.arange(6.0).reshape(2, 3)
    p = nn.Parameter(table[0])
    with cr.no_grad():
        p.add_(1)
    assert p.tolist() == [1.0, 2.0, 3.0]
    assert table[0].tolist() == [0.0, 1.0, 2.0]


def test_what_cannot_be_a_parameter():
    with pytest.raises(ArgumentTypeError, match=r"CR503.*takes a tensor, got list"):
        nn.Parameter([1.0])
    with pytest.raises(ChainruleError, match=r"CR306"):
        nn.Parameter(cr.tensor([1, 2]))
    assert nn.Parameter(cr.tensor([1, 2]), requires_grad=False).tolist() == [1, 2]
    assert nn.Parameter().shape == (0,)


def test_deepcopy_keeps_the_kind_and_sharing():
    net = Net()
    twin = copy.deepcopy(net)
    assert type(twin.scale) is nn.Parameter
    assert twin.scale is twin.same_scale and twin.scale is not net.scale
    with cr.no_grad():
        twin.scale.zero_()
        twin.fc1.weight.zero_()
    assert net.scale.tolist() == [1, 1, 1] and net.fc1.weight.abs().sum() > 0
    twin.train(False)
    assert net.training


# -- registration -------------------------------------------------------------------------


def test_what_is_assigned_registers():
    net = Net()
    assert names(net.named_parameters()) == [
        "scale", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias",
    ]  # fmt: skip
    assert "same_scale" in names(net.named_parameters(remove_duplicate=False))
    assert names(net.named_parameters(recurse=False)) == ["scale"]
    assert names(net.named_parameters(prefix="net"))[0] == "net.scale"
    assert len(list(net.parameters())) == 5
    assert names(net.named_buffers()) == ["steps", "scratch"]
    assert [b.shape for b in net.buffers()] == [(1,), (2,)]
    assert names(net.named_children()) == ["fc1", "fc2"]
    assert list(net.children()) == [net.fc1, net.fc2]
    assert names(net.named_modules()) == ["", "fc1", "fc2"]
    assert list(net.modules()) == [net, net.fc1, net.fc2]


def test_a_shared_module_is_met_once():
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    assert names(net.named_modules()) == ["", "0", "1"]
    assert names(net.named_modules(remove_duplicate=False)) == ["", "0", "1", "2"]
    assert names(net.named_children()) == ["0", "1"]
    assert len(list(net.parameters())) == 2
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_attributes_come_and_go():
    net = Net()
    with pytest.raises(AttributeError, match=r"'Net' object has no attribute 'fc9'"):
        _ = net.fc9
    assert not hasattr(net, "fc9")
    assert {"fc1", "scale", "steps", "forward"} <= set(dir(net))
    del net.fc1, net.scale, net.steps
    assert names(net.named_parameters()) == ["same_scale", "fc2.weight", "fc2.bias"]
    assert names(net.named_buffers()) == ["scratch"]
    with pytest.raises(AttributeError):
        del net.fc1


def test_a_new_value_takes_the_place_of_another_kind():
    net = nn.Module()
    net.part = 3
    net.part = nn.Parameter(cr.ones(1))
    assert "part" not in net.__dict__ and names(net.named_parameters()) == ["part"]
    net.part = nn.ReLU()
    assert names(net.named_parameters()) == [] and names(net.named_children()) == ["part"]
    net.part = None
    assert net.part is None and names(net.named_children()) == []
    net.register_buffer("state", cr.zeros(2))
    net.state = cr.ones(2)
    assert next(net.buffers()).tolist() == [1, 1]


def test_a_parameter_is_not_replaced_by_something_else():
    net = nn.Linear(2, 2)
    with pytest.raises(ArgumentTypeError, match=r"CR503.*'weight'.*parameters of Linear"):
        net.weight = cr.zeros(2, 2)
    with pytest.raises(ArgumentTypeError, match=r"CR503.*'state'"):
        net.register_buffer("state", cr.zeros(1))
        net.state = 3
    net.bias = None
    assert net(cr.ones(1, 2)).shape == (1, 2)


def test_registering_by_name():
    net = nn.Module()
    net.add_module("act", nn.ReLU())
    net.register_module("fc", None)
    net.register_parameter("w", nn.Parameter(cr.ones(1)))
    net.register_parameter("b", None)
    net.register_buffer("none", None)
    assert net.fc is None and net.b is None and net.none is None
    assert names(net.named_children()) == ["act"] and names(net.named_parameters()) == ["w"]
    assert list(net.state_dict()) == ["w"]
    net.register_buffer("w2", cr.ones(1), persistent=False)
    net.register_buffer("w2", cr.ones(1))
    assert list(net.state_dict()) == ["w", "w2"]


@pytest.mark.parametrize("name", ["", "a.b", 3])
def test_bad_names(name):
    with pytest.raises(ArgumentError, match=r"CR502"):
        nn.Module().add_module(name, nn.ReLU())


def test_what_cannot_register():
    net = nn.Module()
    net.taken = 1
    with pytest.raises(ArgumentError, match=r"CR502.*'taken' already"):
        net.register_buffer("taken", cr.ones(1))
    with pytest.raises(ArgumentError, match=r"CR502.*'forward' already"):
        net.register_parameter("forward", nn.Parameter(cr.ones(1)))
    with pytest.raises(ArgumentTypeError, match=r"CR503.*takes a module or None, got type"):
        net.add_module("act", nn.ReLU)
    with pytest.raises(ArgumentTypeError, match=r"CR503.*a Parameter or None, got Tensor"):
        net.register_parameter("w", cr.ones(1))
    with pytest.raises(ArgumentTypeError, match=r"CR503.*a tensor or None, got float"):
        net.register_buffer("b", 1.0)


def test_forgotten_super_init():
    class Forgetful(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(2, 2)

    with pytest.raises(ModuleError, match=r"CR501.*Forgetful.*'fc'.*super\(\).__init__\(\)"):
        Forgetful()


def test_forgotten_forward():
    with pytest.raises(ModuleError, match=r"CR506.*define forward\(\)"):
        nn.Module()(1)


def test_paths():
    net = nn.Sequential(OrderedDict(body=Net(), act=nn.ReLU()))
    assert net.get_submodule("") is net
    assert net.get_submodule("body.fc1") is net.body.fc1
    assert net.get_parameter("body.fc1.weight") is net.body.fc1.weight
    assert net.get_buffer("body.steps") is net.body.steps
    with pytest.raises(
        ArgumentError, match=r"CR505: body has no submodule 'fc3'; it has fc1, fc2"
    ):
        net.get_submodule("body.fc3.x")
    with pytest.raises(ArgumentError, match=r"CR505: act has no parameter 'weight'.*at all"):
        net.get_parameter("act.weight")
    with pytest.raises(ArgumentError, match=r"CR505: body has no buffer 'x'; it has steps"):
        net.get_buffer("body.x")


# -- modes, freezing, types ---------------------------------------------------------------


def test_train_and_eval_reach_every_module():
    net = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2)))
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert all(m.training for m in net.train().modules())
    with pytest.raises(ArgumentError, match=r"CR563.*train"):
        net.train("yes")


def test_an_overridden_train_is_used():
    class AlwaysEval(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    net = nn.Sequential(AlwaysEval(2), nn.Dropout())
    assert [m.training for m in net.train().children()] == [False, True]


def test_freezing_survives_train():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    backbone = net[:2].freeze()
    net.train()
    assert [m.training for m in net.children()] == [False, False, True]
    mean = net[1].running_mean.clone()
    net(cr.randn(4, 2)).sum().backward()
    assert all(p.grad is None for p in backbone.parameters())
    assert net[2].weight.grad is not None
    assert net[1].running_mean.equal(mean)
    backbone.unfreeze()
    assert all(p.requires_grad for p in net.parameters())
    assert all(m.training for m in net.children())


def test_unfreeze_takes_back_only_what_freeze_did():
    net = nn.Linear(2, 2)
    net.bias.requires_grad_(False)
    net.freeze().freeze()
    net.train().eval()
    net.unfreeze()
    assert net.weight.requires_grad and not net.bias.requires_grad
    assert not net.training
    net.unfreeze()
    assert not net.bias.requires_grad


def test_requires_grad_and_zero_grad():
    net = Net()
    net(cr.ones(2, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.fc1.weight.grad.tolist() == np.zeros((4, 3)).tolist()
    net.zero_grad()
    assert net.fc1.weight.grad is None
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())


def test_apply_visits_children_first():
    net, visited = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())), []
    assert net.apply(lambda m: visited.append(type(m).__name__)) is net
    assert visited == ["ReLU", "Tanh", "Sequential", "Sequential"]


def test_types():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    weight = net[0].weight
    net(cr.randn(3, 2)).sum().backward()
    net.double()
    assert net[0].weight is weight
    assert weight.dtype is cr.float64 and weight.grad.dtype is cr.float64
    assert net[1].running_mean.dtype is cr.float64
    assert net[1].num_batches_tracked.dtype is cr.int64
    for method, dtype in (
        ("half", cr.float16),
        ("bfloat16", cr.bfloat16),
        ("float", cr.float32),
    ):
        assert getattr(net, method)()[0].bias.dtype is dtype
    assert net.to(cr.float64)[0].bias.dtype is cr.float64
    assert net.to(cr.ones(1))[0].bias.dtype is cr.float32
    assert net.to("cpu", cr.float64)[0].bias.dtype is cr.float64
    assert net.to(dtype=cr.float32, device=cr.device("cpu"))[0].bias.dtype is cr.float32
    assert net.type(cr.float64)[0].bias.dtype is cr.float64
    assert net.cpu() is net


def test_types_and_devices_that_are_not():
    with pytest.raises(DtypeError, match=r"CR507.*int64"):
        nn.Linear(1, 1).to(cr.int64)
    with pytest.raises(DeviceError, match=r"CR207"):
        nn.ReLU().to("cuda")
    with pytest.raises(TypeError, match="dtypo"):
        nn.ReLU().to(dtypo=cr.float64)
    with pytest.raises(DeviceError, match=r"CR207"):
        nn.ReLU().cuda()


# -- errors and printing ------------------------------------------------------------------


def test_an_error_names_the_path_of_the_module():
    net = nn.Sequential(OrderedDict(encoder=Net(), act=nn.ReLU()))
    with pytest.raises(ShapeError) as caught:
        net(cr.ones(2, 5))
    assert str(caught.value) == (
        "CR101: Linear expects (…, 3) but got (2, 5). The input has 5 features, so the layer "
        "needs in_features=5 (in module Linear 'encoder.fc1')"
    )


def test_printing():
    net = nn.Sequential(
        nn.Linear(2, 3),
        nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Dropout(0.1)]),
        nn.ModuleDict({"a": nn.Sequential()}),
    )
    net.add_module("none", None)
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): ModuleList(\n"
        "    (0-1): 2 x ReLU()\n"
        "    (2): Dropout(p=0.1, inplace=False)\n"
        "  )\n"
        "  (2): ModuleDict(\n"
        "    (a): Sequential()\n"
        "  )\n"
        "  (none): None\n"
        ")"
    )


def test_printing_of_a_module_with_extra_lines():
    class Odd(nn.Module):
        def __init__(self, child):
            super().__init__()
            if child:
                self.act = nn.ReLU()

        def extra_repr(self):
            return "a=1\nb=2"

    assert repr(Odd(False)) == "Odd(\n  a=1\n  b=2\n)"
    assert repr(Odd(True)) == "Odd(\n  a=1\n  b=2\n  (act): ReLU()\n)"


def test_buffers_register_by_assignment():
    net = nn.Module()
    net.mean = nn.Buffer(cr.zeros(2))
    net.scratch = nn.Buffer(cr.ones(2), persistent=False)
    assert [name for name, _ in net.named_buffers()] == ["mean", "scratch"]
    assert list(net.state_dict()) == ["mean"] and not net.mean.requires_grad
    net.scratch = nn.Buffer(cr.ones(2))
    assert list(net.state_dict()) == ["mean", "scratch"]
    with pytest.raises(ArgumentTypeError, match=r"CR503.*Buffer takes a tensor"):
        nn.Buffer([1.0])


def test_set_submodule():
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))
    net.set_submodule("0.1", nn.Tanh(), strict=True)
    assert isinstance(net[0][1], nn.Tanh)
    net.set_submodule("0.extra", nn.Identity())
    assert net.get_submodule("0.extra") is net[0].extra
    with pytest.raises(ArgumentError, match=r"CR505.*'9'"):
        net.set_submodule("0.9", nn.Tanh(), strict=True)
    with pytest.raises(ArgumentError, match=r"CR502"):
        net.set_submodule("", nn.Tanh())


def test_compile_in_place():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    twin = copy.deepcopy(net)
    net.compile()
    x = cr.ones(4, 3) * cr.arange(4).unsqueeze(1)
    for module in (net.train(), twin.train()):
        module(x).sum().backward()
    assert net(x).equal(twin(x))
    assert net[0].weight.grad.equal(twin[0].weight.grad)
    assert net[1].running_mean.equal(twin[1].running_mean)
    again = copy.deepcopy(net)
    assert again._compiled is None and again.eval()(x).equal(net.eval()(x))


def test_to_empty_keeps_shapes_and_types():
    net = nn.BatchNorm1d(2).double().to_empty(device="cpu")
    assert net.weight.shape == (2,) and net.weight.dtype is cr.float64
    assert net.num_batches_tracked.dtype is cr.int64


def test_data_parallel_calls_the_module():
    net = nn.DataParallel(nn.Linear(2, 1), device_ids=[0, 1])
    x = cr.ones(3, 2)
    assert net(x).equal(net.module(x))
    assert list(net.state_dict()) == ["module.weight", "module.bias"]


def test_sync_batch_norm_is_of_another_family():
    with pytest.raises(ModuleError, match=r"CR562.*BatchNorm2d\(3\)"):
        nn.SyncBatchNorm(3)
    net = nn.Sequential(nn.BatchNorm2d(3))
    assert nn.SyncBatchNorm.convert_sync_batchnorm(net) is net
