// Layers over time: the picked ones as lines, their activations as heat maps, all in a table.

const MOST_PICKED = 8;

function layers() {
  const { layers } = content;
  if (layers === null) return;
  nameTypes(layers);
  const picked = new Set(spread(layers.names, MOST_PICKED));
  const moves = ({ lines }) => lines.some((line) => array(line.data[0]).length > 1);
  const still = layers.quantities.filter((quantity) => !moves(quantity)); // no curve to draw
  const charts = layers.quantities.filter(moves).map((quantity) => layerChart(quantity, picked));
  const maps = element("div", { class: "grid" });
  const histograms = new Map(layers.histograms.map((each) => [each.layer, each]));
  const drawn = new Map();
  const update = () => {
    const order = layers.names.filter((name) => picked.has(name));
    for (const chart of charts) {
      for (const line of chart.lines) {
        line.shown = picked.has(line.label);
        line.style(order.indexOf(line.label));
      }
      if (chart.drawn) chart.draw();
    }
    const wanted = order.filter((name) => histograms.has(name)).slice(0, 12);
    for (const name of wanted) if (!drawn.has(name)) drawn.set(name, new HistogramMap(histograms.get(name)));
    maps.replaceChildren(...wanted.map((name) => drawn.get(name).box));
  };
  section(
    "layers",
    "Layers",
    element("p", { class: "hint" }, looksText(layers.quantities)),
    charts.length || histograms.size ? layerPicker(layers.names, picked, update) : null,
    element(
      "div",
      { class: "grid" },
      charts.map((chart) => chart.box),
    ),
    histograms.size ? histogramsHead(layers.histograms) : null,
    maps,
    still.length ? stillTable(layers.names, still) : null,
    charts.length ? lastTable(layers) : null,
  );
  update();
}

// The parts of a Sequential have only numbers; with their type one knows which they are.
function nameTypes(layers) {
  const types = new Map();
  const walk = (module) => {
    types.set(module.name, module.type);
    childrenOf(module).forEach(walk);
  };
  if (content.architecture) walk(content.architecture);
  const named = (name) => (/(^|\.)\d+$/.test(name) && types.get(name) ? `${name} ${types.get(name)}` : name);
  layers.names = layers.names.map(named);
  for (const each of layers.histograms) each.layer = named(each.layer);
  for (const { lines } of layers.quantities) for (const line of lines) line.label = named(line.label);
}

// When the layers were looked at.
function looksText(quantities) {
  const steps = [...new Set(quantities.flatMap(({ lines }) => lines.flatMap(({ data }) => [...array(data[0])])))];
  const last = grouped(steps.reduce((a, b) => Math.max(a, b), 0));
  return steps.length > 1
    ? `Looked at in ${grouped(steps.length)} steps, the last time in step ${last}: as often as fits into the time the doctor may take.`
    : `Looked at in step ${last}.`;
}

function histogramsHead(histograms) {
  const moving = histograms.some((each) => array(each.steps).length > 1);
  return [
    element("h3", { class: "group" }, "Activation histograms of the picked layers"),
    element(
      "p",
      { class: "hint" },
      moving
        ? "What the layer gave out: steps to the right, values upwards; the stronger the colour, the more often."
        : "What the layer gave out: values to the right, their share upwards.",
    ),
  ];
}

// So many of the names, evenly from the first to the last.
function spread(names, most) {
  if (names.length <= most) return names;
  return Array.from({ length: most }, (_, i) => names[Math.round((i * (names.length - 1)) / (most - 1))]);
}

function layerChart(quantity, picked) {
  const lines = quantity.lines.map((line) => new Line(line, 0));
  for (const line of lines) line.shown = picked.has(line.label);
  const chart = new Chart(quantity.title, lines, {
    band: quantity.band,
    ideal: quantity.ideal,
    share: quantity.share,
    log: quantity.log,
    fixed: true,
    picking: false,
    marks: [],
  });
  if (quantity.band)
    chart.legend.append(
      element(
        "p",
        { class: "hint" },
        element("i", { class: "band-key" }),
        `healthy from ${shown(quantity.band[0])} to ${shown(quantity.band[1])}, best around ${shown(quantity.ideal)}`,
      ),
    );
  return chart;
}

