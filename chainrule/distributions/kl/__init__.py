"""Divergences, under PyTorch's name."""

from chainrule.distributions.kl import across as across
from chainrule.distributions.kl import same as same
from chainrule.distributions.kl import vectors as vectors
from chainrule.distributions.kl.registry import kl_divergence as kl_divergence
from chainrule.distributions.kl.registry import register_kl as register_kl

__all__ = ["kl_divergence", "register_kl"]
