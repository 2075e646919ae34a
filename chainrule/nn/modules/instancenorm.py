"""Instance normalization under PyTorch's name."""

from chainrule.nn.instance_norm import InstanceNorm
from chainrule.nn.instance_norm import InstanceNorm1d as InstanceNorm1d
from chainrule.nn.instance_norm import InstanceNorm2d as InstanceNorm2d
from chainrule.nn.instance_norm import InstanceNorm3d as InstanceNorm3d
from chainrule.nn.lazy_normalization import LazyInstanceNorm1d as LazyInstanceNorm1d
from chainrule.nn.lazy_normalization import LazyInstanceNorm2d as LazyInstanceNorm2d
from chainrule.nn.lazy_normalization import LazyInstanceNorm3d as LazyInstanceNorm3d

# the families, as PyTorch calls them
_InstanceNorm = InstanceNorm
