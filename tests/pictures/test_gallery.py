"""The page docs/pictures.md: its code runs, and it shows every picture there is."""

import re
from pathlib import Path

import pytest

import chainrule as cr
from chainrule import pictures

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "pictures.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_code_of_the_page_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib", reason="pictures are drawn with matplotlib")
    monkeypatch.chdir(tmp_path)
    cr.manual_seed(0)
    names = {"__name__": "document"}
    for block in BLOCKS:
        exec(compile(block, "docs/pictures.md", "exec"), names)
        if "figure" in names:
            names.pop("figure").savefig(tmp_path / "page.png", dpi=30)
    assert "2 x₁ − x₂ + 0.5 = 0" in capsys.readouterr().out


def test_the_page_names_every_picture_and_the_function_of_its_numbers():
    named = set(re.findall(r"`(\w+)`", TEXT)) | set(re.findall(r"pictures\.(\w+)", TEXT))
    public = {n for n in vars(pictures) if not n.startswith("_")}
    functions = {n for n in public if callable(getattr(pictures, n))}
    assert functions - {"TestSurface"} <= named


def test_the_pictures_of_the_page_are_there_and_are_those_of_the_example():
    example = (ROOT / "examples" / "pictures.py").read_text("utf-8")
    shown = re.findall(r"!\[.+?\]\((pictures/(\w+)\.png)\)", TEXT)
    assert len(shown) >= 18
    for path, name in shown:
        assert (ROOT / "docs" / path).exists(), f"python examples/pictures.py {name}"
        assert f'"{name}": (' in example
