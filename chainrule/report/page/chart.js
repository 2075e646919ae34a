// A chart of lines over the steps: drawn when it is near the window, again when anything changes.

const FEWEST_SMOOTHED = 2; // points in a stretch over which a mean is taken
const MARGIN = { left: 56, right: 14, top: 12, bottom: 35 };

class Chart {
  constructor(title, lines, options = {}) {
    Object.assign(
      this,
      {
        title,
        lines,
        band: null,
        ideal: null,
        share: false, // of all units: from 0 to 100 %
        percent: false, // in percent, wherever the values lie
        height: 250,
        marks: [],
        picking: true,
        smooth: true,
      },
      options,
    );
    this.log = options.log ?? null; // null: as the page's switch says
    this.window = null; // what part of the axis is seen; null for all
    this.cursor = null;
    this.drawn = false;
    this.build();
    Chart.all.push(this);
    whenNear(this.box, () => {
      this.drawn = true;
      this.draw();
      Chart.sizes.observe(this.plot);
    });
  }

  static all = [];
  static sizes = new ResizeObserver((entries) => entries.forEach((entry) => entry.target.chart.resized()));

  // Draw all charts again, after a change of what they share.
  static redraw() {
    Chart.all.filter((chart) => chart.drawn).forEach((chart) => chart.draw());
  }

  build() {
    this.svg = drawing("svg", { class: "chart", tabindex: 0, role: "group", "aria-label": this.title });
    this.tip = element("div", { class: "tip", hidden: true });
    this.plot = element("div", { class: "plot", style: `min-height: ${this.height}px` }, this.svg, this.tip);
    this.plot.chart = this;
    this.logButton = toggle(
      "Log",
      this.isLog,
      (on) => {
        this.log = on;
        this.draw();
      },
      { class: "small", "aria-label": `${this.title}: logarithmic scale` },
    );
    this.resetButton = button("Whole", () => this.zoom(null), {
      class: "small",
      hidden: true,
      "aria-label": `${this.title}: show the whole axis`,
    });
    const valuesButton = toggle("Values", false, (on) => this.showValues(on), {
      class: "small",
      "aria-label": `${this.title}: values as a table`,
    });
    const tools = element(
      "div",
      { class: "tools" },
      this.resetButton,
      this.logButton,
      valuesButton,
      savers(
        () => this.svg,
        this.title,
        () => (this.seen.length > 20 ? [] : this.seen),
        () => this.rows(Infinity),
      ),
    );
    this.legend = element("div", { class: "legend" });
    this.valuesTable = element("div", { hidden: true });
    this.box = element(
      "figure",
      { class: "card" },
      element("figcaption", {}, element("h3", {}, this.title), tools),
      this.plot,
      this.legend,
      this.valuesTable,
    );
    this.buildLegend();
    takeInput(this);
  }

  get isLog() {
    return this.log ?? (view.log && !this.share);
  }
  // A value of this chart as text.
  text(value) {
    return (this.share || this.percent) && Number.isFinite(value) ? percent(value) : shown(value);
  }
  get seen() {
    return this.lines.filter((line) => line.shown);
  }

  buildLegend() {
    if (!this.picking) return;
    const single = this.lines.length === 1 && ["each step", "each epoch"].includes(this.lines[0].label);
    this.legend.replaceChildren(
      ...(single
        ? []
        : this.lines.map((line) =>
            toggle(
              line.label,
              line.shown,
              (on) => {
                line.shown = on;
                this.draw();
              },
              {
                class: "key",
                style: `--key: var(--line-${line.index % COLORS})`,
                "data-dash": line.dash ? "dashed" : null,
              },
            ),
          )),
    );
  }

  resized() {
    if (Math.abs(this.plot.clientWidth - this.width) > 1) this.draw();
  }

