"""GPUs under PyTorch's name: there are none yet, and programs can ask."""


def is_available() -> bool:
    """Whether chainrule can compute on a GPU: not yet."""
    return False


def device_count() -> int:
    """How many GPUs there are."""
    return 0
