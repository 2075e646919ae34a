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
        if self._view is not None:
            self._refresh()
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
        self._edge, self._view = edge, None
        return self

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"`{name}` of this very tensor."
    return method


class InPlaceMethods(Methods):
    """What a user calls; see Tensor._assign for what is refused."""

    __iadd__ = _in_place("add")
    __isub__ = _in_place("sub")
    __imul__ = _in_place("mul")
    __itruediv__ = _in_place("div")
    __ifloordiv__ = _in_place("floor_divide")
    __imod__ = _in_place("remainder")
    __ipow__ = _in_place("pow")
    __iand__ = _in_place("bitwise_and")
    __ior__ = _in_place("bitwise_or")
    __ixor__ = _in_place("bitwise_xor")
    add_ = _in_place("add")
    sub_ = subtract_ = _in_place("sub")
    mul_ = multiply_ = _in_place("mul")
    div_ = divide_ = true_divide_ = _in_place("div")
    floor_divide_ = _in_place("floor_divide")
    remainder_ = _in_place("remainder")
    fmod_ = _in_place("fmod")
    pow_ = _in_place("pow")
    float_power_ = _in_place("float_power")
    gcd_ = _in_place("gcd")
    lcm_ = _in_place("lcm")
    ldexp_ = _in_place("ldexp")
    copysign_ = _in_place("copysign")
    nextafter_ = _in_place("nextafter")
    hypot_ = _in_place("hypot")
    heaviside_ = _in_place("heaviside")
    xlogy_ = _in_place("xlogy")
    atan2_ = arctan2_ = _in_place("atan2")
    igamma_ = _in_place("igamma")
    igammac_ = _in_place("igammac")
    polygamma_ = _in_place("polygamma")
    mvlgamma_ = _in_place("mvlgamma")
    renorm_ = _in_place("renorm")
    bitwise_and_ = _in_place("bitwise_and")
    bitwise_or_ = _in_place("bitwise_or")
    bitwise_xor_ = _in_place("bitwise_xor")
    bitwise_left_shift_ = _in_place("bitwise_left_shift")
    bitwise_right_shift_ = _in_place("bitwise_right_shift")
    bitwise_not_ = _in_place("bitwise_not")
    logical_and_ = _in_place("logical_and")
    logical_or_ = _in_place("logical_or")
    logical_xor_ = _in_place("logical_xor")
    eq_ = _in_place("eq")
    ne_ = not_equal_ = _in_place("ne")
    lt_ = less_ = _in_place("lt")
    le_ = less_equal_ = _in_place("le")
    gt_ = greater_ = _in_place("gt")
    ge_ = greater_equal_ = _in_place("ge")
    addcmul_ = _in_place("addcmul")
    addcdiv_ = _in_place("addcdiv")
    addmm_ = _in_place("addmm")
    addmv_ = _in_place("addmv")
    addr_ = _in_place("addr")
    addbmm_ = _in_place("addbmm")
    baddbmm_ = _in_place("baddbmm")
    tril_ = _in_place("tril")
    triu_ = _in_place("triu")
    lerp_ = _in_place("lerp")
    clamp_ = clip_ = _in_place("clamp")
    clamp_min_ = _in_place("clamp_min")
    clamp_max_ = _in_place("clamp_max")
    neg_ = negative_ = _in_place("neg")
    abs_ = absolute_ = _in_place("abs")
    sign_ = sgn_ = _in_place("sign")
    exp_ = _in_place("exp")
    exp2_ = _in_place("exp2")
    expm1_ = _in_place("expm1")
    log_ = _in_place("log")
    log1p_ = _in_place("log1p")
    log2_ = _in_place("log2")
    log10_ = _in_place("log10")
    logit_ = _in_place("logit")
    sqrt_ = _in_place("sqrt")
    rsqrt_ = _in_place("rsqrt")
    square_ = _in_place("square")
    reciprocal_ = _in_place("reciprocal")
    sin_ = _in_place("sin")
    cos_ = _in_place("cos")
    tan_ = _in_place("tan")
    asin_ = arcsin_ = _in_place("asin")
    acos_ = arccos_ = _in_place("acos")
    atan_ = arctan_ = _in_place("atan")
    asinh_ = arcsinh_ = _in_place("asinh")
    acosh_ = arccosh_ = _in_place("acosh")
    atanh_ = arctanh_ = _in_place("atanh")
    sinh_ = _in_place("sinh")
    cosh_ = _in_place("cosh")
    sinc_ = _in_place("sinc")
    deg2rad_ = _in_place("deg2rad")
    rad2deg_ = _in_place("rad2deg")
    tanh_ = _in_place("tanh")
    sigmoid_ = _in_place("sigmoid")
    relu_ = _in_place("relu")
    erf_ = _in_place("erf")
    erfc_ = _in_place("erfc")
    erfinv_ = _in_place("erfinv")
    lgamma_ = _in_place("lgamma")
    digamma_ = _in_place("digamma")
    i0_ = _in_place("i0")
    floor_ = _in_place("floor")
    ceil_ = _in_place("ceil")
    round_ = _in_place("round")
    frac_ = _in_place("frac")
    nan_to_num_ = _in_place("nan_to_num")
    trunc_ = fix_ = _in_place("trunc")
    masked_fill_ = _in_place("masked_fill")
    masked_scatter_ = _in_place("masked_scatter")
    scatter_ = _in_place("scatter")
    scatter_add_ = _in_place("scatter_add")
    index_add_ = _in_place("index_add")
    index_copy_ = _in_place("index_copy")
    index_fill_ = _in_place("index_fill")
    index_put_ = _in_place("index_put")
    index_reduce_ = _in_place("index_reduce")
    scatter_reduce_ = _in_place("scatter_reduce")
    put_ = _in_place("put")
    fill_diagonal_ = _in_place("_filled_diagonal")
    unsqueeze_ = _reshaping("unsqueeze")
    squeeze_ = _reshaping("squeeze")
    t_ = _reshaping("t")
    transpose_ = swapaxes_ = swapdims_ = _reshaping("transpose")
    as_strided_ = _reshaping("as_strided")
    resize_ = _reshaping("_resized")
    resize_as_ = _reshaping("_resized_as")
    cumsum_ = _in_place("cumsum")
    cumprod_ = _in_place("cumprod")
    logical_not_ = _in_place("logical_not")

    def copy_(self, src: Any, non_blocking: bool = False) -> Tensor:
        """The values of `src`, broadcast and converted, stored in this tensor."""
        self._refresh()
        return self._assign(
            src._cast(self._cell.array.dtype).expand(self.shape).clone(), "copy_()"
        )

    def fill_(self, value: Any) -> Tensor:
        """`value` everywhere."""
        if isinstance(value, Methods):
            return self.copy_(value)
        self._refresh()
        return self._assign(self.full_like(value), "fill_()")

    def zero_(self) -> Tensor:
        """0 everywhere."""
        self._refresh()
        return self._assign(self.zeros_like(), "zero_()")
