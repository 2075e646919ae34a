"""Questions about a tensor, and other types of it, under their names at the top level."""

from chainrule.tensor.functions.lifting import function as _function

clone = _function("clone")
is_complex = _function("is_complex")
is_floating_point = _function("is_floating_point")
numel = _function("numel")
