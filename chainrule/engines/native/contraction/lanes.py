"""Moving numbers between the lanes of vectors: transposing, and sums over lanes."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.engines.native.emitter import Emitter, Value


def prefix(lanes: int, count: int) -> Value:
    """A mask that holds in the first lanes."""
    marks = ", ".join(f"i1 {'true' if i < count else 'false'}" for i in range(lanes))
    return Value(f"<{marks}>", "i1", lanes, 0, count)


def shuffle(e: Emitter, a: Value, b: Value, chosen: Sequence[int]) -> Value:
    """Lanes of a and b, numbered through, in a new order."""
    marks = ", ".join(f"i32 {i}" for i in chosen)
    text = (
        f"shufflevector {a.type} {a.name}, {b.type} {b.name}, <{len(chosen)} x i32> <{marks}>"
    )
    return e.pure(text, a.kind, len(chosen), a, b)


def exchange(e: Emitter, a: Value, b: Value, distance: int) -> tuple[Value, Value]:
    """The off-diagonal blocks of two rows exchanged:  a0 a1 | b0 b1  →  a0 b0 | a1 b1."""
    n = a.lanes
    low = [i if not i & distance else n + i - distance for i in range(n)]
    high = [i + distance if not i & distance else n + i for i in range(n)]
    return shuffle(e, a, b, low), shuffle(e, a, b, high)


def transposed(e: Emitter, rows: Sequence[Value]) -> list[Value]:
    """As many vectors as they have lanes, columns for rows."""
    result, distance = list(rows), len(rows) // 2
    while distance:
        for i in range(len(result)):
            if not i & distance:
                pair = exchange(e, result[i], result[i + distance], distance)
                result[i], result[i + distance] = pair
        distance //= 2
    return result


def sums_of(e: Emitter, vectors: Sequence[Value]) -> Value:
    """The sum over the lanes of each vector, one sum a lane; zeros up to a power of two."""
    first = vectors[0]
    width = 1 << (len(vectors) - 1).bit_length()
    zero = e.constant(first.kind, 0.0, first.lanes)
    rows = [*vectors, *[zero] * (width - len(vectors))]
    distance = 1
    while len(rows) > 1:
        pairs = zip(rows[::2], rows[1::2], strict=True)
        rows = [e.add(*exchange(e, a, b, distance)) for a, b in pairs]
        distance *= 2
    total = rows[0]
    while total.lanes > width:
        half = total.lanes // 2
        total = e.add(e.part(total, 0, half), e.part(total, half, half))
    return total


def insert(e: Emitter, value: Value, one: Value, lane: int) -> Value:
    """A vector with one lane replaced."""
    text = f"insertelement {value.type} {value.name}, {one.kind} {one.name}, i64 {lane}"
    return e.pure(text, value.kind, value.lanes, value, one)
