"""The functions of the top level: `chainrule.exp(x)` is `x.exp()`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from chainrule.errors import ArgumentError, ArgumentTypeError
from chainrule.tensor.promotion import result_dtype
from chainrule.tensor.tensor import Tensor


def _function(name: str) -> Callable[..., Any]:
    """The method `name` as a function of the tensor."""
    method = getattr(Tensor, name)

    @functools.wraps(method)
    def function(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(input, Tensor):
            raise ArgumentTypeError(
                "CR209",
                f"{name}() takes a tensor first, got {type(input).__name__}; "
                "chainrule.tensor(value) makes one",
            )
        return method(input, *args, **kwargs)

    return function


abs = _function("abs")
absolute = _function("absolute")
acos = _function("acos")
add = _function("add")
addcdiv = _function("addcdiv")
addcmul = _function("addcmul")
addmm = _function("addmm")
all = _function("all")
allclose = _function("allclose")
amax = _function("amax")
amin = _function("amin")
aminmax = _function("aminmax")
any = _function("any")
arccos = _function("arccos")
arcsin = _function("arcsin")
arctan = _function("arctan")
argmax = _function("argmax")
argmin = _function("argmin")
argwhere = _function("argwhere")
asin = _function("asin")
atan = _function("atan")
atan2 = _function("atan2")
baddbmm = _function("baddbmm")
bernoulli = _function("bernoulli")
bitwise_and = _function("bitwise_and")
bitwise_left_shift = _function("bitwise_left_shift")
bitwise_not = _function("bitwise_not")
bitwise_or = _function("bitwise_or")
bitwise_right_shift = _function("bitwise_right_shift")
bitwise_xor = _function("bitwise_xor")
bmm = _function("bmm")
broadcast_to = _function("broadcast_to")
ceil = _function("ceil")
chunk = _function("chunk")
clamp = _function("clamp")
clamp_max = _function("clamp_max")
clamp_min = _function("clamp_min")
clip = _function("clip")
clone = _function("clone")
cos = _function("cos")
cosh = _function("cosh")
count_nonzero = _function("count_nonzero")
cumsum = _function("cumsum")
div = _function("div")
divide = _function("divide")
dot = _function("dot")
eq = _function("eq")
equal = _function("equal")
erf = _function("erf")
exp = _function("exp")
exp2 = _function("exp2")
expm1 = _function("expm1")
fix = _function("fix")
flatten = _function("flatten")
flip = _function("flip")
fliplr = _function("fliplr")
flipud = _function("flipud")
floor = _function("floor")
floor_divide = _function("floor_divide")
fmod = _function("fmod")
frac = _function("frac")
gather = _function("gather")
ge = _function("ge")
ger = _function("ger")
greater = _function("greater")
greater_equal = _function("greater_equal")
gt = _function("gt")
index_add = _function("index_add")
index_select = _function("index_select")
inner = _function("inner")
is_complex = _function("is_complex")
is_floating_point = _function("is_floating_point")
isclose = _function("isclose")
isfinite = _function("isfinite")
isinf = _function("isinf")
isnan = _function("isnan")
le = _function("le")
lerp = _function("lerp")
less = _function("less")
less_equal = _function("less_equal")
log = _function("log")
log10 = _function("log10")
log1p = _function("log1p")
log2 = _function("log2")
logical_and = _function("logical_and")
logical_not = _function("logical_not")
logical_or = _function("logical_or")
logical_xor = _function("logical_xor")
logsumexp = _function("logsumexp")
lt = _function("lt")
masked_fill = _function("masked_fill")
masked_select = _function("masked_select")
matmul = _function("matmul")
max = _function("max")
maximum = _function("maximum")
mean = _function("mean")
min = _function("min")
minimum = _function("minimum")
mm = _function("mm")
moveaxis = _function("moveaxis")
movedim = _function("movedim")
mul = _function("mul")
multinomial = _function("multinomial")
multiply = _function("multiply")
mv = _function("mv")
narrow = _function("narrow")
ne = _function("ne")
neg = _function("neg")
negative = _function("negative")
nonzero = _function("nonzero")
norm = _function("norm")
not_equal = _function("not_equal")
numel = _function("numel")
outer = _function("outer")
permute = _function("permute")
pow = _function("pow")
prod = _function("prod")
ravel = _function("ravel")
reciprocal = _function("reciprocal")
relu = _function("relu")
remainder = _function("remainder")
reshape = _function("reshape")
roll = _function("roll")
round = _function("round")
rsqrt = _function("rsqrt")
scatter = _function("scatter")
scatter_add = _function("scatter_add")
select = _function("select")
sgn = _function("sgn")
sigmoid = _function("sigmoid")
sign = _function("sign")
sin = _function("sin")
sinh = _function("sinh")
split = _function("split")
sqrt = _function("sqrt")
square = _function("square")
squeeze = _function("squeeze")
std = _function("std")
std_mean = _function("std_mean")
sub = _function("sub")
subtract = _function("subtract")
sum = _function("sum")
swapaxes = _function("swapaxes")
swapdims = _function("swapdims")
t = _function("t")
take = _function("take")
take_along_dim = _function("take_along_dim")
tan = _function("tan")
tanh = _function("tanh")
tensor_split = _function("tensor_split")
tile = _function("tile")
transpose = _function("transpose")
true_divide = _function("true_divide")
trunc = _function("trunc")
unbind = _function("unbind")
unflatten = _function("unflatten")
unsqueeze = _function("unsqueeze")
var = _function("var")
var_mean = _function("var_mean")


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after the other along an axis that they have."""
    if not tensors:
        raise ArgumentError("CR902", "cat needs at least one tensor")
    return tensors[0].concatenate(tensors, dim)


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis."""
    if not tensors:
        raise ArgumentError("CR902", "stack needs at least one tensor")
    rank = tensors[0].ndim
    at = dim if dim >= 0 else dim + rank + 1
    return cat([tensor.unsqueeze(at) for tensor in tensors], at)


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` holds, else `other`; with one argument its true positions."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if isinstance(input, Tensor):
        return input.where(condition, other)
    if isinstance(other, Tensor):
        return other.where(~condition.bool(), input)
    return Tensor._number(input, result_dtype(input, other)).where(condition, other)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors side by side along the second axis, vectors along their only one."""
    return cat(tensors, 0 if tensors[0].ndim <= 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one under the other, vectors as rows."""
    return cat([t.reshape(1, -1) if t.ndim <= 1 else t for t in tensors], 0)


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, Tensor)
