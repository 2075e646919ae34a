"""Lazy layers under PyTorch's name."""

from chainrule.nn.lazy import LazyModuleMixin as LazyModuleMixin
