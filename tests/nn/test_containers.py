"""The containers of modules and of parameters behave as lists and dicts."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, ArgumentTypeError, AxisError


def acts(*kinds):
    return [getattr(nn, kind)() for kind in kinds]


def names(pairs):
    return [name for name, _ in pairs]


def kinds(modules):
    return [type(m).__name__ for m in modules]


def test_containers_take_their_members_by_name():
    p = nn.Parameter(cr.ones(1))
    assert len(nn.ModuleList(modules=[nn.ReLU()])) == 1
    assert list(nn.ModuleDict(modules={"a": nn.ReLU()})) == ["a"]
    assert nn.ParameterDict(parameters={"p": p})["p"] is p


@pytest.mark.parametrize("container", [nn.ModuleList, lambda parts=(): nn.Sequential(*parts)])
def test_everything_a_list_can_do(container):
    found = container(acts("ReLU", "Tanh"))
    relu, tanh = found
    assert len(found) == 2 and found[0] is relu and found[-1] is tanh and tanh in found
    assert found.append(nn.GELU()) is found and found.extend(acts("SiLU", "ELU")) is found
    assert found.insert(1, nn.Mish()) is found
    assert kinds(found) == ["ReLU", "Mish", "Tanh", "GELU", "SiLU", "ELU"]
    assert [name for name, _ in found.named_children()] == list("012345")
    assert kinds(reversed(found))[0] == "ELU"
    assert kinds(found[1:3]) == ["Mish", "Tanh"] and type(found[1:3]) is type(found)
    assert found.pop() is not None and type(found.pop(1)).__name__ == "Mish"
    found[0] = nn.Sigmoid()
    del found[1]
    assert kinds(found) == ["Sigmoid", "GELU", "SiLU"]
    found[1:] = acts("ReLU")
    assert kinds(found) == ["Sigmoid", "ReLU"]
    found += acts("Tanh")
    assert kinds(found + acts("ELU")) == ["Sigmoid", "ReLU", "Tanh", "ELU"]
    assert kinds(acts("ELU") + found) == ["ELU", "Sigmoid", "ReLU", "Tanh"]
    assert found.index(found[2]) == 2
    found.remove(found[0])
    found.reverse()
    assert kinds(found) == ["Tanh", "ReLU"]
    found.clear()
    assert len(found) == 0 and not found
    with pytest.raises(AxisError, match=r"CR103: index 3 is out of range for a .* of 0"):
        found[3]


def test_what_a_list_of_modules_refuses():
    for add in (
        lambda: nn.ModuleList([nn.ReLU]),
        lambda: nn.ModuleList().append(3),
        lambda: nn.Sequential(nn.ReLU(), "tanh"),
    ):
        with pytest.raises(ArgumentTypeError, match=r"CR503.*holds modules, got"):
            add()
    with pytest.raises(ArgumentTypeError, match=r"CR503.*Sequential\(\*modules\)"):
        nn.Sequential([nn.ReLU()])


def test_sequential_calls_one_after_the_other():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    x = cr.randn(4, 2)
    assert net(x).equal(net[2](net[0](x).relu()))
    assert nn.Sequential()(x) is x


def test_sequential_with_names():
    net = nn.Sequential(OrderedDict(fc=nn.Linear(2, 2), act=nn.ReLU(), out=nn.Linear(2, 1)))
    assert net.fc is net[0]
    assert list(net.state_dict()) == ["fc.weight", "fc.bias", "out.weight", "out.bias"]
    assert [name for name, _ in net[1:].named_children()] == ["act", "out"]
    net[0] = nn.Identity()
    assert isinstance(net.fc, nn.Identity)


def test_a_slice_shares_its_modules():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    assert net[:1][0] is net[0]


def test_everything_a_dict_can_do():
    found = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()})
    assert len(found) == 2 and "a" in found and list(found) == ["a", "b"]
    assert list(found.keys()) == ["a", "b"] and kinds(found.values()) == ["ReLU", "Tanh"]
    assert dict(found.items())["b"] is found["b"] and found.get("c") is None
    found["c"] = nn.GELU()
    found.update({"a": nn.SiLU()})
    found.update([("d", nn.ELU())])
    assert kinds(found.values()) == ["SiLU", "Tanh", "GELU", "ELU"]
    assert type(found.pop("b")).__name__ == "Tanh"
    del found["c"]
    assert list(found) == ["a", "d"]
    found["keys"] = nn.ReLU()  # a name that is also a method
    assert list(found.keys()) == ["a", "d", "keys"]
    found.clear()
    assert len(found) == 0
    assert found == found and found != nn.ModuleDict() and hash(found)
    with pytest.raises(KeyError):
        found["a"]


def test_what_a_dict_of_modules_refuses():
    with pytest.raises(ArgumentTypeError, match=r"CR503.*ModuleDict holds modules, got int"):
        nn.ModuleDict({"a": 1})
    with pytest.raises(ArgumentError, match=r"CR502.*'a.b'"):
        nn.ModuleDict({"a.b": nn.ReLU()})


def test_lists_and_dicts_of_parameters():
    w = nn.Parameter(cr.ones(2))
    found = nn.ParameterList([w, cr.zeros(3, 1)])
    assert found[0] is w and isinstance(found[1], nn.Parameter)
    found.append(cr.ones(1))
    assert [p.numel() for p in found.parameters()] == [2, 3, 1]
    assert list(found.state_dict()) == ["0", "1", "2"]
    named = nn.ParameterDict({"w": w})
    named["b"] = cr.zeros(2)
    assert list(named.state_dict()) == ["w", "b"] and named["w"] is w
    assert [name for name, _ in named.named_parameters()] == ["w", "b"]


def test_printing_of_parameter_lists():
    assert repr(nn.ParameterList([cr.ones(3, 4), cr.ones(2)])) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [chainrule.float32 of size 3x4]\n"
        "    (1): Parameter containing: [chainrule.float32 of size 2]\n"
        ")"
    )
    assert "(w): Parameter containing: [chainrule.FloatTensor of size 2]" in repr(
        nn.ParameterDict({"w": cr.ones(2)})
    )


# -- plain lists and dicts ----------------------------------------------------------------


def test_plain_lists_and_dicts_of_modules_register():
    net = nn.Module()
    net.layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
    net.heads = {"a": nn.Linear(2, 1)}
    net.blocks = [[nn.Linear(1, 1)], [nn.Linear(1, 1)]]
    net.weights = [nn.Parameter(cr.ones(1)), nn.Parameter(cr.ones(1))]
    net.named = {"w": nn.Parameter(cr.ones(1))}
    assert names(net.named_parameters())[:3] == ["layers.0.weight", "layers.0.bias",
                                                 "layers.1.weight"]  # fmt: skip
    assert {"heads.a.weight", "blocks.1.0.bias", "weights.1", "named.w"} <= set(
        net.state_dict()
    )
    assert isinstance(net.layers, nn.ModuleList) and isinstance(net.heads, nn.ModuleDict)
    assert isinstance(net.weights, nn.ParameterList)
    assert isinstance(net.named, nn.ParameterDict)


def test_a_list_that_is_filled_later_registers():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = []
            self.by_name = {}
            for i in range(3):
                self.layers.append(nn.Linear(2, 2))
                self.by_name[f"act{i}"] = nn.PReLU()

    net = Deep()
    assert len(list(net.parameters())) == 9
    net.layers.append(nn.Linear(2, 2))
    assert len(list(net.parameters())) == 11
    assert not net.eval().layers[0].training


def test_a_list_of_modules_that_are_registered_already_stays_a_list():
    net = nn.Module()
    net.a, net.b = nn.Linear(1, 1), nn.Linear(1, 1)
    net.w = nn.Parameter(cr.ones(1))
    net.all = [net.a, net.b]
    net.all_parameters = [net.w]
    assert type(net.all) is list and type(net.all_parameters) is list
    assert list(net.state_dict()) == ["w", "a.weight", "a.bias", "b.weight", "b.bias"]


def test_lists_of_other_things_stay_lists():
    net = nn.Module()
    values = [[], [1, 2], [nn.ReLU(), None], {1: nn.ReLU()}, {}, (nn.ReLU(),)]
    for value in values:
        net.value = value
        assert net.value is value
    assert names(net.named_children()) == []
