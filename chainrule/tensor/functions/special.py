"""Special functions that the top level does not have, for `chainrule.special`."""

from chainrule.tensor.functions.lifting import either as _either
from chainrule.tensor.functions.lifting import function as _function

entr = _function("entr")
erfcx = _function("erfcx")
expit = _function("sigmoid")
gammainc = _function("igamma")
gammaincc = _function("igammac")
gammaln = _function("lgamma")
i0e = _function("i0e")
i1 = _function("i1")
i1e = _function("i1e")
log_ndtr = _function("log_ndtr")
multigammaln = _function("mvlgamma")
ndtr = _function("ndtr")
ndtri = _function("ndtri")
psi = _function("digamma")
xlog1py = _either("xlog1py")
zeta = _either("zeta")
