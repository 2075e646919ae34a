"""Whatever is faster than the CPU, under PyTorch's name: nothing yet, and programs can ask."""

from chainrule.absent import family


def is_available() -> bool:
    """Whether there is an accelerator: not yet."""
    return False


def device_count() -> int:
    """How many there are."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """The accelerator's device: None, as there is none."""


__getattr__ = family("cuda", "accelerator")
