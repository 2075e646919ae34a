"""Transformers under PyTorch's name."""

from chainrule.nn.transformer import Transformer as Transformer
from chainrule.nn.transformer import TransformerDecoder as TransformerDecoder
from chainrule.nn.transformer import TransformerDecoderLayer as TransformerDecoderLayer
from chainrule.nn.transformer import TransformerEncoder as TransformerEncoder
from chainrule.nn.transformer import TransformerEncoderLayer as TransformerEncoderLayer
