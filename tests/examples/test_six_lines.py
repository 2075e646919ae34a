"""Six lines that read handwritten digits."""

import ast
from pathlib import Path

import chainrule as cr


def test_six_lines_are_enough(capsys, request):
    cr.manual_seed(0)
    example = request.getfixturevalue("lesson")
    printed = ast.literal_eval(capsys.readouterr().out)
    assert printed["accuracy"] >= 0.95
    body = ast.parse(Path(example.__file__).read_text("utf-8")).body[1:]
    assert len(body) == 6
