"""Writing LLVM's textual code: values, instructions, loops.

    >>> e = Emitter("scale", ["x", "y"], lanes=16)
    >>> x, y = e.pointers["x"], e.pointers["y"]
    >>> with e.loop(0, 1024, e.lanes) as i:
    ...     vector = e.load(e.step(x, i, "float"), "float", e.lanes)
    ...     e.store(e.multiply(vector, e.constant("float", 2.0)), e.step(y, i, "float"))
    >>> "fmul <16 x float>" in e.text()
    True

A value is a scalar or a vector of `lanes` of them; where one operand is a scalar and the other
a vector, the scalar is repeated. An instruction without effects is written into the outermost
loop in which its operands are known, and once only: loop-invariant code and common
subexpressions need no optimizer.

Types are LLVM's scalar types: half, bfloat, float, double, i1, i8, i16, i32, i64, ptr.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chainrule.engines.native.emitter.affine import Var
from chainrule.engines.native.emitter.memory_instructions import MemoryInstructions
from chainrule.engines.native.emitter.pressure import constants, most_alive
from chainrule.engines.native.emitter.values import Scope, Slot, Value, vector_type


class Emitter(MemoryInstructions):
    """One function being written.

    What is found, where registers are few: `alive`, of vectors that a loop needs at a time, at
    most, and `constants` that a loop reads beside them.
    """

    alive = constants = 0

    @property
    def often(self) -> int:
        """How often a loop reads the constants that LLVM would keep in registers.

        Notes: without fma instructions overwrite an operand. It is brought there first, from
        memory if it is a constant that is read only once.
        """
        return 1 if self.fused else 2

    # -- variables and loops ---------------------------------------------------------------

    def slot(self, start: Value) -> Slot:
        """A variable that starts with a value."""
        made = self._made("%s", start.kind, start.lanes, 0)
        slot = Slot(made.name, start.kind, start.lanes)
        self.slots.append(f"{slot.name} = alloca {start.type}, align 64")
        self.put(slot, start)
        return slot

    def get(self, slot: Slot) -> Value:
        type_ = vector_type(slot.kind, slot.lanes)
        return self.here(f"load {type_}, ptr {slot.name}", slot.kind, slot.lanes)

    def put(self, slot: Slot, value: Value) -> None:
        value = self.widened(value, slot.lanes)
        self.effect(f"store {value.type} {value.name}, ptr {slot.name}")

    @contextmanager
    def loop(
        self, low: int | Value, high: int | Value, step: int = 1, name: str = "i"
    ) -> Iterator[Value]:
        """`for (i = low; i < high; i += step)`; a loop that runs once leaves no trace."""
        if isinstance(low, int) and isinstance(high, int) and 0 < high - low <= step:
            yield self.int(low)
            return
        first, last = self.as_value(low), self.as_value(high)
        key = self.fresh()
        counter = Value(f"%{name}.{key}", "i64", 1, self.level + 1)
        self.scopes.append(Scope(f"body.{key}"))
        try:
            yield counter
        except BaseException:
            self.scopes.pop()
            raise
        self._close(first, last, step, counter, key)

    def _close(self, first: Value, last: Value, step: int, counter: Value, key: str) -> None:
        body = self.scopes.pop()
        around = self.scopes[-1]
        around.innermost = False
        if self.crowded and body.innermost:
            self.alive = max(self.alive, most_alive(body.lines, self.wide))
            self.constants = max(self.constants, constants(body.lines, self.often))
        around.lines += [
            f"br label %head.{key}",
            f"head.{key}:",
            f"{counter.name} = phi i64 [{first.name}, %{around.block}], "
            f"[%next.{key}, %{body.block}]",
            f"%more.{key} = icmp slt i64 {counter.name}, {last.name}",
            f"br i1 %more.{key}, label %body.{key}, label %exit.{key}",
            f"body.{key}:",
            *body.lines,
            f"%next.{key} = add nsw i64 {counter.name}, {step}",
            f"br label %head.{key}",
            f"exit.{key}:",
        ]
        around.block = f"exit.{key}"

    @contextmanager
    def over(
        self, var: Var, low: int | Value = 0, high: int | Value | None = None, step: int = 1
    ) -> Iterator[None]:
        """A loop in which a variable of index forms has the value of the counter."""
        with self.loop(low, var.size if high is None else high, step, var.name) as counter:
            var.value = counter
            yield

    # -- the whole -------------------------------------------------------------------------

    def text(self) -> str:
        """The function: the entry reads the pointers from the row of arguments."""
        names = ", ".join(f"ptr noalias noundef %{p}" for p in self.parameters)
        inner = [*self.slots, *self.scopes[0].lines, "ret void"]
        lines = [
            f"define internal void @{self.name}.body({names}{', ' if names else ''}"
            "ptr noalias %scratch, i64 %chunk) #0 {",
            "entry:",
            *inner,
            "}",
            f"define void @{self.name}(ptr %arguments, ptr %scratch, i64 %chunk) #0 {{",
        ]
        for i, parameter in enumerate(self.parameters):
            lines += [
                f"%{parameter}.at = getelementptr i64, ptr %arguments, i64 {i}",
                f"%{parameter} = load ptr, ptr %{parameter}.at",
            ]
        given = ", ".join(f"ptr %{p}" for p in self.parameters)
        lines += [
            f"call void @{self.name}.body({given}{', ' if given else ''}"
            "ptr %scratch, i64 %chunk)",
            "ret void",
            "}",
        ]
        return "\n".join(lines) + "\n"
