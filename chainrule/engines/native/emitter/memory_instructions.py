"""Reading and writing memory: single elements, vectors, and elements here and there."""

from __future__ import annotations

from chainrule.engines.native.emitter.affine import Affine
from chainrule.engines.native.emitter.instructions import Instructions
from chainrule.engines.native.emitter.values import BITS, Value, by_level, suffix, vector_type


class MemoryInstructions(Instructions):
    """Addresses, loads and stores. An i1 takes a byte in memory."""

    def offset(self, form: Affine) -> Value:
        """The number that an index form has here: the part of the outer loops first."""
        total: Value | None = None
        for var, factor in sorted(form.terms.items(), key=by_level):
            part = self.multiply(var.value, self.int(factor))
            total = part if total is None else self.add(total, part)
        return self.int(form.const) if total is None else self.add(total, self.int(form.const))

    def address(self, pointer: Value, form: Affine, kind: str) -> Value:
        """Where element `form` of an array lies; the constant is added last, to be folded."""
        moving = self.offset(Affine(0, form.terms))
        return self.step(self.step(pointer, moving, kind), self.int(form.const), kind)

    def step(self, pointer: Value, count: Value, kind: str) -> Value:
        """The address `count` elements on."""
        if count.number == 0:
            return pointer
        stored = "i8" if kind == "i1" else kind
        text = f"getelementptr inbounds {stored}, ptr {pointer.name}, i64 {count.name}"
        return self.pure(text, "ptr", 1, pointer, count)

    def load(
        self, address: Value, kind: str, lanes: int = 1, mask: Value | None = None,
        fixed: bool = True,
    ) -> Value:  # fmt: skip
        """Elements from memory, zero where the mask does not hold.

        Args: fixed: nothing writes to this memory while the function runs.
        """
        stored = "i8" if kind == "i1" else kind
        type_, align = vector_type(stored, lanes), max(1, BITS[stored] // 8)
        operands = (address,) if mask is None else (address, mask)
        self.loads |= self._origin([address])
        if mask is None:
            text = f"load {type_}, ptr {address.name}, align {align}"
        else:
            text = self._masked_load(address, mask, stored, lanes, align)
        if fixed:
            value = self.pure(text, stored, lanes, *operands)
        else:
            value = self.here(text, stored, lanes)
        return self.convert("trunc", value, "i1") if kind == "i1" else value

    def _masked_load(
        self, address: Value, mask: Value, kind: str, lanes: int, align: int
    ) -> str:
        """A scalar is read as a vector of one, as only vectors have masks."""
        type_ = f"<{lanes} x {kind}>"
        if lanes == 1:
            return self._guarded_scalar(address, mask, kind)
        name = f"llvm.masked.load.v{lanes}{suffix(kind)}.p0"
        self.declared[name] = f"declare {type_} @{name}(ptr, i32, <{lanes} x i1>, {type_})"
        zeros = "zeroinitializer"
        return (
            f"call {type_} @{name}(ptr {address.name}, i32 {align}, "
            f"{mask.type} {mask.name}, {type_} {zeros})"
        )

    def _guarded_scalar(self, address: Value, mask: Value, kind: str) -> str:
        """A scalar read where the mask holds, and from a safe place where it does not."""
        safe = self.zeros()
        place = self.pure(
            f"select i1 {mask.name}, ptr {address.name}, ptr {safe.name}",
            "ptr", 1, mask, address,
        )  # fmt: skip
        return f"load {kind}, ptr {place.name}, align 1"

    def zeros(self) -> Value:
        """The address of eight bytes of zeros."""
        self.helpers["zeros"] = "@zeros = private constant i64 0, align 8"
        return Value("@zeros", "ptr", 1, 0)

    def store(self, value: Value, address: Value, mask: Value | None = None) -> None:
        if value.kind == "i1":
            value = self.convert("zext", value, "i8")
        align = max(1, BITS[value.kind] // 8)
        self.stores |= self._origin([address])
        if mask is not None and mask.number == 1:  # the first lane: LLVM 22 stores too much
            value, mask = self.part(value, 0, 1), None
        if mask is None:
            self.effect(f"store {value.type} {value.name}, ptr {address.name}, align {align}")
            return
        name = f"llvm.masked.store.v{value.lanes}{suffix(value.kind)}.p0"
        self.declared[name] = f"declare void @{name}({value.type}, ptr, i32, {mask.type})"
        self.effect(
            f"call void @{name}({value.type} {value.name}, ptr {address.name}, i32 {align}, "
            f"{mask.type} {mask.name})"
        )

    def gather(
        self, addresses: Value, kind: str, mask: Value | None = None, fixed: bool = True
    ) -> Value:
        """One element from each of a vector of addresses."""
        stored, lanes = ("i8" if kind == "i1" else kind), addresses.lanes
        mask = mask or self.constant("i1", 1, lanes)
        self.loads |= self._origin([addresses])
        type_, name = vector_type(stored, lanes), f"llvm.masked.gather.v{lanes}"
        name += f"{suffix(stored)}.v{lanes}p0"
        self.declared[name] = (
            f"declare {type_} @{name}(<{lanes} x ptr>, i32, <{lanes} x i1>, {type_})"
        )
        align = max(1, BITS[stored] // 8)
        text = (
            f"call {type_} @{name}(<{lanes} x ptr> {addresses.name}, i32 {align}, "
            f"<{lanes} x i1> {mask.name}, {type_} zeroinitializer)"
        )
        if fixed:
            value = self.pure(text, stored, lanes, addresses, mask)
        else:
            value = self.here(text, stored, lanes)
        return self.convert("trunc", value, "i1") if kind == "i1" else value

    def scatter(self, value: Value, addresses: Value, mask: Value | None = None) -> None:
        """One element to each of a vector of addresses."""
        if value.kind == "i1":
            value = self.convert("zext", value, "i8")
        lanes = value.lanes
        mask = mask or self.constant("i1", 1, lanes)
        self.stores |= self._origin([addresses])
        name = f"llvm.masked.scatter.v{lanes}{suffix(value.kind)}.v{lanes}p0"
        self.declared[name] = (
            f"declare void @{name}({value.type}, <{lanes} x ptr>, i32, <{lanes} x i1>)"
        )
        align = max(1, BITS[value.kind] // 8)
        self.effect(
            f"call void @{name}({value.type} {value.name}, <{lanes} x ptr> {addresses.name}, "
            f"i32 {align}, <{lanes} x i1> {mask.name})"
        )

    def addresses(self, pointer: Value, positions: Value, kind: str) -> Value:
        """The addresses of a vector of positions."""
        stored = "i8" if kind == "i1" else kind
        text = (
            f"getelementptr inbounds {stored}, ptr {pointer.name}, "
            f"{positions.type} {positions.name}"
        )
        return self.pure(text, "ptr", positions.lanes, pointer, positions)
