"""From LLVM's textual code to machine code, and from there to addresses that can be called."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from chainrule.engines.native.running.target import Target, host

#: which compiler made an object: part of every key under which one is kept
VERSION = f"llvmlite {llvmlite.__version__} LLVM {'.'.join(map(str, llvm.llvm_version_info))}"

LIBRARIES = 64  # of one linker
_numbers = itertools.count()  # libraries in a linker need names of their own


def compile_object(text: str, target: Target) -> bytes:
    """Machine code, as an object file, of a module in LLVM's textual form.

    Raises: RuntimeError with LLVM's words, where the text is no valid module.

    Notes: memory slots become registers (SROA) and that is all the optimizing there is: kernels
    come with their loops and vectors in place, and the code is as fast as after -O3, at a
    fraction of the time.
    """
    return _machine(target).emit_object(_optimized(text, target))


def assembly(text: str, target: Target) -> str:
    """What compile_object makes, in assembly language."""
    return _machine(target).emit_assembly(_optimized(text, target))


def _optimized(text: str, target: Target) -> Any:
    module = llvm.parse_assembly(text, llvm.create_context())
    machine = _machine(target)
    module.triple = target.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    passes, builder = _passes(target)
    passes.run(module, builder)
    return module


@functools.cache
def _passes(target: Target) -> tuple[Any, Any]:
    """What runs over each module: made once, as llvmlite lets go of neither."""
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    return passes, llvm.create_pass_builder(_machine(target), options)


@functools.cache
def _machine(target: Target) -> Any:
    """LLVM's code generator of a target; code may lie anywhere, hence `pic`."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    chosen = llvm.Target.from_triple(target.triple)
    return chosen.create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="pic", codemodel="small"
    )


class Library:
    """Machine code in memory: `address(name)` of each of its functions.

    Notes: the code goes when the library does, so whoever keeps an address keeps the library.
    """

    def __init__(self, linked: Any, linker: Any) -> None:
        self._linked = linked
        self._linker = linker
        self._found: dict[str, Any] = {}  # each keeps the library in memory

    def address(self, name: str) -> int:
        """Where the function `name` begins.

        Raises: KeyError where there is none, or it calls what `load` was not told of.
        """
        if name not in self._found:
            try:
                self._found[name] = self._linker.lookup(self._linked.name, name)
            except RuntimeError as error:
                raise KeyError(f"{name}: {error}") from None
        return self._found[name][name]


def load(data: bytes | Sequence[bytes], symbols: Mapping[str, int] | None = None) -> Library:
    """Put an object file for this machine, or several, into memory.

    Args:
        symbols: name → address of what the code calls beside the system's C library.

    Raises: RuntimeError with LLVM's words, where the bytes are no object file for this machine.
    """
    builder = llvm.JITLibraryBuilder()
    for image in [data] if isinstance(data, bytes) else data:
        builder.add_object_img(image)
    for name, address in (symbols or {}).items():
        builder.import_symbol(name, address)
    number = next(_numbers)
    linker = _linker(number // LIBRARIES)
    return Library(builder.link(linker, f"native{number}"), linker)


@functools.lru_cache(1)
def _linker(generation: int) -> Any:
    """What puts code into memory. Kilobytes of each library that has gone stay with its linker,
    so there is a new one now and then; the old one goes with the last of its libraries."""
    host()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.create_lljit_compiler(
        use_jit_link=sys.platform != "win32", suppress_errors=True
    )
