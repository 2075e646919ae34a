"""The pages in a real browser: drawn, quick, for keyboards, phones and everybody's eyes."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from browser import Browser
from written_runs import HOSTILE, finding, module, write_curves, write_run

from chainrule.journal import Journal
from chainrule.report import Report, write_comparison, write_report
from chainrule.report.run import Run
from chainrule.report.series import Series


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("downloads"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    return write_report(write_run(tmp_path_factory.mktemp("run") / "digits"))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    runs = [write_run(folder / f"run-{i}", rate=0.02 * 2**i) for i in range(5)]
    return write_comparison(runs, folder / "comparison.html")[0]


@pytest.fixture
def page(request, report, comparison) -> Path:
    return {"report": report, "comparison": comparison}[request.param]


BOTH = pytest.mark.parametrize("page", ["report", "comparison"], indirect=True)
DRAWN = "return document.querySelectorAll('svg.chart path.line').length"

OPEN_DETAILS = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
LOADED = "return performance.getEntriesByType('navigation')[0].loadEventEnd"

#: brings everything to the window once, so that it is drawn
SCROLL = """
    const done = arguments[0], frame = requestAnimationFrame;
    const next = (action) => frame(() => frame(action));
    let y = 0;
    const on = () => {
        scrollTo({top: y, behavior: "instant"});
        y += 600;
        next(y < document.body.scrollHeight + 600 ? on : back);
    };
    const back = () => { scrollTo({top: 0, behavior: "instant"}); next(() => done(true)); };
    on();
