"""Modules in another element type, or on another device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from chainrule import dtypes
from chainrule.device import resolve_device
from chainrule.dtypes import dtype as Dtype
from chainrule.errors import DtypeError
from chainrule.tensor.tensor import Tensor

if TYPE_CHECKING:
    from chainrule.nn.module import Module


class ConversionMethods:
    """What a user calls."""

    if TYPE_CHECKING:
        modules: Callable[[], Iterator[Module]]

    def _convert(self, function: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the numbers of every parameter, its gradient and every buffer."""
        modules: Any = self.modules() if recurse else (self,)
        for module in modules:
            for parameter in module._parameters.values():
                if parameter is not None:
                    parameter.data = function(parameter.data)
                    if parameter.grad is not None:
                        parameter.grad = function(parameter.grad.detach())
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = function(buffer)
        return self

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: bool = False,
        memory_format: Any = None,
    ) -> Self:
        """Floating parameters and buffers in another type; the device "cpu" may be named.

        Args: non_blocking, memory_format: accepted for programs written for PyTorch
        """
        for argument in args:
            if isinstance(argument, (dtypes.dtype, Tensor)):
                dtype = getattr(argument, "dtype", argument)
            elif not isinstance(argument, bool):
                resolve_device(argument)
        resolve_device(device)
        if dtype is None:
            return self
        if not dtype.is_floating_point:
            raise DtypeError("CR507", f"a module computes in a floating type, not in {dtype}")
        return self._convert(lambda x: x.to(dtype) if x.is_floating_point() else x)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Parameters and buffers with any numbers in place of theirs."""
        resolve_device(device)
        return self._convert(lambda x: x.new_empty(x.shape), recurse)

    def float(self) -> Self:
        """Floating parameters and buffers as float32."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """Floating parameters and buffers as float64."""
        return self.to(dtypes.float64)

    def half(self) -> Self:
        """Floating parameters and buffers as float16."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> Self:
        """Floating parameters and buffers as bfloat16."""
        return self.to(dtypes.bfloat16)

    def type(self, dst_type: Dtype) -> Self:
        """All parameters and buffers in another type."""
        return self._convert(lambda x: x.to(dst_type))

    def cpu(self) -> Self:
        """On the CPU, where everything is."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """On a GPU: raises DeviceError (CR207), as there is none."""
        return self.to("cuda" if device is None else device)
