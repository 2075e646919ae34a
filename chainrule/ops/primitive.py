"""What a primitive is: one operation with its value, its shape and its derivative.

    class MatMul(Primitive):
        def forward(a, b): return a @ b                # on NumPy arrays
        def shape(a, b):   return shapes.matmul(a, b)  # on tuples
        def vjp_a(g, b):   return g @ b.mT             # on tensors
        def vjp_b(g, a):   return a.mT @ g

The positional parameters of `forward` are the inputs, the keyword-only ones are static.
A rule `vjp_<input>` turns the cotangent `g` of the output into the cotangent of that input.
It names what it needs (`g`, the output `y`, an input, `<input>_shape`, a static parameter)
and the tape saves exactly that: the signature is the save-for-backward list.
An operation on any number of tensors takes `*xs`; its rule `vjp_xs` may ask for `index`,
the position of the input it is asked about, `xs` and `xs_shapes`.
Rules are written with tensor methods, so they can be differentiated and traced themselves.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule import dtypes
from chainrule.errors import ChainruleError

Params = dict[str, Any]


# What a rule can ask for; the second half says which input, or the static parameter's name.
TENSOR, TENSORS, SHAPE, SHAPES, PARAM, INDEX = range(6)
Y = -1  # stands for the output where inputs are counted


@dataclass(frozen=True)
class Rule:
    """The derivative with respect to one input, and what it needs."""

    function: Callable
    needs: tuple[tuple[int, Any], ...]
    keeps: tuple[int, ...]  # the values to save: positions of inputs, or Y


class Primitive:
    """The base of all operations; never instantiated."""

    inputs: ClassVar[tuple[str, ...]] = ()
    params: ClassVar[tuple[str, ...]] = ()
    rest: ClassVar[str | None] = None  # the name of `*rest`, where forward takes any number
    rules: ClassVar[tuple[Rule | None, ...]] = ()
    #: float16 and bfloat16 are computed in float32 and rounded once; movement needs neither
    widens_halves: ClassVar[bool] = True
    #: the result shows the same elements as the first input
    is_view: ClassVar[bool] = False
    registry: ClassVar[dict[str, type[Primitive]]] = {}

    forward: ClassVar[Callable]
    shape: ClassVar[Callable]
    put: ClassVar[Callable]  # of a view: its input with another part in its place

    def __init_subclass__(cls, abstract: bool = False) -> None:
        for name, member in list(vars(cls).items()):
            if inspect.isfunction(member):
                setattr(cls, name, staticmethod(member))
        if not abstract:
            cls._read_signatures()
            Primitive.registry[cls.__name__] = cls

    @classmethod
    def _read_signatures(cls) -> None:
        code = cls.forward.__code__
        names, fixed = code.co_varnames, code.co_argcount
        static = fixed + code.co_kwonlyargcount
        cls.inputs, cls.params = names[:fixed], names[fixed:static]
        cls.rest = names[static] if code.co_flags & inspect.CO_VARARGS else None
        cls.rules = tuple(cls._rule(name, len(cls.inputs)) for name in cls.inputs)

    @classmethod
    @functools.cache
    def rules_for(cls, count: int) -> tuple[Rule | None, ...]:
        """One rule for each of `count` inputs; those of `*rest` share theirs."""
        named = [cls._rule(name, count) for name in cls.inputs]
        return (*named, *[cls._rule(cls.rest, count)] * (count - len(named)))

    @classmethod
    def _rule(cls, name: str | None, count: int) -> Rule | None:
        """The rule for the input `name`, of an operation on `count` inputs."""
        function = getattr(cls, f"vjp_{name}", None)
        if function is None:
            return None
        code = function.__code__
        needs = [cls._need(asked) for asked in code.co_varnames[1 : code.co_argcount]]
        keeps = [key for kind, key in needs if kind == TENSOR]
        if any(kind == TENSORS for kind, _ in needs):
            keeps += range(len(cls.inputs), count)
        return Rule(function, tuple(needs), tuple(keeps))

    @classmethod
    def _need(cls, asked: str) -> tuple[int, Any]:
        """What a parameter of a rule asks for by its name."""
        found: dict[str, tuple[int, Any]] = {"y": (TENSOR, Y), "index": (INDEX, None)}
        for i, name in enumerate(cls.inputs):
            found |= {name: (TENSOR, i), f"{name}_shape": (SHAPE, i)}
        if cls.rest:
            found |= {cls.rest: (TENSORS, None), f"{cls.rest}_shapes": (SHAPES, None)}
        found |= {name: (PARAM, name) for name in cls.params}
        if asked not in found:
            raise TypeError(f"a rule of {cls.__name__} asks for {asked!r}")
        return found[asked]

    def dtype(*inputs: np.dtype, **params: Any) -> np.dtype:
        """The element type of the result; unless a primitive says otherwise, its input's."""
        return inputs[0]

    @classmethod
    def evaluate(cls, arrays: tuple[np.ndarray, ...], params: Params) -> np.ndarray:
        """The value, on NumPy arrays of equal dtype."""
        if arrays and arrays[0].itemsize == 2 and cls.widens_halves:
            return cls._evaluate_widened(arrays, params)
        try:
            y = cls.forward(*arrays, **params)
        except (ValueError, IndexError):
            cls._complain(arrays, params)
            raise
        return y if type(y) is np.ndarray else np.asarray(y)

    @classmethod
    def _complain(cls, arrays: tuple[np.ndarray, ...], params: Params) -> None:
        """Say in the user's terms, and only in them, why NumPy refused."""
        try:
            cls.shape(*[a.shape for a in arrays], **params)
        except ChainruleError as error:
            raise error from None

    @classmethod
    def _evaluate_widened(cls, arrays: tuple[np.ndarray, ...], params: Params) -> np.ndarray:
        wide = [dtypes.cast(a, np.dtype(np.float32)) if _is_half(a) else a for a in arrays]
        y = np.asarray(cls.forward(*wide, **params))
        return dtypes.cast(y, cls.dtype(*[a.dtype for a in arrays], **params))


Primitive.dtype = staticmethod(Primitive.dtype)  # type: ignore[method-assign]


def _is_half(array: np.ndarray) -> bool:
    return array.dtype in dtypes.HALVES
