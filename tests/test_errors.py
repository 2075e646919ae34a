"""Errors: every code that is raised has a page, and every page a place where it is raised."""

import ast
import re
from pathlib import Path

import pytest

import chainrule as cr
from chainrule import errors

ROOT = Path(errors.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))


def raised():
    """The codes handed to an error of chainrule, each with a place."""
    found = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch(r"CR\d{3}", str(node.value)):
                found[node.value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


RAISED = raised()


@pytest.mark.parametrize("code", sorted(RAISED))
def test_every_code_has_a_page(code):
    assert code in errors.codes(), f"{RAISED[code]} raises {code}, write explanations/{code}.md"


@pytest.mark.parametrize("code", errors.codes())
def test_every_page_has_its_form_and_its_error(code):
    page = cr.explain(code)
    assert re.match(rf"# {code}: .+[^.]\n\n", page), "first line: # CODE: title"
    for part in ("**What it means.**", "**What to do.**"):
        assert part in page
    assert code in RAISED, f"nothing raises {code} any more; take its page away"


def test_an_error_says_its_code_and_is_caught_by_python_s_names():
    with pytest.raises(RuntimeError, match=r"^CR102: shapes \(2,\) and \(3,\)") as caught:
        cr.ones(2) + cr.ones(3)
    assert caught.value.code == "CR102"
    assert isinstance(caught.value, errors.ChainruleError)
    for kind, error in ((IndexError, "AxisError"), (ValueError, "ArgumentError")):
        assert issubclass(getattr(errors, error), kind)


def test_explain_knows_no_other_codes():
    assert cr.explain("cr102") == cr.explain("CR102")
    with pytest.raises(ValueError, match=r"CR901.*'CR000'.*from CR101 to"):
        cr.explain("CR000")
