"""Attention: each element of a sequence looks at others and takes a weighted mean of them.

Notation: n batch, h heads, l queries, s keys, d features, e features of one head.
"""

from __future__ import annotations

import math

from chainrule.dtypes import bool_ as boolean
from chainrule.errors import ArgumentError, DtypeError, ShapeError
from chainrule.functional.dropout import dropout
from chainrule.functional.linear import linear
from chainrule.tensor.creation import ones
from chainrule.tensor.functions.joining import cat
from chainrule.tensor.tensor import Tensor


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Attention  y = softmax(q kᵀ / √e + mask) v.

    Shapes:  query (…, l, e), key (…, s, e), value (…, s, v) → (…, l, v)
    Args:
        attn_mask: (…, l, s), booleans that say which keys take part, or numbers to be added
        dropout_p: with what probability a weight is left out; always, also in evaluation
        is_causal: query i sees the keys 0 … i only
        scale: in place of 1/√e
        enable_gqa: several heads of the query share one of key and value: (n, h, l, e) with
            (n, h / some, s, e)

    Raises:  ShapeError (CR596); ArgumentError and DtypeError (CR597) for the mask.
    Notes:   a query that sees no key at all gets 0.
    Source:  Vaswani et al. 2017, "Attention is all you need", §3.2.1

    Example:
        >>> import chainrule as cr
        >>> q, k, v = cr.zeros(1, 2), cr.zeros(3, 2), cr.tensor([[1.0], [2.0], [6.0]])
        >>> scaled_dot_product_attention(q, k, v)
        tensor([[3.]])
    """
    _check_operands(query, key, value)
    if enable_gqa:
        key, value = _for_all_heads(query, key), _for_all_heads(query, value)
    mask = None if attn_mask is None else _additive(attn_mask, query, excludes=False)
    if is_causal:
        if mask is not None:
            raise ArgumentError("CR597", "attention takes is_causal=True or a mask, not both")
        queries, keys = query.shape[-2], key.shape[-2]
        mask = _additive(ones(queries, keys, dtype=boolean).tril(), query, excludes=False)
    weights = _weights(query, key, mask, scale)
    return dropout(weights, dropout_p) @ value


def _weights(query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
    """softmax(scale q kᵀ + mask); 0 where the mask leaves nothing."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale) @ key.mT  # (…, l, s)
    if mask is None:
        return scores.softmax(-1)
    scores = scores + mask
    largest = scores.detach().amax(-1, keepdim=True)
    weights = (scores - largest.masked_fill(largest == -math.inf, 0)).exp()
    total = weights.sum(-1, keepdim=True)
    return weights * (1 / total.masked_fill(total == 0, 1))


def _additive(mask: Tensor, like: Tensor, excludes: bool) -> Tensor:
    """A mask as numbers to be added; `excludes` says that True leaves a key out."""
    if mask.dtype is boolean:
        return like.new_zeros(mask.shape).masked_fill(mask if excludes else ~mask, -math.inf)
    if not mask.is_floating_point():
        raise DtypeError(
            "CR597",
            f"a mask holds booleans, or numbers of type {like.dtype} to be added, got "
            f"{mask.dtype}; mask.bool() converts it",
        )
    return mask.to(like.dtype)


def _check_operands(query: Tensor, key: Tensor, value: Tensor) -> None:
    shapes = [tuple(x.shape) for x in (query, key, value)]
    if min(map(len, shapes)) < 2 or shapes[0][-1] != shapes[1][-1]:
        raise ShapeError(
            "CR596",
            "attention takes query (…, l, e), key (…, s, e) and value (…, s, v), got "
            f"{shapes[0]}, {shapes[1]} and {shapes[2]}",
        )
    if shapes[1][-2] != shapes[2][-2]:
        raise ShapeError(
            "CR596", f"each key needs one value; there are {shapes[1]} keys, {shapes[2]} values"
        )


