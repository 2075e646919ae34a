"""In-place methods: the method without the underscore, assigned to the tensor itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chainrule import settings
from chainrule.errors import GradientError
from chainrule.ops.methods import Methods
from chainrule.tensor import tape

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


def _in_place(name: str) -> Callable[..., Tensor]:
    what = f"{name}_()"

    def method(self: Any, *args: Any, **kwargs: Any) -> Tensor:
        return self._assign(getattr(self, name)(*args, **kwargs), what)

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"`{name}`, with the result stored in this tensor."
    return method


def _reshaping(name: str) -> Callable[..., Tensor]:
    """The same elements in other axes; what this tensor is a view of does not change."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Tensor:
        if settings.grad_enabled.get() and self.requires_grad and self.is_leaf:
            raise GradientError(
                "CR303",
                f"{name}_() would change a leaf that requires a gradient (shape "
                f"{tuple(self.shape)}); use {name}() without the underscore",
            )
        result = getattr(self, name)(*args, **kwargs)
        edge = tape.edge_of(result) if result.requires_grad and not self.is_leaf else None
        self.data = result
        self._edge, self._cut_from = edge, None
        return self

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"`{name}` of this very tensor."
    return method


def _augmented(name: str) -> Callable[..., Tensor]:
    """An operator such as +=; on a part that indexing cut out, `x[0] += 1`, it writes to x."""
    in_place = _in_place(name)

    def operator(self: Any, other: Any) -> Tensor:
        if self._cut_from is None or (whole := self._cut_from.whole()) is None:
            return in_place(self, other)
        part: Any = in_place(self.clone(), other)
        whole[self._cut_from.index] = part
        part._cut_from, part._base = self._cut_from, self._base
        return part

    operator.__doc__ = f"`{name}`, with the result stored in this tensor."
    return operator


class InPlaceMethods(Methods):
    """What a user calls; see Tensor._assign for what is refused."""

    __iadd__ = _augmented("add")
    __isub__ = _augmented("sub")
    __imul__ = _augmented("mul")
    __itruediv__ = _augmented("div")
    __ifloordiv__ = _augmented("floor_divide")
    __imod__ = _augmented("remainder")
    __ipow__ = _augmented("pow")
    __iand__ = _augmented("bitwise_and")
    __ior__ = _augmented("bitwise_or")
    __ixor__ = _augmented("bitwise_xor")
    add_ = _in_place("add")
    sub_ = _in_place("sub")
    mul_ = _in_place("mul")
    div_ = _in_place("div")
    floor_divide_ = _in_place("floor_divide")
    remainder_ = _in_place("remainder")
    fmod_ = _in_place("fmod")
    pow_ = _in_place("pow")
    bitwise_and_ = _in_place("bitwise_and")
    bitwise_or_ = _in_place("bitwise_or")
    bitwise_xor_ = _in_place("bitwise_xor")
    addcmul_ = _in_place("addcmul")
    addcdiv_ = _in_place("addcdiv")
    addmm_ = _in_place("addmm")
    lerp_ = _in_place("lerp")
    clamp_ = clip_ = _in_place("clamp")
    clamp_min_ = _in_place("clamp_min")
    clamp_max_ = _in_place("clamp_max")
    neg_ = _in_place("neg")
    abs_ = _in_place("abs")
    sign_ = _in_place("sign")
    exp_ = _in_place("exp")
    log_ = _in_place("log")
    log1p_ = _in_place("log1p")
    sqrt_ = _in_place("sqrt")
    rsqrt_ = _in_place("rsqrt")
    square_ = _in_place("square")
    reciprocal_ = _in_place("reciprocal")
    sin_ = _in_place("sin")
    cos_ = _in_place("cos")
    tanh_ = _in_place("tanh")
    sigmoid_ = _in_place("sigmoid")
    relu_ = _in_place("relu")
    erf_ = _in_place("erf")
    floor_ = _in_place("floor")
    ceil_ = _in_place("ceil")
    round_ = _in_place("round")
    trunc_ = _in_place("trunc")
    masked_fill_ = _in_place("masked_fill")
    masked_scatter_ = _in_place("masked_scatter")
    scatter_ = _in_place("scatter")
    scatter_add_ = _in_place("scatter_add")
    index_add_ = _in_place("index_add")
    index_copy_ = _in_place("index_copy")
    index_fill_ = _in_place("index_fill")
    index_put_ = _in_place("index_put")
    fill_diagonal_ = _in_place("_filled_diagonal")
    unsqueeze_ = _reshaping("unsqueeze")
    squeeze_ = _reshaping("squeeze")
    t_ = _reshaping("t")
    transpose_ = _reshaping("transpose")
    cumsum_ = _in_place("cumsum")
    logical_not_ = _in_place("logical_not")

    def copy_(self, src: Any, non_blocking: bool = False) -> Tensor:
        """The values of `src`, broadcast and converted, stored in this tensor."""
        return self._assign(
            src._cast(self._cell.array.dtype).expand(self.shape).clone(), "copy_()"
        )

    def fill_(self, value: Any) -> Tensor:
        """`value` everywhere."""
        if isinstance(value, Methods):
            return self.copy_(value)
        return self._assign(self.full_like(value), "fill_()")

    def zero_(self) -> Tensor:
        """0 everywhere."""
        return self._assign(self.zeros_like(), "zero_()")
