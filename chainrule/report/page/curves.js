// Curves: losses, metrics and the learning rate, in charts that are built as they are needed.

const FIRST_SHOWN = 12;
const PART_COLORS = { training: 0, validation: 1, test: 2 };

function curves() {
  const sections = new Map();
  for (const chart of content.charts) {
    if (!sections.has(chart.section)) sections.set(chart.section, []);
    sections.get(chart.section).push(chart);
  }
  if (content.charts.length === 0) return;
  const [first, ...rest] = sections.keys();
  const main = section("curves", "Curves", controls(), scoresTable());
  for (const name of [first, ...rest]) {
    if (sections.size > 1) main.append(element("h3", { class: "group" }, name));
    main.append(chartGroup(name, sections.get(name)));
  }
}

// Charts side by side; the first few at once, and a field to find others by name.
function chartGroup(name, charts) {
  const grid = element("div", { class: "grid" });
  const box = element("div", {});
  const more = button(
    "",
    () => {
      limit *= 4;
      fill();
    },
    { class: "more" },
  );
  const search = element("input", {
    type: "search",
    placeholder: "Find a chart",
    "aria-label": `Find a chart in ${name}`,
  });
  const built = new Map();
  let limit = FIRST_SHOWN;
  const fill = () => {
    const wanted = search.value.toLowerCase();
    const fitting = charts.filter((chart) => chart.title.toLowerCase().includes(wanted));
    const now = fitting.slice(0, limit);
    grid.replaceChildren(...now.map((chart) => chartBox(chart, built)));
    more.hidden = fitting.length <= limit;
    more.textContent = `Show more of ${grouped(fitting.length)} charts`;
  };
  search.addEventListener("input", fill);
  fill();
  box.append(...(charts.length > FIRST_SHOWN ? [search] : []), grid, more);
  return box;
}

function chartBox(chart, built) {
  if (!built.has(chart)) {
    const lines = coloured(chart.lines.map((line) => new Line(line, 0)));
    const rate = chart.kind === "rate";
    const percent = chart.lines.every((line) => isShare(chart.title, array(line.data[1])));
    built.set(
      chart,
      new Chart(chart.title, lines, {
        log: rate ? false : null,
        fixed: rate,
        smooth: !rate,
        percent,
        marks: chart.title === "Loss" ? findingMarks() : [],
      }),
    );
  }
  return built.get(chart).box;
}

// The same colour for the same part of the data in every chart; a second line of it is dashed.
function coloured(lines) {
  const used = new Map();
  for (const [position, line] of lines.entries()) {
    const part = PART_COLORS[line.label.split(",")[0]] ?? position;
    const twice = used.get(part % COLORS) || 0;
    used.set(part % COLORS, twice + 1);
    line.style(part + COLORS * twice);
  }
  return lines;
}

// Accuracies are read in percent, unless they were measured in it.
function isShare(title, values) {
  return /accuracy$/i.test(title) && values.every((value) => !(value > 1));
}

function findingMarks() {
  return content.findings
    .slice(0, 8)
    .map((finding) => ({ step: asNumber(finding.step), label: finding.code || "" }));
}

function scoresTable() {
  const rows = content.scores
    .filter((score) => !["learning_rate", "lr", "seconds"].includes(score.name))
    .slice(0, 12);
  if (rows.length === 0) return null;
  return element(
    "div",
    { class: "card scores" },
    table(
      ["Score", "Last", "Best", "At step"],
      rows.map((score) => [
        score.title,
        scoreText(score.name, score.last),
        scoreText(score.name, score.best),
        score.best_step === null ? "–" : grouped(score.best_step),
      ]),
      { label: "Last and best scores" },
    ),
  );
}
