"""chainrule in one file: how the framework works, in about two hundred lines that run.

1. A primitive is a forward and, under it, one derivative rule per input.
2. A tensor is an array that remembers how it was made.
3. One hinge says what applying a primitive means: compute it now, or write it down.
4. The tape walks from the loss back to the parameters. Its rules are made of tensor
   operators, so a gradient is a tensor like any other: it can be differentiated again,
   and it passes the same hinge.
5. Hence a whole training step (forward, backward, update) can be written down as one flat
   list of equations, and the list can be run instead of the Python.

Letters:  x or a, b inputs;  y output;  L loss;  g = ∂L/∂y the cotangent of y.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from inspect import signature
from itertools import count, pairwise
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

Shape = tuple[int, ...]

# ── 1. Primitives: the mathematics ──────────────────────────────────────────────────────────


class Primitive:
    """One operation: `forward` on arrays, `shape` on tuples, `vjp_<input>` on tensors.

    A rule names what it needs besides g: the output y, an input x, its shape x_shape, or a
    keyword of `forward`. The signatures are read once, and the tape saves what they name.
    """

    def __init_subclass__(cls) -> None:
        parameters = signature(cls.forward).parameters.values()
        cls.inputs = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        rules = [getattr(cls, f"vjp_{name}") for name in cls.inputs]
        cls.rules = [(rule, list(signature(rule).parameters)[1:]) for rule in rules]

    def shape(*shapes: Shape) -> Shape:
        return np.broadcast_shapes(*shapes)  # elementwise; the other operations say their own


# fmt: off
class Add(Primitive):
    def forward(a, b): return a + b                              # y = a + b
    def vjp_a(g): return g                                       # ∂L/∂a = g
    def vjp_b(g): return g                                       # ∂L/∂b = g

class Multiply(Primitive):
    def forward(a, b): return a * b                              # y = a b
    def vjp_a(g, b): return g * b                                # ∂L/∂a = g b
    def vjp_b(g, a): return g * a                                # ∂L/∂b = g a

class Divide(Primitive):
    def forward(a, b): return a / b                              # y = a / b
    def vjp_a(g, b): return g / b                                # ∂L/∂a = g / b
    def vjp_b(g, b, y): return -g * y / b                        # ∂L/∂b = -g a / b²

class Exp(Primitive):
    def forward(x): return np.exp(x)                             # y = eˣ
    def vjp_x(g, y): return g * y                                # ∂L/∂x = g eˣ

class Log(Primitive):
    def forward(x): return np.log(x)                             # y = ln x
    def vjp_x(g, x): return g / x                                # ∂L/∂x = g / x

class Tanh(Primitive):
    def forward(x): return np.tanh(x)                            # y = tanh x
    def vjp_x(g, y): return g * (1 - y * y)                      # ∂L/∂x = g (1 - tanh² x)

class MatMul(Primitive):
    def forward(a, b): return a @ b                              # y = a b
    def shape(a, b): return *np.broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1]
    def vjp_a(g, b): return g @ b.mT                             # ∂L/∂a = g bᵀ
    def vjp_b(g, a): return a.mT @ g                             # ∂L/∂b = aᵀ g

class Transpose(Primitive):
    def forward(x): return np.swapaxes(x, -1, -2)                # y = xᵀ
    def shape(x): return *x[:-2], x[-1], x[-2]
    def vjp_x(g): return g.mT                                    # ∂L/∂x = gᵀ

class Sum(Primitive):
    def forward(x, *, axes): return x.sum(axes, keepdims=True)   # a summed axis has length 1
    def shape(x, *, axes): return tuple(1 if i in axes else n for i, n in enumerate(x))
    def vjp_x(g, x_shape): return g.expand(x_shape)              # every addend receives g

class Expand(Primitive):
    def forward(x, *, shape): return np.broadcast_to(x, shape)
    def shape(x, *, shape): return np.broadcast_shapes(x, shape)
    def vjp_x(g): return g                                       # the tape undoes broadcasting

class Reshape(Primitive):
    def forward(x, *, shape): return x.reshape(shape)
    def shape(x, *, shape): return np.empty(x).reshape(shape).shape
    def vjp_x(g, x_shape): return g.reshape(x_shape)
# fmt: on

# ── 2. Tensor: an array that remembers how it was made ──────────────────────────────────────


class Edge(NamedTuple):
    """The way from a tensor back to one of the inputs that it was made from."""

    x: Tensor
    rule: Callable[..., Tensor]
    saved: list[Any]


class Tensor:
    """An array, or inside a trace a Symbol, and the edges back to its inputs."""

    __array_ufunc__ = None  # array * tensor is a tensor

    def __init__(self, array: Any, requires_grad: bool = False) -> None:
        self.array = array if isinstance(array, Symbol) else np.asarray(array, np.float64)
        self.requires_grad = requires_grad
        self.edges: list[Edge] = []

    def numpy(self) -> np.ndarray:
        if current.get() or isinstance(self.array, Symbol):
            raise TypeError("a trace has no numbers: return the tensor and read it afterwards")
        return self.array

    # fmt: off
    def __bool__(self): return bool(self.numpy())
    def __add__(self, other): return apply(Add, self, other)
    def __mul__(self, other): return apply(Multiply, self, other)
    def __truediv__(self, other): return apply(Divide, self, other)
    def __rtruediv__(self, other): return apply(Divide, other, self)
    def __matmul__(self, other): return apply(MatMul, self, other)
    def __neg__(self): return self * -1
    def __sub__(self, other): return self + other * -1
    def __rsub__(self, other): return -self + other
    __radd__, __rmul__ = __add__, __mul__
    shape = property(lambda self: self.array.shape)
    mT = property(lambda self: apply(Transpose, self))
    def exp(self): return apply(Exp, self)
    def log(self): return apply(Log, self)
    def tanh(self): return apply(Tanh, self)
    def expand(self, shape): return apply(Expand, self, shape=shape)
    def reshape(self, shape): return apply(Reshape, self, shape=shape)
    def sum(self): return unbroadcast(self, ())
    def mean(self): return self.sum() / np.prod(self.shape)
    # fmt: on


# ── 3. The hinge: compute now, or write down ────────────────────────────────────────────────

current: ContextVar[Trace | None] = ContextVar("current", default=None)


def apply(primitive: type[Primitive], *operands: Any, **params: Any) -> Tensor:
    """The result, with an edge back to every input that wants a gradient."""
    inputs = [x if isinstance(x, Tensor) else Tensor(x) for x in operands]
    y = Tensor(compute(primitive, inputs, params))
    known = {"y": y, **params}
    for name, x in zip(primitive.inputs, inputs, strict=True):
        known |= {name: x, f"{name}_shape": x.shape}
    for x, (rule, names) in zip(inputs, primitive.rules, strict=True):
        if x.requires_grad:
            y.edges.append(Edge(x, rule, [known[name] for name in names]))
    y.requires_grad = bool(y.edges)
    return y


def compute(primitive: type[Primitive], inputs: list[Tensor], params: dict) -> Any:
    """The hinge."""
    shape = primitive.shape(*(x.shape for x in inputs), **params)
    if trace := current.get():
        return trace.emit(primitive, inputs, params, shape)
    return primitive.forward(*(x.numpy() for x in inputs), **params)


def assign(x: Tensor, value: Tensor) -> None:
    """Give x a new value: the only mutation there is, and the hinge's other half.

    Take gradients first: a rule that runs later reads the new value.
    """
    if x.shape != value.shape:
        raise ValueError(f"assign cannot put shape {value.shape} into shape {x.shape}")
    if trace := current.get():
        trace.write(x, value)
    else:
        x.array = value.numpy()


# ── 4. The tape: the chain rule, backwards ──────────────────────────────────────────────────


def grad(y: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """∂y/∂x of a scalar y, for every x of inputs."""
    if y.shape != ():
        raise ValueError(f"grad starts from a scalar, but y has shape {y.shape}: take y.mean()")
    cotangents = {y: Tensor(1.0)}
    for made in reversed(in_order_of_making(y)):
        for x, rule, saved in made.edges:
            g = unbroadcast(rule(cotangents[made], *saved), x.shape)
            cotangents[x] = cotangents[x] + g if x in cotangents else g
    if not all(x in cotangents for x in inputs):
        raise ValueError("y was not made from every input, or one lacks requires_grad=True")
    return [cotangents[x] for x in inputs]


def in_order_of_making(y: Tensor) -> list[Tensor]:
    """All tensors that lead to y, each after its own inputs: a topological order."""
    order, seen, stack = [], set(), [(y, False)]
    while stack:
        x, inputs_are_in = stack.pop()
        if inputs_are_in:
            order.append(x)
        elif x not in seen:
            seen.add(x)
            stack += [(x, True), *((edge.x, False) for edge in x.edges)]
    return order


def unbroadcast(g: Tensor, shape: Shape) -> Tensor:
    """Sum g over the axes along which something of this shape was stretched."""
    if g.shape == shape:
        return g
    new = len(g.shape) - len(shape)
    axes = (i for i, n in enumerate(g.shape) if i < new or shape[i - new] != n)
    return apply(Sum, g, axes=tuple(axes)).reshape(shape)


# ── 5. The trace: a function as a flat list of equations ────────────────────────────────────


class Symbol:
    """A variable of a trace: a shape without numbers."""

    def __init__(self, trace: Trace, shape: Shape) -> None:
        self.trace, self.shape = trace, shape
        self.name = f"v{next(trace.names)}{list(shape)}"


class Trace:
    """What a function of tensors did, written down while it ran once on symbols.

    A tensor from outside (a parameter, a constant) is bound as an object: its array is looked
    up at every run. What `assign` gave to it is written back at the end of every run.
    """

    def __init__(self, function: Callable[..., Tensor], arguments: tuple[Tensor, ...]) -> None:
        self.names = count()
        self.equations: list[tuple[Symbol, type, list[Symbol], dict]] = []
        self.bound: dict[Tensor, Symbol] = {}
        self.written: dict[Tensor, Symbol] = {}
        self.arguments = [Symbol(self, x.shape) for x in arguments]
        token = current.set(self)
        try:
            wants = [x.requires_grad for x in arguments]
            self.result = self.read(function(*map(Tensor, self.arguments, wants)))
        finally:
            current.reset(token)

    def emit(self, primitive: type, inputs: list, params: dict, shape: Shape) -> Symbol:
        """Write down  y = primitive(inputs, params)  and return the symbol of y."""
        operands = [self.read(x) for x in inputs]
        y = Symbol(self, shape)
        self.equations.append((y, primitive, operands, params))
        return y

    def read(self, x: Tensor) -> Symbol:
        """The symbol that stands for x at this point of the function."""
        if isinstance(x.array, Symbol):
            if x.array.trace is not self:
                raise TypeError("a tensor of a finished trace has no value: return it instead")
            return x.array
        if x in self.written:
            return self.written[x]
        if x not in self.bound:
            self.bound[x] = Symbol(self, x.shape)
        return self.bound[x]

    def write(self, x: Tensor, value: Tensor) -> None:
        """From here on x stands for value."""
        if isinstance(x.array, Symbol):
            raise TypeError("assign is for tensors that were made before the trace")
        self.written[x] = self.read(value)

    def run(self, arguments: tuple[Tensor, ...]) -> Tensor:
        """The engine: every equation once, from top to bottom."""
        if any(x in self.written for x in arguments):
            raise ValueError("an argument is also assigned to: let the function close over it")
        values = {symbol: x.numpy() for x, symbol in self.bound.items()}
        values |= {s: x.numpy() for s, x in zip(self.arguments, arguments, strict=True)}
        for y, primitive, inputs, params in self.equations:
            values[y] = primitive.forward(*(values[x] for x in inputs), **params)
        for x, symbol in self.written.items():
            x.array = values[symbol]
        return Tensor(values[self.result])

    def __str__(self) -> str:
        lines = []
        for y, primitive, inputs, params in self.equations:
            operands = [x.name for x in inputs] + [f"{k}={v}" for k, v in params.items()]
            lines.append(f"{y.name} = {primitive.__name__}({', '.join(operands)})")
        return "\n".join(lines)


def compile(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function, traced once per situation of its arguments, then only run.

    What changes between calls has to be a tensor: Python values are read while tracing.
    """
    traces: dict[Any, Trace] = {}

    def compiled(*arguments: Tensor) -> Tensor:
        if current.get():
            return function(*arguments)
        situation = tuple((x.shape, x.requires_grad) for x in arguments)
        if situation not in traces:
            traces[situation] = Trace(function, arguments)
        return traces[situation].run(arguments)

    return compiled


