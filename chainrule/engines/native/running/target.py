"""The processors code is made for: this machine's, and a few by name."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import llvmlite.binding as llvm

from chainrule.errors import ArgumentError

#: name → architecture
PROCESSORS = {
    "x86-64": "x86_64",  # SSE2, what every such processor has
    "haswell": "x86_64",  # AVX2 and FMA
    "skylake-avx512": "x86_64",
    "neoverse-n1": "aarch64",
    "apple-m1": "aarch64",
}
FUSED = ("haswell", "skylake-avx512", "neoverse-n1", "apple-m1")  # they have fma
WIDEST = {"x86-64": 16, "haswell": 32, "skylake-avx512": 64}  # bytes; elsewhere 16


@dataclass(frozen=True)
class Target:
    """A processor as the compiler needs to know it.

    Args:
        name: "host", or one of PROCESSORS.
        triple: architecture, vendor and system, as LLVM writes them.
        cpu: LLVM's name of the processor.
        features: LLVM's list of what it has and lacks, such as "+avx2,-avx512f".
        vector_bytes: bytes of a vector register (64, 32 or 16).
        vector_registers: how many of them there are.
    """

    name: str
    triple: str
    cpu: str
    features: str
    vector_bytes: int
    vector_registers: int

    @property
    def attributes(self) -> str:
        """What stands in `attributes #0 = { … }` of a function that uses whole registers.

        Notes: without them LLVM leaves half of a 64-byte register unused.
        """
        bits = self.vector_bytes * 8
        return f'nounwind "prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}"'

    @property
    def fused(self) -> bool:
        """Whether it has fma, and the instructions that round."""
        return "+fma" in self.features.split(",") or self.cpu in FUSED

    @property
    def masked(self) -> bool:
        """Whether any instruction can leave out lanes."""
        return self.vector_bytes == 64

    @property
    def architecture(self) -> str:
        """The first word of the triple: x86_64, aarch64, …"""
        first = self.triple.split("-")[0]
        return {"arm64": "aarch64", "amd64": "x86_64"}.get(first, first)

    @property
    def key(self) -> str:
        """A text that differs wherever the machine code may differ."""
        return f"{self.triple} {self.cpu} {self.features} {self.vector_bytes}"


def target() -> Target:
    """The target to compile for: $CHAINRULE_TARGET, or this machine.

    Raises: ArgumentError (CR902) for a name that is not known.
    """
    return named(os.environ.get("CHAINRULE_TARGET") or "host")


@functools.cache
def host() -> Target:
    """This machine."""
    features = llvm.get_host_cpu_features()
    triple = llvm.get_process_triple()
    size = 64 if features.get("avx512f") else 32 if features.get("avx2") else 16
    wide = size == 64 or not triple.startswith("x86_64")
    cpu = llvm.get_host_cpu_name()
    return Target("host", triple, cpu, features.flatten(), size, 32 if wide else 16)


@functools.cache
def named(name: str) -> Target:
    """A target by its name.

    Raises: ArgumentError (CR902) for a name that is not known.

    Example:
        >>> named("haswell").vector_bytes, named("haswell").vector_registers
        (32, 16)
    """
    if name == "host":
        return host()
    if name not in PROCESSORS:
        known = ", ".join(["host", *PROCESSORS])
        raise ArgumentError("CR902", f"CHAINRULE_TARGET is {name!r}; known targets: {known}")
    architecture = PROCESSORS[name]
    triple = host().triple if host().architecture == architecture else _triple(name)
    size = WIDEST.get(name, 16)
    wide = size == 64 or architecture == "aarch64"
    return Target(name, triple, name, "", size, 32 if wide else 16)


def _triple(name: str) -> str:
    """The system a processor most often runs, where it is not this machine's."""
    system = "apple-darwin" if name.startswith("apple") else "unknown-linux-gnu"
    return f"{PROCESSORS[name]}-{system}"
