"""summary: known networks to the digit, all kinds of models, and nothing changed."""

import traceback

import numpy as np
import pytest
from whole_state import whole_state

import chainrule as cr
from chainrule import nn
from chainrule.doctor.tools import summary
from chainrule.errors import ArgumentError, ArgumentTypeError, ModuleError
from chainrule.ops.primitive import Primitive


class Block(nn.Module):
    """A residual block of ResNet-18."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU()
        self.downsample = None
        if stride > 1 or before != after:
            conv = nn.Conv2d(before, after, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def resnet18():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    layers.append(nn.MaxPool2d(3, 2, 1))
    before = 64
    for after, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers.append(nn.Sequential(Block(before, after, stride), Block(after, after, 1)))
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84),
        nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


def vgg16_features():
    layers, before = [], 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        layers += [nn.Conv2d(before, width, 3, padding=1)] if width else [nn.MaxPool2d(2)]
        before = width or before
    return nn.Sequential(*layers)


def test_resnet18_has_the_published_numbers():
    found = summary(resnet18(), (1, 3, 224, 224))
    assert found.parameters == 11_689_512
    assert found.multiply_adds == 1_814_073_344  # the literature's 1.8 "GFLOPs"
    assert 2 * found.multiply_adds < found.flops < 2.01 * found.multiply_adds
    text = str(found)
    assert "2 × Block" in text and "11,689,512" in text and "3.64 GFLOP" in text
    assert found.milliseconds == pytest.approx(found.root.milliseconds)
    assert sum(c.milliseconds for c in found.root.children) <= found.root.milliseconds


def test_lenet5_and_vgg16_have_the_published_numbers():
    found = summary(lenet5(), (1, 1, 32, 32))
    assert (found.parameters, found.multiply_adds) == (61_706, 416_520)
    small = summary(vgg16_features(), (1, 3, 32, 32))
    assert small.parameters == 14_714_688
    assert small.multiply_adds * 49 == 15_346_630_656  # 224² is 49 times 32²


def test_figures_of_every_part_add_up():
    model = nn.Sequential(nn.Linear(64, 32), nn.Sequential(nn.ReLU(), nn.Linear(32, 10)))
    root = summary(model, (16, 64)).root
    linear, rest = root.children
    assert linear.flops == 2 * 16 * 64 * 32 + 16 * 32
    assert [child.flops for child in rest.children] == [16 * 32, 2 * 16 * 32 * 10 + 160]
    assert root.flops == linear.flops + rest.flops
    assert root.parameters == linear.parameters + rest.parameters == 2410
    assert linear.input_shape == [16, 64] and root.output_shape == [16, 10]
    assert rest.activation_bytes == 4 * 16 * 32  # one array serves ReLU and Linear
    assert summary(model.requires_grad_(False), (16, 64)).activation_bytes == 0


def test_convolutions_of_all_kinds_are_counted():
    for layer, terms in [
        (nn.Conv2d(8, 16, 3, padding=1, groups=4, bias=False), 16 * 6 * 6 * 2 * 9),
        (nn.Conv2d(8, 16, 3, stride=2, dilation=2, bias=False), 16 * 1 * 1 * 8 * 9),
        (nn.ConvTranspose2d(8, 16, 2, stride=2, bias=False), 8 * 6 * 6 * 16 * 4),
    ]:
        assert summary(layer, (1, 8, 6, 6)).multiply_adds == terms
    assert summary(nn.AvgPool2d(2), (1, 8, 6, 6)).flops >= 8 * 6 * 6


def test_half_precision_counts_the_same():
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
    wide = summary(model, cr.ones(2, 8))
    narrow = summary(model.bfloat16(), cr.ones(2, 8, dtype=cr.bfloat16))
    assert (narrow.flops, narrow.multiply_adds) == (wide.flops, wide.multiply_adds)
    assert narrow.parameter_bytes * 2 == wide.parameter_bytes


class Tagger(nn.Module):
    """Arguments by name, a recurrent layer, a dict as result."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.lstm = nn.LSTM(16, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(64, 5)
        self.unused = nn.Linear(3, 3)

    def forward(self, tokens, scale=None):
        y, state = self.lstm(self.embedding(tokens))
        y = self.head(y)
        return {"logits": y if scale is None else y * scale, "state": state}


def test_recurrent_models_with_dicts():
    found = summary(Tagger(), {"tokens": cr.zeros(4, 9, dtype=cr.int64), "scale": cr.ones(5)})
    embedding, lstm, head, unused = found.root.children
    assert found.root.input_shape == {"tokens": [4, 9], "scale": [5]}
    assert found.root.output_shape["logits"] == [4, 9, 5]
    assert lstm.output_shape == [[4, 9, 64], [[2, 4, 32], [2, 4, 32]]]
    assert lstm.multiply_adds == 2 * 9 * 4 * (16 + 32) * 128
    assert (embedding.flops, head.multiply_adds) == (0, 4 * 9 * 64 * 5)
    assert unused.calls == 0 and unused.input_shape is None
    assert "not called" in str(found) and "logits: [4, 9, 5]" in str(found)


