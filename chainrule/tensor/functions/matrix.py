"""Products of vectors and matrices, under their names at the top level."""

from chainrule.tensor.functions.lifting import function as _function

addmm = _function("addmm")
baddbmm = _function("baddbmm")
bmm = _function("bmm")
dot = _function("dot")
ger = _function("ger")
inner = _function("inner")
matmul = _function("matmul")
mm = _function("mm")
mv = _function("mv")
outer = _function("outer")
tensordot = _function("tensordot")
