"""Cases of attention and transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from layer_cases.joining import joined
from layer_cases.making import Input, case, x


def truth(*shape: int, at_least: float = -1.0) -> Input:
    """Booleans, three quarters of them True."""
    return Input(*shape, make=lambda u: u > at_least, grad=False)


def sdpa(name: str, *inputs: Input, **options: Any) -> None:
    case(
        f"attention {name}",
        lambda t: lambda *xs: t.nn.functional.scaled_dot_product_attention(*xs, **options),
        *inputs,
    )


HEADS = x(2, 3, 4, 5), x(2, 3, 6, 5), x(2, 3, 6, 7)
sdpa("plain", *HEADS)
sdpa("of matrices", x(4, 5), x(6, 5), x(6, 7))
sdpa("causal", *HEADS, is_causal=True)
sdpa("causal with more queries", x(2, 6, 5), x(2, 4, 5), x(2, 4, 7), is_causal=True)
sdpa("scaled", *HEADS, scale=0.3)
sdpa("mask of numbers", *HEADS, x(4, 6))
sdpa("mask of booleans", *HEADS, truth(2, 1, 4, 6))
sdpa(
    "mask that hides everything",
    *HEADS,
    Input(4, 6, make=lambda u: (u > 0) & (np.arange(4) != 1)[:, None], grad=False),
)
sdpa("broadcast", x(1, 3, 4, 5), x(2, 1, 6, 5), x(2, 3, 6, 7))
sdpa("grouped", x(2, 6, 4, 5), x(2, 3, 6, 5), x(2, 3, 6, 7), enable_gqa=True)
sdpa("all left out", *HEADS, dropout_p=1.0)


def heads(
    name: str, inputs: list[Input], call: Callable[..., Any] | None = None, **options: Any
):
    """A case of MultiheadAttention(8, 2)."""
    call = call or (lambda layer, q, k, v: layer(q, k, v))
    case(
        f"heads {name}",
        lambda t: joined(t, t.nn.MultiheadAttention(8, 2, **options), call),
        *inputs,
    )


QKV = [x(4, 3, 8), x(5, 3, 8), x(5, 3, 8)]
FIRST = [x(3, 4, 8), x(3, 5, 8), x(3, 5, 8)]
UNLIKE = [x(4, 3, 8), x(5, 3, 3), x(5, 3, 2)]
PADDING = Input(3, 5, make=lambda u: (u > 0.5) & (np.arange(5) > 0), grad=False)
heads("plain", QKV)
heads("of one sequence", [x(4, 8), x(5, 8), x(5, 8)])
heads("self", [x(5, 3, 8)], lambda layer, a: layer(a, a, a))
heads("self batch first", [x(3, 5, 8)], lambda layer, a: layer(a, a, a), batch_first=True)
heads("key is value", [x(4, 3, 8), x(5, 3, 8)], lambda layer, a, b: layer(a, b, b))
heads("batch first", FIRST, batch_first=True)
heads("without bias", QKV, bias=False)
heads("bias of keys", QKV, add_bias_kv=True)
heads("zeros", QKV, add_zero_attn=True)
heads("unlike", UNLIKE, kdim=3, vdim=2)
heads("unlike with all", UNLIKE, kdim=3, vdim=2, add_bias_kv=True, add_zero_attn=True)
heads("by head", QKV, lambda layer, q, k, v: layer(q, k, v, average_attn_weights=False))
heads("without weights", QKV, lambda layer, q, k, v: layer(q, k, v, need_weights=False))
heads("padding", [*QKV, PADDING], lambda layer, q, k, v, p: layer(q, k, v, p))
heads("numbers", [*QKV, x(4, 5)], lambda layer, q, k, v, m: layer(q, k, v, attn_mask=m))
heads(
    "each its mask", [*QKV, x(6, 4, 5)], lambda layer, q, k, v, m: layer(q, k, v, attn_mask=m)
)
heads(
    "both masks", [*QKV, PADDING, truth(4, 5, at_least=1.5)],
    lambda layer, q, k, v, p, m: layer(q, k, v, p, attn_mask=m),
    add_bias_kv=True, add_zero_attn=True,
)  # fmt: skip
heads(
    "padding of one sequence", [x(4, 8), x(5, 8), x(5, 8), truth(5, at_least=1.0)],
    lambda layer, q, k, v, p: layer(q, k, v, p),
)  # fmt: skip


def causal(t: Any, size: int) -> Any:
    return t.nn.Transformer.generate_square_subsequent_mask(size, dtype=t.float64)


def stack(t: Any, kind: str, **options: Any) -> Any:
    """The stack of two layers of a kind."""
    layer = getattr(t.nn, f"Transformer{kind}Layer")(8, 2, 6, 0.0, **options)
    return getattr(t.nn, f"Transformer{kind}")(layer, 2, t.nn.LayerNorm(8))


SRC, TGT = x(5, 3, 8), x(4, 3, 8)
for _name, _options in {
    "relu": {},
    "gelu norm first": {"activation": "gelu", "norm_first": True},
    "without bias": {"bias": False},
}.items():
    case(
        f"encoder layer {_name}",
        lambda t, o=_options: t.nn.TransformerEncoderLayer(8, 2, 6, 0.0, **o),
        SRC,
    )
    case(
        f"decoder layer {_name}",
        lambda t, o=_options: t.nn.TransformerDecoderLayer(8, 2, 6, 0.0, **o),
        TGT, SRC,
    )  # fmt: skip
case(
    "encoder layer masked",
    lambda t: joined(
        t, t.nn.TransformerEncoderLayer(8, 2, 6, 0.0, batch_first=True),
        lambda layer, a, p: layer(a, causal(t, 5), p.to(t.float64) * -3.0),
    ),
    x(3, 5, 8), PADDING,
)  # fmt: skip
case(
    "encoder layer of a module",
    lambda t: t.nn.TransformerEncoderLayer(8, 2, 6, 0.0, t.nn.Tanh()),
    x(5, 8),
)
case("encoder", lambda t: stack(t, "Encoder", batch_first=True), x(3, 5, 8))
case(
    "encoder causal",
    lambda t: joined(
        t, stack(t, "Encoder"), lambda layer, a: layer(a, causal(t, 5), is_causal=True)
    ),
    SRC,
)
case(
    "decoder",
    lambda t: joined(
        t, stack(t, "Decoder"),
        lambda layer, a, b, p: layer(a, b, causal(t, 4), memory_key_padding_mask=p),
    ),
    TGT, SRC, PADDING,
)  # fmt: skip
case("decoder norm first", lambda t: stack(t, "Decoder", norm_first=True), TGT, SRC)


def translate(t: Any, layer: Any, src: Any, tgt: Any, padding: Any) -> Any:
    masks = {"src_key_padding_mask": padding, "memory_key_padding_mask": padding}
    return layer(src, tgt, tgt_mask=causal(t, 4), tgt_is_causal=True, **masks)


case(
    "transformer",
    lambda t: joined(
        t, t.nn.Transformer(8, 2, 1, 2, 6, 0.0), lambda *inputs: translate(t, *inputs)
    ),
    SRC, TGT, PADDING,
)  # fmt: skip
case(
    "transformer batch first",
    lambda t: t.nn.Transformer(8, 2, 1, 1, 6, 0.0, batch_first=True, norm_first=True),
    x(3, 5, 8), x(3, 4, 8),
)  # fmt: skip
case(
    "transformer of one sequence",
    lambda t: t.nn.Transformer(8, 4, 1, 1, 6, 0.0),
    x(5, 8),
    x(4, 8),
)
case(
    "multi_head_attention_forward",
    lambda t: lambda q, w, b, o, k, v: t.nn.functional.multi_head_attention_forward(
        q, q, q, 4, 2, w, b, None, None, False, 0.0, o, None,
        static_k=k, static_v=v, need_weights=False,
    )[0],
    x(3, 2, 4), x(12, 4), x(12), x(4, 4), x(4, 5, 2), x(4, 5, 2),
)  # fmt: skip
