"""Contractions by name, their kernels run on arrays, and the same sums in NumPy."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass, replace

import numpy as np

from chainrule.engines.native.contraction import Access, Bound, Contraction, Plan, plan
from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.running.llvm import compile_object, load
from chainrule.engines.native.running.program import SCRATCH
from chainrule.engines.native.running.target import Target, host

#: processors whose code runs here
TARGETS = ["host", "haswell", "x86-64"] if host().architecture == "x86_64" else ["host"]
TYPES = {"float": np.float32, "double": np.float64}


def matmul(n, m, k, turned="", kind="float", batch=None):
    """`turned`: the operands, of "ab", that lie transposed."""
    sizes, a, b = {"n": n, "m": m, "k": k}, {"n": k, "k": 1}, {"k": m, "m": 1}
    y = {"n": m, "m": 1}
    if "a" in turned:
        a = {"k": n, "n": 1}
    if "b" in turned:
        b = {"m": k, "k": 1}
    if batch:
        sizes = {"e": batch, **sizes}
        a, b, y = {**a, "e": n * k}, {**b, "e": k * m}, {**y, "e": n * m}
    return Contraction(sizes, Access(a), Access(b), Access(y), kind)


@dataclass(frozen=True)
class Window:
    """A convolution: images with channels last, weights (out, in, height, width)."""

    images: int
    height: int
    width: int
    channels: int
    filters: int
    kernel: tuple[int, int] = (3, 3)
    padding: int = 1
    stride: int = 1
    dilation: int = 1

    @property
    def outside(self) -> tuple[int, int]:
        """The height and width of the result."""
        h, w = (
            (n + 2 * self.padding - self.dilation * (k - 1) - 1) // self.stride + 1
            for n, k in zip((self.height, self.width), self.kernel, strict=True)
        )
        return h, w


def convolution(w: Window, kind="float"):
    (p, q), (i, j), s, d = w.outside, w.kernel, w.stride, w.dilation
    row = w.width * w.channels
    x = {"n": w.height * row, "p": s * row, "q": s * w.channels,
         "i": d * row, "j": d * w.channels, "c": 1}  # fmt: skip
    bounds = (
        Bound({"p": s, "i": d}, -w.padding, w.height),
        Bound({"q": s, "j": d}, -w.padding, w.width),
    )
    sizes = {"n": w.images, "p": p, "q": q, "o": w.filters, "c": w.channels, "i": i, "j": j}
    weight = {"o": w.channels * i * j, "c": i * j, "i": j, "j": 1}
    y = {"n": p * q * w.filters, "p": q * w.filters, "q": w.filters, "o": 1}
    start = -w.padding * (row + w.channels)
    return Contraction(sizes, Access(x, start, bounds), Access(weight), Access(y), kind)


def weight_gradient(w: Window, kind="float"):
    c = convolution(w, kind)
    sizes = {x: c.sizes[x] for x in "ocijnpq"}
    return Contraction(sizes, c.a, Access(c.y.strides), Access(c.b.strides), kind)


def input_gradient(w: Window, kind="float"):
    """For stride 1: the window goes backwards."""
    (p, q), (i, j), pad = w.outside, w.kernel, w.padding
    row = q * w.filters
    g = {"n": p * row, "h": row, "w": w.filters, "i": -row, "j": -w.filters, "o": 1}
    bounds = (Bound({"h": 1, "i": -1}, pad, p), Bound({"w": 1, "j": -1}, pad, q))
    sizes = {"n": w.images, "h": w.height, "w": w.width, "c": w.channels,
             "o": w.filters, "i": i, "j": j}  # fmt: skip
    weight = {"o": w.channels * i * j, "c": i * j, "i": j, "j": 1}
    wide = w.width * w.channels
    y = {"n": w.height * wide, "h": wide, "w": w.channels, "c": 1}
    start = pad * (row + w.filters)
    return Contraction(sizes, Access(g, start, bounds), Access(weight), Access(y), kind)


def depthwise(w: Window, gradient=False):
    """One filter for each channel; its weight's gradient."""
    c = convolution(replace(w, filters=1))
    p, q = w.outside
    y = {"n": p * q * w.channels, "p": q * w.channels, "q": w.channels, "c": 1}
    weight = {x: s for x, s in c.b.strides.items() if x != "o"}
    parts = (weight, y) if not gradient else (y, weight)
    sizes = {x: c.sizes[x] for x in ("cijnpq" if gradient else "npqcij")}
    return Contraction(sizes, c.a, Access(parts[0]), Access(parts[1]), "float")


