"""The profiler, under PyTorch's name: not here; using it says what to do instead."""

from chainrule.absent import family, unusable

(profile, record_function, schedule) = unusable(
    "profiler", "profiler.profile", "profiler.record_function", "profiler.schedule"
)
__getattr__ = family("profiler", "profiler")
