"""Patches under PyTorch's name."""

from chainrule.nn.fold import Fold as Fold
from chainrule.nn.fold import Unfold as Unfold
