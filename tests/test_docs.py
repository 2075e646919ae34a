"""What is written is true: docstring examples run, and so do the blocks of the documents."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import chainrule
from chainrule.cli.main import parser
from chainrule.train import loop

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "chainrule"
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/doctor.md")
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def run(examples: doctest.DocTest) -> str:
    """What went wrong in the examples; nothing if all is well."""
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(examples, out=report.append, clear_globs=False)
    return "".join(report)


def test_an_example_that_is_wrong_is_reported():
    parsed = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "sum", "here", 0)
    assert "Expected:\n    3\nGot:\n    2" in run(parsed)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def docstrings():
    """(path, name, text) of every docstring that has an example."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = ast.get_docstring(node)
                if text and ">>>" in text:
                    yield path, getattr(node, "name", "module"), text


DOCSTRINGS = [
    pytest.param(path, name, text, id=f"{path.relative_to(PACKAGE)}:{name}")
    for path, name, text in docstrings()
]


@pytest.mark.parametrize(("path", "name", "text"), DOCSTRINGS)
def test_the_example_of_a_docstring_runs(path, name, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chainrule.manual_seed(0)
    names = {"chainrule": chainrule, **vars(importlib.import_module(module_name(path)))}
    assert run(doctest.DocTestParser().get_doctest(text, names, name, str(path), 0)) == ""


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    text = (ROOT / document).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_python_of_a_document_runs_from_top_to_bottom(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chainrule.manual_seed(0)
    names: dict = {"__name__": "document"}
    for block in blocks(document, "python"):
        if ">>>" in block:
            parsed = doctest.DocTestParser().get_doctest(block, names, document, document, 0)
            assert run(parsed) == ""
            names |= parsed.globs
        else:
            exec(compile(block, document, "exec"), names)


def test_the_readme_shows_the_training_loop_that_runs():
    functions = inspect.getsource(loop.stepping), inspect.getsource(loop.train)
    assert "\n\n".join(functions) in blocks("README.md", "python")


def test_the_readme_starts_with_the_six_lines_of_the_examples():
    example = (ROOT / "examples" / "six_lines.py").read_text("utf-8")
    assert example.partition('"""\n\n')[2] in blocks("README.md", "python")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_of_a_document_are_understood(document):
    text = (ROOT / document).read_text("utf-8")
    for command in re.findall(r"(?:`|&& )chainrule ((?:\w+ ?)+)", text):
        assert parser().parse_args(command.split())
    for script in re.findall(r"^python (\S+)", text, re.MULTILINE):
        assert (ROOT / script).exists()


FUNCTIONS = re.findall(
    r"^\s*(?:→ )?(\w+(?:/\w+)*\.py) +((?:\w+\(\)[, ]*)+)",
    (ROOT / "ARCHITECTURE.md").read_text("utf-8"),
    re.MULTILINE,
)


def test_the_architecture_page_walks_through_functions_that_exist():
    assert len(FUNCTIONS) >= 8
    for path, names in FUNCTIONS:
        source = (PACKAGE / path).read_text("utf-8")
        for name in re.findall(r"\w+", names):
            assert re.search(rf"def {name}\(", source), f"{path} has no {name}()"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_files_that_a_document_names_exist(document):
    text = (ROOT / document).read_text("utf-8")
    for name in re.findall(r"`([\w/.]+(?:/|\.(?:py|md|toml)))`", text):
        found = (ROOT / name).exists() or (PACKAGE / name).exists()
        assert found, f"{document} names {name}"
