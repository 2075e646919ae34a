// The page of many runs: the table in which runs are picked, their curves, their settings.

const MOST_DRAWN = 32,
  FIRST_PICKED = 8,
  MOST_NAMED = 12;
const runs = content.runs;

for (const run of runs) {
  run.text = [
    run.name,
    run.state,
    ...run.findings,
    ...Object.entries(run.config).map(([name, value]) => `${name}=${asText(value)}`),
  ]
    .join(" ")
    .toLowerCase();
}

function comparisonHead(table) {
  const leader = bestRun(table);
  filled(document.getElementById("head"), {}, [
    element("div", { class: "title" }, element("h1", {}, `${grouped(runs.length)} runs compared`)),
    leader
      ? element(
          "p",
          { class: "hint" },
          `Best ${leader.column.title.replace(/, best$/, "").toLowerCase()}: ${leader.run.name} with ${leader.column.text(leader.run)}`,
        )
      : null,
    content.refused.length
      ? element(
          "details",
          { class: "note" },
          element("summary", {}, `${content.refused.length} could not be read`),
          element(
            "ul",
            {},
            content.refused.map((reason) => element("li", {}, reason)),
          ),
        )
      : null,
  ]);
}

// The score by which runs are ranked: the first that there is.
function leading(table) {
  return table.columns.find((column) => column.best !== undefined);
}

function bestRun(table) {
  const column = leading(table);
  return column && { column, run: runs.find((run) => column.value(run) === column.best) };
}

// At first the best ones by the first score that there is.
function firstPicked(table) {
  const column = leading(table);
  const order = column
    ? [...runs].sort((a, b) => compared(column.value(a), column.value(b), column.higher ? -1 : 1))
    : runs;
  order.slice(0, FIRST_PICKED).forEach((run) => {
    run.picked = true;
  });
}

function placePicked() {
  runs
    .filter((run) => run.picked)
    .forEach((run, i) => {
      run.place = i;
    });
}

let others = true;

function comparisonCharts() {
  return Object.entries(content.titles).map(([name, title]) => {
    const lines = runs
      .filter((run) => name in run.curves)
      .map((run) =>
        Object.assign(new Line({ label: run.name, data: run.curves[name], clock: run.clock }, 0), { run }),
      );
    const rate = name === "learning_rate" || name === "lr";
    const percent = /accuracy$/i.test(name) && !runs.some((run) => run.scores[name]?.best > 1);
    return new Chart(title, lines, {
      picking: false,
      smooth: !rate,
      fixed: rate,
      percent,
      log: rate ? false : null,
    });
  });
}

// The picked runs in colours, the others in grey behind them or not at all.
function paint(charts) {
  placePicked();
  document.body.style.setProperty("--faint", Math.max(0.18, 1 / Math.sqrt(runs.length + 4)).toFixed(2));
  for (const chart of charts) {
    for (const line of chart.lines) {
      line.shown = line.run.picked || others;
      line.muted = !line.run.picked;
      if (line.run.picked) line.style(line.run.place);
    }
    nameLines(chart);
    if (chart.drawn) chart.draw();
  }
}

// Under a chart, the runs in it that have a colour.
function nameLines(chart) {
  const lines = chart.lines.filter((line) => !line.muted);
  const rest = lines.length > MOST_NAMED ? [`and ${lines.length - MOST_NAMED} more`] : [];
  chart.legend.replaceChildren(
    ...lines.slice(0, MOST_NAMED).map((line) =>
      element(
        "span",
        {
          class: "key named",
          style: `--key: var(--line-${line.index % COLORS})`,
          "data-dash": line.dash ? "dashed" : null,
        },
        line.label,
      ),
    ),
    ...rest,
  );
}

function comparison() {
  let charts = [];
  const table = new RunsTable(runs, () => paint(charts));
  firstPicked(table);
  charts = comparisonCharts();
  comparisonHead(table);
  paint(charts);
  if (leading(table)) table.sort(leading(table), table.heads[table.columns.indexOf(leading(table))]);
  else table.fill();
  section("runs", "Runs", table.box);
  const switcher = toggle("Other runs in grey", others, (on) => {
    others = on;
    paint(charts);
  });
  const order = charts.sort((a, b) => b.title.includes("validation") - a.title.includes("validation"));
  section(
    "curves",
    "Curves",
    controls(),
    element("p", {}, switcher),
    element(
      "div",
      { class: "grid" },
      order.map((chart) => chart.box),
    ),
  );
  const settings = configColumns(runs).sort((a, b) => numeric(b) - numeric(a)),
    scores = scoreColumns(runs);
  if (settings.length && scores.length)
    section("settings", "Settings and scores", new Scatter(runs, settings, scores).box);
  const same = Object.entries(runs[0].config).filter(([name, value]) =>
    runs.every((run) => JSON.stringify(run.config[name]) === JSON.stringify(value)),
  );
  if (same.length) section("same", "The same in all runs", element("div", { class: "card" }, tableOf(same)));
}

// Settings that are numbers come before names.
function numeric(column) {
  return (
    runs.every((run) => typeof column.value(run) === "number") +
    (column.title === "lr" || column.title === "learning_rate") -
    (column.title === "seed")
  );
}

function tableOf(entries) {
  return table(
    ["Name", "Value"],
    entries.map(([name, value]) => [name, asText(value)]),
    { label: "The same in all runs" },
  );
}

comparison();
