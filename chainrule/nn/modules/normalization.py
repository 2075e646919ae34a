"""Normalization under PyTorch's name."""

from chainrule.nn.group_norm import GroupNorm as GroupNorm
from chainrule.nn.layer_norm import LayerNorm as LayerNorm
from chainrule.nn.local_response_norm import LocalResponseNorm as LocalResponseNorm
from chainrule.nn.rms_norm import RMSNorm as RMSNorm
