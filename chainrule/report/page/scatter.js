// Scatter: one point for each run, a setting to the right and a score upwards.

class Scatter {
  constructor(runs, columns, scores) {
    Object.assign(this, { runs, columns, scores, x: columns[0], y: scores[0], at: -1 });
    this.svg = drawing("svg", {
      class: "chart",
      tabindex: 0,
      role: "group",
      "aria-label": "Settings and scores",
    });
    this.tip = element("div", { class: "tip", hidden: true });
    this.plot = element("div", { class: "plot", style: "min-height: 280px" }, this.svg, this.tip);
    this.box = element(
      "figure",
      { class: "card" },
      element(
        "figcaption",
        {},
        element("h3", {}, "Settings and scores"),
        element(
          "div",
          { class: "tools" },
          savers(() => this.svg, "Settings and scores"),
        ),
      ),
      element(
        "div",
        { class: "controls" },
        this.select("Setting", columns, (column) => {
          this.x = column;
        }),
        this.select("Score", scores, (column) => {
          this.y = column;
        }),
      ),
      this.plot,
    );
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("blur", () => this.read(-1));
    whenNear(this.box, () => {
      this.draw();
      new ResizeObserver(() => this.draw()).observe(this.box);
    });
  }

  select(label, columns, choose) {
    const made = element(
      "select",
      {
        onchange: () => {
          choose(columns[made.value]);
          this.draw();
        },
      },
      columns.map((column, i) => element("option", { value: i }, column.title)),
    );
    return element("label", {}, `${label} `, made);
  }

  draw() {
    const width = Math.max(240, this.plot.clientWidth),
      height = 280;
    const inner = {
      x: MARGIN.left,
      y: MARGIN.top,
      width: width - MARGIN.left - MARGIN.right,
      height: height - MARGIN.top - MARGIN.bottom,
    };
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("aria-label", `${this.y.title} by ${this.x.title}. The arrow keys read the runs.`);
    this.points = this.runs
      .map((run) => ({ run, x: this.x.value(run), y: this.y.value(run) }))
      .filter((point) => point.x !== undefined && point.x !== null && Number.isFinite(point.y));
    const numbers = this.points.every((point) => typeof point.x === "number");
    const x = numbers
      ? numberAxis(
          this.points.map((point) => point.x),
          inner,
        )
      : nameAxis(this.points, inner);
    const y = new Axis(
      ...widened(
        extent(
          this.points.map((point) => point.y),
          false,
        ) || [0, 1],
        false,
      ),
      inner.y + inner.height,
      inner.y,
    );
    for (const point of this.points) Object.assign(point, { px: x.place(point.x), py: y.place(point.y) });
    this.points.sort((a, b) => a.px - b.px || a.py - b.py);
    this.svg.replaceChildren(
      ...y
        .ticks(5)
        .flatMap((value) => [
          drawing("line", {
            class: "rule",
            x1: inner.x,
            x2: inner.x + inner.width,
            y1: y.place(value),
            y2: y.place(value),
          }),
          drawing(
            "text",
            { class: "tick", x: inner.x - 6, y: y.place(value) + 4, "text-anchor": "end" },
            this.y.percent ? percentTick(value) : tickText(value),
          ),
        ]),
      ...x
        .marks(Math.max(2, inner.width / 80))
        .map(([value, text]) =>
          drawing(
            "text",
            {
              class: "tick",
              x: (x.middle || x.place).call(x, value),
              y: inner.y + inner.height + 17,
              "text-anchor": "middle",
            },
            clipped(text, 14),
          ),
        ),
      ...this.points.map((point, i) =>
        drawing("circle", {
          class: "point",
          cx: point.px,
          cy: point.py,
          r: 4.5,
          onpointerenter: () => this.read(i),
          onpointerleave: () => this.read(-1),
        }),
      ),
    );
  }

  key(event) {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (by === undefined) return;
    if (this.points === undefined) this.draw();
    if (this.points.length === 0) return;
    event.preventDefault();
    this.read(Math.min(this.points.length - 1, Math.max(0, this.at + by)));
    say(this.tip.innerText.replaceAll("\n", ", "));
  }

  read(i) {
    this.at = i;
    this.svg.querySelector(".point.chosen")?.classList.remove("chosen");
    this.tip.hidden = i < 0;
    if (i < 0) return;
    const { run, px } = this.points[i];
    this.svg.querySelectorAll(".point")[i].classList.add("chosen");
    this.tip.replaceChildren(
      element("b", {}, run.name),
      element("div", {}, `${this.x.title}: ${this.x.text(run)}`),
      element("div", {}, `${this.y.title}: ${this.y.text(run)}`),
    );
    const box = this.svg.getBoundingClientRect(),
      at = (px / this.svg.viewBox.baseVal.width) * box.width,
      right = at > box.width / 2;
    Object.assign(this.tip.style, {
      left: right ? "auto" : `${at + 12}px`,
      right: right ? `${box.width - at + 12}px` : "auto",
    });
  }
}

// Logarithmic where the settings span powers of ten, as learning rates do.
function numberAxis(values, inner) {
  const range = extent(values, false) || [0, 1],
    log = range[0] > 0 && range[1] / range[0] > 30;
  const axis = new Axis(...widened(range, log), inner.x, inner.x + inner.width, log);
  axis.marks = (most) => axis.ticks(most).map((value) => [value, tickText(value)]);
  return axis;
}

function nameAxis(points, inner) {
  const names = [...new Set(points.map((point) => asText(point.x)))].sort();
  let turn = 0; // runs of the same name stand side by side
  const place = (value) =>
    inner.x +
    ((names.indexOf(asText(value)) + 0.5 + 0.6 * ((turn = (turn + 0.618) % 1) - 0.5)) / names.length) *
      inner.width;
  const marks = (most) =>
    names.filter((_, i) => i % Math.ceil(names.length / most) === 0).map((name) => [name, name]);
  const middle = (value) => inner.x + ((names.indexOf(value) + 0.5) / names.length) * inner.width;
  return { place, middle, marks };
}
