"""Every lowering rule gives what the primitive's forward gives, for all its element types.

The kernels of one processor and vector width are compiled together, one for each rule and
element type. They run on special values, each met by each other, and on random ones.
"""

import ctypes
import functools
import itertools
import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

from chainrule import dtypes
from chainrule.engines.native.emitter import Emitter
from chainrule.engines.native.emitter.affine import Affine, Var
from chainrule.engines.native.pointwise import (
    KINDS,
    RULES,
    Unsupported,
    cost,
    has_rule,
    lower,
    narrow,
    widen,
)
from chainrule.engines.native.pointwise.functions import FUNCTIONS
from chainrule.engines.native.pointwise.rules import letter
from chainrule.engines.native.running import llvm, target
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.primitive import Primitive

TYPES = {d.name: d.numpy for d in dtypes.ALL}
COUNT = 2048
#: forward is called: series and iterations without a closed form, and what checks its input
WITHOUT = {
    "BesselI0", "BesselI0e", "BesselI1", "BesselI1e", "Digamma", "DirichletSlope",
    "Erfcx", "GammaSlope", "Igamma", "Igammac", "Levels", "Lgamma", "LogNdtr",
    "Ndtri", "Zeta",
}  # fmt: skip
#: distance from forward that is allowed, in units of the last place; no others may differ
ULPS = dict.fromkeys(["Sinc", "Hypot", "XLogY", "XLog1pY", "Entropy", "Power"], 4)
ULPS |= {p.__name__: 4 for p in FUNCTIONS if p.__module__ != "chainrule.ops.rounding"}
TIES = ("Fmax", "Fmin")  # NumPy gives either of two zeros
#: of these forward loses what is so small, through an infinite number on the way
FLUSHED = {"Sigmoid": {d.name: 2 * dtypes.finfo(d).tiny for d in dtypes.ALL if d.category == 2}}
DIVISORS = (1, 2, -1, -3, 7, 100)
EXPONENTS = (0, 1, 2, 5, 64)
WIDEST = target.host().vector_bytes // 4


class Machine(NamedTuple):
    """A processor, the lanes of its vectors, those used, and whether the last input is one
    number for all."""

    name: str
    wide: int
    lanes: int
    repeats: bool = False


MACHINES = [Machine("host", WIDEST, lanes) for lanes in (WIDEST, 1)]
MACHINES.append(Machine("host", WIDEST, WIDEST, repeats=True))
if target.host().architecture == "x86_64":
    MACHINES.append(Machine("x86-64", 4, 4))


@dataclass(frozen=True)
class Case:
    """One kernel: a primitive, the type of its inputs, and what is known beforehand."""

    primitive: type[Primitive]
    type: str
    to: str = ""  # of conversions
    fixed: int | None = None  # the last input, where it is a constant

    @property
    def name(self) -> str:
        parts = (self.primitive.__name__, self.type, self.to, self.fixed)
        return "_".join(str(p).replace("-", "m") for p in parts if p not in ("", None))

    @property
    def params(self):
        return {"to": TYPES[self.to], "source": TYPES[self.type]} if self.to else {}

    @property
    def dtypes(self):
        given = [TYPES[self.type]] * len(self.primitive.inputs)
        return [TYPES["bool"], *given[1:]] if self.primitive.__name__ == "Where" else given

    @property
    def result(self):
        return self.primitive.dtype(*self.dtypes, **self.params)


def cases():
    for primitive, type_ in itertools.product(RULES, TYPES):
        whole, name = TYPES[type_].kind in "iu", primitive.__name__
        if letter(TYPES[type_]) not in RULES[primitive].types:
            continue
        if name == "Convert":
            yield from (Case(primitive, type_, to) for to in TYPES)
        elif whole and name in ("FloorDivide", "Remainder", "Fmod"):
            known = [d for d in DIVISORS if type_ != "uint8" or d > 0]
            yield from (Case(primitive, type_, fixed=d) for d in known)
        elif name == "Power" and whole:
            yield from (Case(primitive, type_, fixed=d) for d in EXPONENTS)
        else:
            yield Case(primitive, type_)
    power, floats = Primitive.registry["Power"], ("float16", "float32", "float64")
    yield Case(power, "uint8")
    yield from (Case(power, t, fixed=d) for t in floats for d in (-1, 0, 1, 2, 3, 4, 7))


CASES = {case.name: case for case in cases()}


def cases_on(machine):
    """The cases that say something about a machine."""
    repeated = [c for c in CASES.values() if len(c.dtypes) > 1 and c.fixed is None]
    return repeated if machine.repeats else list(CASES.values())


def named_rules():
    """The primitives that are tested on each machine."""
    for machine in MACHINES:
        label = "-".join(map(str, machine))
        for name in dict.fromkeys(case.primitive.__name__ for case in cases_on(machine)):
            yield pytest.param(name, machine, id=f"{name}-{label}")


