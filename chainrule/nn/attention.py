"""Attention layers, and the choice among implementations that PyTorch programs may make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.functional.attention import multi_head_attention_forward
from chainrule.nn import init
from chainrule.nn.linear import Linear
from chainrule.nn.module import Module
from chainrule.tensor.tensor import Tensor


class NonDynamicallyQuantizableLinear(Linear):
    """A Linear under the name that PyTorch prints for the last map of attention."""


class MultiheadAttention(Module):
    """Attention by several heads, each with projections of its own.

        yᵢ = softmax(qᵢ kᵢᵀ / √e) vᵢ  with  qᵢ = W_qᵢ q,  kᵢ = W_kᵢ k,  vᵢ = W_vᵢ v
        y = W_out (y₁, …, y_heads) + b

    Shapes:  query (l, n, embed_dim), key (s, n, kdim), value (s, n, vdim) →
        (l, n, embed_dim) and the weights (n, l, s); with batch_first n comes first; without n
        for one sequence. attn_mask (l, s) or (n · heads, l, s), key_padding_mask (n, s)
    Args:
        dropout: with what probability a weight is left out, in training
        bias: whether the projections have biases
        add_bias_kv: whether one key and value more is learned
        add_zero_attn: whether there is one key and value of zeros more
        kdim, vdim: features of keys and values, embed_dim if None

    In forward:
        key_padding_mask, attn_mask: booleans, True leaves a key out; or numbers to be added
        need_weights: whether the weights are returned too, else None
        average_attn_weights: whether as their mean over the heads, else (n, heads, l, s)
        is_causal: says that attn_mask is the causal one, which must be given

    Raises:  ArgumentError (CR595) for sizes; ShapeError (CR596); CR597 for the masks.
    Notes:   a query that sees no key at all gets weights of 0.
    Source:  Vaswani et al. 2017, "Attention is all you need", §3.2.2

    Example:
        >>> import chainrule as cr
        >>> x = cr.zeros(5, 3, 16)
        >>> y, weights = MultiheadAttention(16, num_heads=4)(x, x, x)
        >>> y.shape, weights.shape
        (chainrule.Size([5, 3, 16]), chainrule.Size([3, 5, 5]))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        if min(embed_dim, num_heads) <= 0 or embed_dim % num_heads:
            raise ArgumentError(
                "CR595",
                f"MultiheadAttention shares embed_dim={embed_dim} among num_heads={num_heads}; "
                "the first must be a multiple of the second",
            )
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self._register_empty(self._shapes(bias, add_bias_kv), device, dtype)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias, device, dtype
        )
        self._reset_parameters()

    def _shapes(self, bias: bool, add_bias_kv: bool) -> dict[str, tuple[int, ...] | None]:
        """The parameters, and None for those that this layer goes without."""
        d, packed = self.embed_dim, self._qkv_same_embed_dim
        return {
            "in_proj_weight": (3 * d, d) if packed else None,
            "q_proj_weight": None if packed else (d, d),
            "k_proj_weight": None if packed else (d, self.kdim),
            "v_proj_weight": None if packed else (d, self.vdim),
            "in_proj_bias": (3 * d,) if bias else None,
            "bias_k": (1, 1, d) if add_bias_kv else None,
            "bias_v": (1, 1, d) if add_bias_kv else None,
        }

    def _reset_parameters(self) -> None:
        """Start anew, at random."""
        for name, parameter in self.named_parameters(recurse=False):
            if name.endswith("proj_weight"):
                init.xavier_uniform_(parameter)
            elif name == "in_proj_bias":
                init.zeros_(parameter)
            else:
                init.xavier_normal_(parameter)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        exchanged = self.batch_first and query.ndim == key.ndim == value.ndim == 3
        if exchanged:
            query, key, value = _time_first(query, key, value)
        y, weights = multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads,
            self.in_proj_weight, self.in_proj_bias, self.bias_k, self.bias_v,
            self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            self.training, key_padding_mask, need_weights, attn_mask,
            not self._qkv_same_embed_dim,
            self.q_proj_weight, self.k_proj_weight, self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return y.transpose(0, 1) if exchanged else y, weights


def _time_first(*sequences: Tensor) -> list[Tensor]:
    """(n, length, features) → (length, n, features); one that comes again stays the same."""
    found = {id(x): x.transpose(0, 1) for x in sequences}
    return [found[id(x)] for x in sequences]


class SDPBackend(IntEnum):
    """PyTorch's implementations of scaled_dot_product_attention; here is one, MATH."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(
    backends: SDPBackend | Sequence[SDPBackend], set_priority: bool = False
) -> Iterator[None]:
    """Accepted for programs written for PyTorch: attention is computed in one way here.

    Raises:  ArgumentTypeError (CR599) for what is no SDPBackend.

    Example:
        >>> with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        ...     pass
    """
    listed = [backends] if isinstance(backends, SDPBackend) else backends
    if not isinstance(listed, (list, tuple)) or not all(
        isinstance(backend, SDPBackend) for backend in listed
    ):
        raise ArgumentTypeError(
            "CR599", f"sdpa_kernel takes an SDPBackend or a list of them, got {backends!r}"
        )
    yield
