"""Random words and numbers: Philox-4x64-10, many counters at a time in the lanes of vectors.

    x₀ x₁ x₂ x₃  →  hi(M₁ x₂) ⊕ x₁ ⊕ k₀,  lo(M₁ x₂),  hi(M₀ x₀) ⊕ x₃ ⊕ k₁,  lo(M₀ x₀)

ten times over, starting from (counter, 0, 0, 0); the key grows by a constant each time.

Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"
"""

from __future__ import annotations

import numpy as np

from chainrule.engines.native.emitter import Value, vector_type
from chainrule.engines.native.kernels.own_code import OwnCode
from chainrule.ops.random import RandomBits

ROUNDS = 10
FACTORS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
STEPS = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
LOWER = 0xFFFFFFFF
WORDS = 4  # of one counter
CONVERTING = 16  # processors with so many lanes convert 64-bit integers


class RandomCode(OwnCode):
    """RandomBits and RandomUniform."""

    def body(self) -> None:
        node = self.node
        assert self.places.of(node).row_major
        self.counters = max(2, self.lanes // 2)  # as many 64-bit words as a vector has
        self.single = node.op is not RandomBits and node.dtype == np.float32
        self.group = WORDS * self.counters * (2 if self.single else 1)
        full, rest = divmod(node.size, self.group)
        low, high = self.cut(max(1, full), 4 * node.size)
        self.keys = self._keys()
        if full:
            with self.e.loop(low, high) as at:
                self._group(at, self.group)
        if rest:
            last = self.e.compare("eq", self.e.chunk, self.e.int(self.chunks - 1))
            with self.when(last):
                self._group(self.e.int(full), rest)

    def _keys(self) -> list[tuple[Value, Value]]:
        seed, draw = [self.read(x, ()) for x in self.node.inputs]
        return [
            (_plus(self, seed, STEPS[0] * i), _plus(self, draw, STEPS[1] * i))
            for i in range(ROUNDS)
        ]

    def _group(self, at: Value, count: int) -> None:
        """The numbers of some neighbouring counters; the first `count` of them are kept."""
        e = self.e
        first = e.add(e.multiply(at, e.int(self.counters)), e.int(1))
        counter = e.add(e.widened(first, self.counters), e.counting("i64", self.counters))
        parts = self._in_order(self._words(counter))
        start, done = e.multiply(at, e.int(self.group)), 0
        for words in parts:
            values = self._numbers(words)
            self._put(values, e.add(start, e.int(done)), count - done)
            done += values.lanes

    def _words(self, counter: Value) -> list[Value]:
        e = self.e
        nothing = e.constant("i64", 0, self.counters)
        x = [counter, nothing, nothing, nothing]
        for keys in self.keys:
            (high0, low0), (high1, low1) = (
                self._product(x[0], FACTORS[0]), self._product(x[2], FACTORS[1])
            )  # fmt: skip
            k0, k1 = [e.widened(k, self.counters) for k in keys]
            x = [_xor(self, _xor(self, high1, x[1]), k0), low1,
                 _xor(self, _xor(self, high0, x[3]), k1), low0]  # fmt: skip
        return x

    def _product(self, x: Value, factor: int) -> tuple[Value, Value]:
        """The upper and the lower word of a product: with x = a + 2³² b, factor = c + 2³² d

        x · factor = a c + 2³² (b c + a d) + 2⁶⁴ b d
        """
        if x.number == 0:
            return x, x
        c, d = [self._constant(n) for n in (factor & LOWER, factor >> 32)]
        a, b = self._lower(x), self._upper(x)
        middle = self._sum(self._times(b, c), self._upper(self._times(a, c)))
        carried = self._sum(self._times(a, d), self._lower(middle))
        high = self._sum(self._times(b, d), self._upper(middle))
        high = self._sum(high, self._upper(carried))
        return high, self._times(x, self._constant(_signed(factor)))

    def _constant(self, number: int) -> Value:
        return self.e.constant("i64", number, self.counters)

    def _lower(self, x: Value) -> Value:
        return self.e.binary("and", x, self._constant(LOWER))

    def _upper(self, x: Value) -> Value:
        return self.e.binary("lshr", x, self._constant(32))

    def _sum(self, a: Value, b: Value) -> Value:
        return self.e.binary("add", a, b)

    def _times(self, a: Value, b: Value) -> Value:
        return self.e.binary("mul", a, b)

    def _in_order(self, words: list[Value]) -> list[Value]:
        """Four vectors of words, one for each place, as the words of one counter after the
        other."""
        n, half = self.counters, max(2, self.counters // 2)
        pairs = [
            [self._shuffled(a, b, [j for i in range(n // 2) for j in (s + i, s + i + n)])
             for s in (0, n // 2)]
            for a, b in (words[:2], words[2:])
        ]  # fmt: skip
        result = []
        for a, b in zip(*pairs, strict=True):
            for start in range(0, n, half):
                twos = range(start, start + half, 2)
                picks = [j for i in twos for j in (i, i + 1, i + n, i + n + 1)]
                result.append(self._shuffled(a, b, picks))
        return result

    def _shuffled(self, a: Value, b: Value, picks: list[int]) -> Value:
        places = ", ".join(f"i32 {i}" for i in picks)
        mask = f"<{len(picks)} x i32> <{places}>"
        text = f"shufflevector {a.type} {a.name}, {b.type} {b.name}, {mask}"
        return self.e.pure(text, a.kind, len(picks), a, b)

    def _numbers(self, words: Value) -> Value:
        e = self.e
        if self.node.op is RandomBits:
            return words
        if not self.single:
            upper = e.binary("lshr", words, e.constant("i64", 11, words.lanes))
            return e.multiply(self._as_double(upper), e.constant("double", 2.0**-53))
        lanes = 2 * words.lanes
        text = f"bitcast {words.type} {words.name} to {vector_type('i32', lanes)}"
        halves = e.pure(text, "i32", lanes, words)
        upper = e.binary("lshr", halves, e.constant("i32", 8, lanes))
        return e.multiply(e.convert("sitofp", upper, "float"), e.constant("float", 2.0**-24))

    def _as_double(self, whole: Value) -> Value:
        """Numbers below 2⁵³; where no instruction converts vectors of 64-bit integers, the two
        halves are put behind the exponents of 2⁸⁴ and 2⁵², and these taken away."""
        e = self.e
        if self.lanes >= CONVERTING:
            return e.convert("uitofp", whole, "double")
        upper = e.binary("or", self._upper(whole), self._constant(0x4530 << 48))
        lower = e.binary("or", self._lower(whole), self._constant(0x4330 << 48))
        high, low = [e.convert("bitcast", x, "double") for x in (upper, lower)]
        return e.add(e.subtract(high, e.constant("double", 2.0**84 + 2.0**52)), low)

    def _put(self, values: Value, start: Value, count: int) -> None:
        e, place = self.e, self.places.of(self.node)
        start = e.add(start, e.int(place.offset))
        address = e.step(e.pointer(place.name), start, values.kind)
        if count >= values.lanes:
            e.store(values, address)
        elif count > 0:
            lane = e.counting("i32", values.lanes)
            e.store(values, address, e.compare("slt", lane, e.constant("i32", count)))


def _signed(word: int) -> int:
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word


def _plus(code: RandomCode, a: Value, b: int) -> Value:
    return a if not b else code.e.binary("add", a, code.e.int(_signed(b)))


def _xor(code: RandomCode, a: Value, b: Value) -> Value:
    return a if b.number == 0 else b if a.number == 0 else code.e.binary("xor", a, b)
