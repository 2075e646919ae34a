"""GPUs under PyTorch's name: there are none yet, and programs can ask."""


def is_available() -> bool:
    """Whether chainrule can compute on a GPU: not yet."""
    return False


def device_count() -> int:
    """How many GPUs there are."""
    return 0


def manual_seed(seed: int) -> None:
    """Seed the GPU's generator: there is none, and the CPU's is not touched."""


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all GPUs: there are none, and the CPU's is not touched."""
