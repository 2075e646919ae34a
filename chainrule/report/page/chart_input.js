// What a reader does with a chart: pointing, zooming, and the same by keyboard.

function takeInput(chart) {
  const { svg } = chart;
  let from = null;
  svg.addEventListener("pointermove", (event) => {
    const x = inside(chart, event);
    point(chart, x);
    if (from !== null) span(chart, from, x);
  });
  svg.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0) from = inside(chart, event);
  });
  svg.addEventListener("pointerup", (event) => {
    const to = inside(chart, event);
    if (from !== null && Math.abs(chart.x.place(to) - chart.x.place(from)) > 8)
      chart.zoom([Math.min(from, to), Math.max(from, to)]);
    from = null;
  });
  svg.addEventListener("pointerleave", () => {
    from = null;
    point(chart, null);
  });
  svg.addEventListener("dblclick", () => chart.zoom(null));
  svg.addEventListener("blur", () => point(chart, null));
  svg.addEventListener("keydown", (event) => {
    const action = KEYS[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    action(chart, event);
    event.preventDefault();
  });
}

const KEYS = {
  ArrowRight: (chart, event) => move(chart, event.shiftKey ? 10 : 1),
  ArrowLeft: (chart, event) => move(chart, event.shiftKey ? -10 : -1),
  Home: (chart) => read(chart, chart.x.low),
  End: (chart) => read(chart, chart.x.high),
  "+": (chart) => chart.zoom(around(chart, 0.5)),
  "=": (chart) => chart.zoom(around(chart, 0.5)),
  "-": (chart) => chart.zoom(around(chart, 2)),
  Escape: (chart) => chart.zoom(null),
};

Chart.prototype.zoom = function (window) {
  const whole = extent(
    this.seen.flatMap((line) => ends(line.points(this.axis)[0])),
    false,
  );
  const outside = window && whole && window[0] <= whole[0] && window[1] >= whole[1];
  this.window = outside ? null : window;
  if (this.window === null && document.activeElement === this.resetButton) this.svg.focus();
  this.resetButton.hidden = this.window === null;
  this.draw();
};

function inside(chart, event) {
  const box = chart.svg.getBoundingClientRect();
  const place = ((event.clientX - box.left) / box.width) * chart.width;
  return Math.min(chart.x.high, Math.max(chart.x.low, chart.x.value(place)));
}

function around(chart, factor) {
  const { low, high } = chart.x;
  const middle = chart.cursor ?? (low + high) / 2,
    half = ((high - low) * factor) / 2;
  return [middle - half, middle + half];
}

// To the next point of the line with the most points.
function move(chart, by) {
  const [line] = [...chart.seen].sort((a, b) => b.steps.length - a.steps.length);
  if (line === undefined) return;
  const [at] = line.points(chart.axis);
  const now = chart.cursor === null ? (by > 0 ? -1 : at.length) : nearest(at, chart.cursor);
  read(chart, at[Math.min(at.length - 1, Math.max(0, now + by))]);
}

function read(chart, x) {
  point(chart, x);
  say(chart.tip.innerText.replaceAll("\n", ", "));
}

// Show the values next to x; null takes them away.
function point(chart, x) {
  chart.cursor = x;
  chart.tip.hidden = x === null || chart.seen.length === 0;
  if (chart.tip.hidden) {
    chart.passing?.replaceChildren();
    return;
  }
  const found = chart.seen
    .filter((line) => !line.muted && line.steps.length)
    .map((line) => ({ line, ...line.near(x, chart.axis) }));
  if (found.length === 0) return;
  const closest = found.reduce((a, b) => (Math.abs(b.x - x) < Math.abs(a.x - x) ? b : a));
  const place = chart.x.place(closest.x),
    { y, height } = chart.inner;
  const parts = [drawing("line", { class: "cursor", x1: place, x2: place, y1: y, y2: y + height })];
  for (const each of found) {
    if (!Number.isFinite(each.value) || (chart.isLog && each.value <= 0)) continue;
    parts.push(
      drawing("circle", {
        class: "spot",
        style: `--key: var(--line-${each.line.index % COLORS})`,
        cx: chart.x.place(each.x),
        cy: chart.y.place(each.value),
        r: 3.5,
      }),
    );
  }
  chart.passing.replaceChildren(...parts);
  showTip(chart, closest, found, place);
}

function showTip(chart, closest, found, place) {
  const head =
    chart.axis === "step"
      ? `step ${grouped(Math.round(closest.x))}`
      : chart.axis === "time"
        ? duration(closest.x)
        : `epoch ${shown(closest.x)}`;
  const rows = found
    .slice(0, 12)
    .map((each) =>
      element(
        "div",
        {},
        element("i", { style: `--key: var(--line-${each.line.index % COLORS})` }),
        `${each.line.label}: `,
        element("b", {}, chart.text(each.value)),
      ),
    );
  if (found.length > 12) rows.push(element("div", {}, `and ${found.length - 12} more`));
  chart.tip.replaceChildren(element("div", { class: "when" }, head), ...rows);
  const box = chart.svg.getBoundingClientRect(),
    at = (place / chart.width) * box.width;
  const right = at > box.width / 2;
  chart.tip.style.left = right ? "auto" : `${at + 12}px`;
  chart.tip.style.right = right ? `${box.width - at + 12}px` : "auto";
}

// The stretch that is being picked with the mouse.
function span(chart, from, to) {
  const [a, b] = [from, to].map((x) => chart.x.place(x)).sort((p, q) => p - q);
  const { y, height } = chart.inner;
  chart.passing.append(drawing("rect", { class: "span", x: a, width: b - a, y, height }));
}
