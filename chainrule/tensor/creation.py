"""Functions that make tensors."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from chainrule import dtypes, settings
from chainrule.device import resolve_device
from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError, ArgumentTypeError, ShapeError
from chainrule.ops.creation import Arange, Full
from chainrule.shapes import Shape, flat
from chainrule.tensor import trace
from chainrule.tensor.generator import default_generator
from chainrule.tensor.tensor import Tensor


def _finished(y: Tensor, requires_grad: bool, device: Any) -> Tensor:
    resolve_device(device)
    return y.requires_grad_() if requires_grad else y


def _shape(sizes: Any, size: Any = None) -> Shape:
    """The sizes given one by one, as one sequence, or as the keyword `size`."""
    shape = flat(sizes if size is None else (size,))
    if any(n < 0 for n in shape):
        raise ShapeError("CR120", f"a size cannot be negative, got {shape}")
    return shape


def _kind(dtype: Dtype | None) -> np.dtype:
    return settings.defaults.float_dtype if dtype is None else dtypes.numpy_of(dtype)


def tensor(
    data: Any, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor with a copy of `data`: numbers, nested lists, arrays or tensors.

    Unless `dtype` says otherwise, Python's whole numbers become int64 and its others the
    default float type; tensors, arrays and NumPy's numbers keep their type.
    """
    if isinstance(data, Tensor):
        y = data.detach().clone()
        return _finished(y if dtype is None else y.to(dtype), requires_grad, device)
    if isinstance(data, np.ndarray):
        trace.refuse_array("tensor(array)")
    array = _as_array(data)
    kind = _natural(data) if dtype is None else dtypes.numpy_of(dtype)
    y = Tensor._of(dtypes.cast(array, kind).copy())
    return _finished(y, requires_grad, device)


def _as_array(data: Any) -> np.ndarray:
    """Numbers, lists, arrays and tensors as one array."""
    if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
        data = [x.tolist() if isinstance(x, Tensor) else x for x in data]
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ArgumentError(
            "CR114",
            f"the rows of a tensor must have equal lengths; pad the short ones first ({error})",
        ) from None
    if array.dtype not in dtypes.OF_NUMPY and array.dtype.kind not in "uif":
        raise ArgumentTypeError(
            "CR208",
            f"cannot make a tensor of {type(data).__name__} with elements of type "
            f"{array.dtype}; elements are booleans, whole or floating numbers",
        )
    return array


def _natural(data: Any) -> np.dtype:
    """The type a tensor of `data` gets: that of tensors, arrays and NumPy's scalars is kept,
    Python's floats are of the default type, and in a list the common type is taken."""
    if isinstance(data, Tensor):
        return data._cell.array.dtype
    if isinstance(data, (np.ndarray, np.generic)):
        return data.dtype if data.dtype in dtypes.OF_NUMPY else _kept(np.asarray(data))
    if not isinstance(data, (list, tuple)):
        return _kept(np.asarray(data))
    nested = any(issubclass(kind, PARTS) for kind in set(map(type, data)))
    parts = data if nested else dict(zip(map(type, data), data, strict=True)).values()
    found = [_natural(x) for x in parts if not isinstance(x, (list, tuple)) or x]
    return functools.reduce(dtypes.promote, found) if found else _kind(None)


#: what holds several numbers
PARTS = (list, tuple, np.ndarray, Tensor)


def _kept(array: np.ndarray) -> np.dtype:
    if array.dtype.kind == "f":
        return settings.defaults.float_dtype
    return array.dtype if array.dtype in dtypes.OF_NUMPY else dtypes.int64.numpy


def as_tensor(data: Any, dtype: Dtype | None = None, device: Any = None) -> Tensor:
    """`data` as a tensor, on the same memory where that is possible."""
    resolve_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and data.dtype in dtypes.OF_NUMPY:
        y = from_numpy(data)
        return y if dtype is None else y.to(dtype)
    return tensor(data, dtype=dtype)


