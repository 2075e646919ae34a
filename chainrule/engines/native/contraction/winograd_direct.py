"""Results by tiles that are not finite, summed again directly.

An infinite number becomes NaN in the transforms, and large ones overflow where their sum would
not. So what comes out as NaN or infinite is thrown away, and the definition gives it:

    y[filters] = Σ over taps inside the image, and over channels, of d g          convolved()
    w[channels] = Σ over the results of a chunk's tiles, of d g                   correlated()

The code is a function of its own, which the processor does not meet as long as all is finite.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from chainrule.engines.native.contraction.form import Access
from chainrule.engines.native.contraction.winograd import TAPS, TILE, Tiling
from chainrule.engines.native.contraction.winograd_image import located, one_image
from chainrule.engines.native.emitter import Emitter, Slot, Value
from chainrule.engines.native.emitter.affine import Var
from chainrule.engines.native.emitter.values import Scope

BLOCK = 64  # steps of a sum between two looks whether it still is a number
ABREAST = 4  # sums that are added up in the end, so that no addition waits for the last one
Given = Mapping[str, Value]


def not_finite(e: Emitter, values: list[Value]) -> Value:
    """Whether some lane holds NaN or infinite; a sum that overflows counts as such."""
    while len(values) > 1:
        odd = values[len(values) & ~1 :]
        pairs = zip(values[::2], values[1::2], strict=False)
        values = [*(e.add(a, b) for a, b in pairs), *odd]
    rest = e.subtract(values[0], values[0])
    wrong = e.compare("uno", rest, rest)
    return e.call(f"llvm.vector.reduce.or.v{wrong.lanes}i1", "i1", 1, wrong)


@contextmanager
def rarely(e: Emitter, condition: Value) -> Iterator[None]:
    """What is done where a condition holds, which it hardly ever does."""
    key = e.fresh()
    e.scopes.append(Scope(f"rare.{key}"))
    try:
        yield
    finally:
        body = e.scopes.pop()
    around = e.scopes[-1]
    around.lines += [
        f"br i1 {condition.name}, label %rare.{key}, label %usual.{key}, "
        '!prof !{!"branch_weights", i32 1, i32 100000}',
        f"rare.{key}:",
        *body.lines,
        f"br label %usual.{key}",
        f"usual.{key}:",
    ]
    around.block = f"usual.{key}"


def convolved(
    e: Emitter, tiling: Tiling, image: Value, weights: Value, row: Value, column: Value
) -> Value:
    """One vector of filters.

    Args:
        image: the one image; weights: those of the filters, as they were.
        row, column: of the result.
    """
    given = {"image": image, "weights": weights, "row": row, "column": column}
    return _called(e, tiling, given, _convolved)


def _convolved(e: Emitter, tiling: Tiling, given: Given, totals: list[Slot]) -> None:
    lanes = tiling.lanes
    with e.loop(0, TAPS, 1, "i") as i, e.loop(0, TAPS, 1, "j") as j:
        seen = e.add(given["row"], i), e.add(given["column"], j)
        element = _element(e, tiling, given["image"], *seen)
        tap = e.multiply(e.add(e.multiply(i, e.int(TAPS)), j), e.int(lanes))
        channels = e.multiply(_inside(e, tiling, *seen), e.int(tiling.channels))

        def step(c: Value, total: Slot) -> None:
            at = e.add(e.multiply(c, e.int(TAPS * TAPS * lanes)), tap)
            factor = e.load(e.step(given["weights"], at, "float"), "float", lanes)
            one = e.load(e.step(element, c, "float"), "float")
            e.put(total, e.fma(factor, one, e.get(total)))

        _until_nan(e, totals, e.int(0), channels, step)


def _until_nan(
    e: Emitter, totals: list[Slot], low: Value, high: Value,
    step: Callable[[Value, Slot], None],
) -> None:  # fmt: skip
    """A loop that ends soon after all lanes of a sum are NaN, which they will stay."""
    whole = e.multiply(_is_number(e, totals), e.subtract(high, low))
    with e.loop(low, e.add(low, whole), BLOCK, "block") as first:
        length = e.intrinsic("smin", e.subtract(high, first), e.int(BLOCK))
        last = e.add(first, e.multiply(_is_number(e, totals), length))
        rest = e.binary("urem", e.subtract(last, first), e.int(len(totals)))
        middle = e.subtract(last, rest)
        with e.loop(first, middle, len(totals), "together") as at:
            for k, total in enumerate(totals):
                step(e.add(at, e.int(k)), total)
        with e.loop(middle, last, 1, "rest") as at:
            step(at, totals[0])


def _added(e: Emitter, totals: list[Slot]) -> Value:
    """The sum of all."""
    a, *others = [e.get(total) for total in totals]
    for b in others:
        a = e.add(a, b)
    return a


def _is_number(e: Emitter, totals: list[Slot]) -> Value:
    """1 where some lane of a sum is not NaN, else 0."""
    now = _added(e, totals)
    numbers = e.compare("ord", now, now)
    some = e.call(f"llvm.vector.reduce.or.v{now.lanes}i1", "i1", 1, numbers)
    return e.convert("zext", some, "i64")


def correlated(
    e: Emitter, tiling: Tiling, image: Value, gradient: Value, tiles: tuple[Value, Value],
    row: Value, column: Value,
) -> Value:  # fmt: skip
    """One vector of channels.

    Args:
        image: from the first of the channels on; gradient: from the filter on.
        tiles: the first, and the one behind the last.
        row, column: of the window.
    """
    given = {"image": image, "gradient": gradient, "first": tiles[0], "last": tiles[1],
             "row": row, "column": column}  # fmt: skip
    return _called(e, tiling, given, _correlated)


def _correlated(e: Emitter, tiling: Tiling, given: Given, totals: list[Slot]) -> None:
    def step(tile: Value, total: Slot) -> None:
        w, c = tiling.window, tiling.contraction
        outer = {x: Var(x, c.sizes[x]) for x in w.outer}
        corner = [e.multiply(x, e.int(TILE)) for x in located(e, tiling, outer, tile)]
        image = one_image(e, outer, given["image"], c.a)
        gradient = one_image(e, outer, given["gradient"], c.b)
        for i, j in itertools.product(range(TILE), repeat=2):
            place = e.add(corner[0], e.int(i)), e.add(corner[1], e.int(j))
            seen = e.add(place[0], given["row"]), e.add(place[1], given["column"])
            exists = _both(e, [(x, axis.size) for x, axis in zip(place, w.axes, strict=True)])
            with e.loop(0, e.multiply(exists, _inside(e, tiling, *seen)), 1, "inside"):
                at = _moved(e, tiling, e.step(gradient, e.int(c.b.offset), "float"), c.b, place)
                factor = e.load(at, "float")
                element = _element(e, tiling, image, *seen)
                one = e.load(element, "float", tiling.lanes)
                e.put(total, e.fma(one, factor, e.get(total)))

    _until_nan(e, totals, given["first"], given["last"], step)


def _element(e: Emitter, tiling: Tiling, image: Value, row: Value, column: Value) -> Value:
    """The address of what the first tap sees for the result at a place."""
    start = e.step(image, e.int(tiling.window.offset), "float")
    return _moved(e, tiling, start, tiling.contraction.a, (row, column))


def _moved(
    e: Emitter, tiling: Tiling, start: Value, t: Access, place: tuple[Value, Value]
) -> Value:
    for axis, x in zip(tiling.window.axes, place, strict=True):
        start = e.step(start, e.multiply(x, e.int(t.stride(axis.place))), "float")
    return start


def _inside(e: Emitter, tiling: Tiling, row: Value, column: Value) -> Value:
    """1 where the first tap sees the image for the result at a place, else 0."""
    axes = tiling.window.axes
    return _both(e, [(e.add(x, e.int(axis.start)), axis.lines)
                     for x, axis in zip((row, column), axes, strict=True)])  # fmt: skip


def _both(e: Emitter, places: list[tuple[Value, int]]) -> Value:
    """1 where both numbers are below their limits and not negative, else 0."""
    first, second = (e.compare("ult", x, e.int(size)) for x, size in places)
    return e.convert("zext", e.binary("and", first, second), "i64")


def _called(
    e: Emitter, tiling: Tiling, given: Given,
    write: Callable[[Emitter, Tiling, Given, list[Slot]], None],
) -> Value:  # fmt: skip
    """The sum that a function returns; its text depends on the sizes alone."""
    inner = Emitter("direct", [], tiling.lanes, fused=e.fused)
    inside = {x: Value(f"%{x}", value.kind, 1, 0) for x, value in given.items()}
    zero = inner.constant("float", 0.0, tiling.lanes)
    totals = [inner.slot(zero) for _ in range(ABREAST)]
    write(inner, tiling, inside, totals)
    result = _added(inner, totals)
    parameters = ", ".join(f"{x.type} {x.name}" for x in inside.values())
    body = [*inner.slots, *inner.scopes[0].lines, f"ret {result.type} {result.name}", "}"]
    text = "\n".join([f"({parameters}) cold noinline #0 {{", "entry:", *body])
    name = f"direct.{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    e.helpers[name] = f"define internal {result.type} @{name}{text}"
    e.declared |= inner.declared
    operands = ", ".join(f"{x.type} {x.name}" for x in given.values())
    return e.here(f"call {result.type} @{name}({operands})", "float", tiling.lanes)
