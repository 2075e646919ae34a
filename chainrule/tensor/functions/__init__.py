"""The functions of the top level: `chainrule.exp(x)` is `x.exp()`."""
