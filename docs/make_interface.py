"""Writes docs/interface.md: which of PyTorch's names are here, and which are not.

python docs/make_interface.py             # from the names in docs/pytorch_names.json
python docs/make_interface.py --record    # takes those names from the installed PyTorch
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import types
from pathlib import Path
from typing import Any

import chainrule

FOLDER = Path(__file__).parent
RECORDED, PAGE = FOLDER / "pytorch_names.json", FOLDER / "interface.md"

#: PyTorch's namespaces, and what they are about
NAMESPACES = {
    "": "tensors and functions of them",
    "Tensor": "methods and attributes of tensors",
    "autograd": "differentiation",
    "autograd.functional": "Jacobians and Hessians",
    "linalg": "linear algebra",
    "special": "special functions",
    "nn": "layers and losses",
    "nn.functional": "the functions of layers",
    "nn.init": "initial values",
    "nn.utils": "gradient clipping, parametrizations",
    "nn.utils.rnn": "sequences of different lengths",
    "nn.Module": "methods of modules",
    "optim": "optimizers",
    "optim.lr_scheduler": "learning-rate schedules",
    "optim.swa_utils": "averages of weights",
    "optim.Optimizer": "methods of optimizers",
    "utils.data": "datasets and loaders",
    "distributions": "probability distributions",
    "testing": "comparing tensors",
    "amp": "narrow types",
}

#: what a name of PyTorch's own insides begins with, or is
INSIDES = ("torch", "cudnn_", "mkldnn_", "miopen_", "fbgemm_", "sym_", "Sym", "q_", "unsafe_",
           "fake_quantize", "quantized_", "batch_norm_", "native_")  # fmt: skip

#: where names come from that are only passing through
FOREIGN = ("typing", "functools", "collections", "torch.overrides", "torch._jit_internal",
           "torch.jit", "torch.package")  # fmt: skip
#: PyTorch's classes of its own insides that programs use
CLASSES = ("Generator", "Size", "device", "dtype", "finfo", "iinfo", "layout", "no_grad")


def resolve(root: Any, path: str) -> Any:
    """The object under a dotted path; modules are imported."""
    for part in filter(None, path.split(".")):
        if not hasattr(root, part) and isinstance(root, types.ModuleType):
            importlib.import_module(f"{root.__name__}.{part}")
        root = getattr(root, part)
    return root


def names_of(namespace: str, torch: Any) -> list[str]:
    """The public names of one of PyTorch's namespaces."""
    owner = resolve(torch, namespace)
    listed = getattr(owner, "__all__", None) if isinstance(owner, types.ModuleType) else None
    found = set(listed or dir(owner))
    if namespace == "":
        found |= {n for n in dir(torch) if hasattr(torch._C._VariableFunctions, n)}
    if namespace == "nn.functional":
        found |= {n for n in dir(owner) if n in dir(torch._C._nn) or inspect.isfunction(
            getattr(owner, n))}  # fmt: skip
    return sorted(n for n in found if is_public(n, owner, torch))


def is_public(name: str, owner: Any, torch: Any) -> bool:
    """Whether programs are meant to use the name."""
    if name.startswith(("_", *INSIDES)) or not hasattr(owner, name):
        return False
    value = getattr(owner, name)
    home = getattr(value, "__module__", None) or ""
    if isinstance(value, types.ModuleType) or home.startswith(FOREIGN):
        return False
    if isinstance(value, type) and home.startswith("torch._C") and name not in CLASSES:
        return False
    documented = not callable(value) or inspect.getdoc(value)
    return bool(documented) and not name.endswith(("_copy", "_backward", "_notes"))


def names_here(namespace: str, names: list[str]) -> list[str]:
    """Those that chainrule has under the same namespace."""
    owner = resolve(chainrule, namespace)
    return [name for name in names if hasattr(owner, name)]


def section(namespace: str, names: list[str], here: list[str]) -> list[str]:
    """The lines about one namespace."""
    title = f"chainrule.{namespace}" if namespace else "chainrule"
    lines = [f"## {title}: {NAMESPACES[namespace]}", ""]
    lines += [f"{len(here)} of {len(names)} names are here.", ""]
    if here:
        lines += wrapped("Here", here)
    if absent := [name for name in names if name not in here]:
        lines += wrapped("Not here", absent)
    return lines


def wrapped(title: str, names: list[str]) -> list[str]:
    return ["<details>", f"<summary>{title}</summary>", "", ", ".join(f"`{n}`" for n in names),
            "", "</details>", ""]  # fmt: skip


def page() -> str:
    """The whole page."""
    recorded = json.loads(RECORDED.read_text("utf-8"))
    counts = []
    body: list[str] = []
    for namespace, names in recorded["names"].items():
        here = names_here(namespace, names)
        counts.append(f"| `{namespace or 'chainrule'}` | {len(here)} | {len(names)} |")
        body += section(namespace, names, here)
    head = [
        "# PyTorch's names, and which of them are here",
        "",
        "Made by `python docs/make_interface.py`; a test holds it to the truth. The names are "
        f"those of PyTorch {recorded['version']}.",
        "",
        "Whole families are left out: the details of CUDA, complex numbers and Fourier "
        "transforms, fx, TorchScript, distributed training, quantization, sparse tensors, the "
        "profiler. Using one of them raises error CR211, which says what to do instead.",
        "",
        "| namespace | here | in PyTorch |",
        "|---|---|---|",
        *counts,
        "",
    ]
    return "\n".join([*head, *body]).rstrip() + "\n"


def record() -> None:
    """Take the names from the installed PyTorch."""
    import torch  # noqa: PLC0415

    names = {namespace: names_of(namespace, torch) for namespace in NAMESPACES}
    version = torch.__version__.partition("+")[0]
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in names.items()]
    text = ",\n".join(lines)
    RECORDED.write_text(f'{{"version": "{version}", "names": {{\n{text}\n}}}}\n', "utf-8")


if __name__ == "__main__":
    if "--record" in sys.argv:
        record()
    PAGE.write_text(page(), "utf-8")
