"""The module under PyTorch's name."""

from chainrule.nn.module import Module as Module
