"""The cases of texts/*.txt, their inputs, and how they are run.

A test with the parameter `expression` or `statement` runs once for each case. In a case `m` is
the module, single letters are the inputs listed in INPUTS, `q` is a tensor to write to.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RANDOM = np.random.default_rng(7)
NAN, INF = math.nan, math.inf
INPUTS = {
    "x": RANDOM.standard_normal((3, 4)),
    "y": RANDOM.standard_normal((3, 4)),
    "p": RANDOM.uniform(0.2, 2, (3, 4)),  # positive
    "u": RANDOM.uniform(-0.9, 0.9, (3, 4)),
    "r": np.array([1.5, 0, 2, 2, -1, 0, 2, -1, -1, 0.5, 1.5, 2.5]).reshape(
        3, 4
    ),  # ties, halves
    "n": np.array([1.0, NAN, -INF, INF, 0, -0.0, -2.5, NAN]).reshape(2, 4),
    "v": RANDOM.standard_normal(4),
    "c": RANDOM.standard_normal((3, 1)),
    "s": np.array(1.7),
    "e": np.zeros((0, 4)),
    "o": np.array([[-0.3]]),
    "z": RANDOM.standard_normal((2, 3, 4)),
    "w": RANDOM.standard_normal((4, 5)),
    "t": RANDOM.standard_normal((4, 3, 2)).T,  # not contiguous, (2, 3, 4)
    "d": RANDOM.standard_normal((4, 4)),
    "f": RANDOM.standard_normal((3, 4)).astype(np.float32),
    "h": RANDOM.standard_normal((3, 4)).astype(np.float16),
    "k": np.array([-3, 0, 2, 7, -1, 5, 4, 4, 1, 1, -2, 6]).reshape(3, 4),
    "j": np.array([1, 5, 2, 3, 3, 2, 4, 1, 2, 2, 5, 3]).reshape(3, 4),
    "i": np.array([2, 0, 1, 1, 2]),
    "l": np.array([[0, 2, 1, 1], [2, 2, 0, 1], [1, 0, 0, 2]]),  # rows of a (3, 4) tensor
    "b": np.array([1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1], bool).reshape(3, 4),
    "a": np.array([True, False, True]),
}

TEXTS = Path(__file__).with_name("texts")


def texts_of(path: Path, statements: bool) -> list[str]:
    """The cases of a file: statements are in the sections [writing], expressions in others."""
    sections = re.findall(
        r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", path.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    tables = [text for name, text in sections if (name == "writing") == statements]
    return [case.strip() for text in tables for case in text.split(" ;")]


def all_texts(statements: bool) -> list[str]:
    """The cases of all files."""
    return [text for path in sorted(TEXTS.glob("*.txt")) for text in texts_of(path, statements)]


def names_in(expression: str) -> list[str]:
    return [n for n in re.findall(r"(?<![\w.\"'])[a-z](?!\w|\")", expression) if n in INPUTS]


def inputs_for(expression: str, module: Any) -> dict[str, Any]:
    """The inputs that an expression names, as leaves of the module's tape where they can."""
    found = {}
    for name in names_in(expression):
        tensor = module.from_numpy(INPUTS[name].copy(order="K"))
        found[name] = tensor.requires_grad_() if tensor.is_floating_point() else tensor
    return found


def evaluate(expression: str) -> Any:
    code = compile(expression, "<case>", "eval")
    scope = {"np": np, "NAN": NAN, "INF": INF}
    return lambda module, inputs: eval(code, {**scope, "m": module, **inputs})


def execute(statement: str) -> Any:
    code = compile(statement, "<case>", "exec")

    def run(module: Any, inputs: dict[str, Any]) -> Any:
        scope = {"np": np, "m": module, **inputs, "q": inputs["d"][:3] * 1}
        exec(code, scope)
        return scope["q"]

    return run


class Case:
    """A case compiled once, to be run in several modules."""

    def __init__(self, text: str, statement: bool = False) -> None:
        self.text = f"d; {text}" if statement else text  # `q` is made from `d`
        self.run: Callable[[Any, dict], Any] = (execute if statement else evaluate)(text)

    def inputs(self, module: Any) -> dict[str, Any]:
        return inputs_for(self.text, module)
