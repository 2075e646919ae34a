"""oneDNN under PyTorch's name: it is not used."""


def is_available() -> bool:
    """Whether oneDNN is used: no."""
    return False
