"""Questions about a tensor, and other types of it, under their names at the top level."""

from chainrule.tensor.functions.lifting import function as _function

clone = _function("clone")
is_complex = _function("is_complex")
is_floating_point = _function("is_floating_point")
numel = _function("numel")
is_conj = _function("is_conj")
is_inference = _function("is_inference")
is_neg = _function("is_neg")
resolve_conj = _function("resolve_conj")
resolve_neg = _function("resolve_neg")
is_nonzero = _function("is_nonzero")
is_signed = _function("is_signed")
is_same_size = _function("is_same_size")
