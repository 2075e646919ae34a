"""Layers that learn their input size from their first input.

A lazy layer is made without its input size. Its parameters have no shape until it is called
(or until a state dict is loaded); then they get one, start as those of the plain layer do,
and the layer becomes a plain one. An optimizer may be given them before.
"""

from __future__ import annotations

from typing import Any, ClassVar

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ModuleError, ShapeError
from chainrule.nn.linear import Linear
from chainrule.nn.module import Module
from chainrule.nn.parameter import UninitializedParameter, is_lazy
from chainrule.tensor import trace
from chainrule.tensor.tensor import Tensor


class LazyModuleMixin(Module):
    """The family; a subclass says in `initialize_parameters` what the input decides."""

    #: the plain layer that it becomes; None stays what it is
    cls_to_become: ClassVar[type[Module] | None] = None

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give every parameter its shape, from the arguments of the first call."""
        raise ModuleError(
            "CR561",
            f"{type(self).__name__} does not say what shapes its parameters take; define "
            "initialize_parameters(input), which calls materialize(shape) on each",
        )

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer of this very module has no shape yet."""
        return any(map(is_lazy, (*self._parameters.values(), *self._buffers.values())))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._is_settled():
            with trace.active(None):  # numbers, in a trace too: they are made only once
                self.initialize_parameters(*args, **kwargs)
            if self.has_uninitialized_params():
                raise ModuleError(
                    "CR561",
                    f"initialize_parameters() of {type(self).__name__} leaves a parameter "
                    "without a shape; call materialize(shape) on each",
                )
            if self.cls_to_become is not None:
                self.__class__ = self.cls_to_become  # type: ignore[assignment]
                return self(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def _is_settled(self) -> bool:
        """Whether nothing is left to be found out, nor to become."""
        return self.cls_to_become is None and not self.has_uninitialized_params()


class LazyLinear(LazyModuleMixin, Linear):
    """A dense layer that takes its number of inputs from its first input; see Linear.

    Raises:  ModuleError (CR560) where its weight is used before.

    Example:
        >>> import chainrule as cr
        >>> layer = LazyLinear(10)
        >>> layer(cr.zeros(32, 784)).shape
        chainrule.Size([32, 10])
        >>> layer
        Linear(in_features=784, out_features=10, bias=True)
    """

    cls_to_become = Linear

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(0, 0, False)
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Start anew, at random, if the shapes are known."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the number of inputs from the last axis."""
        if input.ndim == 0:
            raise ShapeError(
                "CR101", "LazyLinear expects (…, in_features) but got a number without axes"
            )
        was_lazy = self.has_uninitialized_params()
        self.in_features = self.weight.shape[-1] if not was_lazy else input.shape[-1]
        if was_lazy:
            materialize(self.weight, self.out_features, self.in_features)
            materialize(self.bias, self.out_features)
            self.reset_parameters()


def materialize(tensor: Tensor | None, *shape: int) -> None:
    """Give a lazy parameter its shape; one that is not there or not lazy stays as it is."""
    if is_lazy(tensor):
        tensor.materialize(shape)