def _for_all_heads(query: Tensor, x: Tensor) -> Tensor:
    """Keys or values repeated so that every head of the query has its own."""
    if min(query.ndim, x.ndim) < 3 or query.shape[-3] % max(x.shape[-3], 1):
        raise ShapeError(
            "CR596",
            f"enable_gqa: the {tuple(x.shape)} keys or values must have heads on axis -3 whose "
            f"number divides that of the query {tuple(query.shape)}",
        )
    return x.repeat_interleave(query.shape[-3] // x.shape[-3], -3)


# -- several heads -------------------------------------------------------------------------


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What nn.MultiheadAttention computes; see there.

    Shapes:  query (l, n, d), key and value (s, n, …) → (l, n, d), weights (n, l, s); without n
        for one sequence
    Args:
        in_proj_weight: the three projections under each other (3 d, d), unless
            use_separate_proj_weight gives them one by one
        bias_k, bias_v: one more key and value
        static_k, static_v: (n · heads, s, e) in place of the projected keys and values

    Raises:  ShapeError (CR596) for the sequences; CR597 for the masks.
    """
    batched = _check_sequences(query, key, value, embed_dim_to_check)
    if is_causal and attn_mask is None:
        raise ArgumentError(
            "CR597",
            "is_causal=True says that attn_mask is causal, and there is none; "
            "attn_mask=nn.Transformer.generate_square_subsequent_mask(length) makes it",
        )
    packed = None if use_separate_proj_weight else in_proj_weight
    separate = q_proj_weight, k_proj_weight, v_proj_weight
    q, k, v = _projected((query, key, value), packed, separate, in_proj_bias)
    if not batched:
        q, k, v = q.unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    queries, n, d = q.shape
    keys = k.shape[0] if static_k is None else static_k.shape[1]
    mask = _joined_masks(attn_mask, key_padding_mask, q, (n, num_heads, queries, keys))
    if bias_k is not None and bias_v is not None:
        k, v = (cat([x, b.expand(1, n, d)]) for x, b in ((k, bias_k), (v, bias_v)))
    q, k, v = _heads(q, num_heads), _heads(k, num_heads), _heads(v, num_heads)  # (n, h, …, e)
    k = k if static_k is None else static_k.unflatten(0, (n, num_heads))
    v = v if static_v is None else static_v.unflatten(0, (n, num_heads))
    if add_zero_attn:
        k, v = (x.pad_constant([(0, 0), (0, 0), (0, 1), (0, 0)]) for x in (k, v))
    if mask is not None and (more := k.shape[2] - keys):
        mask = mask.pad_constant([(0, 0)] * 3 + [(0, more)])
    weights = dropout(_weights(q, k, mask, None), dropout_p, training)
    y = (weights @ v).permute(2, 0, 1, 3).reshape(queries, n, d)
    y = linear(y, out_proj_weight, out_proj_bias)
    if need_weights:
        weights = weights.mean(1) if average_attn_weights else weights
        return (y, weights) if batched else (y.squeeze(1), weights.squeeze(0))
    return y if batched else y.squeeze(1), None


def _check_sequences(query: Tensor, key: Tensor, value: Tensor, features: int) -> bool:
    """Whether there is an axis of the batch; ShapeError (CR596) for what does not fit."""
    q, k, v = (tuple(x.shape) for x in (query, key, value))
    if len(q) not in (2, 3) or not len(q) == len(k) == len(v):
        raise ShapeError(
            "CR596",
            "MultiheadAttention takes query, key and value (length, n, features), or all "
            f"(length, features), got {q}, {k} and {v}",
        )
    if q[-1] != features:
        raise ShapeError(
            "CR596", f"MultiheadAttention has embed_dim={features}, the query is {q}"
        )
    if k[:-1] != v[:-1] or q[1:-1] != k[1:-1]:
        raise ShapeError(
            "CR596",
            f"each key needs one value, and all one batch: query {q}, key {k}, value {v}",
        )
    return len(q) == 3


def _projected(
    sequences: tuple[Tensor, Tensor, Tensor],
    packed: Tensor | None,
    separate: tuple[Tensor | None, ...],
    bias: Tensor | None,
) -> tuple[Tensor, ...]:
    """Queries, keys and values (…, d); one product where all are of the same sequence."""
    query, key, value = sequences
    if packed is not None and query is key is value:
        return linear(query, packed, bias).chunk(3, -1)
    weights: tuple = separate if packed is None else packed.chunk(3)
    biases: tuple = (None,) * 3 if bias is None else bias.chunk(3)
    return tuple(linear(x, w, b) for x, w, b in zip(sequences, weights, biases))


def _heads(x: Tensor, heads: int) -> Tensor:
    """(length, n, d) → (n, h, length, e)"""
    return x.unflatten(-1, (heads, x.shape[-1] // heads)).permute(1, 2, 0, 3)


def _joined_masks(
    mask: Tensor | None, padding: Tensor | None, like: Tensor, sizes: tuple[int, ...]
) -> Tensor | None:
    """Both masks in one, to be added to scores (n, h, l, s)."""
    n, h, queries, keys = sizes
    if mask is not None:
        if tuple(mask.shape) not in ((queries, keys), (n * h, queries, keys)):
            raise ShapeError(
                "CR597",
                f"attn_mask has shape {tuple(mask.shape)}; {queries} queries and {keys} keys "
                f"need {(queries, keys)}, or {(n * h, queries, keys)} for every sequence and "
                "head its own",
            )
        mask = _additive(mask, like, excludes=True)
        mask = (
            mask.unflatten(0, (n, h)) if mask.ndim == 3 else mask.reshape(1, 1, queries, keys)
        )
    if padding is None:
        return mask
    if tuple(padding.shape) != (n, keys):
        raise ShapeError(
            "CR597",
            f"key_padding_mask has shape {tuple(padding.shape)}; {n} sequences of {keys} keys "
            f"need {(n, keys)}",
        )
    hidden = _additive(padding, like, excludes=True).reshape(n, 1, 1, keys)
    return hidden if mask is None else mask + hidden
