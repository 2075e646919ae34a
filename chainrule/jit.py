"""TorchScript, under PyTorch's name: not here; using it says what to do instead."""

from chainrule.absent import family, unusable

(script, trace, save, load, ignore, export) = unusable(
    "jit", "jit.script", "jit.trace", "jit.save", "jit.load", "jit.ignore", "jit.export"
)
__getattr__ = family("jit", "jit")
