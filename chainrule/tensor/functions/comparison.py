"""Comparisons and questions about elements, under their names at the top level."""

from chainrule.tensor.functions.lifting import function as _function

allclose = _function("allclose")
eq = _function("eq")
equal = _function("equal")
ge = _function("ge")
greater = _function("greater")
greater_equal = _function("greater_equal")
gt = _function("gt")
isclose = _function("isclose")
isfinite = _function("isfinite")
isinf = _function("isinf")
isnan = _function("isnan")
le = _function("le")
less = _function("less")
less_equal = _function("less_equal")
lt = _function("lt")
ne = _function("ne")
not_equal = _function("not_equal")
