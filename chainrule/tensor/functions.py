"""The functions of the top level: `chainrule.exp(x)` is `x.exp()`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from chainrule.dtypes import OF_NUMPY
from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError, ArgumentTypeError, ShapeError
from chainrule.ops.methods import with_all_names
from chainrule.shapes import axis
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
        if kwargs and (out := kwargs.pop("out", None)) is not None:
            return out._assign(method(input, *args, **kwargs), f"{name}(out=...)")
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
arctan2 = _function("arctan2")
argmax = _function("argmax")
argmin = _function("argmin")
argsort = _function("argsort")
argwhere = _function("argwhere")
asin = _function("asin")
atan = _function("atan")
atan2 = _function("atan2")
baddbmm = _function("baddbmm")
bernoulli = _function("bernoulli")
bincount = _function("bincount")
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
cumprod = _function("cumprod")
cumsum = _function("cumsum")
deg2rad = _function("deg2rad")
diag = _function("diag")
diagonal = _function("diagonal")
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
index_copy = _function("index_copy")
index_fill = _function("index_fill")
index_put = _function("index_put")
index_select = _function("index_select")
inner = _function("inner")
is_complex = _function("is_complex")
is_floating_point = _function("is_floating_point")
isclose = _function("isclose")
isfinite = _function("isfinite")
isin = _function("isin")
isinf = _function("isinf")
isnan = _function("isnan")
kthvalue = _function("kthvalue")
le = _function("le")
lerp = _function("lerp")
less = _function("less")
less_equal = _function("less_equal")
log = _function("log")
log10 = _function("log10")
log1p = _function("log1p")
log2 = _function("log2")
log_softmax = _function("log_softmax")
logaddexp = _function("logaddexp")
logical_and = _function("logical_and")
logical_not = _function("logical_not")
logical_or = _function("logical_or")
logical_xor = _function("logical_xor")
logit = _function("logit")
logsumexp = _function("logsumexp")
lt = _function("lt")
masked_fill = _function("masked_fill")
masked_select = _function("masked_select")
matmul = _function("matmul")
max = _function("max")
maximum = _function("maximum")
mean = _function("mean")
median = _function("median")
min = _function("min")
minimum = _function("minimum")
mm = _function("mm")
mode = _function("mode")
moveaxis = _function("moveaxis")
movedim = _function("movedim")
mul = _function("mul")
multinomial = _function("multinomial")
multiply = _function("multiply")
mv = _function("mv")
nan_to_num = _function("nan_to_num")
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
positive = _function("positive")
prod = _function("prod")
rad2deg = _function("rad2deg")
ravel = _function("ravel")
reciprocal = _function("reciprocal")
relu = _function("relu")
remainder = _function("remainder")
repeat_interleave = _function("repeat_interleave")
reshape = _function("reshape")
roll = _function("roll")
round = _function("round")
rsqrt = _function("rsqrt")
rsub = _function("rsub")
scatter = _function("scatter")
scatter_add = _function("scatter_add")
select = _function("select")
sgn = _function("sgn")
sigmoid = _function("sigmoid")
sign = _function("sign")
sin = _function("sin")
sinh = _function("sinh")
softmax = _function("softmax")
sort = _function("sort")
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
tensordot = _function("tensordot")
tile = _function("tile")
topk = _function("topk")
trace = _function("trace")
transpose = _function("transpose")
tril = _function("tril")
triu = _function("triu")
true_divide = _function("true_divide")
trunc = _function("trunc")
unbind = _function("unbind")
unflatten = _function("unflatten")
unique = _function("unique")
unsqueeze = _function("unsqueeze")
var = _function("var")
var_mean = _function("var_mean")


def pow(input: Any, exponent: Any) -> Tensor:
    """`input` to the power `exponent`; one of them may be a number."""
    return input.pow(exponent) if isinstance(input, Tensor) else exponent.__rpow__(input)


@with_all_names
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after the other along an axis that they have."""
    return _first(tensors, "cat").concatenate(tensors, dim)


concat = concatenate = cat


@with_all_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis."""
    first = _first(tensors, "stack").shape
    for i, tensor in enumerate(tensors):
        if tensor.shape != first:
            raise ShapeError(
                "CR109",
                f"stack() takes tensors of one shape; the first has {tuple(first)}, tensor {i} "
                f"has {tuple(tensor.shape)}",
            )
    at = axis(dim, len(first) + 1)
    return cat([tensor.unsqueeze(at) for tensor in tensors], at)


def _first(tensors: Sequence[Tensor], what: str) -> Tensor:
    """The first of a list that must hold tensors only."""
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise ArgumentTypeError(
                "CR209",
                f"{what}() takes a list of tensors; element {i} is a {type(tensor).__name__}",
            )
    if not len(tensors):
        raise ArgumentError("CR902", f"{what}() needs at least one tensor")
    return tensors[0]


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors side by side along the second axis, vectors along their only one."""
    parts = [tensor.reshape(1) if tensor.ndim == 0 else tensor for tensor in tensors]
    return cat(parts, 0 if _first(parts, "hstack").ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one under the other, vectors as rows."""
    return cat([_with_axes(tensor, 2) for tensor in tensors], 0)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined as columns: a vector is one column."""
    return cat([x.reshape(-1, 1) if x.ndim < 2 else x for x in tensors], 1)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0) -> Tensor:
    """The distance of every row of x1 to every row of x2: y[i, j] = ‖x1[i] - x2[j]‖ₚ."""
    return (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, -1)


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor with at least one axis."""
    return _each_with_axes(tensors, 1)


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with at least two axes, new ones in front."""
    return _each_with_axes(tensors, 2)


def _each_with_axes(tensors: tuple, rank: int) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return _with_axes(tensors[0], rank)
    listed = tensors[0] if len(tensors) == 1 else tensors
    return tuple([_with_axes(tensor, rank) for tensor in listed])


def _with_axes(x: Tensor, rank: int) -> Tensor:
    return x if x.ndim >= rank else x.reshape((1,) * (rank - x.ndim) + tuple(x.shape))


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: one tensor for each axis, all of the grid's shape.

    Args: indexing: "ij", the first tensor runs along axis 0; "xy", along axis 1.
    """
    listed = (
        tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    )
    if indexing not in ("ij", "xy"):
        raise ArgumentError("CR902", f'meshgrid: indexing is "ij" or "xy", got {indexing!r}')
    turned = indexing == "xy" and len(listed) > 1
    order = [listed[1], listed[0], *listed[2:]] if turned else [*listed]
    shape = [tensor.numel() for tensor in order]
    ones = [1] * len(order)
    grids = [
        tensor.reshape([*ones[:i], -1, *ones[i + 1 :]]).expand(shape)
        for i, tensor in enumerate(order)
    ]
    return (grids[1], grids[0], *grids[2:]) if turned else (*grids,)


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` holds, else `other`; with one argument its true positions."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if isinstance(input, Tensor):
        return input.where(condition, other)
    if isinstance(other, Tensor):
        return other.where(~condition.bool(), input)
    return Tensor._number(input, result_dtype(input, other)).where(condition, other)


def result_type(tensor1: Any, tensor2: Any) -> Dtype:
    """The type of an operation on two tensors or numbers."""
    return OF_NUMPY[result_dtype(tensor1, tensor2)]


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, Tensor)
