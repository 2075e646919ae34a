"""state_dict and load_state_dict."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentTypeError, ModuleError


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


def test_a_state_dict_shares_memory_and_order():
    net = Net()
    state = net.state_dict()
    assert isinstance(state, OrderedDict)
    assert list(state) == [
        "scale", "same_scale", "steps", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias",
    ]  # fmt: skip
    assert not any(v.requires_grad for v in state.values())
    state["scale"].fill_(7)
    assert net.scale.tolist() == [7, 7, 7]
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    kept = {"other": 1}
    assert net.state_dict(destination=kept, prefix="net.") is kept
    assert list(kept)[:2] == ["other", "net.scale"]


def test_load_state_dict_copies():
    net, other = Net(), Net()
    state = net.state_dict()
    result = other.load_state_dict(state)
    assert repr(result) == "<All keys matched successfully>"
    assert other.fc1.weight.equal(net.fc1.weight) and other.scale.requires_grad
    with cr.no_grad():
        net.scale.zero_()
    assert other.scale.tolist() == [1, 1, 1]


def test_load_state_dict_converts_types_and_takes_arrays():
    net = nn.Linear(2, 1).double()
    weight = net.weight
    net.load_state_dict({"weight": np.ones((1, 2), np.float32), "bias": cr.zeros(1)})
    assert net.weight is weight and weight.dtype is cr.float64 and weight.tolist() == [[1, 1]]
    net.load_state_dict({"weight": cr.ones(1, 2), "bias": cr.zeros(1)}, assign=True)
    assert net.weight is weight and weight.dtype is cr.float32


def test_load_state_dict_lists_all_that_is_wrong_and_changes_nothing():
    net = Net()
    before = net.fc2.bias.clone()
    state = net.state_dict()
    del state["fc1.bias"]
    state["extra"] = cr.ones(1)
    state["fc1.weight"] = cr.ones(2, 2)
    state["fc2.bias"] = cr.full((3,), 9.0)
    with pytest.raises(ModuleError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)
    assert caught.value.code == "CR504" and "Net" in text
    for part in (
        "missing: fc1.bias",
        "unexpected: extra",
        "fc1.weight (2, 2) instead of (4, 3)",
    ):
        assert part in text
    assert net.fc2.bias.equal(before)
    with pytest.raises(ModuleError, match=r"CR504"):
        net.load_state_dict(state, strict=False)
    del state["fc1.weight"]
    result = net.load_state_dict(state, strict=False)
    assert result.missing_keys == ["fc1.weight", "fc1.bias"]
    assert result.unexpected_keys == ["extra"]
    assert "missing_keys=['fc1.weight'" in repr(result)
    assert net.fc2.bias.tolist() == [9, 9, 9]


def test_load_state_dict_sees_a_prefix():
    net = nn.Linear(1, 1)
    with pytest.raises(ModuleError, match=r"All names begin with 'module\.'"):
        net.load_state_dict({f"module.{k}": v for k, v in net.state_dict().items()})
    with pytest.raises(ArgumentTypeError, match=r"CR503.*'bias'.*got list"):
        net.load_state_dict({"weight": cr.ones(1, 1), "bias": [1.0]})


class Counting(nn.Linear):
    """A layer with a state that is no tensor."""

    def __init__(self):
        super().__init__(2, 1)
        self.calls = 0

    def get_extra_state(self):
        return {"calls": self.calls}

    def set_extra_state(self, state):
        self.calls = state["calls"]


def test_extra_state_travels_with_the_tensors():
    net = nn.Sequential(Counting(), nn.ReLU())
    net[0].calls = 7
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0._extra_state"]
    fresh = nn.Sequential(Counting(), nn.ReLU())
    assert not any(fresh.load_state_dict(state))
    assert fresh[0].calls == 7
    with pytest.raises(ModuleError, match=r"CR504.*missing: 0._extra_state"):
        fresh.load_state_dict({k: v for k, v in state.items() if "extra" not in k})
    plain = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    with pytest.raises(ModuleError, match=r"CR504.*unexpected: 0._extra_state"):
        plain.load_state_dict(state)
    with pytest.raises(ModuleError, match=r"CR506.*get_extra_state"):
        plain.set_extra_state(None)


def test_hooks_of_state_dict():
    net, seen = nn.Sequential(nn.Linear(2, 1)), []
    net[0].register_state_dict_pre_hook(lambda m, prefix, keep: seen.append((prefix, keep)))
    handle = net[0].register_state_dict_post_hook(
        lambda m, state, prefix, metadata: state.pop(prefix + "bias")
    )
    assert list(net.state_dict(keep_vars=True)) == ["0.weight"]
    assert seen == [("0.", True)]
    handle.remove()
    assert list(net.state_dict()) == ["0.weight", "0.bias"]
    net.register_state_dict_post_hook(lambda m, state, prefix, metadata: {"all": state})
    assert list(net.state_dict()) == ["all"]


def test_hooks_of_load_state_dict():
    net, seen = nn.Sequential(nn.Linear(2, 1)), []

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors):
        if prefix + "kernel" in state:
            state[prefix + "weight"] = state.pop(prefix + "kernel")

    net[0].register_load_state_dict_pre_hook(rename)
    net.register_load_state_dict_post_hook(lambda m, found: seen.append(found))
    given = {"0.kernel": cr.ones(1, 2), "0.bias": cr.zeros(1)}
    assert not any(net.load_state_dict(given))
    assert net[0].weight.equal(cr.ones(1, 2)) and len(seen) == 1
    assert list(given) == ["0.kernel", "0.bias"]  # the caller's dict stays as it was
    net.register_load_state_dict_post_hook(lambda m, found: found.missing_keys.clear())
    assert net.load_state_dict({"0.weight": cr.ones(1, 2)}, strict=False).missing_keys == []
    net._register_load_state_dict_pre_hook(lambda state, *rest: rest[-1].append("too old"))
    with pytest.raises(ModuleError, match=r"CR504.*too old"):
        net.load_state_dict(given)


def test_a_post_hook_that_returns_something_is_a_mistake():
    net = nn.Linear(2, 1)
    net.register_load_state_dict_post_hook(lambda m, found: found)
    with pytest.raises(ArgumentTypeError, match=r"CR503.*returns None"):
        net.load_state_dict(net.state_dict())


def test_a_path_in_place_of_a_state_dict():
    with pytest.raises(ArgumentTypeError, match=r"CR503.*str.*chainrule.load"):
        nn.Linear(2, 1).load_state_dict("weights.pt")
