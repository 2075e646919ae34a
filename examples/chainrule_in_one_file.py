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
from heapq import heappop, heappush
from inspect import signature
from itertools import count
from time import perf_counter
from typing import Any

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

class Expand(Primitive):
    def forward(x, *, shape): return np.broadcast_to(x, shape)
    def shape(x, *, shape): return np.broadcast_shapes(x, shape)
    def vjp_x(g): return g                                       # the tape undoes broadcasting

class SumTo(Primitive):
    def forward(x, *, shape):                                    # what broadcasting would undo
        new = x.ndim - len(shape)
        axes = [i for i, n in enumerate(x.shape) if i < new or shape[i - new] != n]
        return x.sum(tuple(axes)).reshape(shape)
    def shape(x, *, shape): return shape
    def vjp_x(g, x_shape): return g.expand(x_shape)              # every addend receives g
# fmt: on

# ── 2. Tensor: an array that remembers how it was made ──────────────────────────────────────

numbers = count()  # later tensors have larger ones


class Tensor:
    """An array, or inside a trace a Symbol, and the edges back to its inputs."""

    __array_ufunc__ = None  # array * tensor is a tensor

    def __init__(self, array: Any, requires_grad: bool = False) -> None:
        self.array = array if isinstance(array, Symbol) else np.asarray(array, np.float64)
        self.requires_grad = requires_grad
        self.edges: list[tuple] = []  # an input, the rule for it, what the rule asked for
        self.number = next(numbers)

    def numpy(self) -> np.ndarray:
        if current.get() or isinstance(self.array, Symbol):
            raise TypeError("a trace has no numbers: return the tensor and read it afterwards")
        return self.array

    # fmt: off
    def __bool__(self): return bool(self.numpy())
    def __add__(self, other): return apply(Add, self, other)
    def __mul__(self, other): return apply(Multiply, self, other)
    def __matmul__(self, other): return apply(MatMul, self, other)
    def __sub__(self, other): return self + other * -1
    def __rsub__(self, other): return self * -1 + other
    __radd__, __rmul__ = __add__, __mul__
    shape = property(lambda self: self.array.shape)
    mT = property(lambda self: apply(Transpose, self))
    def tanh(self): return apply(Tanh, self)
    def expand(self, shape): return apply(Expand, self, shape=shape)
    def sum_to(self, shape): return apply(SumTo, self, shape=shape)
    def mean(self): return self.sum_to(()) * (1 / np.prod(self.shape))
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
            y.edges.append((x, rule, [known[name] for name in names]))
    y.requires_grad = bool(y.edges)
    return y


def compute(primitive: type[Primitive], inputs: list[Tensor], params: dict) -> Any:
    """The hinge."""
    if trace := current.get():
        return trace.emit(primitive, inputs, params)
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
    """∂y/∂x of a scalar y, for every x of inputs.

    The latest tensor comes first: all that were made from it have sent their share by then.
    """
    if y.shape != ():
        raise ValueError(f"grad starts from a scalar, but y has shape {y.shape}: take y.mean()")
    cotangents, latest = {y: Tensor(1.0)}, [(-y.number, y)]
    while latest:
        _, made = heappop(latest)
        for x, rule, saved in made.edges:
            g = rule(cotangents[made], *saved)
            g = g if g.shape == x.shape else g.sum_to(x.shape)  # x was broadcast
            if x in cotangents:
                cotangents[x] = cotangents[x] + g
            else:
                cotangents[x] = g
                heappush(latest, (-x.number, x))
    if not all(x in cotangents for x in inputs):
        raise ValueError("y was not made from every input, or one lacks requires_grad=True")
    return [cotangents[x] for x in inputs]


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

    def emit(self, primitive: type[Primitive], inputs: list[Tensor], params: dict) -> Symbol:
        """Write down  y = primitive(inputs, params)  and return the symbol of y."""
        operands = [self.read(x) for x in inputs]
        y = Symbol(self, primitive.shape(*(x.shape for x in operands), **params))
        self.equations.append((y, primitive, operands, params))
        return y

    def read(self, x: Tensor) -> Symbol:
        """The symbol that stands for x at this point of the function."""
        if isinstance(x.array, Symbol):
            if x.array.trace is not self:
                raise TypeError("a tensor of a finished trace has no value: return it instead")
            return x.array
        if x not in self.written and x not in self.bound:
            self.bound[x] = Symbol(self, x.shape)
        return self.written.get(x) or self.bound[x]

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


# ── A network that learns XOR, eager and compiled ───────────────────────────────────────────

POINTS = Tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR = Tensor([[0], [1], [1], [0]])


def network(width: int = 8) -> list[Tensor]:
    """The parameters of two linear layers: weight, bias, weight, bias."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, width)), rng.normal(size=(width, 1))
    return [Tensor(p, True) for w in weights for p in (w, np.zeros(w.shape[1]))]


def predict(parameters: list[Tensor], x: Tensor) -> Tensor:
    """tanh(x W₁ + b₁) W₂ + b₂"""
    w1, b1, w2, b2 = parameters
    return (x @ w1 + b1).tanh() @ w2 + b2


def training_step(parameters: list[Tensor], lr: Tensor) -> Callable[..., Tensor]:
    """Forward, backward, update. Eager or compiled, these are the lines that run."""

    def step(x: Tensor, target: Tensor) -> Tensor:
        error = predict(parameters, x) - target
        loss = (error * error).mean()
        for p, g in zip(parameters, grad(loss, parameters), strict=True):
            assign(p, p - lr * g)
        return loss

    return step


def main(steps: int = 500) -> dict[str, list[float]]:
    """Print a derivative as equations, then train one network in both ways."""
    derivative = Trace(lambda a: grad(a.tanh(), [a])[0], (Tensor(0.5, requires_grad=True),))
    print(f"The derivative of tanh, written down:\n{derivative}\n")
    losses = {}
    for name, prepare in (("eager", lambda step: step), ("compiled", compile)):
        parameters = network()
        step = prepare(training_step(parameters, lr=Tensor(0.3)))
        start = perf_counter()
        losses[name] = [float(step(POINTS, XOR).numpy()) for _ in range(steps)]
        seconds = perf_counter() - start
        says = predict(parameters, POINTS).numpy().ravel().round(2)
        print(f"{name:8}  loss {losses[name][-1]:.6f}  XOR {says}  {seconds:.2f} s")
    print("equal in every bit of every step:", losses["eager"] == losses["compiled"])
    return losses


if __name__ == "__main__":
    main()
