"""Transformers: layers of attention and of a network for each position."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functional.activation import gelu, relu
from chainrule.nn import init
from chainrule.nn.attention import MultiheadAttention
from chainrule.nn.containers import ModuleList
from chainrule.nn.dropout import Dropout
from chainrule.nn.layer_norm import LayerNorm
from chainrule.nn.linear import Linear
from chainrule.nn.module import Module
from chainrule.tensor.creation import full
from chainrule.tensor.tensor import Tensor

Activation = str | Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": relu, "gelu": gelu}


class TransformerLayer(Module):
    """The family: attention, then two dense layers at every position, each

    x + f(norm(x))  if norm_first, else  norm(x + f(x))
    """

    activation: Any

    def __init__(
        self,
        attentions: tuple[str, ...],
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: Activation,
        layer_norm_eps: float,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        device: Any,
        dtype: Dtype | None,
    ) -> None:
        super().__init__()
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        for name in attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, **place
            )
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **place)
        self.norm_first = norm_first
        parts = range(1, len(attentions) + 2)
        for i in parts:
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, **place)
            self.add_module(f"norm{i}", norm)
        for i in parts:
            self.add_module(f"dropout{i}", Dropout(dropout))
        self.activation = _activation(activation)

    def _joined(self, x: Tensor, part: int, function: Callable[[Tensor], Tensor]) -> Tensor:
        """One part of the layer added to what it got, with its norm and dropout."""
        norm, dropout = getattr(self, f"norm{part}"), getattr(self, f"dropout{part}")
        if self.norm_first:
            return x + dropout(function(norm(x)))
        return norm(x + dropout(function(x)))

    def _positionwise(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _activation(activation: Activation) -> Callable[[Tensor], Tensor]:
    if not isinstance(activation, str):
        return activation
    if activation not in ACTIVATIONS:
        raise ArgumentError(
            "CR598",
            f"a transformer layer knows the activations relu and gelu by name, not "
            f"{activation!r}; give the function itself",
        )
    return ACTIVATIONS[activation]


class TransformerEncoderLayer(TransformerLayer):
    """A sequence that attends to itself, then a network for each position.

    Shapes:  src (t, n, d_model), with batch_first (n, t, d_model) → as src; src_mask (t, t) or
        (n · heads, t, t), src_key_padding_mask (n, t)
    Args:
        nhead: how many heads attention has
        dim_feedforward: units between the two dense layers
        dropout: with what probability weights and activations are left out, in training
        activation: between the dense layers, "relu", "gelu" or a function
        norm_first: whether each part normalizes its input, instead of the sum

    Raises:  ArgumentError (CR595, CR598); ShapeError (CR596, CR597).
    Notes:   masks are those of MultiheadAttention: True leaves a position out.
    Source:  Vaswani et al. 2017, "Attention is all you need", §3.1; Xiong et al. 2020 for
        norm_first

    Example:
        >>> import chainrule as cr
        >>> TransformerEncoderLayer(16, nhead=4)(cr.zeros(5, 3, 16)).shape
        chainrule.Size([5, 3, 16])
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(
            ("self_attn",), d_model, nhead, dim_feedforward, dropout, activation,
            layer_norm_eps, batch_first, norm_first, bias, device, dtype,
        )  # fmt: skip

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            masks = src_key_padding_mask, False, src_mask
            return self.self_attn(x, x, x, *masks, is_causal=is_causal)[0]

        x = self._joined(src, 1, attend)
        return self._joined(x, 2, self._positionwise)


