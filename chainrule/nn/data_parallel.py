"""Data parallelism under PyTorch's name: one device here, so one module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.nn.module import Module


class DataParallel(Module):
    """The module itself, where there are no GPUs to divide a batch among.

    Its parameters are called "module.…" in the state dict, as in PyTorch.

    Args:    device_ids, output_device, dim: accepted for programs written for PyTorch

    Example:
        >>> from chainrule import nn
        >>> list(DataParallel(nn.Linear(2, 1)).state_dict())
        ['module.weight', 'module.bias']
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[Any] = []
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
