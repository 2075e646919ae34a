// Layers over time: the picked ones as lines, their activations as heat maps, all in a table.

const MOST_PICKED = 8;

function layers() {
  const { layers } = content;
  if (layers === null) return;
  const picked = new Set(spread(layers.names, MOST_PICKED));
  const charts = layers.quantities.map((quantity) => layerChart(quantity, picked));
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
    layerPicker(layers.names, picked, update),
    element(
      "div",
      { class: "grid" },
      charts.map((chart) => chart.box),
    ),
    histograms.size ? element("h3", { class: "group" }, "Activation histograms of the picked layers") : null,
    maps,
    layerTable(layers),
  );
  update();
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
    { class: "card" },
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

// The last look at each layer, with a word on its update-to-weight ratio.
function layerTable({ names, quantities }) {
  const last = quantities.map(
    (quantity) => new Map(quantity.lines.map((line) => [line.label, array(line.data[1]).at(-1)])),
  );
  const ratio = quantities.findIndex((quantity) => quantity.band);
  const rows = () =>
    names.map((name) => [
      name,
      ...quantities.map((quantity, i) => {
        const value = last[i].get(name);
        return value === undefined ? "–" : quantity.share ? percent(value) : shown(value);
      }),
      ...(ratio < 0 ? [] : [verdict(last[ratio].get(name), quantities[ratio].band)]),
    ]);
  const details = element(
    "details",
    { class: "card" },
    element("summary", {}, `Last look at all ${grouped(names.length)} layers`),
  );
  details.addEventListener(
    "toggle",
    () =>
      details.append(
        table(
          ["Layer", ...quantities.map((quantity) => quantity.title), ...(ratio < 0 ? [] : ["Updates are"])],
          rows(),
          { label: "Last look at each layer" },
        ),
      ),
    { once: true },
  );
  return details;
}

function verdict(value, [low, high]) {
  if (value === undefined) return "–";
  if (!Number.isFinite(value)) return "not finite";
  return value < low ? "small" : value > high ? "large" : "healthy";
}
