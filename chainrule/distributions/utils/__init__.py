"""What a distribution of one's own is made with, under PyTorch's name."""

from chainrule.distributions.parameters import EULER as euler_constant
from chainrule.distributions.parameters import broadcast_all as broadcast_all
from chainrule.distributions.parameters import clamp_probs as clamp_probs
from chainrule.distributions.parameters import lazy_property as lazy_property
from chainrule.distributions.parameters import logits_to_probs as logits_to_probs
from chainrule.distributions.parameters import probs_to_logits as probs_to_logits
from chainrule.distributions.triangles import tril_matrix_to_vec as tril_matrix_to_vec
from chainrule.distributions.triangles import vec_to_tril_matrix as vec_to_tril_matrix

__all__ = [
    "broadcast_all", "clamp_probs", "euler_constant", "lazy_property", "logits_to_probs",
    "probs_to_logits", "tril_matrix_to_vec", "vec_to_tril_matrix",
]  # fmt: skip
