"""What a module is made of: walking through its parameters, buffers and children."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from chainrule.errors import ArgumentError
from chainrule.nn.parameter import Parameter
from chainrule.tensor.tensor import Tensor

if TYPE_CHECKING:
    from chainrule.nn.module import Module


#: the dicts of a module that hold its members by name
KINDS = ("_parameters", "_buffers", "_modules")


class MemberMethods:
    """What a user calls. Something that is shared is met once, under its first name."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def _adopt(self) -> dict[str, Module | None]:
        """The children, those in plain lists and dicts included."""
        raise NotImplementedError

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly in this one, with their names."""
        yield from _once(self._adopt().items(), True)

    def children(self) -> Iterator[Module]:
        """The modules directly in this one."""
        for _, child in self.named_children():
            yield child

    def named_modules(
        self,
        memo: set[Any] | None = None,
        prefix: str = "",
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Module]]:
        """This module (under the name `prefix`) and all in it, `encoder.fc2` inside `encoder`.

        Args:
            memo: modules met already, which are left out
            remove_duplicate: whether a shared module is met only once
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self  # type: ignore[misc]
        for name, child in list(self._adopt().items()):
            if child is not None:
                yield from child.named_modules(memo, _join(prefix, name), remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all modules in it."""
        for _, module in self.named_modules():
            yield module

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their names.

        Args:
            prefix: what goes before every name
            recurse: whether those of the children are included
            remove_duplicate: whether a shared parameter is met only once
        """
        yield from self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, what an optimizer takes."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers (state that is not learned) with their names; see named_parameters."""
        yield from self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers: state that is not learned."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def _named_members(
        self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        """All in the dict `kind` of this module and, if asked for, of those in it."""
        modules: Any = [(prefix, self)]
        if recurse:
            modules = self.named_modules(None, prefix, remove_duplicate)
        pairs = (
            (_join(path, name), member)
            for path, module in modules
            for name, member in list(getattr(module, kind).items())
        )
        yield from _once(pairs, remove_duplicate)

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as "encoder.fc2"; "" is this one.

        Raises: ArgumentError (CR505) where the path leads nowhere.
        """
        found: Any = self
        for i, name in enumerate(target.split(".") if target else []):
            children = found._adopt()
            if children.get(name) is None:
                where = ".".join(target.split(".")[:i])
                raise _no_such("submodule", name, where or type(self).__name__, children)
            found = children[name]
        return found

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a path such as "encoder.fc2".

        Args:    strict: only in place of one that is there.
        Raises:  ArgumentError (CR505) where the path leads nowhere, (CR502) for no path.
        """
        path, _, name = target.rpartition(".")
        if strict:
            self.get_submodule(target)
        self.get_submodule(path).register_module(name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as "encoder.fc2.weight"; else ArgumentError (CR505)."""
        return self._get_member("_parameters", "parameter", target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as "norm.running_mean"; else ArgumentError (CR505)."""
        return self._get_member("_buffers", "buffer", target)

    def _get_member(self, kind: str, what: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        members = getattr(owner, kind)
        if members.get(name) is None:
            raise _no_such(what, name, path or type(self).__name__, members)
        return members[name]


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _once(
    pairs: Iterable[tuple[str, Any]], remove_duplicate: bool
) -> Iterator[tuple[str, Any]]:
    """The pairs without None and, if asked for, without an object that came before."""
    seen: set[Any] = set()
    for name, member in pairs:
        if member is None or member in seen:
            continue
        if remove_duplicate:
            seen.add(member)
        yield name, member


def _no_such(what: str, name: str, where: str, members: dict[str, Any]) -> ArgumentError:
    known = ", ".join(name for name, member in members.items() if member is not None)
    return ArgumentError(
        "CR505", f"{where} has no {what} {name!r}; it has {known or f'no {what} at all'}"
    )
