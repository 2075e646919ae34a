"""The processors code is made for; what this one can run is run."""

import ctypes

import llvmlite.binding as llvm
import numpy as np
import pytest

from chainrule.engines.native.running.llvm import assembly, compile_object, load
from chainrule.engines.native.running.runtime import runtime_text
from chainrule.engines.native.running.target import PROCESSORS, host, named, target
from chainrule.errors import ArgumentError

ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
NEEDS = {"x86-64": "sse2", "haswell": "avx2", "skylake-avx512": "avx512f"}


def axpy(target):
    """y += 3 x over one vector register."""
    kind = f"<{target.vector_bytes // 4} x float>"
    three = ", ".join(["float 3.0"] * (target.vector_bytes // 4))
    return f"""
    define void @axpy(ptr %x, ptr %y) #0 {{
      %a = load {kind}, ptr %x, align 4
      %b = load {kind}, ptr %y, align 4
      %p = fmul {kind} %a, <{three}>
      %c = fadd {kind} %p, %b
      store {kind} %c, ptr %y, align 4
      ret void
    }}
    attributes #0 = {{ {target.attributes} }}
    """


def machine(data):
    """The processor an ELF object says it is for."""
    assert data[:4] == b"\x7fELF"
    return int.from_bytes(data[18:20], "little")


@pytest.mark.parametrize("name", PROCESSORS)
def test_every_processor_gets_code(name):
    chosen = named(name)
    data = compile_object(axpy(chosen), chosen)
    if "linux" in chosen.triple:
        assert machine(data) == ELF_MACHINES[chosen.architecture]
    else:
        assert data[:4] == bytes.fromhex("cffaedfe")  # Mach-O of 64 bits


@pytest.mark.parametrize(
    ("name", "register"), [("x86-64", "%xmm"), ("haswell", "%ymm"), ("skylake-avx512", "%zmm")]
)
def test_whole_registers_are_used(name, register):
    assert register in assembly(axpy(named(name)), named(name))


@pytest.mark.parametrize("name", NEEDS)
def test_code_for_lesser_processors_runs_here(name):
    if not llvm.get_host_cpu_features().get(NEEDS[name]):
        pytest.skip(f"this processor is no {name}")
    chosen = named(name)
    x = np.arange(chosen.vector_bytes // 4, dtype=np.float32)
    y = np.ones_like(x)
    library = load(compile_object(axpy(chosen), chosen))
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    function(library.address("axpy"))(x.ctypes.data, y.ctypes.data)
    np.testing.assert_array_equal(y, 3 * x + 1)


@pytest.mark.parametrize("name", PROCESSORS)
def test_the_pool_exists_for_every_processor(name):
    code = assembly(runtime_text(named(name)), named(name))
    assert ("isb" if named(name).architecture == "aarch64" else "pause") in code
    assert ("cntvct_el0" if named(name).architecture == "aarch64" else "rdtsc") in code.lower()


def test_this_machine():
    assert host() is host()
    assert host().vector_bytes in (16, 32, 64)
    assert host().vector_registers in (16, 32)
    assert host().key != named("neoverse-n1").key


def test_the_environment_chooses(monkeypatch):
    monkeypatch.delenv("CHAINRULE_TARGET", raising=False)
    assert target() is host()
    monkeypatch.setenv("CHAINRULE_TARGET", "haswell")
    assert (target().cpu, target().vector_bytes, target().vector_registers) == (
        "haswell",
        32,
        16,
    )
    monkeypatch.setenv("CHAINRULE_TARGET", "pentium")
    with pytest.raises(ArgumentError, match=r"CR902.*'pentium'; known targets: host, x86-64"):
        target()
