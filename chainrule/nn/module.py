"""Module: a part of a network, with parameters, state, and parts of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from chainrule import observers
from chainrule.compiler.compile import compile, is_running_plainly
from chainrule.dtypes import dtype as Dtype
from chainrule.errors import (
    ArgumentError,
    ArgumentTypeError,
    ChainruleError,
    ModuleError,
)
from chainrule.nn.conversion import ConversionMethods
from chainrule.nn.hooks import HookMethods
from chainrule.nn.members import KINDS, MemberMethods
from chainrule.nn.parameter import Buffer, Parameter
from chainrule.nn.state_dict import StateDictMethods
from chainrule.nn.watch import born, watch
from chainrule.tensor import trace
from chainrule.tensor.creation import empty
from chainrule.tensor.tensor import Tensor


class Frozen(NamedTuple):
    """What freeze() changed in a module, for unfreeze()."""

    training: bool  # the mode to come back to
    learned: list[str]  # names of the parameters that required a gradient


class Module(MemberMethods, ConversionMethods, StateDictMethods, HookMethods):
    """The base of all layers and networks.

    A subclass makes its parts in `__init__`, after `super().__init__()`, and says in `forward`
    what it computes; an instance is then called like a function. What is assigned to an
    attribute registers by itself: parameters, modules, and plain lists and dicts of them
    (which become ModuleList, ModuleDict, ParameterList, ParameterDict). A module in a tuple
    stays out.

    Example:
        >>> import chainrule as cr
        >>> class Perceptron(Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.weight = Parameter(cr.tensor([3.0, -2.0]))
        ...         self.bias = Parameter(cr.tensor(1.0))
        ...
        ...     def forward(self, x):
        ...         return x @ self.weight + self.bias
        >>> Perceptron()(cr.tensor([-1.0, 2.0])).item()
        -6.0
    """

    #: makes a module of a plain list or dict of modules or parameters; set by containers.py
    _container_of: Callable[[Any, Module], Any] = staticmethod(lambda value, owner: value)

    training: bool
    _non_persistent_buffers: frozenset[str]
    _frozen: Frozen | None = None
    _compiled: Callable[..., Any] | None = None  # the call, once compile() was asked for

    def __init__(self) -> None:
        state = self.__dict__
        state["training"] = True
        state["_parameters"] = {}
        state["_buffers"] = {}
        state["_modules"] = {}
        state["_non_persistent_buffers"] = frozenset()
        if (writing := trace.current.get()) is not None:
            born(self, writing)
        for observer in observers.told(observers.present):
            observer.module_made(self)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise ModuleError(
            "CR506", f"{type(self).__name__} does not say what it computes; define forward()"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        writing = trace.current.get()
        try:
            if writing is not None:
                return self._call_traced(writing, args, kwargs)
            if self._hooked or observers.close:
                if self._compiled is not None and not is_running_plainly():
                    return self._compiled(*args, **kwargs)
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        except ChainruleError as error:
            error.modules.append(self)
            raise

    def _call_traced(
        self, writing: trace.Trace, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The call, with what it depends on guarded, and its place known to the trace."""
        self._adopt()
        watch(self, writing)
        writing.modules.append(self)
        try:
            return self._call_with_hooks(args, kwargs)
        finally:
            writing.modules.pop()

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile every call of this module from now on; see chainrule.compile.

        A copy of the module starts uncompiled.
        """
        self._compiled = compile(lambda *xs, **named: self(*xs, **named), *args, **kwargs)
        self._hooked = True

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name != "_compiled"}
        if hooks := state.get("_forward_pre_hooks"):
            state["_forward_pre_hooks"] = {
                key: hook
                for key, hook in hooks.items()
                if not observers.hooks_among([hook.function])
            }
        return state

    # -- attributes --------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        for kind in KINDS:
            members = state.get(kind)
            if members is not None and name in members:
                return members[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if (writing := trace.current.get()) is not None and "_modules" in self.__dict__:
            watch(self, writing)
        if type(value) in (list, dict):
            value = self._container_of(value, self)
        if isinstance(value, Parameter):
            self._place("_parameters", name, value)
        elif isinstance(value, Module):
            self._place("_modules", name, value)
        elif isinstance(value, Buffer):
            self._place("_buffers", name, value)
            self._keep(name, value.persistent)
        else:
            self._set_other(name, value)

    def _set_other(self, name: str, value: Any) -> None:
        """A plain attribute; or None, or a new buffer, under a registered name."""
        for kind in KINDS:
            members = self.__dict__.get(kind, ())
            if name in members:
                if value is not None and not (kind == "_buffers" and isinstance(value, Tensor)):
                    raise ArgumentTypeError(
                        "CR503",
                        f"cannot assign a {type(value).__name__} to '{name}', which is "
                        f"registered among the {kind[1:]} of {type(self).__name__}; assign "
                        f"one of these or None, or del it first",
                    )
                members[name] = value
                return
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for kind in KINDS:
            if name in self.__dict__[kind]:
                del self.__dict__[kind][name]
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        members = [name for kind in KINDS for name in self.__dict__[kind]]
        return sorted({*super().__dir__(), *members})

    def _place(self, kind: str, name: str, value: Any) -> None:
        """Put a member into its dict, and take what had its name away."""
        if kind not in self.__dict__:
            raise ModuleError(
                "CR501",
                f"{type(self).__name__} assigns '{name}' before it is a module; call "
                "super().__init__() on the first line of its __init__",
            )
        self.__dict__.pop(name, None)
        for other in KINDS:
            if other != kind:
                self.__dict__[other].pop(name, None)
        self.__dict__[kind][name] = value

    # -- registration ------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name; None keeps the name without a parameter.

        Raises: ArgumentTypeError (CR503) for what is no Parameter; ArgumentError (CR502).
        """
        if param is not None and not isinstance(param, Parameter):
            raise _wrong_kind("register_parameter", name, param, "a Parameter")
        self._register_member("_parameters", name, param)

    def _register_empty(
        self, shapes: Mapping[str, tuple[int, ...] | None], device: Any, dtype: Dtype | None
    ) -> None:
        """Add parameters of these shapes, to be filled; None keeps a name without one."""
        for name, shape in shapes.items():
            made = None if shape is None else empty(shape, device=device, dtype=dtype)
            self.register_parameter(name, None if made is None else Parameter(made))

    def register_buffer(
        self, name: str, tensor: Tensor | None, persistent: bool = True
    ) -> None:
        """Add state that is not learned, such as a running mean.

        Args: persistent: whether it belongs into the state dict.
        Raises: ArgumentTypeError (CR503) for what is no tensor; ArgumentError (CR502).
        """
        if tensor is not None and not isinstance(tensor, Tensor):
            raise _wrong_kind("register_buffer", name, tensor, "a tensor")
        self._register_member("_buffers", name, tensor)
        self._keep(name, persistent)

    def _keep(self, name: str, persistent: bool) -> None:
        """Whether a buffer belongs into the state dict."""
        others = self._non_persistent_buffers - {name}
        self._non_persistent_buffers = others if persistent else others | {name}

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a child under a name; None keeps the name without a module.

        Raises: ArgumentTypeError (CR503) for what is no module; ArgumentError (CR502).
        """
        if module is not None and not isinstance(module, Module):
            raise _wrong_kind("add_module", name, module, "a module")
        self._register_member("_modules", name, module)

    add_module = register_module

    def _register_member(self, kind: str, name: str, value: Any) -> None:
        known = self.__dict__.get(kind, {})
        check_name(name)
        if name not in known and hasattr(self, name):
            raise ArgumentError(
                "CR502", f"{type(self).__name__} has an attribute '{name}' already"
            )
        self._place(kind, name, value)

    def _adopt(self) -> dict[str, Module | None]:
        """The children; plain lists and dicts that were filled with modules join them now."""
        plain = [
            (name, value)
            for name, value in self.__dict__.items()
            if type(value) in (list, dict) and value and name not in KINDS
        ]
        for name, value in plain:
            container = self._container_of(value, self)
            if container is not value:
                self._place("_modules", name, container)
        return self._modules

    # -- all parts at once -------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every module in this one, and on this one last."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Training mode, or evaluation mode: what Dropout and BatchNorm go by.

        A frozen module stays in evaluation mode.
        """
        if not isinstance(mode, bool):
            raise ArgumentError("CR563", f"train() takes True or False, got {mode!r}")
        if self._frozen is None:
            self.training = mode
        else:
            self._frozen = self._frozen._replace(training=mode)
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Whether the parameters are learned."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def freeze(self) -> Self:
        """Stop learning here: no gradients, and evaluation mode, which train() leaves alone."""
        for module in self.modules():
            if module._frozen is None:
                named = module.named_parameters(recurse=False)
                learned = [name for name, p in named if p.requires_grad]
                module._frozen = Frozen(module.training, learned)
                module.training = False
        return self.requires_grad_(False)

    def unfreeze(self) -> Self:
        """Take back what freeze() did."""
        for module in self.modules():
            if module._frozen is not None:
                for name in module._frozen.learned:
                    module.get_parameter(name).requires_grad_()
                module.training = module._frozen.training
                module._frozen = None
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        for parameter in self.parameters():
            parameter._forget_grad(set_to_none)

    # -- printing ----------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands in the brackets when the module is printed; for subclasses."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {_indented(text)}" for name, text in self._child_texts()]
        if len(lines) == 1 and not children:
            return f"{type(self).__name__}({extra})"
        body = "".join(f"\n  {line}" for line in lines + children)
        return f"{type(self).__name__}({body}\n)" if body else f"{type(self).__name__}()"

    def _child_texts(self) -> Iterator[tuple[str, str]]:
        """The children as they are printed, with their names."""
        return ((name, repr(child)) for name, child in self._adopt().items())


def _indented(text: str) -> str:
    """A text whose lines after the first stand two columns further in."""
    return text.replace("\n", "\n  ")


def is_name(name: Any) -> bool:
    """Whether a member of a module can be called that."""
    return isinstance(name, str) and name != "" and "." not in name


def check_name(name: Any) -> None:
    """Raises ArgumentError (CR502) for what is not the name of a member."""
    if not is_name(name):
        raise ArgumentError(
            "CR502", f"{name!r} cannot name a member of a module: a string without dots can"
        )


def _wrong_kind(method: str, name: str, value: Any, expected: str) -> ArgumentTypeError:
    return ArgumentTypeError(
        "CR503",
        f"{method}({name!r}, …) takes {expected} or None, got {type(value).__name__}",
    )
