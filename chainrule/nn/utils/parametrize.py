"""Parameters computed from others: what is learned is the original, what is used its image.

`register_parametrization(layer, "weight", Symmetric())` lets layer.weight be
Symmetric()(original), computed whenever it is read, and learns the original.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.nn.containers import ModuleDict, ModuleList
from chainrule.nn.module import Module
from chainrule.nn.parameter import Parameter
from chainrule.nn.utils.computed import compute, is_computed, stop_computing
from chainrule.tensor.grad_mode import no_grad
from chainrule.tensor.tensor import Tensor


class Cache:
    """Values kept inside `with cached():`."""

    depth = 0
    values: dict[Any, Tensor] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Inside, a parametrized tensor is computed once, however often it is read."""
    Cache.depth += 1
    try:
        yield
    finally:
        Cache.depth -= 1
        if not Cache.depth:
            Cache.values.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, one after the other, and the original.

    The original is called `original`, or `original0`, `original1`, … where the first
    parametrization has a right_inverse that returns several tensors.
    """

    def __init__(
        self, modules: Sequence[Module], original: Tensor, unsafe: bool = False
    ) -> None:
        super().__init__(modules)
        self.unsafe = unsafe
        self.ntensors = 0
        self.is_tensor = True
        value: Any = original
        with no_grad():
            value = self._inverse(original)
        if isinstance(value, Tensor):
            self._hold("original", value, original)
        else:
            self.is_tensor = False
            self.ntensors = len(value)
            for i, part in enumerate(value):
                self._hold(f"original{i}", part, original)

    def _hold(self, name: str, value: Tensor, like: Tensor) -> None:
        """Register a part of the original, as what the tensor was."""
        if isinstance(like, Parameter):
            kept = like if value is like else Parameter(value.detach(), like.requires_grad)
            self.register_parameter(name, kept)
        else:
            self.register_buffer(name, value)

    def _inverse(self, value: Any) -> Any:
        """What the parametrizations make `value` of."""
        for part in reversed(list(self)):
            if hasattr(part, "right_inverse"):
                value = part.right_inverse(value)
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Change the original so that its image is `value`."""
        with no_grad():
            originals = self._inverse(value)
            parts = [originals] if self.is_tensor else list(originals)
            for own, part in zip(self._originals(), parts, strict=True):
                own.data = part.detach().to(own.dtype)

    def _originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Tensor:
        first, *others = self
        y = first(*self._originals())
        for part in others:
            y = part(y)
        return y


def register_parametrization(
    module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Any:
    """Let a parameter or buffer be the image of an original, which is learned in its place.

    Args:
        parametrization: a module whose forward maps the original; its `right_inverse`, if it
            has one, says what original gives a value (at the start, and when one is assigned)
        unsafe: whether the image may have another shape or type
    Raises:  ArgumentError (CR569) where there is no such tensor, or its image differs in shape
        or type.

    Example:
        >>> import chainrule as cr
        >>> from chainrule import nn
        >>> class Symmetric(nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).T
        >>> layer = register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
        >>> cr.equal(layer.weight, layer.weight.T)
        True
    """
    if is_parametrized(module, tensor_name):
        listed = module.parametrizations[tensor_name]
        _check_image(module, tensor_name, parametrization(getattr(module, tensor_name)), unsafe)
        with no_grad():
            listed.append(parametrization)
        return module
    original = module._parameters.get(tensor_name, module._buffers.get(tensor_name))
    if original is None:
        raise ArgumentError(
            "CR569", f"{type(module).__name__} has no parameter or buffer {tensor_name!r}"
        )
    listed = ParametrizationList([parametrization], original, unsafe)
    with no_grad():
        image = listed()
    _check_image(module, tensor_name, image, unsafe)
    if "parametrizations" not in module._modules:
        module.register_module("parametrizations", ModuleDict())
    compute(module, tensor_name, *_access(tensor_name), f"Parametrized{type(module).__name__}")
    module.parametrizations[tensor_name] = listed
    return module


def _access(name: str) -> tuple[Any, Any]:
    """How the tensor is read, and how it is written."""

    def read(module: Any) -> Tensor:
        if not Cache.depth:
            return module.parametrizations[name]()
        key = module, name
        if key not in Cache.values:
            Cache.values[key] = module.parametrizations[name]()
        return Cache.values[key]

    def write(module: Any, value: Tensor) -> None:
        module.parametrizations[name].right_inverse(value)

    return read, write


def _check_image(module: Any, name: str, image: Any, unsafe: bool) -> None:
    own = getattr(module, name)
    if unsafe or (image.shape == own.shape and image.dtype == own.dtype):
        return
    raise ArgumentError(
        "CR569",
        f"the parametrization of {name!r} makes a {image.dtype} tensor {tuple(image.shape)} of "
        f"a {own.dtype} tensor {tuple(own.shape)}; unsafe=True allows that",
    )


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether this very module has parametrized tensors, or that one."""
    found = module._modules.get("parametrizations")
    if not isinstance(found, ModuleDict) or not len(found):
        return False
    return tensor_name is None or (tensor_name in found and is_computed(module, tensor_name))


def remove_parametrizations(
    module: Any, tensor_name: str, leave_parametrized: bool = True
) -> Any:
    """Let a tensor be a parameter (or buffer) again.

    Args:    leave_parametrized: keep the image; if not, the original.
    Raises:  ArgumentError (CR569) where it is not parametrized.
    """
    if not is_parametrized(module, tensor_name):
        raise ArgumentError(
            "CR569", f"{tensor_name!r} of {type(module).__name__} is not parametrized"
        )
    listed = module.parametrizations[tensor_name]
    if not leave_parametrized and not listed.is_tensor:
        raise ArgumentError(
            "CR569",
            f"{tensor_name!r} has several originals; leave_parametrized=False keeps one",
        )
    originals = listed._originals()
    value = (getattr(module, tensor_name) if leave_parametrized else originals[0]).detach()
    stop_computing(module, tensor_name)
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        del module.parametrizations
    if not isinstance(originals[0], Parameter):
        module.register_buffer(tensor_name, value)
        return module
    original = originals[0] if listed.is_tensor else Parameter(value)
    original.data = value.clone()
    module.register_parameter(tensor_name, original)
    return module


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class of the module as it was without parametrizations."""
    return module._plain if is_parametrized(module) else type(module)
