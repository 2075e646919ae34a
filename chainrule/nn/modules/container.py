"""Containers under PyTorch's name."""

from chainrule.nn.containers import ModuleDict as ModuleDict
from chainrule.nn.containers import ModuleList as ModuleList
from chainrule.nn.containers import ParameterDict as ParameterDict
from chainrule.nn.containers import ParameterList as ParameterList
from chainrule.nn.containers import Sequential as Sequential
