"""Printing against texts recorded from PyTorch 2.13, and against torch itself where it is."""

from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from chainrule.tensor.printing import PrintOptions, format_tensor, options, set_printoptions

f32 = np.float32


@dataclass(frozen=True)
class Recorded:
    """A tensor, PyTorch's text of it, how it differs from a plain one, the settings."""

    values: np.ndarray
    text: str
    how: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


RECORDED = {
    "0-d float": Recorded(np.array(2.5, f32), "tensor(2.5000)"),
    "0-d bool": Recorded(np.array(True), "tensor(True)"),
    "whole floats": Recorded(np.array([1, -20, 300], f32), "tensor([  1., -20., 300.])"),
    "fractions": Recorded(
        np.array([[1, -0.5], [12.34567, 0]], f32),
        """\
tensor([[ 1.0000, -0.5000],
        [12.3457,  0.0000]])""",
    ),
    "far apart": Recorded(np.array([1, -2000.5], f32), "tensor([ 1.0000e+00, -2.0005e+03])"),
    "a thousand apart": Recorded(np.array([1.5, 1500], f32), "tensor([   1.5000, 1500.0000])"),
    "small as float32 but not as float64": Recorded(
        np.array([1e-4], f32), "tensor([1.0000e-04])"
    ),
    "small bound in float64": Recorded(
        np.array([1e-4]), "tensor([0.0001], dtype=chainrule.float64)"
    ),
    "large bound": Recorded(np.array([1e8, 1e8], f32), "tensor([100000000., 100000000.])"),
    "past the large bound": Recorded(
        np.array([100000008, 1e6], f32), "tensor([1.0000e+08, 1.0000e+06])"
    ),
    "nonfinite beside whole floats": Recorded(
        np.array([inf, -inf, nan, 3], f32), "tensor([inf, -inf, nan, 3.])"
    ),
    "nonfinite beside fractions": Recorded(
        np.array([[inf, -inf], [nan, 0.25]], f32),
        """\
tensor([[   inf,   -inf],
        [   nan, 0.2500]])""",
    ),
    "nothing finite but zero": Recorded(
        np.array([0, nan, -inf], f32), "tensor([0., nan, -inf])"
    ),
    "negative zero": Recorded(np.array([-0.0, 1], f32), "tensor([-0., 1.])"),
    "zeros count as one column": Recorded(
        np.zeros(14, f32),
        """\
tensor([0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.,
        0., 0., 0.])""",
        settings={"linewidth": 40},
    ),
    "bools": Recorded(
        np.array([[True, False], [False, False]]),
        """\
tensor([[ True, False],
        [False, False]])""",
    ),
    "small integers": Recorded(
        np.array([-128, 0, 127], np.int8), "tensor([-128,    0,  127], dtype=chainrule.int8)"
    ),
    "float16": Recorded(
        np.array([0.1, 65504], np.float16),
        "tensor([9.9976e-02, 6.5504e+04], dtype=chainrule.float16)",
    ),
    "bfloat16": Recorded(
        np.array([1, 3.140625], f32),
        "tensor([1.0000, 3.1406], dtype=chainrule.bfloat16)",
        how={"dtype_suffix": "chainrule.bfloat16"},
    ),
    "wrapped row": Recorded(
        np.arange(30) - 5,
        """\
tensor([-5, -4, -3, -2, -1,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12,
        13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24])""",
    ),
    "wrapped rows of a matrix": Recorded(
        np.arange(28, dtype=f32).reshape(2, 14) / 8,
        """\
tensor([[0.0000, 0.1250, 0.2500, 0.3750, 0.5000, 0.6250, 0.7500, 0.8750, 1.0000,
         1.1250, 1.2500, 1.3750, 1.5000, 1.6250],
        [1.7500, 1.8750, 2.0000, 2.1250, 2.2500, 2.3750, 2.5000, 2.6250, 2.7500,
         2.8750, 3.0000, 3.1250, 3.2500, 3.3750]])""",
    ),
    "three dimensions": Recorded(
        np.arange(8).reshape(2, 2, 2),
        """\
tensor([[[0, 1],
         [2, 3]],

        [[4, 5],
         [6, 7]]])""",
    ),
    "four dimensions": Recorded(
        np.arange(4, dtype=f32).reshape(2, 2, 1, 1),
        """\
tensor([[[[0.]],

         [[1.]]],


        [[[2.]],

         [[3.]]]])""",
    ),
    "shortened row": Recorded(
        np.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    ),
    "shortened in the last axis only": Recorded(
        np.arange(1200).reshape(3, 400),
        """\
tensor([[   0,    1,    2,  ...,  397,  398,  399],
        [ 400,  401,  402,  ...,  797,  798,  799],
        [ 800,  801,  802,  ..., 1197, 1198, 1199]])""",
    ),
    "notation from what is shown": Recorded(
        np.where(np.arange(1001) == 500, 1e9, 1).astype(f32),
        "tensor([1., 1., 1.,  ..., 1., 1., 1.])",
    ),
    "shortened in three dimensions": Recorded(
        np.arange(27).reshape(3, 3, 3),
        """\
tensor([[[ 0,  ...,  2],
         ...,
         [ 6,  ...,  8]],

        ...,

        [[18,  ..., 20],
         ...,
         [24,  ..., 26]]])""",
        settings={"threshold": 26, "edgeitems": 1},
    ),
    "empty matrix": Recorded(np.zeros((0, 3), f32), "tensor([], size=(0, 3))"),
    "empty integers": Recorded(
        np.zeros((2, 0), np.int64), "tensor([], size=(2, 0), dtype=chainrule.int64)"
    ),
    "empty bools": Recorded(np.zeros(0, bool), "tensor([], dtype=chainrule.bool)"),
    "empty float64": Recorded(
        np.zeros((1, 0, 2)),
        "tensor([], size=(1, 0, 2), dtype=chainrule.float64, requires_grad=True)",
        how={"requires_grad": True},
    ),
    "requires grad": Recorded(
        np.array([0.5, 1.5], f32),
        "tensor([0.5000, 1.5000], requires_grad=True)",
        how={"requires_grad": True},
    ),
    "grad_fn instead of requires grad": Recorded(
        np.array(3, f32),
        "tensor(3., grad_fn=<CloneBackward0>)",
        how={"requires_grad": True, "grad_fn": "CloneBackward0"},
    ),
    "suffix on a new line": Recorded(
        np.arange(8, dtype=f32) / 8,
        """\
tensor([0.0000, 0.1250, 0.2500, 0.3750, 0.5000, 0.6250, 0.7500, 0.8750],
       grad_fn=<CloneBackward0>)""",
        how={"requires_grad": True, "grad_fn": "CloneBackward0"},
    ),
    "both suffixes on new lines": Recorded(
        np.arange(6.0),
        """\
tensor([0., 1., 2., 3., 4., 5.],
       dtype=chainrule.float64,
       grad_fn=<CloneBackward0>)""",
        how={"requires_grad": True, "grad_fn": "CloneBackward0"},
        settings={"linewidth": 50},
    ),
    "second suffix on a new line": Recorded(
        np.arange(2.0),
        """\
tensor([0., 1.], dtype=chainrule.float64,
       grad_fn=<CloneBackward0>)""",
        how={"requires_grad": True, "grad_fn": "CloneBackward0"},
        settings={"linewidth": 63},
    ),
    "lines break where PyTorch breaks them": Recorded(
        np.arange(2.0), "tensor([0., 1.], dtype=chainrule.float64)", settings={"linewidth": 38}
    ),
    "one column too few": Recorded(
        np.arange(2.0),
        """\
tensor([0., 1.],
       dtype=chainrule.float64)""",
        settings={"linewidth": 37},
    ),
    "lines too narrow for anything": Recorded(
        np.arange(2, dtype=f32),
        """\
tensor([0.,
        1.])""",
        settings={"linewidth": 1},
    ),
    "precision": Recorded(
        np.array([0.12345, 10], f32), "tensor([ 0.12, 10.00])", settings={"precision": 2}
    ),
    "never scientific": Recorded(
        np.array([1e-5, 2500.5], f32),
        "tensor([   0.0000, 2500.5000])",
        settings={"sci_mode": False},
    ),
    "always scientific": Recorded(
        np.array([1, 0, nan], f32),
        "tensor([1.0000e+00, 0.0000e+00,        nan])",
        settings={"sci_mode": True},
    ),
    "narrow lines": Recorded(
        np.arange(12, dtype=np.int32),
        """\
tensor([ 0,  1,  2,  3,  4,
         5,  6,  7,  8,  9,
        10, 11],
       dtype=chainrule.int32)""",
        settings={"linewidth": 30},
    ),
    "no edges at all": Recorded(
        np.arange(1200).reshape(2, 600),
        "tensor([...], size=(2, 600))",
        settings={"edgeitems": 0},
    ),
    "short profile": Recorded(
        np.arange(1100, dtype=f32) / 8,
        "tensor([0.00e+00, 1.25e-01,  ..., 1.37e+02, 1.37e+02])",
        settings={"profile": "short"},
    ),
}