def channels_first(w: Window, groups=1):
    """A convolution in the order of PyTorch, maybe in groups of channels."""
    c = convolution(w)
    (p, q), s, d = w.outside, w.stride, w.dilation
    h, each = w.height * w.width, w.channels
    x = {"n": groups * each * h, "g": each * h, "c": h, "p": s * w.width, "i": d * w.width,
         "q": s, "j": d}  # fmt: skip
    taps = math.prod(w.kernel)
    weight = {**c.b.strides, "g": w.filters * each * taps}
    y = {"n": groups * w.filters * p * q, "g": w.filters * p * q, "o": p * q, "p": q, "q": 1}
    sizes = {**{k: c.sizes[k] for k in "nopqcij"}, "g": groups}
    start = -w.padding * (w.width + 1)
    return Contraction(sizes, Access(x, start, c.a.bounds), Access(weight), Access(y), "float")


def module(e: Emitter, target: Target) -> str:
    """One function as a module."""
    parts = [*e.helpers.values(), e.text(), *e.declared.values()]
    return "\n".join([*parts, f"attributes #0 = {{ {target.attributes} }}\n"])


def emitter(p: Plan, target: Target, names: list[str]) -> Emitter:
    size = 4 if p.contraction.kind == "float" else 8
    fused = target.vector_bytes > 16 or target.architecture == "aarch64"
    return Emitter("kernel", names, target.vector_bytes // size, fused=fused)


def planned(c: Contraction, target: Target, keep=(), by_tiles=None) -> Plan:
    return plan(c, target.vector_bytes // 4, target.vector_registers, keep, by_tiles)


def kernel_text(p: Plan, target: Target, finish=None) -> str:
    e = emitter(p, target, ["a", "b", "y"])
    a, b, y = (e.pointers[x] for x in "aby")
    p.write(e, a, b, finish(e, y) if finish else p.store(e, y))
    return module(e, target)


def packing_text(p: Plan, packing, target: Target) -> str:
    e = emitter(p, target, ["x", "y"])
    packing.write(e, e.pointers["x"], e.pointers["y"])
    return module(e, target)


def call(text: str, target: Target, chunks: int, *arrays: np.ndarray) -> None:
    """All chunks of a kernel, the last ones first: their order must not matter."""
    library = load(compile_object(text, target))
    address = library.address("kernel")
    kernel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(address)
    pointers = (ctypes.c_void_p * len(arrays))(*[x.ctypes.data for x in arrays])
    scratch = np.empty(SCRATCH, np.uint8)
    for chunk in reversed(range(chunks)):
        kernel(pointers, scratch.ctypes.data, chunk)


def buffer(c: Contraction, t: Access, rng: np.random.Generator) -> np.ndarray:
    """Memory for an operand, with numbers everywhere."""
    ends = [s * (c.sizes[x] - 1) for x, s in t.strides.items() if x in c.sizes]
    size = 1 + max(0, t.offset + sum(e for e in ends if e > 0))
    return rng.standard_normal(size).astype(TYPES[c.kind])


def run(c: Contraction, target: Target, keep=(), finish=None, by_tiles=None):
    """(plan, a, b, y): the result's memory, 7 wherever nothing was written."""
    rng = np.random.default_rng(0)
    a, b, y = (buffer(c, t, rng) for t in (c.a, c.b, c.y))
    p = planned(c, target, keep, by_tiles)
    y = np.full(y.size + (p.partials - 1) * p.partial_stride, 7, y.dtype)
    given = [a, b]
    for i, packing in enumerate((p.pack_a, p.pack_b)):
        if packing is not None:
            copy = np.full(packing.size, np.nan, y.dtype)
            call(packing_text(p, packing, target), target, packing.chunks, given[i], copy)
            given[i] = copy
    call(kernel_text(p, target, finish), target, p.chunks, *given, y)
    return p, a, b, y


def positions(c: Contraction, t: Access, letters) -> np.ndarray:
    """Where the element for each combination of letters lies."""
    grid = np.indices([c.sizes[x] for x in letters], sparse=True)
    shape = [c.sizes[x] for x in letters]
    total = sum((t.stride(x) * g for x, g in zip(letters, grid, strict=True)), np.array(0))
    return np.broadcast_to(t.offset + total, shape)


def factor(c: Contraction, t: Access, memory: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """An operand for all combinations of its letters, in float64, and which these are."""
    letters = [x for x in c.sizes if t.has(x)]
    place, inside = positions(c, t, letters), np.array(True)
    for b in t.bounds:
        value = positions(c, Access(b.factors, b.const), letters)
        inside = inside & (value >= 0) & (value < b.size)
    values = np.where(inside, memory[np.where(inside, place, 0)].astype(np.float64), 0)
    return values, [list(c.sizes).index(x) for x in letters]


def expected(c: Contraction, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The sums, from the definition."""
    results = [list(c.sizes).index(x) for x in c.outputs]
    ones = np.ones([c.sizes[x] for x in c.outputs])
    operands = [*factor(c, c.a, a), *factor(c, c.b, b), ones, results]
    return np.einsum(*operands, results, optimize=True)
