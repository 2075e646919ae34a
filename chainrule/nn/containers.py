"""Modules and parameters in lists and dicts: their members register."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from itertools import groupby
from typing import Any, ClassVar, Self

from chainrule.errors import ArgumentTypeError, AxisError
from chainrule.nn.module import Module, check_name, is_name
from chainrule.nn.parameter import Parameter
from chainrule.tensor.tensor import Tensor


class Container(Module):
    """The family of modules that hold members of one kind."""

    kind: ClassVar[str] = "_modules"  # which of the module's dicts holds the members

    def _members(self) -> dict[str, Any]:
        return self.__dict__[self.kind]

    def _checked(self, value: Any) -> Any:
        """What becomes a member; ArgumentTypeError (CR503) for what cannot."""
        if value is not None and not isinstance(value, Module):
            raise ArgumentTypeError(
                "CR503", f"{type(self).__name__} holds modules, got {type(value).__name__}"
            )
        return value

    def __len__(self) -> int:
        return len(self._members())


class Numbered(Container, MutableSequence):
    """The family of lists: members named "0", "1", …; everything that a list can do."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def _fill(self, values: list[Any]) -> None:
        """New members; they keep their names if there are as many as before."""
        members = self._members()
        kept = len(values) == len(members)
        names = list(members) if kept else [str(i) for i in range(len(values))]
        checked = [self._checked(value) for value in values]
        members.clear()
        members.update(zip(names, checked, strict=True))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._members().values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        try:
            return list(self)[index]
        except IndexError:
            raise AxisError(
                "CR103",
                f"index {index} is out of range for a {type(self).__name__} of {len(self)}",
            ) from None

    def __setitem__(self, index: Any, value: Any) -> None:
        values = list(self)
        values[index] = value
        self._fill(values)

    def __delitem__(self, index: Any) -> None:
        values = list(self)
        del values[index]
        self._fill(values)

    def insert(self, index: int, value: Any) -> Self:  # type: ignore[override]
        """Put a member before the one at `index`."""
        values = list(self)
        values.insert(index, value)
        self._fill(values)
        return self

    def append(self, value: Any) -> Self:  # type: ignore[override]
        """Add a member at the end."""
        self._members()[str(len(self))] = self._checked(value)
        return self

    def extend(self, values: Iterable[Any]) -> Self:  # type: ignore[override]
        """Add several members at the end."""
        for value in values:
            self.append(value)
        return self

    def __add__(self, other: Iterable[Any]) -> Self:
        return type(self)([*self, *other])

    def __radd__(self, other: Iterable[Any]) -> Self:
        return type(self)([*other, *self])


class ModuleList(Numbered):
    """A list whose modules register; a plain list assigned to an attribute becomes one.

    Example:
        >>> from chainrule import nn
        >>> layers = nn.ModuleList([nn.Linear(2, 3), nn.ReLU()])
        >>> [name for name, _ in layers.named_parameters()]
        ['0.weight', '0.bias']
    """

    def __init__(self, modules: Iterable[Any] | None = None) -> None:
        super().__init__(modules)

    def _child_texts(self) -> Iterator[tuple[str, str]]:
        """Neighbours that print alike are printed once."""
        start = 0
        for text, group in groupby(map(repr, self)):
            count = len(list(group))
            last = start + count - 1
            yield (f"{start}-{last}", f"{count} x {text}") if count > 1 else (str(start), text)
            start += count


class Sequential(Numbered):
    """Modules called one after the other, each with what the one before returned.

    Args:  modules, or one dict of named modules.

    Example:
        >>> import chainrule as cr
        >>> from chainrule import nn
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU())
        >>> net(cr.zeros(5, 2, 2)).shape
        chainrule.Size([5, 3])
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        elif len(args) == 1 and isinstance(args[0], (list, tuple)):
            raise ArgumentTypeError(
                "CR503", "Sequential takes modules, got a list of them; Sequential(*modules)"
            )
        else:
            self.extend(args)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]
        return input

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Sequential(dict(list(self._modules.items())[index]))
        return super().__getitem__(index)

    def __add__(self, other: Iterable[Any]) -> Sequential:
        return Sequential(*self, *other)

    def __radd__(self, other: Iterable[Any]) -> Sequential:
        return Sequential(*other, *self)


class ParameterList(Numbered):
    """A list whose parameters register; tensors become parameters."""

    kind = "_parameters"

    def _checked(self, value: Any) -> Any:
        return checked_parameter(value)

    def extra_repr(self) -> str:
        lines = [
            f"  ({i}): Parameter containing: [{p.dtype} of size {_times(p)}]"
            for i, p in enumerate(self)
        ]
        return "\n".join(lines)


class Named(Container, MutableMapping):
    """The family of dicts: members under names; everything that a dict can do."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, values: Any = None) -> None:
        super().__init__()
        self.update({} if values is None else values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members())

    def __getitem__(self, key: str) -> Any:
        return self._members()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        check_name(key)
        self._members()[key] = self._checked(value)

    def __delitem__(self, key: str) -> None:
        del self._members()[key]


class ModuleDict(Named):
    """A dict whose modules register; a plain dict assigned to an attribute becomes one.

    Example:
        >>> from chainrule import nn
        >>> heads = nn.ModuleDict({"digit": nn.Linear(8, 10), "parity": nn.Linear(8, 2)})
        >>> list(heads)
        ['digit', 'parity']
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__(modules)


class ParameterDict(Named):
    """A dict whose parameters register; tensors become parameters."""

    kind = "_parameters"

    def __init__(self, parameters: Any = None) -> None:
        super().__init__(parameters)

    def _checked(self, value: Any) -> Any:
        return checked_parameter(value)

    def extra_repr(self) -> str:
        lines = [
            f"  ({name}): Parameter containing: [{p.type()} of size {_times(p)}]"
            for name, p in self.items()
        ]
        return "\n".join(lines)


def checked_parameter(value: Any) -> Parameter:
    """A parameter, made of a tensor if need be."""
    return value if isinstance(value, Parameter) else Parameter(value)


def _times(p: Tensor) -> str:
    return "x".join(map(str, p.shape))


def container_of(value: Any, owner: Module) -> Any:
    """A plain list or dict as the module that registers what is in it.

    It stays as it is if it holds anything but modules, or anything but parameters; if the
    keys of a dict cannot be names; and if all in it are registered somewhere in `owner`
    already, which then keeps the names of its parameters.
    """
    parts = list(value.values() if isinstance(value, dict) else value)
    if isinstance(value, dict) and not all(map(is_name, value)):
        return value
    parts = [container_of(p, owner) if type(p) in (list, dict) else p for p in parts]
    for member, listed, named in (
        (Module, ModuleList, ModuleDict),
        (Parameter, ParameterList, ParameterDict),
    ):
        if parts and all(isinstance(part, member) for part in parts):
            if _registered(owner).issuperset(parts):
                return value
            return named(zip(value, parts)) if isinstance(value, dict) else listed(parts)
    return value


def _registered(owner: Module) -> set[Any]:
    """Every module and parameter that is in `owner` now."""
    found: set[Any] = set()
    for child in owner.__dict__.get("_modules", {}).values():
        if child is not None and child not in found:
            found |= {child} | _registered(child)
    return found.union(owner.__dict__.get("_parameters", {}).values())


Module._container_of = staticmethod(container_of)