def kernel(case, machine):
    """The code of a case: a loop over COUNT elements."""
    places = [f"x{i}" for i in range(len(case.dtypes))]
    e = Emitter(case.name, [*places, "y"], machine.wide, fused=_fused(machine.name))
    index = Var("i", COUNT)
    with e.over(index, step=machine.lanes):
        values = []
        for place, dtype in zip(places, case.dtypes):
            one = machine.repeats and place == places[-1]
            form, lanes = (Affine(), 1) if one else (Affine.of(index), machine.lanes)
            address = e.address(e.pointers[place], form, KINDS[dtype])
            values.append(widen(e, e.load(address, KINDS[dtype], lanes), dtype))
        if case.fixed is not None:
            values[-1] = e.constant(values[-1].kind, case.fixed)
        y = lower(e, case.primitive, values, case.dtypes, case.params)
        y = e.widened(y, machine.lanes)
        address = e.address(e.pointers["y"], Affine.of(index), KINDS[case.result])
        e.store(narrow(e, y, case.result), address)
    return e


def _fused(name):
    return target.named(name).vector_bytes > 16 or target.host().architecture != "x86_64"


@functools.cache
def library(machine):
    """The kernels of all cases, compiled for a machine."""
    emitters = [kernel(case, machine) for case in cases_on(machine)]
    helpers, declared = {}, {}
    for e in emitters:
        helpers |= e.helpers
        declared |= e.declared
    chosen = target.named(machine.name)
    texts = [*helpers.values(), *[e.text() for e in emitters], *declared.values()]
    text = "\n".join([*texts, f"attributes #0 = {{ {chosen.attributes} }}"])
    return llvm.load(llvm.compile_object(text, chosen))


def run(machine, case, arrays):
    """What the kernel of a case makes of the arrays."""
    y = np.zeros(COUNT, case.result)
    pointers = (ctypes.c_void_p * (len(arrays) + 1))(*[a.ctypes.data for a in (*arrays, y)])
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    function(library(machine).address(case.name))(ctypes.addressof(pointers), None, 0)
    return y