asarray = as_tensor


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor on the memory of a NumPy array."""
    if not isinstance(array, np.ndarray):
        raise ArgumentTypeError(
            "CR208", f"from_numpy takes a NumPy array, got {type(array).__name__}"
        )
    if array.dtype not in dtypes.OF_NUMPY:
        raise ArgumentTypeError(
            "CR208",
            f"no tensor type for NumPy's {array.dtype}; convert first, array.astype(...)",
        )
    trace.refuse_array("from_numpy(array)")
    return Tensor._wrap(array)


def from_dlpack(external: Any) -> Tensor:
    """A tensor on the memory of any object that speaks DLPack."""
    return from_numpy(np.from_dlpack(external))


def full(
    size: Any, fill_value: Any, *, dtype: Dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`fill_value` everywhere; without a dtype, the type of that number."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    natural = _kind(None) if isinstance(fill_value, float) else np.asarray(fill_value).dtype
    kind = natural if dtype is None else dtypes.numpy_of(dtype)
    y = Tensor._apply(Full, shape=_shape((size,)), value=fill_value, dtype=kind)
    return _finished(y, requires_grad, device)


def zeros(
    *sizes: Any, size: Any = None, dtype: Dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """0 everywhere."""
    y = Tensor._apply(Full, shape=_shape(sizes, size), value=0, dtype=_kind(dtype))
    return _finished(y, requires_grad, device)


def ones(
    *sizes: Any, size: Any = None, dtype: Dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """1 everywhere."""
    y = Tensor._apply(Full, shape=_shape(sizes, size), value=1, dtype=_kind(dtype))
    return _finished(y, requires_grad, device)


def empty(
    *sizes: Any, size: Any = None, dtype: Dtype | None = None, device: Any = None,
    requires_grad: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor to be filled; here it starts with zeros."""
    return zeros(*sizes, size=size, dtype=dtype, device=device, requires_grad=requires_grad)


def _like(input: Tensor, dtype: Dtype | None) -> Dtype:
    return input.dtype if dtype is None else dtype