function layerPicker(names, picked, update) {
  const list = element("div", { class: "legend picks" });
  const search = element("input", {
    type: "search",
    placeholder: "Find a layer",
    "aria-label": "Find a layer",
  });
  const pick = (chosen) => {
    picked.clear();
    chosen.forEach((name) => picked.add(name));
    fill();
    update();
  };
  const fitting = () =>
    names.filter((name) => name.toLowerCase().includes(search.value.toLowerCase())).slice(0, 300);
  const paint = () => {
    const order = names.filter((name) => picked.has(name));
    for (const key of list.children) {
      const place = order.indexOf(key.textContent);
      key.style.setProperty("--key", place < 0 ? "transparent" : `var(--line-${place % COLORS})`);
      key.toggleAttribute("data-dash", place >= COLORS);
    }
  };
  const fill = () => {
    list.replaceChildren(
      ...fitting().map((name) =>
        toggle(
          name,
          picked.has(name),
          (on) => {
            if (on) picked.add(name);
            else picked.delete(name);
            update();
            paint();
          },
          { class: "key" },
        ),
      ),
    );
    paint();
  };
  search.addEventListener("input", fill);
  fill();
  return element(
    "div",
    { class: "card staying" },
    element(
      "div",
      { class: "picker" },
      element("h3", {}, "Layers to show"),
      names.length > 12 ? search : null,
      element(
        "div",
        { class: "tools" },
        button("All found", () => pick(fitting()), { class: "small" }),
        button("Evenly", () => pick(spread(names, MOST_PICKED)), { class: "small" }),
        button("None", () => pick([]), { class: "small" }),
      ),
    ),
    list,
  );
}

// What was seen in a single step, of which there are no curves.
function stillTable(names, quantities) {
  const steps = new Set(quantities.flatMap(({ lines }) => lines.flatMap(({ data }) => [...array(data[0])])));
  const when = steps.size === 1 ? `Seen only in step ${grouped([...steps][0])}` : "Seen once";
  const rows = looked(names, quantities).filter(([, ...values]) => values.some((value) => value !== "–"));
  return element("div", { class: "card" }, element("h3", {}, when), lookTable(rows, quantities, when));
}

// The last look at each layer, with a word on its update-to-weight ratio.
function lastTable({ names, quantities }) {
  const details = element(
    "details",
    { class: "card looks" },
    element("summary", {}, `Last look at all ${grouped(names.length)} layers`),
  );
  details.addEventListener(
    "toggle",
    () => details.append(lookTable(looked(names, quantities), quantities, "Last look at each layer")),
    { once: true },
  );
  return details;
}

function lookTable(rows, quantities, label) {
  const judged = quantities.some((quantity) => quantity.band);
  const heads = ["Layer", ...quantities.map((quantity) => quantity.title), ...(judged ? ["Updates are"] : [])];
  return table(heads, rows, { label });
}

// The last value of each quantity in each layer, as text.
function looked(names, quantities) {
  const last = quantities.map(
    (quantity) => new Map(quantity.lines.map((line) => [line.label, array(line.data[1]).at(-1)])),
  );
  const ratio = quantities.findIndex((quantity) => quantity.band);
  return names.map((name) => [
    name,
    ...quantities.map((quantity, i) => {
      const value = last[i].get(name);
      return value === undefined ? "–" : quantity.share ? percent(value) : shown(value);
    }),
    ...(ratio < 0 ? [] : [verdict(last[ratio].get(name), quantities[ratio].band)]),
  ]);
}

function verdict(value, [low, high]) {
  if (value === undefined) return "–";
  if (!Number.isFinite(value)) return "not finite";
  return value < low ? "small" : value > high ? "large" : "healthy";
}