@pytest.fixture(autouse=True)
def default_options():
    yield
    set_printoptions(profile="default")


def chainrule_text(values, how, settings):
    """What chainrule prints when its caller names every dtype but the usual three."""
    usual = values.dtype in (np.float32, np.int64, np.bool_)
    suffix = {"dtype_suffix": None if usual else f"chainrule.{values.dtype}"}
    set_printoptions(**settings)
    return format_tensor(values, **(suffix | how))


def torch_text(torch, values, how, settings):
    """What torch prints for the same tensor."""
    tensor = torch.from_numpy(values.copy())
    if "bfloat16" in how.get("dtype_suffix", ""):
        tensor = tensor.bfloat16()
    if how.get("requires_grad"):
        tensor.requires_grad_()
    if how.get("grad_fn"):
        tensor = tensor.clone()
    torch.set_printoptions(**({"profile": "default"} | settings))
    text = repr(tensor)
    torch.set_printoptions(profile="default")
    return text.replace("torch.", "chainrule.")


@pytest.mark.parametrize("name", RECORDED)
def test_recorded(name):
    case = RECORDED[name]
    assert chainrule_text(case.values, case.how, case.settings) == case.text


def test_prefix_sets_the_indent():
    text = format_tensor(np.eye(2, dtype=f32), dtype_suffix=None, prefix="W(")
    assert text == "W([[1., 0.],\n   [0., 1.]])"


