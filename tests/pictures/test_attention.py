"""Attention maps: the weights that the layers themselves return."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, pictures
from chainrule.errors import ArgumentError
from chainrule.nn import functional as F


def test_they_are_the_weights_that_the_layer_returns():
    cr.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x = cr.randn(3, 5, 8)
    _, wanted = layer(x, x, x, average_attn_weights=False)
    found = pictures.attention_weights(layer, x, x, x).layers
    assert np.allclose(found[""], wanted.detach().numpy()[0], atol=1e-6)


def test_all_layers_of_an_encoder_are_seen_and_it_stays_as_it_is(unchanged):
    cr.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 3)
    unchanged(encoder)
    found = pictures.attention_weights(encoder, cr.ones(1, 4, 8)).layers
    assert list(found) == [f"layers.{i}.self_attn" for i in range(3)]
    for heads in found.values():
        assert heads.shape == (2, 4, 4) and np.allclose(heads.sum(-1), 1, atol=1e-6)
    chosen = pictures.attention_weights(encoder, cr.ones(1, 4, 8), layers=[encoder.layers[1]])
    assert list(chosen.layers) == ["layers.1.self_attn"]


def test_causal_and_padding_masks_are_seen():
    layer = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    found = pictures.attention_weights(
        layer, cr.randn(1, 4, 8), cr.randn(1, 6, 8), tgt_mask=mask,
        memory_key_padding_mask=cr.tensor([[False] * 4 + [True] * 2]),
    ).layers  # fmt: skip
    own, memory = found["self_attn"], found["multihead_attn"]
    assert own.shape == (2, 4, 4) and memory.shape == (2, 4, 6)
    assert np.allclose(np.triu(own, 1), 0) and np.allclose(own.sum(-1), 1, atol=1e-6)
    assert np.allclose(memory[..., 4:], 0)


class ByHand(nn.Module):
    def __init__(self, attend):
        super().__init__()
        self.attend = attend

    def forward(self, x):
        return self.attend(x, x, x)


@pytest.mark.parametrize(
    "attend",
    [
        lambda q, k, v: (q @ k.mT).softmax(-1) @ v,
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        lambda q, k, v: F.dropout(F.softmax(q @ k.mT, -1), 0.5, False) @ v,
    ],
)
def test_attention_written_by_hand_is_seen_too(attend):
    x = cr.randn(1, 2, 5, 4)
    (heads,) = pictures.attention_weights(ByHand(attend), x).layers.values()
    assert heads.shape == (2, 5, 5) and np.allclose(heads.sum(-1), 1, atol=1e-6)


def test_a_layer_that_runs_twice_is_seen_twice():
    layer = ByHand(lambda q, k, v: (q @ k.mT).softmax(-1) @ v)
    model = nn.Sequential(layer, layer)
    assert list(pictures.attention_weights(model, cr.randn(1, 2, 3, 4)).layers) == [
        "0",
        "0 (2)",
    ]


def test_where_nothing_attends_that_is_said():
    with pytest.raises(ArgumentError, match="CR846"):
        pictures.attention_weights(nn.Linear(4, 4), cr.ones(2, 4))
    attending = ByHand(lambda q, k, v: (q @ k.mT).softmax(-1) @ v)
    model = nn.Sequential(attending, nn.Linear(4, 4))
    with pytest.raises(ArgumentError, match=r"CR846.*in these layers"):
        pictures.attention_weights(model, cr.randn(1, 1, 3, 4), layers=["1"])


def test_it_is_drawn_as_text():
    text = str(
        pictures.attention_weights(
            ByHand(lambda q, k, v: (q @ k.mT).softmax(-1) @ v), cr.ones(1, 2, 3, 4)
        )
    )
    assert text.endswith("layer '', head 0 of 2")
