"""GPUs under PyTorch's name: there are none yet, and programs can ask."""

import chainrule.cuda.amp as amp  # noqa: F401
from chainrule.absent import family


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


def is_initialized() -> bool:
    """Whether a GPU is in use: no."""
    return False


def empty_cache() -> None:
    """Give back memory of the GPU: there is none."""


def is_bf16_supported() -> bool:
    """Whether the GPU computes in bfloat16: there is none."""
    return False


__getattr__ = family("cuda", "cuda")
