"""Matrix products and convolutions in one form: y[…] = Σ a[…] b[…] over letters.

Each axis of a, b and y is indexed by a sum of multiples of letters and a constant:

    y[n, m] = Σ_k a[n, k] b[k, m]                        a matrix product
    y[n, o, p] = Σ_c Σ_t x[n, c, s p + d t - pad] w[o, c, t]      a convolution

The gradient of a convolution's input with a stride s is one such sum for each remainder of
the position by s: every s-th element sees the same taps.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from chainrule.engines.native.graph.nodes import PRODUCT, Builder, Form, Node, Part, Shape
from chainrule.engines.native.rewrites.rewriting import Rule, narrowed, widened
from chainrule.ops.contraction import MatMul
from chainrule.ops.window import Convolution, ConvolutionInput, ConvolutionWeight

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def letter(name: str, factor: int = 1, const: int = 0) -> Form:
    return ((name, factor),), const


NONE: Form = ((), 0)


def product(
    b: Builder, node: Node, inputs: tuple[Node, ...], parts: list[Part], **params: int
) -> Node:
    made = b.node(PRODUCT, inputs, node.shape, inputs[0].dtype, parts=tuple(parts), **params)
    return narrowed(b, made, node.dtype)


def matmul(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    x, w = widened(b, inputs)
    if x.dtype not in FLOATS:
        return None
    rank = len(node.shape)
    sizes: dict[str, int] = {"k": x.shape[-1]}
    rows = ["n"] if len(x.shape) > 1 else []
    columns = ["m"] if len(w.shape) > 1 else []
    outer = [f"b{i}" for i in range(rank - len(rows) - len(columns))]
    sizes |= dict(zip([*outer, *rows, *columns], node.shape, strict=True))
    a = [*_outer(outer, x.shape[:-2]), *map(letter, rows), letter("k")]
    v = [*_outer(outer, w.shape[:-2]), letter("k"), *map(letter, columns)]
    y = [letter(name) for name in [*outer, *rows, *columns]]
    return product(b, node, (x, w), [Part(_sized(sizes), tuple(a), tuple(v), tuple(y))])


def _outer(letters: list[str], shape: Shape) -> list[Form]:
    """The batch axes of an operand; those of size 1 are stretched."""
    own = letters[len(letters) - len(shape) :]
    return [letter(name) if n != 1 else NONE for name, n in zip(own, shape, strict=True)]


def _sized(sizes: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sizes.items())


class Windows:
    """The letters of a convolution and its parameters."""

    def __init__(self, x: Shape, w: Shape, y: Shape, node: Node) -> None:
        p = node.params
        self.stride, self.padding = p["stride"], p["padding"]
        self.dilation, self.groups = p["dilation"], p["groups"]
        self.places = [f"p{i}" for i in range(len(w) - 2)]
        self.taps = [f"t{i}" for i in range(len(w) - 2)]
        self.inputs, self.outputs = w[1], w[0] // self.groups  # channels of a group
        self.sizes = {"n": x[0], "g": self.groups, "c": self.inputs, "o": self.outputs}
        self.sizes |= dict(zip(self.taps, w[2:], strict=True))
        self.sizes |= dict(zip(self.places, y[2:], strict=True))

    def image_channel(self) -> Form:
        return (("g", self.inputs), ("c", 1)), 0

    def window_channel(self) -> Form:
        return (("g", self.outputs), ("o", 1)), 0

    def image(self) -> tuple[Form, ...]:
        """x[n, c, s p + d t - pad]"""
        steps = zip(self.places, self.stride, self.taps, self.dilation, self.padding)
        seen = [(((p, s), (t, d)), -pad) for p, s, t, d, pad in steps]
        return (letter("n"), self.image_channel(), *seen)

    def weight(self) -> tuple[Form, ...]:
        return (self.window_channel(), letter("c"), *map(letter, self.taps))

    def windows(self) -> tuple[Form, ...]:
        return (letter("n"), self.window_channel(), *map(letter, self.places))


def convolution(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node:
    x, w = widened(b, inputs)
    forms = Windows(x.shape, w.shape, node.shape, node)
    part = Part(_sized(forms.sizes), forms.image(), forms.weight(), forms.windows())
    return product(b, node, (x, w), [part], windows=len(node.shape), weight=1)


def convolution_weight(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node:
    x, dy = widened(b, inputs)
    forms = Windows(x.shape, node.shape, dy.shape, node)
    part = Part(_sized(forms.sizes), forms.image(), forms.windows(), forms.weight())
    return product(b, node, (x, dy), [part], windows=len(node.shape), weight=-1)


def convolution_input(b: Builder, node: Node, inputs: tuple[Node, ...]) -> Node:
    dy, w = widened(b, inputs)
    forms = Windows(node.shape, w.shape, dy.shape, node)
    rests = itertools.product(*[range(min(s, n)) for s, n in zip(forms.stride, node.shape[2:])])
    parts = [_input_part(forms, node.shape, w.shape, rest) for rest in rests]
    return product(b, node, (dy, w), parts, windows=len(node.shape), weight=1)


def _input_part(forms: Windows, x: Shape, w: Shape, rest: tuple[int, ...]) -> Part:
    """Every s-th element from `rest` on:  s q + r = s m + d t - pad, solved for m."""
    sizes = {name: forms.sizes[name] for name in ("n", "g", "c", "o")}
    dy = [letter("n"), forms.window_channel()]
    weight = [forms.window_channel(), letter("c")]
    y = [letter("n"), forms.image_channel()]
    for i, r in enumerate(rest):
        s, d, q, t = forms.stride[i], forms.dilation[i], f"q{i}", f"t{i}"
        start = r + forms.padding[i]
        step = s // math.gcd(s, d)
        first = next((k for k in range(min(step, w[2 + i])) if (start - d * k) % s == 0), None)
        sizes[q] = -(-(x[2 + i] - r) // s)
        sizes[t] = 0 if first is None else -(-(w[2 + i] - first) // step)
        first = first or 0
        dy.append((((q, 1), (t, -d * step // s)), (start - d * first) // s))
        weight.append(letter(t, step, first))
        y.append(letter(q, s, r))
    return Part(_sized(sizes), tuple(dy), tuple(weight), tuple(y))


PRODUCTS: dict[object, Rule] = {
    MatMul: matmul,
    Convolution: convolution,
    ConvolutionInput: convolution_input,
    ConvolutionWeight: convolution_weight,
}
