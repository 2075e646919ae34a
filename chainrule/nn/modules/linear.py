"""Dense layers under PyTorch's name."""

from chainrule.nn.bilinear import Bilinear as Bilinear
from chainrule.nn.flatten import Identity as Identity
from chainrule.nn.lazy import LazyLinear as LazyLinear
from chainrule.nn.linear import Linear as Linear