  draw() {
    this.width = Math.max(240, this.plot.clientWidth);
    this.axis = view.axis;
    this.logButton.setAttribute("aria-pressed", this.isLog);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.svg.setAttribute("aria-label", this.description());
    const inner = {
      x: MARGIN.left,
      y: MARGIN.top,
      width: this.width - MARGIN.left - MARGIN.right,
      height: this.height - MARGIN.top - MARGIN.bottom,
    };
    this.inner = inner;
    const [low, high] = this.window ||
      extent(
        this.seen.flatMap((line) => ends(line.points(this.axis)[0])),
        false,
      ) || [0, 1];
    const room = high > low ? 0 : 0.5; // around a single point
    this.x = new Axis(low - room, high + room, inner.x, inner.x + inner.width);
    this.places = room ? [low] : this.x.ticks(Math.max(2, inner.width / 90));
    this.y = new Axis(...this.range(), inner.y + inner.height, inner.y, this.isLog);
    const clip = `clip-${Chart.all.indexOf(this)}`;
    this.svg.replaceChildren(
      drawing("clipPath", { id: clip }, drawing("rect", inner)),
      ...this.drawBand(),
      ...this.drawAxes(),
      drawing(
        "g",
        { "clip-path": `url(#${clip})` },
        this.drawMuted(),
        this.drawMarks(),
        this.seen.filter((line) => !line.muted).map((line) => this.drawLine(line)),
      ),
      (this.passing = drawing("g", { class: "passing" })),
    );
    if (this.seen.length === 0)
      this.svg.append(
        drawing(
          "text",
          { class: "tick", x: this.width / 2, y: this.height / 2, "text-anchor": "middle" },
          "No line is picked",
        ),
      );
  }

  // The values that the picture must hold.
  range() {
    const found = [];
    for (const line of this.seen) {
      const [at, values] = line.points(this.axis);
      const from = this.window ? Math.max(0, before(at, this.window[0])) : 0;
      const to = this.window ? before(at, this.window[1]) + 2 : values.length;
      const range = extent(values.subarray(from, to), this.isLog);
      if (range) found.push(...range);
    }
    if (this.band && found.length) found.push(...this.band);
    const whole = extent(found, this.isLog);
    if (whole === null) return this.isLog ? [0.1, 1] : [0, 1];
    if (this.share && !this.isLog) return [0, Math.max(1, whole[1])];
    return widened(whole, this.isLog);
  }

  drawBand() {
    if (!this.band) return [];
    const [low, high] = this.band.map((value) => this.y.place(value));
    const { x, width } = this.inner;
    const found = [drawing("rect", { class: "band", x, width, y: high, height: low - high })];
    if (this.ideal) {
      const y = this.y.place(this.ideal);
      found.push(drawing("line", { class: "ideal", x1: x, x2: x + width, y1: y, y2: y }));
    }
    return found;
  }

  drawAxes() {
    const { x, y, width, height } = this.inner;
    const found = [];
    for (const value of this.y.ticks(5)) {
      const at = this.y.place(value);
      found.push(
        drawing("line", { class: "rule", x1: x, x2: x + width, y1: at, y2: at }),
        drawing(
          "text",
          { class: "tick", x: x - 6, y: at + 4, "text-anchor": "end" },
          this.share || this.percent ? percentTick(value) : tickText(value),
        ),
      );
    }
    for (const value of this.places) {
      found.push(
        drawing(
          "text",
          { class: "tick", x: this.x.place(value), y: y + height + 17, "text-anchor": "middle" },
          this.axis === "time" ? duration(value) : tickText(value),
        ),
      );
    }
    found.push(
      drawing("line", { class: "axis", x1: x, x2: x + width, y1: y + height, y2: y + height }),
      drawing(
        "text",
        { class: "tick unit", x: x + width, y: y + height + 29, "text-anchor": "end" },
        this.axis,
      ),
    );
    return found;
  }

  // Where the doctor found something.
  drawMarks() {
    return this.marks
      .filter((mark) => Number.isFinite(mark.step))
      .map((mark, i) => {
        const x = this.x.place(this.lines[0] ? this.lines[0].along([mark.step], this.axis)[0] : mark.step);
        const { y, height } = this.inner;
        return drawing(
          "g",
          { class: "mark" },
          drawing("line", { x1: x, x2: x, y1: y, y2: y + height }),
          drawing("text", { x: x + 4, y: y + 11 + 13 * i }, mark.label),
        );
      });
  }

