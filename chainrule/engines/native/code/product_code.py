"""The code of a product: the contraction of its letters, and what is done with each result."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, NamedTuple

from chainrule.engines.native.code.emission import Emission
from chainrule.engines.native.code.nest import Nest, Unit
from chainrule.engines.native.code.places import Place, Places
from chainrule.engines.native.contraction import PARTIAL, Access, Bound, Contraction, Plan, plan
from chainrule.engines.native.emitter import Emitter, Value
from chainrule.engines.native.emitter.affine import Affine, SplitNeeded, Undecided, Var
from chainrule.engines.native.graph.expression import Walk, Where, outside_of
from chainrule.engines.native.graph.nodes import Form, Node, Part
from chainrule.engines.native.graph.views import Index
from chainrule.engines.native.pointwise.kinds import KINDS


class Found(NamedTuple):
    """The stored node that an operand shows, and where its elements lie."""

    node: Node
    form: Affine
    where: Where


class OperandWalk(Walk):
    """From an operand through movement to memory."""

    def __init__(self, places: Places) -> None:
        super().__init__(places.is_stored)
        self.places = places

    def leaf(self, node: Node, index: Index, where: Where) -> Found:
        return Found(node, self.places.of(node).at(index), where)

    def leaf_flat(self, node: Node, position: Affine, where: Where) -> Found:
        return Found(node, position + self.places.of(node).offset, where)

    def is_row_major(self, node: Node) -> bool:
        return self.places.of(node).row_major

    def number(self, value: Any, dtype: Any) -> Any:
        return value

    def choose(self, where: Where, inside: Any, outside: Any) -> Any:
        if outside != 0:
            raise Undecided(Affine(), 0)
        return inside


class Letters:
    """The letters of a part as variables; some are cut in two where an axis was."""

    def __init__(self, part: Part) -> None:
        self.variables = {name: [Var(name, n)] for name, n in part.sizes}

    def form(self, form: Form) -> Affine:
        factors, const = form
        total = Affine(const)
        for name, factor in factors:
            total = total + self._whole(name) * factor
        return total

    def _whole(self, name: str) -> Affine:
        whole = Affine()
        for var in self.variables[name]:
            whole = whole * var.size + Affine.of(var)
        return whole

    def index(self, forms: Iterable[Form]) -> Index:
        return tuple([self.form(form) for form in forms])

    def split(self, var: Var, inner: int) -> None:
        for variables in self.variables.values():
            if var in variables:
                at = variables.index(var)
                variables[at : at + 1] = [Var(var.name + "o", var.size // inner),
                                          Var(var.name + "i", inner)]  # fmt: skip
                return
        raise KeyError(var)

    def sizes(self) -> dict[str, int]:
        return {v.name: v.size for group in self.variables.values() for v in group}


class PartCode:
    """One contraction of a product, with the code of its results.

    Args:
        nest: its units are computed from each result.
        fixed: the ids of nodes that are the same in all turns of a loop.
    """

    def __init__(
        self, node: Node, part: Part, nest: Nest, places: Places, fixed: Container[int] = ()
    ) -> None:
        self.node, self.part, self.nest = node, part, nest
        self.places, self.fixed = places, fixed
        self.letters = Letters(part)
        self.apart = False  # whether the units come after all results are there
        self._resolve()

    def _resolve(self) -> None:
        """Find the operands in memory, cutting letters where their axes are cut."""
        walk = OperandWalk(self.places)
        a, b = self.node.inputs
        while True:
            try:
                self.a = self._operand(walk, a, self.part.a)
                self.b = self._operand(walk, b, self.part.b)
                return
            except SplitNeeded as split:
                self.letters.split(split.var, split.inner)

    def _operand(self, walk: OperandWalk, node: Node, forms: tuple[Form, ...]) -> Found:
        """Where the elements of an operand lie; outside of it they count as zeros."""
        index = self.letters.index(forms)
        return walk.value(node, index, outside_of(index, [(0, n) for n in node.shape]))

    def plan(self, lanes: int, registers: int) -> Plan:
        """How the contraction will be computed."""
        y = self.places.of(self.node).at(self.letters.index(self.part.y))
        c = Contraction(
            self.letters.sizes(), self._access(self.a), self._access(self.b),
            Access(_strides(y), y.const), KINDS[self.node.dtype],
        )  # fmt: skip
        keep = c.outputs if self.nest.units else ()
        whole = len(self.node.params["parts"]) > 1
        self.planned = plan(c, lanes, registers, keep, whole=whole)
        if keep and self._is_better_apart(other := plan(c, lanes, registers)):
            self.planned, self.apart = other, True
        return self.planned

    def _is_better_apart(self, other: Plan) -> bool:
        """Whether what is computed from the results comes afterwards, in loops of its own: if
        results are not made one behind the other, or not as fast otherwise."""
        planned = self.planned
        if len(self.node.params["parts"]) > 1 or not self.part.sizes:
            return False
        vector = planned.scheme.across or planned.scheme.vector
        in_order = vector is None or planned.contraction.y.stride(vector) == 1
        return not in_order or other.cycles + self.node.size < planned.cycles

    def _access(self, found: Found) -> Access:
        bounds = tuple([
            Bound(_strides(at), at.const - low, high - low) for at, low, high in found.where
        ])  # fmt: skip
        lasting = id(found.node) in self.fixed
        return Access(_strides(found.form), found.form.const, bounds, lasting)

    def write(self, name: str, lanes: int, fused: bool, partial: Place | None) -> Emitter:
        """The function for one chunk; with `partial`, results go there to be added up later."""
        lanes = lanes if KINDS[self.node.dtype] == "float" else max(1, lanes // 2)
        e = Emitter(name, [], lanes, fused=fused)
        emission = Emission(e, self.places)
        a, b = e.pointer("operand0"), e.pointer("operand1")

        def finish(index: dict[str, Affine], value: Value, mask: Value | None) -> None:
            emission.forget()
            emission.lanes = value.lanes
            emission.tails = {v: mask for v in _moving(index) if mask is not None}
            self._finish(emission, index, value, partial)

        self.planned.write(e, a, b, finish)
        return e

    def _finish(
        self, emission: Emission, index: dict[str, Affine], value: Value, partial: Place | None
    ) -> None:
        letters = [v for group in self.letters.variables.values() for v in group]
        values = {v: index.get(v.name, Affine()) for v in letters}
        at = tuple([form.substitute(values) for form in self.letters.index(self.part.y)])
        node = self.node
        if partial is not None:
            form = index.get(PARTIAL, Affine()) * node.size + partial.at(at)
            emission.write(value, node.dtype, partial, form)
            return
        emission.registers[id(node)] = value
        results = [] if self.places.is_local(node) else [(node, at, value)]
        forms = [form for form, n in zip(at, node.shape, strict=True) if n != 1]
        for unit in self.nest.units:
            place = _index(unit, forms)
            result = emission.compute(unit.node, place)
            emission.registers[id(unit.node)] = result
            if not self.places.is_local(unit.node):
                results.append((unit.node, place, result))
        for made, place, result in results:
            emission.write_at(made, place, result)
        for made in (node, *[unit.node for unit in self.nest.units]):
            emission.registers.pop(id(made), None)


def _index(unit: Unit, forms: list[Affine]) -> Index:
    rest = iter(forms)
    return tuple([Affine() if n == 1 else next(rest) for n in unit.node.shape])


def _moving(index: dict[str, Affine]) -> set[Var]:
    return {v for form in index.values() for v in form.terms if v.vector}


def _strides(form: Affine) -> dict[str, int]:
    return {v.name: f for v, f in form.terms.items()}