# ── A network that tells two spirals apart ──────────────────────────────────────────────────


def mlp(*widths: int) -> list[Tensor]:
    """The parameters W₁, b₁, W₂, b₂, … of linear layers between these widths."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(m, n)) / np.sqrt(m) for m, n in pairwise(widths)]
    return [Tensor(p, True) for w in weights for p in (w, np.zeros(w.shape[1]))]


def predict(parameters: list[Tensor], x: Tensor) -> Tensor:
    """… tanh(tanh(x W₁ + b₁) W₂ + b₂) …, without tanh at the end."""
    w, b, *rest = parameters
    h = x @ w + b
    return predict(rest, h.tanh()) if rest else h


def training_step(parameters: list[Tensor], lr: Tensor) -> Callable[..., Tensor]:
    """Forward, backward, update. Eager or compiled, these are the lines that run."""
    velocities = [Tensor(np.zeros(p.shape)) for p in parameters]

    def step(x: Tensor, side: Tensor) -> Tensor:
        loss = (1 + (-side * predict(parameters, x)).exp()).log().mean()
        gradients = grad(loss, parameters)
        for p, v, g in zip(parameters, velocities, gradients, strict=True):
            assign(v, 0.9 * v + g)
            assign(p, p - lr * v)
        return loss

    return step


def two_spirals(n: int = 100) -> tuple[Tensor, Tensor]:
    """Points (2n, 2) on two interleaved spirals, and the side (2n, 1) of each: 1 or -1."""
    angle = np.linspace(0.5, 3 * np.pi, n)[:, None]
    arm = np.hstack([np.sin(angle), np.cos(angle)]) * angle / 5
    return Tensor(np.vstack([arm, -arm])), Tensor(np.repeat([[1.0], [-1.0]], n, axis=0))


def main(steps: int = 600) -> dict[str, list[float]]:
    """Print a derivative as equations, then train one network in both ways."""
    derivative = Trace(lambda a: grad(a.tanh(), [a])[0], (Tensor(0.5, requires_grad=True),))
    print(f"The derivative of tanh, written down:\n{derivative}\n")
    x, side = two_spirals()
    losses = {}
    for name, prepare in (("eager", lambda step: step), ("compiled", compile)):
        parameters = mlp(2, 24, 24, 1)
        step = prepare(training_step(parameters, lr=Tensor(0.1)))
        start = perf_counter()
        losses[name] = [float(step(x, side).numpy()) for _ in range(steps)]
        seconds = perf_counter() - start
        right = np.mean(predict(parameters, x).numpy() * side.numpy() > 0)
        print(f"{name:8}  loss {losses[name][-1]:.4f}  right {right:.1%}  {seconds:.2f} s")
    print("equal in every bit of every step:", losses["eager"] == losses["compiled"])
    return losses


if __name__ == "__main__":
    main()
