"""Private in PyTorch, yet imported by programs that extend default_collate."""

from chainrule.utils.data._utils import collate as collate