  // The lines in grey: one path, as there may be hundreds.
  drawMuted() {
    const muted = this.seen.filter((line) => line.muted);
    return muted.length
      ? drawing("path", {
          class: "line muted",
          d: muted.map((line) => this.path(...line.points(this.axis))).join(""),
        })
      : [];
  }

  drawLine(line) {
    const [at, values] = line.points(this.axis);
    const style = `--key: var(--line-${line.index % COLORS})`;
    const smooth = this.smooth && view.smoothing * values.length >= FEWEST_SMOOTHED;
    const found = drawing("g", { style });
    found.append(
      drawing("path", {
        class: smooth ? "line raw" : "line",
        d: this.path(at, values),
        "stroke-dasharray": smooth ? null : line.dash,
      }),
    );
    if (smooth)
      found.append(
        drawing("path", {
          class: "line",
          d: this.path(...line.smooth(this.axis, view.smoothing)),
          "stroke-dasharray": line.dash,
        }),
      );
    if (values.length < 3 || (values.length <= 60 && line.source === "epoch")) found.append(...this.dots(at, values));
    found.append(...this.lost(at, values));
    return found;
  }

  path(at, values) {
    let text = "",
      pen = false;
    for (let i = 0; i < values.length; i++) {
      const y = values[i];
      if (!Number.isFinite(y) || (this.isLog && y <= 0)) {
        pen = false;
        continue;
      }
      text += `${pen ? "L" : "M"}${this.x.place(at[i]).toFixed(1)} ${this.y.place(y).toFixed(1)}`;
      pen = true;
    }
    return text;
  }

  dots(at, values) {
    const found = [];
    values.forEach((value, i) => {
      if (Number.isFinite(value) && !(this.isLog && value <= 0)) {
        found.push(
          drawing("circle", {
            class: "dot",
            cx: this.x.place(at[i]).toFixed(1),
            cy: this.y.place(value).toFixed(1),
            r: values.length < 3 ? 3 : 2,
          }),
        );
      }
    });
    return found;
  }

  // A cross at the top where a value was NaN or infinite.
  lost(at, values) {
    const found = [];
    values.forEach((value, i) => {
      if (!Number.isFinite(value) && found.length < 32) {
        const x = this.x.place(at[i]),
          y = this.inner.y + 6;
        found.push(
          drawing(
            "path",
            { class: "lost", d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` },
            drawing("title", {}, `${shown(value)} at step ${grouped(Math.round(at[i]))}`),
          ),
        );
      }
    });
    return found;
  }

  // What the picture says, for those who do not see it.
  description() {
    const ends = this.seen.slice(0, 8).map((line) => {
      const values = line.values;
      return `${line.label}: from ${this.text(values[0])} to ${this.text(values[values.length - 1])}`;
    });
    const more = this.seen.length > 8 ? ` and ${this.seen.length - 8} more lines` : "";
    return `${this.title} by ${this.axis || view.axis}. ${ends.join("; ")}${more}. Left and right arrows read values, plus and minus zoom, Escape shows all.`;
  }

  rows(most) {
    const lines = this.seen;
    const steps = [...new Set(lines.flatMap((line) => Array.from(line.steps)))].sort((a, b) => a - b);
    const every = Math.max(1, Math.ceil(steps.length / most));
    const places = lines.map((line) => new Map(Array.from(line.steps, (step, i) => [step, line.values[i]])));
    const body = steps
      .filter((_, i) => i % every === 0 || i === steps.length - 1)
      .map((step) => [step, ...places.map((values) => values.get(step) ?? "")]);
    return [["step", ...lines.map((line) => line.label)], ...body];
  }

  showValues(on) {
    this.valuesTable.hidden = !on;
    const [heads, ...rows] = this.rows(200);
    this.valuesTable.replaceChildren(
      table(
        heads,
        rows.map((row) =>
          row.map((value, i) => (value === "" ? "" : i ? this.text(value) : shown(value))),
        ),
        { label: `Values of ${this.title}` },
      ),
    );
  }
}
