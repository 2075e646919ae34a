"""Random programs: lines of Python on tensors, and whatever numbers they need.

Each line is computed once while the program is written, so that what cannot be computed is
left out and no number grows large. A program prints as the code that it is.

`exact` values are the same bits whatever engine computes them; only they are compared, sorted
or indexed by, as elsewhere a rounding may turn a comparison round.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from random import Random

import numpy as np

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.functional.scan import scan
from chainrule.nn.functional import (
    avg_pool2d,
    conv1d,
    conv2d,
    conv_transpose2d,
    cross_entropy,
    embedding,
    gelu,
    layer_norm,
    linear,
    max_pool2d,
    pad,
    pixel_shuffle,
    softmax,
)

SIZES = (1, 2, 3, 5, 7, 13, 17, 33)
LARGEST = 4000  # elements
BOUND = 8.0  # larger numbers are made smaller


def recurrent(x, h, w, reverse):
    """hₜ = tanh(hₜ₋₁ w + xₜ), of all times and the last."""

    def step(h, now):
        h = (h @ w + now).tanh()
        return h, (h, h * now)

    h, (ys, zs) = scan(step, h, [x], reverse)
    return ys.sum(0) + h + zs.mean(0)


NAMES = {f.__name__: f for f in (
    avg_pool2d, conv1d, conv2d, conv_transpose2d, cross_entropy, embedding, gelu, layer_norm,
    linear, max_pool2d, pad, pixel_shuffle, recurrent, softmax,
)}  # fmt: skip


@dataclass
class Program:
    """Lines of code, the tensors they begin with, and what is returned."""

    sources: dict[str, cr.Tensor] = field(default_factory=dict)
    states: dict[str, cr.Tensor] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)  # sources with a gradient

    def __str__(self) -> str:
        made = [
            f"    # {name}: {x.dtype}{list(x.shape)}"
            for name, x in (self.sources | self.states).items()
        ]
        names = ", ".join([*self.sources, *self.states])
        lines = [f"    {line}" for line in self.lines]
        result = f"    return [{', '.join(self.outputs)}]  # gradients of {self.leaves}"
        return "\n".join([f"def program({names}):", *made, *lines, result])

    def step(self, states):
        """The function of the sources: its outputs, and the gradients of their sum."""
        code = compile("\n".join(self.lines), "<program>", "exec")
        names, leaves, outputs = list(self.sources), self.leaves, self.outputs

        def step(*sources):
            values = NAMES | {"cr": cr} | states | dict(zip(names, sources, strict=True))
            for name in leaves:
                values[name] = values[name].detach().requires_grad_()
            exec(code, values)
            found = [values[name] for name in outputs]
            summed = [_weighted(y) for y in found if y.requires_grad]
            wanted = [values[name] for name in leaves]
            slopes = (
                cr.autograd.grad(sum(summed), wanted, materialize_grads=True)
                if summed and wanted
                else []
            )
            return [y.detach() if y.is_floating_point() else y for y in found] + list(slopes)

        return step


def _weighted(y):
    """A sum in which every element counts differently."""
    weights = cr.arange(y.numel(), dtype=y.dtype).reshape(y.shape)
    return (y * (weights % 5 - 1.5)).mean()


class Writer:
    """Writes one program."""

    def __init__(self, random: Random, dtype: str, count: int) -> None:
        self.random, self.dtype, self.count = random, dtype, count
        self.program = Program()
        self.values: dict[str, cr.Tensor] = {}
        self.exact: set[str] = set()
        self.numbers = np.random.default_rng(random.randrange(1 << 30))

    # -- what there is ---------------------------------------------------------------------

    def shape(self, rank: int | None = None) -> tuple[int, ...]:
        while True:
            axes = self.random.choice((0, 1, 2, 2, 3, 3, 4)) if rank is None else rank
            shape = tuple(self.random.choice(SIZES) for _ in range(axes))
            if math.prod(shape) <= LARGEST:
                return shape

    def source(self, shape: tuple[int, ...], below: int | None = None, state=False) -> str:
        """A new tensor from outside: floats, or integers from 0 up to `below`."""
        kind = "s" if state else "a" if below is None else "i"
        name = f"{kind}{len(self.program.sources) + len(self.program.states)}"
        if below is None:
            array = np.round(self.numbers.normal(size=shape) * 64) / 64
            value = cr.tensor(array, dtype=getattr(cr, self.dtype))
            if not state and self.random.random() < 0.7:
                self.program.leaves.append(name)
        else:
            value = cr.tensor(self.numbers.integers(0, below, shape), dtype=cr.int64)
        (self.program.states if state else self.program.sources)[name] = value
        self.values[name] = value.clone()
        self.exact.add(name)
        return name

    def pick(self, kind="float", rank=None, exact=False, least=0) -> str:
        """A value that is there already, more often a late one; or a new source."""
        names = [
            name for name, x in self.values.items()
            if KINDS[kind](x) and (rank is None or x.ndim == rank)
            and (not exact or name in self.exact) and x.ndim >= least
        ]  # fmt: skip
        if not names or self.random.random() < 0.05:
            shape = self.shape(least if rank is None and least else rank)
            if kind == "bool":
                return self.add(f"{self.source(shape)} > 0.1", exact=True)
            return self.source(shape, None if kind == "float" else 5)
        late = names[-4:] if self.random.random() < 0.6 else names
        return self.random.choice(late)

    def partner(self, name: str, exact=False) -> str:
        """A value that can be combined with the one named, by broadcasting."""
        shape = self.values[name].shape
        fitting = [
            other for other, x in self.values.items()
            if x.is_floating_point() and _broadcasts(x.shape, shape)
            and (not exact or other in self.exact)
        ]  # fmt: skip
        if fitting and self.random.random() < 0.8:
            return self.random.choice(fitting)
        kept = shape[self.random.randrange(len(shape) + 1) :]
        return self.source(tuple(1 if self.random.random() < 0.3 else n for n in kept))

    def axis(self, name: str) -> int:
        return self.random.randrange(self.values[name].ndim)

    # -- lines -----------------------------------------------------------------------------

    def evaluate(self, text: str):
        return eval(text, NAMES | {"cr": cr} | self.values)

    def add(self, text: str, *operands: str, exact: bool | None = None) -> str | None:
        """A line that gives a value a name, unless it cannot be computed."""
        try:
            value = self.evaluate(text)
        except (ChainruleError, ValueError, IndexError, ZeroDivisionError):
            return None
        if value.numel() > LARGEST or value.requires_grad:
            return None
        if value.is_floating_point() and value.numel():
            largest = float(value.abs().max())
            if not math.isfinite(largest):
                return None
            if largest > BOUND:
                factor = 2.0 ** -math.ceil(math.log2(largest))
                text, value = f"({text}) * {factor}", value * factor
        name = f"v{len(self.program.lines)}"
        self.program.lines.append(f"{name} = {text}")
        self.values[name] = value
        if exact and all(x in self.exact for x in operands):
            self.exact.add(name)
        return name

    def update(self) -> None:
        """A state that is written over."""
        states = list(self.program.states)
        if not states or self.random.random() < 0.3:
            states = [self.source(self.shape(), state=True)]
        name = self.random.choice(states)
        other = self.partner(name)
        if not _broadcasts(self.values[other].shape, self.values[name].shape, whole=True):
            return
        line = self.random.choice([
            f"{name}.mul_(0.5).add_({other}.detach())",
            f"{name}.copy_({other}.detach() * 0.5)",
            f"{name}.lerp_({other}.detach(), 0.25)",
            f"{name}[..., 1:] = {other}.detach()[..., 1:]",
            f"{name}.sub_({other}.detach().tanh())",
        ])  # fmt: skip
        copies = {n: self.values[n].clone() for n in states}
        try:
            exec(line, NAMES | self.values)
        except (ChainruleError, ValueError, IndexError):
            self.values[name] = copies[name]
            return
        if float(self.values[name].abs().max() if self.values[name].numel() else 0) > BOUND:
            self.values[name] = copies[name]
            return
        self.program.lines.append(line)
        self.exact.discard(name)

    def write(self) -> Program:
        for _ in range(self.random.randint(1, 3)):
            self.source(self.shape())
        while len(self.program.lines) < self.count:
            if self.random.random() < 0.06:
                self.update()
            else:
                self.random.choice(OPERATIONS)(self)
        unread = [name for name in self.values if name.startswith("v") and not self.reads(name)]
        last = self.random.sample(unread, min(len(unread), 6))
        chosen = self.random.choices(list(self.values), k=self.random.randint(0, 3))
        self.program.outputs = [*last, *chosen]
        return self.program

    def reads(self, name: str) -> bool:
        """Whether a line reads a value."""
        word = re.compile(rf"\b{name}\b")
        return any(word.search(line.split("=", 1)[-1]) for line in self.program.lines)


KINDS = {
    "float": lambda x: x.is_floating_point(),
    "int": lambda x: x.dtype is cr.int64,
    "bool": lambda x: x.dtype is cr.bool,
}


def _broadcasts(a, b, whole=False) -> bool:
    """Whether two shapes combine; whole: to the second."""
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return math.prod(shape) <= LARGEST and (not whole or shape == tuple(b))


# -- operations ----------------------------------------------------------------------------


def smooth(w):
    x = w.pick()
    text = w.random.choice([
        "{}.tanh()", "{}.sin()", "{}.sigmoid()", "({} * 0.3).exp()", "({0} * {0} + 1).sqrt()",
        "({0} * {0}).log1p()", "{}.erf()", "gelu({})", "{} ** 3", "{}.cos() + {}",
        "1 / ({0} * {0} + 1)", "cr.lerp({0}, {0}.sin(), 0.3)",
    ])  # fmt: skip
    w.add(text.format(x, x), x)


def plain(w):
    x = w.pick(exact=True)
    w.add(w.random.choice([
        "-{}", "{} * 0.5", "{} + 1", "{}.abs()", "{}.relu()", "{}.clamp(-0.7, 0.9)", "1 - {}",
        "{}.floor()", "{}.round()", "{}.sign()", "{}.trunc()", "{}.clone()", "{}.square()",
    ]).format(x), x, exact=True)  # fmt: skip


def both(w):
    x = w.pick()
    y = w.partner(x)
    text = w.random.choice(["{} + {}", "{} - {}", "{} * {}", "{0} / ({1} * {1} + 1)"])
    w.add(text.format(*w.random.sample([x, y], 2)), x, y, exact=True)


def compared(w):
    x = w.pick(exact=True)
    y = w.partner(x, exact=True)
    text = w.random.choice([
        "{} < {}", "{} >= {}", "{} == {}", "{} != {}", "cr.maximum({}, {})",
        "cr.minimum({}, {})",
    ])  # fmt: skip
    w.add(text.format(x, y), x, y, exact=True)


def chosen(w):
    mask = w.pick("bool")
    x = w.partner(mask)
    y = w.partner(x)
    text = w.random.choice(["cr.where({}, {}, {})", "{1}.masked_fill({0}, -1.5)", "{1} * {0}"])
    w.add(text.format(mask, x, y), mask, x, y, exact=True)


def logic(w):
    mask = w.pick("bool")
    text = w.random.choice(
        ["~{}", "{}.float()", "{}.any()", "{}.all()", "{}.long()", "{0} & {0}"]
    )
    if text == "{}.float()":
        text = "{}." + ("double()" if w.dtype == "float64" else "float()")
    w.add(text.format(mask), mask, exact=True)


def integers(w):
    i = w.pick("int")
    text = w.random.choice([
        "{} * 3", "{} + 1", "{} // 3", "{} % 3", "{} & 3", "{0} - {0}.sum() % 4", "{} > 1",
        "-{}", "{}.cumsum(0)", "{}.flip(0)", "{}.amax()", "{} % 7 - 3", "{} << 1",
    ])  # fmt: skip
    w.add(text.format(i), i, exact=True)
    as_float = "double()" if w.dtype == "float64" else "float()"
    w.add(f"({i} % 5).{as_float}", i, exact=True)


def halves(w):
    x = w.pick(exact=True)
    half = w.random.choice(["float16", "bfloat16"])
    text = w.random.choice(["{0}", "({0} * {0})", "({0} + 0.3)", "{0}.flip(0)"])
    w.add(f"{text.format(f'{x}.to(cr.{half})')}.to(cr.{w.dtype})", x, exact=True)


def reshaped(w):
    x = w.pick(least=1)
    size, shape = w.values[x].numel(), []
    rest = size
    while rest > 1 and len(shape) < 3:
        divisors = [d for d in range(1, rest + 1) if rest % d == 0 and d <= 64]
        shape.append(w.random.choice(divisors))
        rest //= shape[-1]
    shape.insert(w.random.randrange(len(shape) + 1), rest)
    w.add(f"{x}.reshape({tuple(shape)})", x, exact=True)


def moved(w):
    x = w.pick(least=1)
    rank = w.values[x].ndim
    axes = w.random.sample(range(rank), rank)
    axis = w.random.randrange(rank)
    text = w.random.choice([
        f"{x}.permute({tuple(axes)})", f"{x}.permute({tuple(axes)})", f"{x}.flip({axis})",
        f"{x}.unsqueeze({axis})", f"{x}.squeeze()", f"{x}.flatten()",
        f"{x}.transpose({axis}, {rank - 1})", f"{x}.roll({w.random.randint(1, 3)}, {axis})",
    ])  # fmt: skip
    w.add(text, x, exact=True)


def stretched(w):
    x = w.pick()
    n = w.random.choice((2, 3, 5))
    text = w.random.choice([
        f"{x}.expand({n}, *{x}.shape)", f"{x}.unsqueeze(-1).expand(*{x}.shape, {n})",
        f"{x}.repeat({n}, *[1] * {x}.ndim)", f"{x}.repeat_interleave({n})",
    ])  # fmt: skip
    w.add(text, x, exact=True)


def sliced(w):
    x = w.pick(w.random.choice(["float", "float", "bool"]), least=1)
    parts = []
    for n in w.values[x].shape:
        start = w.random.randrange(n) if n else 0
        stop = w.random.randint(start, n) if w.random.random() < 0.1 else n
        step = w.random.choice((1, 1, 1, 2, 3))
        parts.append(w.random.choice([f"{start}:{stop}:{step}", ":", ":", f":{stop}:{step}"]))
        if n and w.random.random() < 0.15:
            parts[-1] = str(start - n)
    w.add(f"{x}[{', '.join(parts)}]", x, exact=True)


def padded(w):
    x = w.pick(least=1)
    widths = [w.random.randint(-1, 3) for _ in range(2 * w.random.randint(1, w.values[x].ndim))]
    w.add(f"pad({x}, {tuple(widths)}, value={w.random.choice((0.0, 1.5))})", x, exact=True)


def joined(w):
    x = w.pick(least=1)
    axis, shape = w.axis(x), w.values[x].shape
    fitting = [
        name for name, y in w.values.items()
        if y.is_floating_point() and y.ndim == len(shape)
        and all(i == axis or a == b for i, (a, b) in enumerate(zip(y.shape, shape)))
    ]  # fmt: skip
    parts = w.random.choices(fitting, k=w.random.randint(1, 3))
    w.add(f"cr.cat([{', '.join([x, *parts])}], {axis})", x, *parts, exact=True)
    w.add(f"cr.stack([{x}, {x} * 0.5], {axis})", x, exact=True)


def reduced(w):
    x = w.pick(least=1)
    rank = w.values[x].ndim
    axes = tuple(sorted(w.random.sample(range(rank), w.random.randint(1, rank))))
    keep = w.random.random() < 0.4
    text = w.random.choice([
        f"{x}.sum({axes}, keepdim={keep})", f"{x}.mean({axes}, keepdim={keep})",
        f"{x}.sum({axes}, keepdim={keep})", f"{x}.var({axes}, correction=0, keepdim={keep})",
        f"{x}.logsumexp({axes}, keepdim={keep})", f"{x}.sum()", f"{x}.cumsum({axes[0]})",
        f"softmax({x}, {axes[0]})", f"({x} * 0.1 + 1).prod({axes[0]}, keepdim={keep})",
        f"{x} - {x}.mean({axes}, keepdim=True)", f"({x} * {x} + 1).norm(dim={axes[0]})",
        f"{x} / ({x}.square().sum({axes}, keepdim=True) + 1).sqrt()",
    ])  # fmt: skip
    w.add(text, x)


def extremes(w):
    x = w.pick(exact=True, least=1)
    axis, keep = w.axis(x), w.random.random() < 0.4
    text = w.random.choice([
        f"{x}.amax({axis}, keepdim={keep})", f"{x}.amin({axis}, keepdim={keep})",
        f"{x}.argmax({axis}, keepdim={keep})", f"{x}.max({axis}).values", f"{x}.amax()",
        f"{x}.argmin()", f"{x}.sort({axis}).values", f"{x}.cummax({axis}).values",
        f"({x} > 0).any({axis})", f"({x} > 0).sum({axis})", f"{x}.argsort({axis})",
    ])  # fmt: skip
    w.add(text, x, exact=True)


def product(w):
    x = w.pick(least=1)
    n, form = w.random.choice(SIZES), w.random.randrange(5)
    k = w.values[x].shape[-1]
    if form == 0:
        y = w.source((k, n))
        w.add(f"{x} @ {y} * 0.3", x, y)
    elif form == 1:
        y, b = w.source((n, k)), w.source((n,))
        w.add(f"linear({x}, {y}, {b}).tanh()", x, y, b)
    elif form == 2 and w.values[x].ndim > 1:
        w.add(f"{x} @ {x}.mT * 0.3", x)
    elif form == 3 and w.values[x].ndim > 1:
        y = w.source((*w.values[x].shape[:-2], w.values[x].shape[-2], n))
        w.add(f"{x}.mT @ {y}", x, y)
    else:
        y = w.pick(least=1)
        w.add(f"{x} @ {y}", x, y)
        w.add(f"cr.einsum('i,j->ij', {x}.flatten()[:9], {y}.flatten()[:11])", x, y)


def convolved(w):
    channels, groups = w.random.choice(((1, 1), (2, 1), (3, 1), (4, 2), (4, 4), (6, 3)))
    rank = w.random.choice((1, 2, 2))
    images = [n for n, v in w.values.items() if v.ndim == rank + 2 and v.is_floating_point()]
    x = w.random.choice(images) if images else ""
    if x and w.values[x].numel():
        channels, groups = w.values[x].shape[1], 1
    else:
        sizes = [w.random.choice((3, 5, 7, 13)) for _ in range(rank)]
        x = w.source((w.random.choice((1, 2, 3)), channels, *sizes))
    kernel = [w.random.choice((1, 2, 3)) for _ in range(rank)]
    out = groups * w.random.choice((1, 2, 5))
    weight = w.source((out, channels // groups, *kernel))
    options = (
        f"stride={w.random.choice((1, 1, 2, 3))}, padding={w.random.choice((0, 1, 2))}, "
        f"dilation={w.random.choice((1, 1, 2))}, groups={groups}"
    )
    if rank == 2 and w.random.random() < 0.2 and groups == 1:
        turned = f"{weight}.transpose(0, 1)"
        w.add(f"conv_transpose2d({x}, {turned}, stride={w.random.choice((1, 2))})", x, weight)
    w.add(f"conv{rank}d({x}, {weight}, {options})", x, weight)


def pooled(w):
    x = w.pick(rank=4, exact=True)
    w.add(f"pixel_shuffle({x}, 2)", x, exact=True)
    k, s, p = w.random.choice(((2, 2, 0), (3, 2, 1), (2, 1, 0), (3, 1, 1), (3, 3, 0)))
    if w.random.random() < 0.6:
        w.add(f"max_pool2d({x}, {k}, {s}, {p})", x, exact=True)
    else:
        w.add(f"avg_pool2d({x}, {k}, {s}, {p})", x)


def looked_up(w):
    x = w.pick(least=1)
    axis, shape = w.axis(x), list(w.values[x].shape)
    if not shape[axis]:
        return
    i = w.source(w.shape(w.random.choice((1, 1, 2))), shape[axis])
    text = w.random.choice([
        f"{x}.index_select({axis}, {i}.flatten())", f"{x}[{i}.flatten() % {shape[0]}]",
        f"{x}[..., {i} % {shape[-1]}]", f"{x}[{i} % {shape[0]}]",
        f"embedding({i} % {shape[0]}, {x})",
    ])  # fmt: skip
    w.add(text, x, i, exact=True)


def gathered(w):
    x = w.pick(least=1)
    axis, shape = w.axis(x), list(w.values[x].shape)
    if not shape[axis]:
        return
    places = [*shape]
    places[axis] = w.random.choice((1, 2, 5))
    i = w.source(tuple(places), shape[axis])
    w.add(f"{x}.gather({axis}, {i})", x, i, exact=True)
    y = w.source(tuple(places))
    w.add(f"{x}.scatter_add({axis}, {i}, {y})", x, i, y)
    if w.random.random() < 0.3:
        w.add(f"cr.zeros_like({x}).scatter({axis}, {i}, 1.0)", i, exact=True)


def added(w):
    x = w.pick(least=1)
    shape = w.values[x].shape
    if shape[0]:
        i = w.source((w.random.choice((1, 3, 5)),), shape[0])
        y = w.source((w.values[i].shape[0], *shape[1:]))
        w.add(f"{x}.index_add(0, {i}, {y})", x, i, y)


def layered(w):
    x = w.pick(least=1)
    n = w.values[x].shape[-1]
    scale, shift = w.source((n,)), w.source((n,))
    w.add(f"layer_norm({x}, ({n},), {scale}, {shift}, 0.1)", x, scale, shift)


def repeated(w):
    x = w.pick(rank=3)
    times, rows, width = w.values[x].shape
    if times > 1 and rows and 0 < width <= 17:
        h, weight = w.source((rows, width)), w.source((width, width))
        w.add(f"recurrent({x}, {h}, {weight} * 0.3, {w.random.random() < 0.5})", x, h, weight)


def judged(w):
    x = w.pick(rank=2)
    rows, classes = w.values[x].shape
    if rows and classes:
        labels = w.source((rows,), classes)
        w.add(f"cross_entropy({x}, {labels})", x, labels)


def constant(w):
    shape = w.shape()
    w.add(w.random.choice([
        f"cr.ones({shape}, dtype=cr.{w.dtype})", f"cr.full({shape}, 0.5, dtype=cr.{w.dtype})",
        f"cr.arange({w.random.choice(SIZES)}, dtype=cr.{w.dtype}) * 0.1",
        f"cr.eye({w.random.choice((2, 3, 5))}, dtype=cr.{w.dtype})",
    ]), exact=True)  # fmt: skip


def triangular(w):
    x = w.pick(least=2)
    w.add(w.random.choice([f"{x}.tril()", f"{x}.triu(1)", f"{x}.diagonal()"]), x, exact=True)


OPERATIONS = (
    smooth, smooth, smooth, plain, plain, both, both, both, compared, chosen, logic, integers,
    halves, reshaped, reshaped, moved, moved, stretched, sliced, sliced, padded, joined,
    reduced, reduced, reduced, extremes, product, product, convolved, pooled, looked_up,
    gathered, added, layered, repeated, judged, constant, triangular,
)  # fmt: skip


def random_program(random: Random, lines: int) -> Program:
    """A program of about so many lines."""
    return Writer(random, random.choice(("float32", "float32", "float64")), lines).write()
