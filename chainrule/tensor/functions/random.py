"""Random numbers around a tensor, under their names at the top level."""

from chainrule.tensor.functions.lifting import function as _function

bernoulli = _function("bernoulli")
multinomial = _function("multinomial")
