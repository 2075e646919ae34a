// The table of runs: what differs in their configurations, and their scores; sorted and searched.

const FIRST_ROWS = 100;

class RunsTable {
  constructor(runs, changed) {
    Object.assign(this, { runs, changed, sorted: null, wanted: "", limit: FIRST_ROWS });
    const [leading, ...scores] = scoreColumns(runs);
    this.columns = [...(leading ? [leading] : []), ...stateColumn(runs), ...configColumns(runs), ...scores];
    this.heads = this.columns.map((column) => this.head(column));
    this.body = element("tbody", {});
    this.search = element("input", {
      type: "search",
      placeholder: "Find runs: adam lr=0.01",
      "aria-label": "Find runs",
    });
    this.search.addEventListener("input", () => {
      this.wanted = this.search.value.toLowerCase();
      this.fill();
    });
    this.said = element("span", { class: "hint" });
    this.rows = new Map();
    this.more = button(
      "",
      () => {
        this.limit = Infinity;
        this.fill();
      },
      { class: "more" },
    );
    this.box = element(
      "div",
      { class: "card" },
      element(
        "div",
        { class: "picker" },
        this.search,
        element(
          "div",
          { class: "tools" },
          button("Pick found", () => this.pick(this.found().slice(0, MOST_DRAWN)), { class: "small" }),
          button("None", () => this.pick([]), { class: "small" }),
          button("CSV", () => saveCsv(this.csvRows(), "runs"), {
            class: "small",
            "aria-label": "Save the table as CSV",
          }),
        ),
        this.said,
      ),
      element(
        "div",
        { class: "wide tall", tabindex: 0, role: "region", "aria-label": "Runs" },
        element(
          "table",
          { class: "runs" },
          element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Run"), this.heads)),
          this.body,
        ),
      ),
      this.more,
    );
  }

  head(column) {
    const head = element("th", { scope: "col" });
    head.append(button(column.title, () => this.sort(column, head), { title: `Sort by ${column.title}` }));
    return head;
  }

  sort(column, head) {
    const down = this.sorted === column ? !this.down : column.higher === true;
    Object.assign(this, { sorted: column, down });
    for (const each of this.heads) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    this.fill();
    say(`Sorted by ${column.title}, ${down ? "highest" : "lowest"} first`);
  }

  // The runs that were searched for, in their order.
  found() {
    const words = this.wanted.split(/\s+/).filter(Boolean);
    const found = this.runs.filter((run) => words.every((word) => run.text.includes(word)));
    if (this.sorted === null) return found;
    const { value } = this.sorted,
      sign = this.down ? -1 : 1;
    return found.sort((a, b) => compared(value(a), value(b), sign));
  }

  pick(runs) {
    for (const run of this.runs) run.picked = runs.includes(run);
    this.changed();
    this.fill();
  }

  fill() {
    const found = this.found();
    this.body.replaceChildren(...found.slice(0, this.limit).map((run) => this.row(run)));
    this.more.hidden = found.length <= this.limit;
    this.more.textContent = `Show all ${grouped(found.length)} runs`;
    const picked = this.runs.filter((run) => run.picked).length;
    this.said.textContent = `${grouped(found.length)} of ${grouped(this.runs.length)} runs, ${grouped(picked)} picked`;
  }

  row(run) {
    if (!this.rows.has(run)) {
      const box = element("input", {
        type: "checkbox",
        "aria-label": `Draw ${run.name}`,
        onchange: () => {
          run.picked = box.checked;
          this.changed();
          this.fill();
        },
      });
      const swatch = element("span", { class: "swatch" });
      const row = element(
        "tr",
        {},
        element("th", { scope: "row" }, element("label", {}, box, " ", swatch, run.name)),
        this.columns.map((column) =>
          element(
            "td",
            { class: column.best === column.value(run) && column.best !== undefined ? "best" : null },
            column.text(run),
          ),
        ),
      );
      this.rows.set(run, { row, box, swatch });
    }
    const { row, box, swatch } = this.rows.get(run);
    box.checked = run.picked;
    swatch.style.setProperty("--key", run.picked ? `var(--line-${run.place % COLORS})` : "transparent");
    return row;
  }

  csvRows() {
    return [
      ["run", ...this.columns.map((column) => column.title)],
      ...this.found().map((run) =>
        [run.name, ...this.columns.map((column) => column.value(run) ?? "")].map((value) =>
          typeof value === "object" ? JSON.stringify(value) : value,
        ),
      ),
    ];
  }
}

// Numbers before texts, what is missing at the end.
function compared(a, b, sign) {
  const missing = (value) => value === undefined || value === null || Number.isNaN(value);
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), "en", { numeric: true });
}

function stateColumn(runs) {
  const findings = runs.some((run) => run.findings.length)
    ? [column("Findings", (run) => run.findings.join(" ") || undefined)]
    : [];
  return [
    ...findings,
    ...(new Set(runs.map((run) => run.state)).size > 1 ? [column("State", (run) => run.state)] : []),
  ];
}

function scoreColumns(runs) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.scores)))]
    .filter((name) => !["learning_rate", "lr"].includes(name))
    .sort((a, b) => scoreRank(a) - scoreRank(b));
  return names.slice(0, 12).flatMap((name) => {
    const higher = runs.find((run) => run.scores[name]).scores[name].higher;
    const last = column(
      `${content.titles[name] || name}, last`,
      (run) => numberOf(run.scores[name]?.last),
      higher,
    );
    if (name === "seconds") return [{ ...last, title: "Seconds, last epoch" }];
    const text = (found) => (found === undefined ? "–" : scoreText(name, found));
    last.text = (run) => text(last.value(run));
    const best = column(
      `${content.titles[name] || name}, best`,
      (run) => numberOf(run.scores[name]?.best),
      higher,
    );
    const values = runs.map(best.value).filter(Number.isFinite);
    last.percent = best.percent = /accuracy$/i.test(name) && values.every((value) => value <= 1);
    best.text = (run) => text(best.value(run));
    best.best = values.length > 1 ? (higher ? Math.max(...values) : Math.min(...values)) : undefined;
    return [best, last];
  });
}

function scoreRank(name) {
  return (
    (/^(validation|val|valid)/.test(name) ? 0 : /^test/.test(name) ? 1 : /train/.test(name) ? 2 : 3) +
    (/accuracy/.test(name) ? 0 : 0.5) +
    (name === "seconds" ? 5 : 0)
  );
}

function numberOf(value) {
  return value === undefined || value === null ? undefined : asNumber(value);
}

// The names whose values are not the same in all runs.
function configColumns(runs) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.config)))];
  return names
    .filter((name) => new Set(runs.map((run) => JSON.stringify(run.config[name]))).size > 1)
    .map((name) => column(name, (run) => run.config[name]));
}

function column(title, value, higher) {
  return {
    title,
    value,
    higher,
    text: (run) => {
      const found = value(run);
      return typeof found === "number" && !Number.isInteger(found) ? shown(found) : asText(found);
    },
  };
}