def special(dtype):
    """The numbers at which something changes."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        small = (-100, -12, -8, -7, -3, -2, -1, 0, 1, 2, 3, 6, 7, 8, 12, 31, 64)
        kept = [n for n in small if n >= limits.min]
        return np.array([limits.min, limits.min + 1, limits.max - 1, limits.max, *kept], dtype)
    limits = dtypes.finfo(dtypes.OF_NUMPY[dtype])
    sizes = [
        0, limits.tiny * limits.eps, limits.tiny, 0.25, 0.5, 1 - limits.eps, 1, 1 + limits.eps,
        1.5, 2, 2.5, 3, 7.25, 100, 300.7, 3e4, 2.0**31, 2.0**63, limits.max, np.inf, np.nan,
    ]  # fmt: skip
    return in_type(np.array([*sizes, *[-size for size in sizes]]), dtype)


def in_type(numbers, dtype):
    with np.errstate(over="ignore"):
        return dtypes.cast(numbers.astype(np.float32) if dtype.kind == "V" else numbers, dtype)


def random(dtype, count, generator):
    """Numbers of every size."""
    if dtype.kind in "biu":
        words = generator.integers(0, 2**64, count, np.uint64)
        cut = words >> generator.integers(0, 8 * dtype.itemsize, count).astype(np.uint64)
        return (cut & np.uint64(1)).astype(bool) if dtype.kind == "b" else cut.astype(dtype)
    limits = dtypes.finfo(dtypes.OF_NUMPY[dtype])
    sizes = np.exp2(generator.uniform(np.log2(limits.tiny) - 4, np.log2(limits.max), count))
    signed = generator.choice([-1.0, 1.0], count) * sizes
    plain = generator.uniform(-3, 3, count)
    return in_type(np.where(generator.random(count) < 0.6, plain, signed), dtype)


def inputs(case):
    """Special values, each of them with each other, and random ones."""
    generator = np.random.default_rng(zlib.crc32(case.name.encode()))
    values = [special(dtype) for dtype in case.dtypes]
    if len(values) <= 2:
        met = np.meshgrid(*[np.arange(v.size) for v in values])
        chosen = [v[np.ravel(m)] for v, m in zip(values, met)]
    else:
        chosen = [generator.choice(v, COUNT // 2) for v in values]
    count = COUNT - chosen[0].size
    made = [
        np.concatenate([c, random(dtype, count, generator)])
        for c, dtype in zip(chosen, case.dtypes)
    ]
    if case.fixed is not None:
        made[-1] = in_type(np.full(COUNT, case.fixed), case.dtypes[-1])
    return made


def distance(got, wanted, signed_zeros):
    """How many numbers of the type lie between two; of integers whether they differ."""
    if got.dtype.kind in "biu":
        return (got != wanted).astype(np.int64)
    a, b = [_steps(y) for y in (got, wanted)]
    apart = np.abs(a - b)  # wraps for numbers of opposite signs, to what is far from 0
    apart[_nan(got)] = COUNT
    apart[_nan(got) & _nan(wanted)] = 0
    if not signed_zeros:
        apart[(apart == 1) & ((a == 0) | (b == 0)) & ((a == -1) | (b == -1))] = 0
    return apart


def _steps(y):
    """Floats counted from 0: -1 for -0, and so on."""
    bits = np.ascontiguousarray(y).view(f"i{y.itemsize}").astype(np.int64)
    return np.where(bits < 0, -1 - (bits & np.iinfo(f"i{y.itemsize}").max), bits)


def _nan(y):
    return np.isnan(_size(y))


def _size(y):
    return np.abs(dtypes.cast(y, np.dtype(float)))


def differences(case, machine, arrays):
    """Where the kernel gives something else than forward: inputs, got, wanted."""
    if machine.repeats:
        arrays[-1][:] = arrays[-1][COUNT // 5]
    with np.errstate(all="ignore"):
        wanted = case.primitive.evaluate(tuple(arrays), case.params)
    got = run(machine, case, arrays)
    assert got.dtype == wanted.dtype
    name = case.primitive.__name__
    apart = distance(got, wanted, signed_zeros=name not in TIES)
    if name in FLUSHED:
        apart[_size(got) + _size(wanted) < FLUSHED[name][case.type]] = 0
    bad = np.flatnonzero((apart > ULPS.get(name, 0)) | (apart < 0))
    return [(*[a[i] for a in arrays], got[i], wanted[i]) for i in bad[:5]]


@pytest.mark.parametrize("name, machine", list(named_rules()))
def test_rule_gives_what_forward_gives(name, machine):
    found = {
        case.name: differences(case, machine, inputs(case))
        for case in cases_on(machine)
        if case.primitive.__name__ == name
    }
    assert not any(found.values()), {case: bad for case, bad in found.items() if bad}


@pytest.mark.parametrize("machine", [m for m in MACHINES if not m.repeats], ids=str)
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_every_half_and_what_lies_between(half, machine):
    """Each of the 65536, the middle of each two neighbours, and the floats beside that."""
    widened = CASES[f"Convert_{half}_float32"]
    rounded = CASES[f"Convert_float32_{half}"]
    for start in range(0, 1 << 16, COUNT):
        halves = np.arange(start, start + COUNT).astype(np.uint16).view(TYPES[half])
        assert not differences(widened, machine, [halves])
        exact = dtypes.cast(halves, np.dtype(np.float64))
        with np.errstate(all="ignore"):
            middle = ((exact + np.roll(exact, -1)) / 2).astype(np.float32)
            for x in (middle, np.nextafter(middle, np.inf), np.nextafter(middle, -np.inf)):
                assert not differences(rounded, machine, [x.astype(np.float32)])


def test_every_elementwise_primitive_has_a_rule_or_a_reason():
    family = [p for p in Primitive.registry.values() if issubclass(p, Elementwise)]
    assert {p.__name__ for p in family if p not in RULES} == WITHOUT


@pytest.mark.parametrize("name", ["FloorDivide", "Remainder", "Fmod"])
def test_integers_are_divided_only_by_known_numbers(name):
    """Forward raises where there is a 0, which is no matter of the kernel."""
    primitive, types = Primitive.registry[name], [TYPES["int32"]] * 2
    assert has_rule(primitive, types, [None, 3])
    assert not has_rule(primitive, types, [None, None])
    assert not has_rule(primitive, types, [None, 0])
    e = Emitter("f", [], 4)
    with pytest.raises(Unsupported, match=f"{name} of int32, int32"):
        lower(e, primitive, [e.constant("i32", 1), e.constant("i32", 0)], types, {})


def test_powers_of_integers_need_exponents_that_are_not_negative():
    power, types = Primitive.registry["Power"], [TYPES["int64"]] * 2
    assert has_rule(power, types, [None, 3])
    assert not has_rule(power, types, [None, -1])
    assert not has_rule(power, types, [None, None])
    assert has_rule(power, [TYPES["uint8"]] * 2, [None, None])


def test_types_without_meaning_have_no_rule():
    assert not has_rule(Primitive.registry["Subtract"], [TYPES["bool"]] * 2, [None, None])
    assert not has_rule(Primitive.registry["Exp"], [TYPES["int64"]], [None])
    assert not has_rule(Primitive.registry["Lgamma"], [TYPES["float32"]], [None])


def test_costs_are_those_of_the_work():
    order = ["Copy", "Add", "Divide", "Exp", "Remainder", "Lgamma"]
    costs = [cost(Primitive.registry[name]) for name in order]
    assert costs == sorted(set(costs))