def test_order_in_memory_does_not_matter():
    values = np.arange(24.0).reshape(2, 3, 4)
    plain = format_tensor(values, dtype_suffix=None)
    assert format_tensor(np.asfortranarray(values), dtype_suffix=None) == plain
    assert format_tensor(values[::-1, :, ::2], dtype_suffix=None) == format_tensor(
        values[::-1, :, ::2].copy(), dtype_suffix=None
    )


def test_profile_is_set_before_the_other_arguments():
    set_printoptions(profile="short", edgeitems=5)
    assert options == PrintOptions(precision=2, edgeitems=5)
    set_printoptions(profile="full")
    assert options == PrintOptions(threshold=inf)


def test_none_keeps_a_setting_and_resets_sci_mode():
    set_printoptions(precision=2, linewidth=60, sci_mode=True)
    set_printoptions(threshold=5)
    assert options == PrintOptions(precision=2, linewidth=60, threshold=5, sci_mode=None)


def test_unknown_profile_changes_nothing():
    with pytest.raises(ValueError, match=r"unknown profile 'long'.*'default', 'short', 'full'"):
        set_printoptions(profile="long", precision=9)
    assert options == PrintOptions()


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_is_what_torch_prints(name):
    torch = pytest.importorskip("torch")
    case = RECORDED[name]
    assert torch_text(torch, case.values, case.how, case.settings) == case.text


SHAPES = [(), (1,), (0,), (7,), (30,), (1001,), (0, 3), (2, 0, 3), (1, 1), (3, 4), (4, 30)]
SHAPES += [(2, 3, 4), (2, 1, 3, 2), (9, 7, 8), (40, 40), (600, 2), (3, 400), (7, 2, 8, 10)]
INTEGERS = [np.uint8, np.int8, np.int16, np.int32, np.int64]
FLOATS = [np.float16, np.float32, np.float64]
SETTINGS = {
    "precision": [0, 1, 7],
    "threshold": [-1, 0, 5, 50, 1500],
    "edgeitems": [0, 1, 2, 5],
    "linewidth": [1, 20, 32, 45, 60, 120],
    "profile": ["default", "short", "full"],
    "sci_mode": [True, False],
}


def random_floats(rng, shape):
    """Float64 numbers of one of several kinds, some with a non-finite or signed zero added."""
    normal = rng.standard_normal(shape)
    kinds = [
        normal,
        np.round(normal * 10.0 ** rng.integers(0, 9)),
        normal * 10.0 ** rng.integers(-7, 8),
        normal * 10.0 ** rng.integers(-7, 8, shape),
        rng.choice([1e-4, 1e-3, 0.1, 1, 1000, 1001, 1e5, 1e8], shape),
        np.zeros(shape),
    ]
    odd = rng.choice([inf, -inf, nan, -0.0, 0.0])
    share = rng.choice([0, 0, 0.05, 0.5, 1])
    return np.where(rng.random(shape) < share, odd, kinds[rng.integers(len(kinds))])


def random_values(rng, shape):
    """Values of a random dtype, and the arguments that make it bfloat16 or differentiable."""
    kind = rng.choice(["bool", "integer", "float", "float", "bfloat16"])
    if kind == "bool":
        return np.asarray(rng.random(shape) < 0.5), {}
    if kind == "integer":
        dtype = INTEGERS[rng.integers(len(INTEGERS))]
        low, high = max(np.iinfo(dtype).min, -(10 ** rng.integers(19))), np.iinfo(dtype).max
        return np.asarray(rng.integers(low, high, shape, dtype)), {}
    how = [{}, {"requires_grad": True}, {"requires_grad": True, "grad_fn": "CloneBackward0"}]
    how = how[rng.integers(3)]
    if kind == "bfloat16":
        bits = np.asarray(random_floats(rng, shape), f32).view(np.uint32)
        values = np.asarray(bits & np.uint32(0xFFFF0000)).view(f32)
        return values, how | {"dtype_suffix": "chainrule.bfloat16"}
    with np.errstate(over="ignore"):
        return random_floats(rng, shape).astype(FLOATS[rng.integers(3)]), how


@pytest.mark.parametrize("seed", range(400))
def test_random_tensor_is_printed_as_in_torch(seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    values, how = random_values(rng, SHAPES[rng.integers(len(SHAPES))])
    settings = {
        name: choices[rng.integers(len(choices))]
        for name, choices in SETTINGS.items()
        if rng.random() < 0.25
    }
    want = torch_text(torch, values, how, settings)
    assert chainrule_text(values, how, settings) == want
