"""Training in several processes, under PyTorch's name: there is none, and programs can ask."""

from chainrule.absent import family


def is_available() -> bool:
    """Whether there is training in several processes: no."""
    return False


def is_initialized() -> bool:
    """Whether this process belongs to a group: no."""
    return False


__getattr__ = family("distributed", "distributed")