"""


def scrolled(browser):
    browser.driver.execute_async_script(SCROLL)
    return browser


# -- opening ---------------------------------------------------------------------------


@BOTH
def test_a_page_opens_from_the_file_system_without_a_complaint(browser, page):
    browser.open(page).wait(DRAWN)
    scrolled(browser)
    browser.open(page, scheme="dark").wait(DRAWN)
    scrolled(browser)
    assert browser.complaints() == []
    loaded = "return performance.getEntriesByType('resource').map((each) => each.name)"
    assert all(name.startswith(("data:", "blob:")) for name in browser.run(loaded))


def test_curves_are_where_the_numbers_say(browser, report):
    browser.open(report).wait(DRAWN)
    path = browser.run("""
        const chart = Chart.all.find((each) => each.title === "Accuracy");
        const line = chart.lines[0], path = chart.svg.querySelector("path.line");
        return [path.getAttribute("d"), Array.from(line.steps), Array.from(line.values),
            chart.x.low, chart.x.high, chart.y.low, chart.y.high, chart.inner];
    """)
    d, steps, values, x0, x1, y0, y1, inner = path
    points = np.array([p.split() for p in d.replace("M", "L").split("L")[1:]], float)
    assert steps == [20, 40, 60, 80, 100, 120]
    across = inner["x"] + (np.array(steps) - x0) / (x1 - x0) * inner["width"]
    up = inner["y"] + inner["height"] * (1 - (np.array(values) - y0) / (y1 - y0))
    assert np.allclose(points, np.stack([across, up], 1), atol=0.06)


def test_the_report_shows_all_its_parts(browser, report):
    browser.open(report).wait(DRAWN)
    text = scrolled(browser).run("return document.body.innerText")
    for part in (
        "Findings", "Dead ReLU", "0.62 of the units, above 0.5", "The rate is too high.",
        "lr = 0.01", "2.1 to 0.9", "Lecture 7", "Curves", "Loss", "Accuracy", "Learning rate",
        "Gradient norm", "Update-to-weight ratio", "healthy from 0.0005 to 0.025", "Dead units",
        "Saturated units", "Activations of features.0", "Confusion matrix", "Worst mistakes",
        "is class 0, read as class 1", "A batch as the network sees it", "Architecture",
        "Block × 5", "32 × 10", "Configuration", "Seed", "digits", "python",
    ):  # fmt: skip
        assert part.lower() in text.lower(), part
    order = browser.run(
        "return Array.from(document.querySelectorAll('main > section'), (s) => s.id)"
    )
    assert order == [
        "findings", "curves", "layers", "confusion", "mistakes", "batch", "architecture",
        "configuration",
    ]  # fmt: skip
    assert browser.run("return document.querySelectorAll('.gallery img').length") == 12
    loaded = "return [...document.images].every((i) => i.complete && i.naturalWidth === 8)"
    browser.wait(loaded)


def test_nothing_of_a_run_is_run(browser, tmp_path):
    run = write_run(tmp_path / "run", text=HOSTILE)
    other = write_run(tmp_path / "other", text=HOSTILE, rate=0.2)
    for page in (
        write_report(run), write_comparison([run, other], tmp_path / "both.html")[0]
    ):  # fmt: skip
        scrolled(browser.open(page)).wait(DRAWN)
        browser.run(OPEN_DETAILS)
        assert browser.run("return [window.ran ?? null, document.scripts.length]") == [None, 2]
        assert "window.ran" in browser.run("return document.body.innerText")
        assert browser.complaints() == []


def test_malformed_records_do_not_break_the_page(browser, tmp_path):
    with Journal(tmp_path / "run") as journal:
        journal.write("run", config=3, environment=[1], parameters="x", model=None)
        journal.scalars(1, {"loss": float("nan"), "never": float("inf")})
        journal.scalars(2, {"loss": 1.0, "huge": 1e300, "one": 5})
        journal.finding(1, {})
        odd = {"severity": 3, "consequences": [1, {}], "evidence": [{"a": [1]}, None]}
        journal.finding(2, finding(**odd))
        journal.layers(1, {"a": {"dead": "nan"}, "b": {"odd": 1}, "c": {}})
        journal.write("architecture", root={"children": [None, {}, {"children": 3}]})
        journal.write("mistakes", items=[{"row": 3}, {"image": "javascript:1"}, {}])
        journal.write("batch", items=[{"image": "data:image/png;base64,AAAA"}])
        journal.write("note", text="a note")
    for page in (
        write_report(tmp_path / "run"),
        write_comparison([tmp_path / "run"], tmp_path / "one.html")[0],
    ):
        scrolled(browser.open(page)).wait(DRAWN)
        assert browser.complaints() == []
        assert browser.run("return document.querySelectorAll('main > section').length") >= 2


def test_a_thousand_series_of_ten_thousand_points_open_in_a_second(browser, tmp_path):
    steps, rng = np.arange(10_000), np.random.default_rng(0)
    series = {
        f"group {i // 100}/series {i:03d}": Series(steps, rng.standard_normal(10_000).cumsum())
        for i in range(1000)
    }
    page = write_report(Run(tmp_path, [], series, {}), tmp_path / "big.html")
    times = []
    for _ in range(3):
        browser.open(page).wait(DRAWN)
        times.append(browser.run(LOADED))
    assert min(times) <= 1000
    text = browser.run("return document.body.innerText")
    assert "Group 9" in text and "Show more of 100 charts" in text


def test_what_was_seen_once_is_a_table_and_not_a_curve(browser, tmp_path):
    with Journal(tmp_path / "run") as journal:
        write_curves(journal, epochs=1)
        seen = {"gradient_norm": 0.5, "dead": 0.25}
        histogram = {"low": -1.0, "high": 1.0, "counts": [1, 5, 9, 5, 1]}
        journal.layers(10, {"0": {**seen, "histogram": histogram}})
        journal.layers(20, {"0": {"gradient_norm": 0.4}})
        journal.write("architecture", root=module("Net", "Net", [module("0")]))
    scrolled(browser.open(write_report(tmp_path / "run"))).wait(DRAWN)
    titles = browser.run("return Chart.all.map((each) => each.title)")
    assert "Gradient norm" in titles and "Dead units" not in titles
    text = browser.run("return document.querySelector('#layers').innerText")
    assert "Seen only in step 10" in text and "25 %" in text.replace("\u00a0", " ")
    assert "Activations of 0 Linear" in text, "a number alone says little"
    heights = browser.run(
        "return Array.from(document.querySelectorAll('.bar'), (b) => b.height.baseVal.value)"
    )
    assert len(heights) == 48 and max(heights) == pytest.approx(heights[24])
    assert browser.complaints() == []


def test_accuracies_are_read_in_percent(browser, report):
    browser.open(report).wait(DRAWN)
    ticks = browser.run("""
        const chart = Chart.all.find((each) => each.title === "Accuracy");
        return Array.from(chart.svg.querySelectorAll(".tick"), (each) => each.textContent);
    """)
    assert sum(tick.endswith("%") for tick in ticks) >= 3


def test_on_paper_everything_is_drawn(browser, report):
    browser.open(report).wait(DRAWN)
    assert not browser.run("return Chart.all.every((chart) => chart.drawn)")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return Chart.all.every((chart) => chart.drawn)")
    assert browser.run("return document.querySelectorAll('.matrix .cell').length") == 9
    assert browser.complaints() == []


def test_the_page_works_inside_a_notebook_s_page(browser, report, tmp_path):
    shown = Report(report.parent)._repr_html_()
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><body>{shown}</body>", "utf-8")
    browser.open(tmp_path / "notebook.html")
    inside = "document.querySelector('iframe').contentDocument"
    browser.wait(f"return {inside}.querySelectorAll('nav a').length")
    browser.run(f"{inside}.querySelector('nav a[href=\"#layers\"]').click()")
    browser.wait(f"return {inside}.querySelectorAll('#layers path.line').length")
    assert browser.run("return location.hash") == "" and browser.complaints() == []


# -- phones ----------------------------------------------------------------------------


@BOTH
def test_a_phone_scrolls_in_one_direction_only(browser, page):
    scrolled(browser.open(page, width=360, height=740)).wait(DRAWN)
    browser.run("""
        const pressed = ["Values", "Open all", "All found", "Show all"];
        for (const each of document.querySelectorAll("button")) {
            if (pressed.includes(each.textContent)) each.click();
        }
    """)
    browser.run(OPEN_DETAILS)
    scrolled(browser)
    wide = browser.run("""
        const mayBeWide = ".wide *, pre, nav *, .legend *, .unseen, .skip, svg *";
        return [...document.querySelectorAll("main *, header *")]
            .filter((each) => each.getBoundingClientRect().right > 361)
            .filter((each) => !each.matches(mayBeWide)).map((each) => each.outerHTML);
    """)
    assert wide == [] and browser.run("return document.documentElement.scrollWidth") == 360
    sizes = browser.run("""
        return [...document.querySelectorAll("main p, main td, main button")]
            .map((each) => parseFloat(getComputedStyle(each).fontSize));
    """)
    assert min(sizes) >= 11


# -- keyboard --------------------------------------------------------------------------

INTERACTIVE = "a[href], button, input, select, summary, [tabindex='0']"


@BOTH
def test_every_control_is_reached_by_tab_and_shows_it(browser, page):
    browser.open(page).wait(DRAWN)
    scrolled(browser)
    wanted = browser.run(f"""
        window.controls = [...document.querySelectorAll("{INTERACTIVE}")].filter((each) =>
            each.type === "radio" ? each.checked : each.checkVisibility());
        window.reached = []; window.unmarked = [];
        document.addEventListener("focusin", ({{ target }}) => {{
            window.reached.push(target);
            const group = target.parentElement.parentElement;
            const near = [target, target.nextElementSibling, group];
            const outline = (each) => getComputedStyle(each).outlineStyle;
            const marked = near.some((each) => each && outline(each) !== "none");
            if (!marked) window.unmarked.push(target.outerHTML.slice(0, 90));
        }});
        document.activeElement.blur();
        return window.controls.length;
    """)
    assert wanted > 30
    for _ in range(0, wanted + 20, 40):
        browser.press(*[browser.keys.TAB] * 40)
    missed = browser.run("""
        return window.controls.filter((each) => !window.reached.includes(each))
            .map((each) => each.outerHTML.slice(0, 90));
    """)
    assert missed == [] and browser.run("return window.unmarked") == []
    nameless = browser.run("""
        const named = (each) =>
            each.textContent.trim() || each.ariaLabel || each.labels?.length;
        return [...document.querySelectorAll("button, input, select, svg[tabindex]")]
            .filter((each) => !named(each)).map((each) => each.outerHTML);
    """)
    assert nameless == []


def focus(browser, found):
    """Put the focus on what a script finds."""
    script = f"const found = {found}; found.focus(); return document.activeElement === found"
    assert browser.run(script)


def labelled(text, start=False, inside="document"):
    """A script that finds a button by its text."""
    test = (
        f"each.textContent.startsWith('{text}')" if start else f"each.textContent === '{text}'"
    )
    return f"[...{inside}.querySelectorAll('button')].find((each) => {test})"


SPOKEN = "return document.getElementById('spoken').textContent"
CHART = "Chart.all.find((each) => each.title === 'Loss')"


def test_a_chart_is_read_and_zoomed_by_keyboard(browser, report):
    keys = browser.keys
    browser.open(report).wait(DRAWN)
    focus(browser, f"{CHART}.svg")
    browser.press(keys.ARROW_RIGHT)
    first = browser.run(SPOKEN)
    assert first.startswith("step 1, training, each step:")
    browser.press(keys.ARROW_RIGHT)
    assert browser.run(SPOKEN).startswith("step 2,")
    browser.press(keys.END)
    assert browser.run(SPOKEN).startswith("step 120,")
    browser.press(keys.ARROW_LEFT, "+")
    low, high = browser.run(f"return {CHART}.window")
    assert high - low == pytest.approx(119 / 2)
    assert browser.run(f"return {CHART}.resetButton.checkVisibility()")
    browser.press(keys.ESCAPE)
    assert browser.run(f"return {CHART}.window") is None
    browser.press(keys.TAB)
    assert browser.run(f"return {CHART}.tip.hidden")
    assert "arrow" in browser.run(f"return {CHART}.svg.getAttribute('aria-label')").lower()


def test_scale_axis_smoothing_and_lines_are_switched_by_keyboard(browser, report):
    keys = browser.keys
    browser.open(report).wait(DRAWN)
    focus(browser, f"{CHART}.logButton")
    browser.press(keys.SPACE)
    assert browser.run(f"return [{CHART}.isLog, {CHART}.y.log]") == [True, True]
    browser.press(keys.ENTER)
    assert browser.run(f"return {CHART}.y.log") is False
    focus(browser, "document.querySelector('input[value=linear]')")
    browser.press(keys.ARROW_RIGHT)
    assert browser.run(f"return {CHART}.y.log") is True
    focus(browser, "document.querySelector('input[value=step]')")
    browser.press(keys.ARROW_RIGHT)
    assert browser.run(f"return [{CHART}.axis, Math.round({CHART}.x.high)]") == ["epoch", 6]
    browser.press(keys.ARROW_RIGHT)
    assert browser.run(f"return {CHART}.axis") == "time"
    focus(browser, "document.querySelector('input[type=range]')")
    browser.press(keys.HOME)
    browser.wait(f"return view.smoothing === 0 && !{CHART}.svg.querySelector('.raw')")
    browser.press(keys.END)
    browser.wait(f"return view.smoothing === 0.2 && {CHART}.svg.querySelector('.raw')")
    lines = f"return {CHART}.svg.querySelectorAll('path.line.raw').length"
    before = browser.run(lines)
    focus(browser, f"{CHART}.legend.querySelector('button')")
    browser.press(keys.SPACE)
    assert browser.run(lines) == before - 1
    assert browser.run(f"return {CHART}.legend.querySelector('button').ariaPressed") == "false"


def test_smoothing_is_an_average_of_the_raw_line(browser, report):
    browser.open(report).wait(DRAWN)
    raw, flat, none = browser.run("""
        const at = Float64Array.from({length: 1000}, (_, i) => i);
        const values = at.map((x) => 3 + (x % 2 ? 1 : -1));
        return [1 / 50, 1 / 20, 0].map((share) => Array.from(smoothed(at, values, share)));
    """)
    assert np.allclose(raw[100:], 3, atol=0.05) and np.allclose(flat[200:], 3, atol=0.02)
    assert none == [2 + 2 * (i % 2) for i in range(1000)]


def test_tables_modules_and_details_open_by_keyboard(browser, report):
    keys = browser.keys
    browser.open(report).wait(DRAWN)
    rows = "return document.querySelectorAll('.modules tbody tr').length"
    before = browser.run(rows)
    focus(browser, labelled("0 …", start=True))
    browser.press(keys.ENTER)
    assert browser.run(rows) == before + 5
    browser.press(keys.ENTER)
    assert browser.run(rows) == before
    focus(browser, labelled("Open all"))
    browser.press(keys.SPACE)
    assert browser.run(rows) == before + 10
    focus(browser, "document.querySelector('#layers .looks summary')")
    browser.press(keys.ENTER)
    browser.wait("return document.querySelector('#layers .looks table tbody tr')")
    text = browser.run("return document.querySelector('#layers .looks').innerText")
    assert "small" in text and "healthy" in text
    focus(browser, labelled("Values", inside=f"{CHART}.box"))
    browser.press(keys.ENTER)
    assert browser.run(f"return {CHART}.valuesTable.querySelectorAll('tbody tr').length") == 120
    scrolled(browser)
    focus(browser, "document.querySelector('.matrix')")
    browser.press(keys.ARROW_DOWN)
    assert browser.run(SPOKEN) == "class 1 read as class 0: 2"
    focus(browser, "document.querySelector('.picks button')")
    browser.press(keys.SPACE)
    picked = "return Chart.all.find((each) => each.title === 'Gradient norm').seen.length"
    assert browser.run(picked) == 3


def test_a_menu_opens_and_closes_by_keyboard(browser, report):
    keys = browser.keys
    browser.open(report).wait(DRAWN)
    menu = f"{CHART}.box.querySelector('.menu')"
    focus(browser, f"{menu}.firstElementChild")
    browser.press(keys.ENTER)
    assert browser.run(f"return {menu}.open")
    browser.press(keys.TAB)
    assert browser.run("return document.activeElement.textContent") == "SVG"
    browser.press(keys.ESCAPE)
    closed = f"return [{menu}.open, document.activeElement === {menu}.firstElementChild]"
    assert browser.run(closed) == [False, True]
    browser.press(keys.ENTER)
    focus(browser, f"{CHART}.logButton")
    assert browser.run(f"return {menu}.open") is False


def test_runs_are_sorted_found_and_picked_by_keyboard(browser, comparison):
    keys = browser.keys
    browser.open(comparison).wait(DRAWN)
    names = """
        const heads = document.querySelectorAll(".runs tbody th");
        return Array.from(heads, (each) => each.innerText.trim());
    """
    assert browser.run(names) == [f"run-{i}" for i in (4, 3, 2, 1, 0)]
    focus(browser, labelled("lr"))
    browser.press(keys.ENTER)
    assert browser.run(names) == [f"run-{i}" for i in range(5)]
    browser.press(keys.ENTER)
    assert browser.run(names)[0] == "run-4"
    assert browser.run("return document.querySelector('[aria-sort]').ariaSort") == "descending"
    focus(browser, "document.querySelector('#runs input[type=search]')")
    browser.press(*"run-2")
    assert browser.run(names) == ["run-2"]
    focus(browser, "document.querySelector('.runs input[type=checkbox]')")
    browser.press(keys.SPACE)
    seen = """
        const { seen, svg } = Chart.all[0];
        const muted = svg.querySelectorAll(".muted");
        return [seen.filter((line) => !line.muted).length, muted.length];
    """
    assert browser.run(seen) == [4, 1]
    focus(browser, labelled("Other runs", start=True))
    browser.press(keys.SPACE)
    assert browser.run(seen) == [4, 0]
    focus(browser, "document.querySelector('#settings svg')")
    browser.press(keys.ARROW_RIGHT)
    assert browser.run(SPOKEN).startswith("run-0, lr: 0.02")


def test_the_mouse_reads_and_zooms(browser, report):
    browser.open(report).wait(DRAWN)
    browser.run(f"{CHART}.svg.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    browser.rest()
    chart = browser.run(f"return {CHART}.svg")
    act = browser.actions(browser.driver, duration=20)
    act.move_to_element_with_offset(chart, 40, 0).perform()
    assert browser.run(f"return !{CHART}.tip.hidden && {CHART}.tip.innerText").startswith(
        "step "
    )
    act.click_and_hold().move_by_offset(60, 0).release().perform()
    low, high = browser.run(f"return {CHART}.window")
    assert 1 < low < high < 120
    act.double_click(chart).perform()
    assert browser.run(f"return {CHART}.window") is None


# -- saving ----------------------------------------------------------------------------


def click(browser, label):
    test = "(each) => each.ariaLabel === arguments[0]"
    browser.run(f"[...document.querySelectorAll('button')].find({test}).click()", label)


@pytest.mark.parametrize("title", ["Loss", "Confusion matrix", "Activations of features.1"])
def test_figures_are_saved_as_svg_and_png(browser, report, title):
    browser.open(report).wait(DRAWN)
    scrolled(browser)
    click(browser, f"Save {title} as SVG")
    picture = ET.fromstring(browser.downloaded(".svg"))
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert title in texts and len(texts) > 5
    drawn = b"".join(ET.tostring(each) for each in picture)
    assert b"var(" not in drawn and b"class=" not in drawn
    click(browser, f"Save {title} as PNG")
    pixels = browser.downloaded(".png")
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(pixels)).convert("RGB")
    assert min(image.size) > 400 and len(image.getcolors(1 << 20)) > 20


def test_values_are_saved_as_csv(browser, report):
    browser.open(report).wait(DRAWN)
    click(browser, "Save Accuracy as CSV")
    rows = list(csv.reader(io.StringIO(browser.downloaded(".csv").decode())))
    assert rows[0] == ["step", "validation"] and [row[0] for row in rows[1:]] == [
        "20", "40", "60", "80", "100", "120",
    ]  # fmt: skip
    browser.run(f"{labelled('Save the configuration', start=True)}.click()")
    assert json.loads(browser.downloaded(".json"))["config"]["data"] == "digits"


def test_a_table_that_a_spreadsheet_opens_computes_nothing(browser, report):
    browser.open(report).wait(DRAWN)
    cells = ["=1+1", "-x", 'a"b', "a,b", 1.5, -2]
    assert browser.run("return csv([arguments[0]])", cells) == (
        '\'=1+1,\'-x,"a""b","a,b",1.5,-2\n'
    )


def test_values_that_were_lost_are_marked(browser, tmp_path):
    with Journal(tmp_path / "run") as journal:
        write_curves(journal, epochs=1)
        journal.scalars(21, {"train_loss": float("nan")})
        journal.scalars(22, {"train_loss": float("inf")})
    browser.open(write_report(tmp_path / "run")).wait(DRAWN)
    marks = "return Array.from(document.querySelectorAll('.lost title'), (t) => t.textContent)"
    assert browser.run(marks) == ["NaN at step 21", "∞ at step 22"]
