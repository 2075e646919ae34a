"""CUDA's products under PyTorch's name: they are not used; the switches change nothing."""

from types import SimpleNamespace

matmul = SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True)


def is_built() -> bool:
    """Whether chainrule was built with CUDA: no."""
    return False
