"""Families of PyTorch's interface that chainrule does not have, and what it has instead."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from chainrule.errors import AbsentError

FAMILIES = {
    "cuda": "there is no GPU here; ask chainrule.cuda.is_available() and stay on 'cpu'",
    "complex": "there are no complex numbers; keep real and imaginary parts apart",
    "fft": "there are no Fourier transforms; use numpy.fft on x.numpy()",
    "fx": "there is no fx; chainrule.compile(f).explain() shows the graph of a function",
    "jit": "there is no TorchScript; chainrule.compile(f) compiles a function or module",
    "distributed": "there is one process; run without distributed and without a launcher",
    "quantization": "there is no quantization; train in float32 or bfloat16",
    "sparse": "there are no sparse tensors; use a dense one, or embedding and scatter_add",
    "profiler": "there is no profiler of its own; use Python's cProfile, or time.perf_counter",
    "onnx": "there is no ONNX export; chainrule.save(model.state_dict(), path) keeps weights",
    "hub": "there is no hub; chainrule.load(path) reads weights that you have downloaded",
}


#: names of the top level that belong to these families
NAMES = {
    "complex": ("complex", "complex32", "complex64", "complex128", "chalf", "cfloat", "cdouble",
                "polar", "view_as_complex", "view_as_real", "angle", "conj", "conj_physical",
                "real", "imag"),
    "fft": ("stft", "istft"),
    "jit": ("classes", "export", "import_ir_module", "parse_ir", "parse_schema"),
    "quantization": ("ao", "quantize_per_tensor", "quantize_per_channel", "qint8", "quint8",
                     "dequantize"),
    "sparse": ("sparse_coo", "sparse_csr", "sparse_coo_tensor", "sparse_csr_tensor",
               "sparse_csc_tensor", "sparse_bsr_tensor", "sparse_bsc_tensor", "smm", "hspmm"),
}  # fmt: skip


def top_level(name: str) -> Any:
    """`__getattr__` of chainrule itself."""
    for family, names in NAMES.items():
        if name in names:
            raise absent(family, name)
    raise AttributeError(f"module 'chainrule' has no attribute {name!r}")


def absent(family: str, name: str) -> AbsentError:
    """The error for a name of a family that is not here."""
    return AbsentError("CR211", f"chainrule has no {name}: {FAMILIES[family]}")


def family(name: str, owner: str) -> Callable[[str], Any]:
    """`__getattr__` of a module whose other names belong to an absent family."""

    def __getattr__(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(f"module 'chainrule.{owner}' has no attribute {attribute!r}")
        raise absent(name, f"{owner}.{attribute}")

    return __getattr__


def unusable(family: str, *names: str) -> Iterator[Callable[..., Any]]:
    """Functions that programs import by name, each of which says that it is not here."""
    return (functools.partial(_refuse, family, name) for name in names)


def _refuse(family: str, name: str, *_: Any, **__: Any) -> Any:
    raise absent(family, name)
