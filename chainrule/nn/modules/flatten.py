"""Flattening under PyTorch's name."""

from chainrule.nn.flatten import Flatten as Flatten
from chainrule.nn.flatten import Unflatten as Unflatten
