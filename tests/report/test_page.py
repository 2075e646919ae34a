"""The page: one file, which loads nothing, runs nothing of the run's, and is readable."""

import html.parser
import itertools
import json
import re

import numpy as np
import pytest
from written_runs import HOSTILE, write_run

from chainrule.errors import RunError
from chainrule.report import write_report
from chainrule.report.page import FOLDER, SCRIPTS


class Parts(html.parser.HTMLParser):
    """Elements with their attributes, and the texts of scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self._inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._inside = tag == "script"
        if self._inside:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / f"a {HOSTILE.replace('/', '')}"
    return write_report(write_run(folder, text=HOSTILE)).read_text()


def test_nothing_of_a_run_becomes_markup(page):
    parts = Parts(page)
    assert [tag for tag, _ in parts.elements if tag in ("script", "img", "iframe")] == [
        "script", "script",
    ]  # fmt: skip
    content = json.loads(parts.scripts[0])
    assert content["facts"]["config"]["data"] == f"digits{HOSTILE}"
    assert "window.ran" not in parts.scripts[1]
    assert not any(name.startswith("on") for _, given in parts.elements for name in given)


def test_the_page_loads_nothing(page):
    outside = [
        value
        for _, given in Parts(page).elements
        for name, value in given.items()
        if name in ("src", "href") and not value.startswith(("#", "data:"))
    ]
    assert outside == [] and "@import" not in page
    own = "".join((FOLDER / name).read_text() for name in ("page.css", *SCRIPTS["report"]))
    assert set(re.findall(r"https?://[^\s\"'`]+", own)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page


def test_the_scripts_never_write_markup():
    for path in FOLDER.glob("*.js"):
        text = path.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in text, f"{path.name} uses {way}"
        assert max(map(len, text.splitlines())) <= 180 and len(text.splitlines()) <= 400


def test_every_script_is_part_of_a_page():
    named = set(itertools.chain(*SCRIPTS.values()))
    assert named == {path.name for path in FOLDER.glob("*.js")}


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path):
    write_run(tmp_path / "run")
    with pytest.raises(RunError, match="CR803"):
        write_report(tmp_path / "run", tmp_path / "none" / "report.html")
    (tmp_path / "taken").mkdir()
    with pytest.raises(RunError, match="CR803"):
        write_report(tmp_path / "run", tmp_path / "taken")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "taken"]


# -- colours ---------------------------------------------------------------------------

#: how those see who lack one kind of cone, Machado, Oliveira & Fernandes 2009; on linear RGB
SIGHTS = {
    "all": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.28, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def schemes():
    """The colours of the page, by day and by night."""
    text = (FOLDER / "page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})\b", block)) for block in blocks]


def light(colour):
    """Linear RGB."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """As the Web Content Accessibility Guidelines define it."""
    a, b = sorted(float(light(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (b + 0.05) / (a + 0.05)


def lab(rgb):
    """CIE L*a*b* of linear RGB, in which distance is difference to the eye."""
    to_xyz = [[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0177, 0.1095, 0.8729]]
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116
               for v in np.array(to_xyz) @ np.clip(rgb, 0, 1))  # fmt: skip
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("scheme", schemes(), ids=["day", "night"])
def test_texts_and_lines_stand_out(scheme):
    for name in ("ink", "soft", "strong", "fatal", "warning", "note", "good"):
        for ground in ("card", "page"):
            assert contrast(scheme[name], scheme[ground]) >= 4.5, (name, ground)
    for i in range(8):
        assert contrast(scheme[f"line-{i}"], scheme["card"]) >= 3, i


@pytest.mark.parametrize("scheme", schemes(), ids=["day", "night"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_lines_can_be_told_apart_by_everybody(scheme, sight):
    seen = [lab(np.array(SIGHTS[sight]) @ light(scheme[f"line-{i}"])) for i in range(8)]
    for (i, one), (j, other) in itertools.combinations(enumerate(seen), 2):
        assert np.linalg.norm(one - other) >= 20, f"lines {i} and {j}"
