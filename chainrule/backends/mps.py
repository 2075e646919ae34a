"""Apple's GPUs under PyTorch's name: they are not used, and programs can ask."""


def is_available() -> bool:
    """Whether chainrule can compute there: no."""
    return False


def is_built() -> bool:
    """Whether chainrule was built for them: no."""
    return False