def zeros_like(
    input: Tensor, *, dtype: Dtype | None = None, device: Any = None,
    requires_grad: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """0 everywhere, in the shape and type of `input`."""
    kind = _like(input, dtype)
    return zeros(input.shape, dtype=kind, device=device, requires_grad=requires_grad)


def ones_like(
    input: Tensor, *, dtype: Dtype | None = None, device: Any = None,
    requires_grad: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """1 everywhere, in the shape and type of `input`."""
    kind = _like(input, dtype)
    return ones(input.shape, dtype=kind, device=device, requires_grad=requires_grad)


empty_like = zeros_like


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`fill_value` everywhere, in the shape and type of `input`."""
    kind = _like(input, dtype)
    return full(input.shape, fill_value, dtype=kind, device=device, requires_grad=requires_grad)


def arange(
    start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """start, start + step, … up to, not including, end: arange(end), (start, end[, step])."""
    given = (0, start, step) if end is None else (start, end, step)
    bounds = [b.item() if isinstance(b, (Tensor, np.generic)) else b for b in given]
    whole = all(isinstance(b, int) for b in bounds)
    kind = dtypes.int64.numpy if whole and dtype is None else _kind(dtype)
    first, last, stride = bounds if dtypes.is_float(kind) else tuple(map(int, bounds))
    if stride == 0 or (last - first) / stride < 0:
        raise ArgumentError(
            "CR902", f"arange from {first} to {last} never arrives in steps of {stride}"
        )
    size = math.ceil((last - first) / stride)
    y = Tensor._apply(Arange, start=first, step=stride, size=size, dtype=kind)
    return _finished(y, requires_grad, device)


def range(
    start: float, end: float, step: float = 1, *, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """As arange, with the end included: an older name."""
    if step == 0 or (end - start) / step < 0:
        raise ArgumentError("CR902", f"range from {start} to {end} in steps of {step} is empty")
    size = math.floor((end - start) / step) + 1
    y = Tensor._apply(Arange, start=start, step=step, size=size, dtype=_kind(dtype))
    return _finished(y, requires_grad, device)


def scalar_tensor(
    s: float, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A number as a 0-d tensor of the default type, or of `dtype`."""
    return full((), s, dtype=dtype or get_default_dtype(), device=device,
                requires_grad=requires_grad)  # fmt: skip


def linspace(
    start: float, end: float, steps: int, *, dtype: Dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers from start to end, both included, evenly spaced."""
    if steps < 0:
        raise ArgumentError("CR902", f"linspace needs a number of steps ≥ 0, got {steps}")
    y = Tensor._of(dtypes.cast(np.linspace(start, end, steps), _kind(dtype)))
    return _finished(y, requires_grad, device)


def logspace(
    start: float, end: float, steps: int, base: float = 10.0, *, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers from base^start to base^end, evenly spaced in the exponent."""
    values = np.power(base, np.linspace(start, end, steps))
    y = Tensor._of(dtypes.cast(values, _kind(dtype)))
    return _finished(y, requires_grad, device)


def eye(
    n: int, m: int | None = None, *, dtype: Dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """1 on the diagonal, 0 elsewhere."""
    height, width = _shape((n, n if m is None else m))
    y = Tensor._of(dtypes.cast(np.eye(height, width), _kind(dtype)))
    return _finished(y, requires_grad, device)


def rand(
    *sizes: Any, size: Any = None, generator: Any = None, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers from 0 (included) to 1 (excluded), evenly spread."""
    source = generator or default_generator
    return _finished(source.uniform(_shape(sizes, size), dtype), requires_grad, device)


def randn(
    *sizes: Any, size: Any = None, generator: Any = None, dtype: Dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Gaussian numbers with mean 0 and standard deviation 1."""
    source = generator or default_generator
    return _finished(source.normal(_shape(sizes, size), dtype), requires_grad, device)


def randint(
    low: Any, high: Any = None, size: Any = None, *, generator: Any = None,
    dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Whole numbers from low to high, not included: randint(high, size), (low, high, size)."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if high <= low:
        raise ArgumentError("CR902", f"randint from {low} to {high}: the range is empty")
    source = generator or default_generator
    y = source.integers(low, high, _shape((size,)))
    return _finished(y if dtype is None else y.to(dtype), requires_grad, device)


def randperm(
    n: int, *, generator: Any = None, dtype: Dtype | None = None, device: Any = None
) -> Tensor:
    """0 to n - 1 in random order."""
    y = (generator or default_generator).permutation(n)
    return _finished(y if dtype is None else y.to(dtype), False, device)


def rand_like(input: Tensor, *, dtype: Dtype | None = None, **options: Any) -> Tensor:
    """As rand, in the shape and type of `input`."""
    return rand(input.shape, dtype=_like(input, dtype), **options)


def randn_like(input: Tensor, *, dtype: Dtype | None = None, **options: Any) -> Tensor:
    """As randn, in the shape and type of `input`."""
    return randn(input.shape, dtype=_like(input, dtype), **options)


def randint_like(
    input: Tensor, low: int, high: int | None = None, *, dtype: Dtype | None = None,
    **options: Any,
) -> Tensor:  # fmt: skip
    """As randint, in the shape and type of `input`."""
    kind = _like(input, dtype)
    return randint(low, high, input.shape, dtype=kind, **options)


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Any = None,
    dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Gaussian numbers with the given mean and standard deviation (numbers or tensors)."""
    if not isinstance(std, Tensor) and std < 0:
        raise ArgumentError("CR902", f"normal needs a std of at least 0, got {std}")
    if size is None:
        shape = (mean + std if isinstance(mean, Tensor) else std + mean).shape
    else:
        shape = _shape((size,))
    y = randn(shape, generator=generator, dtype=dtype) * std + mean
    return _finished(y, requires_grad, device)


def bernoulli(input: Tensor, *, generator: Any = None) -> Tensor:
    """1 with the probability that stands in each element, else 0."""
    return input.bernoulli(generator=generator)


def set_default_dtype(d: Dtype) -> None:
    """The type of new floating tensors, at the start float32."""
    if not d.is_floating_point:
        raise ArgumentTypeError("CR203", f"the default type must be a floating one, got {d}")
    settings.defaults.float_dtype = d.numpy


def get_default_dtype() -> Dtype:
    """The type of new floating tensors."""
    return dtypes.OF_NUMPY[settings.defaults.float_dtype]
