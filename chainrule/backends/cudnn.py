"""cuDNN under PyTorch's name: it is not used, so that its switches change nothing."""

enabled = True
benchmark = False
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Whether cuDNN is used: no."""
    return False


def version() -> None:
    """The version of cuDNN: there is none."""