class TransformerDecoderLayer(TransformerLayer):
    """A sequence that attends to itself and to a memory, then a network for each position.

    Shapes:  tgt (t, n, d_model), memory (s, n, d_model) → as tgt; tgt_mask (t, t),
        memory_mask (t, s), tgt_key_padding_mask (n, t), memory_key_padding_mask (n, s)
    Args:    see TransformerEncoderLayer.
    Raises:  ArgumentError (CR595, CR598); ShapeError (CR596, CR597).
    Source:  Vaswani et al. 2017, "Attention is all you need", §3.1

    Example:
        >>> import chainrule as cr
        >>> layer = TransformerDecoderLayer(16, nhead=4, batch_first=True)
        >>> layer(cr.zeros(3, 7, 16), memory=cr.zeros(3, 5, 16)).shape
        chainrule.Size([3, 7, 16])
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(
            ("self_attn", "multihead_attn"), d_model, nhead, dim_feedforward, dropout,
            activation, layer_norm_eps, batch_first, norm_first, bias, device, dtype,
        )  # fmt: skip

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            masks = tgt_key_padding_mask, False, tgt_mask
            return self.self_attn(x, x, x, *masks, is_causal=tgt_is_causal)[0]

        def attend_to_memory(x: Tensor) -> Tensor:
            masks = memory_key_padding_mask, False, memory_mask
            found = self.multihead_attn(x, memory, memory, *masks, is_causal=memory_is_causal)
            return found[0]

        x = self._joined(tgt, 1, attend)
        x = self._joined(x, 2, attend_to_memory)
        return self._joined(x, 3, self._positionwise)


class TransformerStack(Module):
    """The family: copies of one layer on top of each other, and perhaps a norm at the end."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def _through(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *args, **kwargs)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(TransformerStack):
    """Encoder layers on top of each other, copies of the one given.

    Args:
        norm: a layer for the end
        enable_nested_tensor, mask_check: accepted for programs written for PyTorch

    Raises:  ShapeError (CR596, CR597).
    Notes:   the copies start with equal parameters.

    Example:
        >>> import chainrule as cr
        >>> encoder = TransformerEncoder(TransformerEncoderLayer(16, nhead=4), num_layers=2)
        >>> encoder(cr.zeros(5, 3, 16)).shape
        chainrule.Size([5, 3, 16])
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        causal = bool(is_causal)
        return self._through(src, mask, src_key_padding_mask, is_causal=causal)


class TransformerDecoder(TransformerStack):
    """Decoder layers on top of each other, copies of the one given; see TransformerEncoder."""

    def __init__(
        self, decoder_layer: Module, num_layers: int, norm: Module | None = None
    ) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self._through(
            tgt, memory, *masks, bool(tgt_is_causal), memory_is_causal=memory_is_causal
        )


class Transformer(Module):
    """Encoder and decoder: one sequence is read, another written.

    Shapes:  src (s, n, d_model), tgt (t, n, d_model) → as tgt; with batch_first n comes first
    Args:
        custom_encoder, custom_decoder: modules in place of the stacks made here
        the others: see TransformerEncoderLayer

    Raises:  ArgumentError (CR595, CR598); ShapeError (CR596, CR597, CR598).
    Notes:   weights start by xavier_uniform_.
    Source:  Vaswani et al. 2017, "Attention is all you need"

    Example:
        >>> import chainrule as cr
        >>> net = Transformer(16, nhead=4, num_encoder_layers=1, num_decoder_layers=1)
        >>> mask = net.generate_square_subsequent_mask(7)
        >>> net(cr.zeros(5, 3, 16), cr.zeros(7, 3, 16), tgt_mask=mask).shape
        chainrule.Size([7, 3, 16])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        options: tuple[Any, ...] = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias, device, dtype,
        )  # fmt: skip

        def norm() -> Module:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            layer: Module = TransformerEncoderLayer(*options)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*options)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm())
        self.encoder, self.decoder = custom_encoder, custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        """Start anew, at random."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        batch = 0 if self.batch_first else 1
        same = src.ndim != 3 or tgt.ndim != 3 or src.shape[batch] == tgt.shape[batch]
        if not same or {src.shape[-1], tgt.shape[-1]} != {self.d_model}:
            raise ShapeError(
                "CR598",
                f"Transformer takes src and tgt of one batch, with d_model={self.d_model} "
                f"features, got {tuple(src.shape)} and {tuple(tgt.shape)}; batch_first="
                f"{self.batch_first}",
            )
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: Any = None, dtype: Dtype | None = None
    ) -> Tensor:
        """The causal mask: 0 where position i may see position j ≤ i, else -∞.

        Example:
            >>> Transformer.generate_square_subsequent_mask(2)
            tensor([[0., -inf],
                    [0., 0.]])
        """
        return full((sz, sz), -math.inf, device=device, dtype=dtype).triu(1)
