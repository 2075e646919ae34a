"""Networks that are known by name."""

from chainrule.models.cnn import CNN as CNN
from chainrule.models.mlp import MLP as MLP
