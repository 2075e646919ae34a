"""Graph transformation, under PyTorch's name: not here; using it says what to do instead."""

from chainrule.absent import family, unusable

(symbolic_trace, Tracer, GraphModule) = unusable(
    "fx", "fx.symbolic_trace", "fx.Tracer", "fx.GraphModule"
)
__getattr__ = family("fx", "fx")
