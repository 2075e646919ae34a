"""The profiler, under PyTorch's name: not here; using it says what to do instead."""

from chainrule.absent import family, unusable

(profile, record_function) = unusable(
    "profiler", "autograd.profiler.profile", "autograd.profiler.record_function"
)
__getattr__ = family("profiler", "autograd.profiler")
