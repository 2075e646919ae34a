"""The laws of the house: imports go down the floors, and none hides inside a function."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "chainrule"

#: room → floor; a room imports from lower floors, or from itself
FLOORS = {
    "errors": -1, "explanations": -1, "settings": -1, "version": -1,
    "dtypes": 0, "shapes": 0, "device": 0, "memory": 0, "memory_format": 0,
    "absent": 0, "files": 0, "observers": 0, "printed": 0, "switches": 0.5,
    "threads": 0, "timing": 0,
    "ops": 1,
    "ir": 2,
    "tensor": 3,
    "engines": 4,
    "compiler": 5,
    "functional": 6,
    "nn": 7, "data": 7, "metrics": 7,
    "distributions": 7,
    "optim": 7.5,  # swa_utils averages modules
    "journal": 7,
    "doctor": 7.8,  # looks at models, optimizers and batches; knows no loop
    "train": 8, "models": 8, "interop": 8,
    "report": 8.5, "pictures": 8.5,
    "cli": 10,
}  # fmt: skip

#: public faces under PyTorch's names: they re-export and hold nothing of their own
FACES = {
    "__init__", "accelerator", "amp", "autograd", "backends", "cuda", "datasets",
    "distributed", "fft", "func", "fx", "hub", "jit", "linalg", "onnx", "profiler",
    "quantization", "random", "sparse", "special", "testing", "transforms", "utils",
}  # fmt: skip

#: the same inside the native engine
NATIVE = "chainrule.engines.native"
NATIVE_FLOORS = {
    "running": 0,
    "emitter": 1,
    "mathematics": 2, "contraction": 2,
    "pointwise": 3,
    "graph": 4,
    "code": 5,
    "kernels": 6,
    "rewrites": 7,
    "planning": 8,
    "reporting": 9,
    "making": 10,
    "engine": 11,  # loads `making` only when there is something to plan
}  # fmt: skip

#: the one marked place of network code that is slow to load
LAZY = {("data/download.py", "urllib")}

FILES = sorted(ROOT.rglob("*.py"))


def room(module):
    return module.split(".")[1] if "." in module else "__init__"


def name_of(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree):
    """(module, line, inside a function, for types only) of every import statement."""
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
            if node.module == "chainrule":
                names = [f"chainrule.{alias.name}" for alias in node.names]
        for name in names:
            yield name, node.lineno, id(node) in inside, id(node) in typing_only


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_and_none_is_hidden(path):
    own = room(name_of(path))
    for name, line, hidden, typing_only in imports(ast.parse(path.read_text("utf-8"))):
        where = f"{path.relative_to(ROOT)}:{line} imports {name}"
        if hidden:
            marked = (str(path.relative_to(ROOT)), name.split(".")[0])
            assert marked in LAZY, f"{where} inside a function"
        if name.split(".")[0] != "chainrule" or typing_only or own in FACES:
            continue
        target = room(name)
        assert target not in FACES, f"{where}: a public face, import the thing itself"
        assert target in FLOORS, f"{where}: no floor is known for {target!r}"
        below = target == own or FLOORS[target] < FLOORS[own]
        assert below, f"{where}: floor {FLOORS[target]} is not below {FLOORS[own]}"


def native_room(module):
    return module.removeprefix(f"{NATIVE}.").split(".")[0]


def test_inside_the_native_engine_imports_go_down_too():
    paths = [p for p in FILES if name_of(p).startswith(f"{NATIVE}.")]
    assert {native_room(name_of(path)) for path in paths} == set(NATIVE_FLOORS)
    for path in paths:
        own = native_room(name_of(path))
        for name, line, _, typing_only in imports(ast.parse(path.read_text("utf-8"))):
            if typing_only or not name.startswith(NATIVE):
                continue
            assert name != NATIVE, f"{path}:{line}: name the module's room"
            target = native_room(name)
            below = target == own or NATIVE_FLOORS[target] < NATIVE_FLOORS[own]
            assert below, f"{path.relative_to(ROOT)}:{line}: {target} is not below {own}"


def functions():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield path, node


def length(node):
    """Lines of a function without its docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    doc = first.end_lineno - first.lineno + 1 if documented else 0
    return node.end_lineno - node.lineno + 1 - doc


def test_functions_are_short():
    lengths = sorted((length(node), f"{path.name}:{node.lineno}") for path, node in functions())
    sizes = [size for size, _ in lengths]
    assert sizes[len(sizes) // 2] <= 8
    assert sizes[len(sizes) * 9 // 10] <= 25
    assert sizes[-1] <= 60, lengths[-3:]


def test_files_are_short():
    long = {p.name: n for p in FILES if (n := len(p.read_text("utf-8").splitlines())) > 400}
    assert not long


def test_files_carry_the_name_of_the_thing_in_them():
    vague = {"utils", "helpers", "misc", "common", "base", "manager", "handler"}
    assert not [p for p in FILES if p.stem in vague]