def test_transformers_with_several_arguments():
    model = nn.Transformer(32, 4, 2, 2, 64, batch_first=True)
    found = summary(model, (cr.randn(2, 7, 32), cr.randn(2, 5, 32)))
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert found.root.output_shape == [2, 5, 32]
    encoder = found.root.children[0]
    attention = 2 * 7 * (4 * 32 * 32 + 2 * 7 * 32)
    assert encoder.multiply_adds == 2 * (attention + 2 * 7 * 2 * 32 * 64)
    assert "2 × TransformerEncoderLayer" in str(found)


def test_shared_modules_and_tied_weights_count_once():
    layer = nn.Linear(8, 8)
    found = summary(nn.Sequential(layer, nn.ReLU(), layer), (4, 8))
    assert found.parameters == 72 and found.multiply_adds == 2 * 4 * 64
    assert found.root.children[0].calls == 2 and found.root.children[2].same_as == "0"
    assert "(same as 0)" in str(found) and "(2 calls)" in str(found)
    tied = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False))
    tied[1].weight = tied[0].weight
    assert summary(tied, (4, 8)).parameters == 64


@pytest.mark.parametrize("training", [False, True])
def test_nothing_is_changed(training):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten())
    model.append(nn.Linear(4 * 36, 3))
    model[1].eval()
    model(cr.randn(2, 1, 8, 8)).sum().backward()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    before, evaluate = whole_state(model), vars(Primitive)["evaluate"]
    x = cr.randn(2, 1, 8, 8, requires_grad=True)
    before = whole_state(model)
    assert summary(model, x, training=training).mode == (
        "training" if training else "evaluation"
    )
    assert whole_state(model) == before and x.grad is None
    assert vars(Primitive)["evaluate"] is evaluate


def test_compiled_models_and_parts_are_looked_into():
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(8, 4)
            self.fast = cr.compile(lambda x: x.relu() * 2)

        def forward(self, x):
            return self.fast(self.inner(x))

    model = Outer()
    whole = summary(model, (2, 8))
    assert whole.flops == 2 * 64 + 8 + 16
    assert summary(cr.compile(model), (2, 8)).flops == whole.flops
    model.inner.compile()
    compiled = model.inner._compiled
    assert summary(model, (2, 8)).flops == whole.flops
    assert model.inner._compiled is compiled


def test_what_forward_raises_comes_through():
    class Breaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)

        def forward(self, x):
            raise ZeroDivisionError(f"the user's own error, {float(self.norm(x).sum()):.0f}")

    model = Breaks()
    before, evaluate = whole_state(model), vars(Primitive)["evaluate"]
    with pytest.raises(ZeroDivisionError, match="own error") as caught:
        summary(model, (2, 4), training=True)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "forward"
    assert whole_state(model) == before and vars(Primitive)["evaluate"] is evaluate
    with pytest.raises(RuntimeError, match=r"CR101.*Linear '0'"):
        summary(nn.Sequential(nn.Linear(3, 4)), (2, 5))


def test_a_part_that_raises_and_is_survived():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.fragile, self.solid = nn.Linear(3, 3), nn.Linear(4, 4)

        def forward(self, x):
            try:
                x = self.fragile(x)
            except RuntimeError:
                x = self.solid(x)
            return x + 1

    root = summary(Careful(), (2, 4)).root
    assert root.children[1].multiply_adds == 32 and root.flops == 64 + 8 + 8


def test_wrong_use():
    with pytest.raises(ArgumentTypeError, match="CR836"):
        summary(len, (2, 3))
    with pytest.raises(ModuleError, match=r"CR837.*0\.weight"):
        summary(nn.Sequential(nn.LazyLinear(3)), (2, 3))
    with pytest.raises(ArgumentError, match="CR835"):
        summary(nn.Linear(3, 3), (0, 3))


def test_deep_models_fit_a_page_and_repeat_once():
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(200)])
    text = str(summary(model, (1, 4)))
    assert "0–199: 200 × Linear" in text and len(text.splitlines()) < 12
    parts = [
        nn.Sequential(nn.Linear(4, i), nn.ReLU(), nn.Linear(i, i), nn.Linear(i, 4))
        for i in range(1, 31)
    ]
    wide = nn.Sequential(*parts)
    found = summary(wide, np.ones((1, 4), np.float32))
    assert len(str(found).splitlines()) < 45 < len(found.text(depth=2).splitlines())


def test_the_tree_is_plain_and_fits_the_journal():
    root = summary(lenet5(), (2, 1, 32, 32)).as_dict()
    wanted = {"name", "type", "parameters", "output_shape", "flops", "milliseconds", "children"}
    assert wanted <= root.keys() and wanted <= root["children"][0].keys()
    assert root["name"] == root["type"] == "Sequential" and root["children"][3]["name"] == "3"
