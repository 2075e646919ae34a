"""What the kernels of single operations share: loops in chunks, reading and writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chainrule.engines.native.code.emission import Emission
from chainrule.engines.native.code.places import Places
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.affine import Affine, Var
from chainrule.engines.native.graph.expression import Where
from chainrule.engines.native.graph.nodes import Node
from chainrule.engines.native.graph.views import Index

CHUNK = 1 << 15  # elements that a chunk has, about
MOST_CHUNKS = 32

Number = int | Value


class OwnCode:
    """The function of one node; subclasses write its `body`."""

    def __init__(self, node: Node, places: Places, lanes: int, fused: bool) -> None:
        self.node, self.places = node, places
        self.lanes, self.fused = lanes, fused
        self.chunks = 1

    def write(self, name: str) -> Emitter:
        self.e = Emitter(name, [], self.lanes, fused=self.fused)
        self.emission = Emission(self.e, self.places)
        self.body()
        return self.e

    def body(self) -> None:
        raise NotImplementedError

    # -- elements ----------------------------------------------------------------------------

    def read(self, node: Node, index: Index, where: Where = ()) -> Value:
        return self.emission.leaf(node, index, where)

    def store(self, index: Index, value: Value) -> None:
        self.emission.write_at(self.node, index, value)

    # -- chunks and loops --------------------------------------------------------------------

    def cut(self, count: int, work: int, most: int = MOST_CHUNKS) -> tuple[Number, Number]:
        """The chunk's part of `count` things, for all of which so much work is to be done."""
        self.chunks = max(1, min(count, most, MOST_CHUNKS, work // CHUNK))
        return share(self.e, count, self.chunks)

    def narrow(self, size: int) -> None:
        """Make the vectors no longer than an axis of this size."""
        lanes = self.lanes
        while lanes > max(1, size):
            lanes //= 2
        self.e.lanes = self.emission.lanes = lanes

    @contextmanager
    def vectors(self, var: Var, low: Number = 0, high: Number | None = None) -> Iterator[None]:
        """The loop over a variable by vectors; both ends are multiples of the lanes, or the
        last of all."""
        e, lanes = self.e, self.e.lanes
        var.vector = lanes > 1
        with e.over(var, low, var.size if high is None else high, lanes):
            if var.size % lanes:
                lane = self.emission.position(Affine(0, {var: 1}), "i32")
                limit = e.constant("i32", var.size, lanes)
                self.emission.tails[var] = e.compare("slt", lane, limit)
            yield
        self.emission.tails.pop(var, None)
        var.vector = False

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """What is written inside is done where the condition, a scalar, holds."""
        with self.e.loop(0, self.e.convert("zext", condition, "i64")):
            yield


def share(e: Emitter, count: int, chunks: int) -> tuple[Number, Number]:
    """Where the chunk's part of `count` begins and ends."""
    if chunks == 1:
        return 0, count
    ends = [e.multiply(c, e.int(count)) for c in (e.chunk, e.add(e.chunk, e.int(1)))]
    low, high = [e.binary("udiv", end, e.int(chunks)) for end in ends]
    return low, high


def smaller(e: Emitter, a: Number, b: Number) -> Number:
    """The smaller of two numbers."""
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    first, second = e.as_value(a), e.as_value(b)
    return e.select(e.compare("slt", first, second), first, second)


def axis_vars(shape: tuple[int, ...]) -> list[Var]:
    return [Var(f"i{k}", n) for k, n in enumerate(shape)]


def index_of(variables: list[Var]) -> Index:
    return tuple([Affine.of(var) for var in variables])


def plus(e: Emitter, a: Value, b: Value) -> Value:
    """a + b; of booleans whether one holds."""
    return e.binary({"i1": "or", "float": "fadd", "double": "fadd"}.get(a.kind, "add"), a, b)


def times(e: Emitter, a: Value, b: Value) -> Value:
    """a b; of booleans whether both hold."""
    return e.binary({"i1": "and", "float": "fmul", "double": "fmul"}.get(a.kind, "mul"), a, b)
