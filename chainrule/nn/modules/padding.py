"""Padding under PyTorch's name."""

from chainrule.nn.padding import CircularPad1d as CircularPad1d
from chainrule.nn.padding import CircularPad2d as CircularPad2d
from chainrule.nn.padding import CircularPad3d as CircularPad3d
from chainrule.nn.padding import ConstantPad1d as ConstantPad1d
from chainrule.nn.padding import ConstantPad2d as ConstantPad2d
from chainrule.nn.padding import ConstantPad3d as ConstantPad3d
from chainrule.nn.padding import ReflectionPad1d as ReflectionPad1d
from chainrule.nn.padding import ReflectionPad2d as ReflectionPad2d
from chainrule.nn.padding import ReflectionPad3d as ReflectionPad3d
from chainrule.nn.padding import ReplicationPad1d as ReplicationPad1d
from chainrule.nn.padding import ReplicationPad2d as ReplicationPad2d
from chainrule.nn.padding import ReplicationPad3d as ReplicationPad3d
from chainrule.nn.padding import ZeroPad1d as ZeroPad1d
from chainrule.nn.padding import ZeroPad2d as ZeroPad2d
from chainrule.nn.padding import ZeroPad3d as ZeroPad3d
