// Heat maps: a picture of levels in one hue, darker (lighter at night) for more.

const MAP_HEIGHT = 200;
const dark = matchMedia("screen and (prefers-color-scheme: dark)");

// Levels from 0 to 255 as an image; `get(column, row)` counts rows from the top.
function levelsImage(columns, rows, get, hue = "blue") {
  const canvas = element("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d"),
    pixels = context.createImageData(columns, rows);
  const ramp = ramps(hue);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at += 4) {
      pixels.data.set(ramp[get(column, row)], at);
    }
  }
  context.putImageData(pixels, 0, 0);
  return canvas.toDataURL();
}

// 256 colours from the card's own to a strong one.
function ramps(hue) {
  const ends = {
    blue: [
      [255, 255, 255],
      [86, 160, 211],
      [8, 48, 107],
    ],
    orange: [
      [255, 255, 255],
      [244, 150, 80],
      [127, 39, 4],
    ],
  }[hue];
  const night = {
    blue: [
      [27, 32, 40],
      [40, 110, 170],
      [190, 225, 255],
    ],
    orange: [
      [27, 32, 40],
      [180, 90, 30],
      [255, 220, 180],
    ],
  }[hue];
  const stops = dark.matches ? night : ends;
  return Array.from({ length: 256 }, (_, level) => {
    const at = (level / 255) * 2,
      low = Math.min(1, Math.floor(at)),
      part = at - low;
    return [...stops[low].map((value, i) => Math.round(value + (stops[low + 1][i] - value) * part)), 255];
  });
}

// Activations over time: steps to the right, values upwards, the share of the units as strength.
class HistogramMap {
  constructor(histogram) {
    this.histogram = histogram;
    this.title = `Activations of ${histogram.layer}`;
    this.svg = drawing("svg", { class: "chart", tabindex: 0, role: "img", "aria-label": this.title });
    this.box = element(
      "figure",
      { class: "card" },
      element(
        "figcaption",
        {},
        element("h3", {}, this.title),
        element(
          "div",
          { class: "tools" },
          savers(() => this.svg, this.title),
        ),
      ),
      element("div", { class: "plot", style: `min-height: ${MAP_HEIGHT}px` }, this.svg),
    );
    whenNear(this.box, () => {
      this.draw();
      new ResizeObserver(() => this.draw()).observe(this.box);
    });
    dark.addEventListener("change", () => this.svg.childElementCount && this.draw());
  }

  draw() {
    const { low, high, rows } = this.histogram;
    const steps = array(this.histogram.steps),
      levels = array(this.histogram.levels);
    const width = Math.max(240, this.svg.parentElement.clientWidth),
      height = MAP_HEIGHT;
    if (width === this.width && dark.matches === this.night) return;
    Object.assign(this, { width, night: dark.matches });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute(
      "aria-label",
      `${this.title}: values from ${shown(low)} to ${shown(high)} over steps ${steps[0]} to ${steps[steps.length - 1]}`,
    );
    const box = {
      x: MARGIN.left,
      y: MARGIN.top,
      width: width - MARGIN.left - MARGIN.right,
      height: height - MARGIN.top - MARGIN.bottom,
    };
    if (steps.length === 1) {
      this.svg.replaceChildren(...this.bars(levels, box));
      return;
    }
    const y = new Axis(low, high, box.y + box.height, box.y);
    const href = levelsImage(steps.length, rows, (column, row) => levels[column * rows + rows - 1 - row]);
    this.svg.replaceChildren(
      drawing("image", { href, ...box, preserveAspectRatio: "none", style: "image-rendering: pixelated" }),
      drawing("rect", { class: "frame", ...box }),
      ...y
        .ticks(4)
        .map((value) =>
          drawing(
            "text",
            { class: "tick", x: box.x - 6, y: y.place(value) + 4, "text-anchor": "end" },
            tickText(value),
          ),
        ),
      ...this.stepTicks(steps, box),
    );
  }

  // Of a single look: bars over the values, as high as their share.
  bars(levels, box) {
    const { low, high, rows, peak } = this.histogram;
    const x = new Axis(low, high, box.x, box.x + box.width),
      y = new Axis(0, peak || 1, box.y + box.height, box.y);
    const bars = Array.from(levels, (level, row) => {
      const top = y.place((level / 255) ** 2 * peak);
      return drawing("rect", {
        class: "bar",
        x: box.x + (row * box.width) / rows,
        y: top,
        width: box.width / rows,
        height: box.y + box.height - top,
      });
    });
    const text = (value, place, at) =>
      drawing("text", { class: "tick", "text-anchor": at, ...place }, value);
    return [
      ...bars,
      ...y.ticks(3).map((share) => text(percentTick(share), { x: box.x - 6, y: y.place(share) + 4 }, "end")),
      ...x
        .ticks(Math.max(2, box.width / 90))
        .map((value) => text(tickText(value), { x: x.place(value), y: box.y + box.height + 17 }, "middle")),
      text("value", { x: box.x + box.width, y: box.y + box.height + 29 }, "end"),
    ];
  }

  stepTicks(steps, box) {
    const most = Math.max(2, Math.floor(box.width / 90)),
      every = Math.max(1, Math.ceil(steps.length / most));
    const found = [];
    for (let i = 0; i < steps.length; i += every) {
      found.push(
        drawing(
          "text",
          {
            class: "tick",
            x: box.x + ((i + 0.5) / steps.length) * box.width,
            y: box.y + box.height + 17,
            "text-anchor": "middle",
          },
          tickText(steps[i]),
        ),
      );
    }
    found.push(
      drawing(
        "text",
        { class: "tick unit", x: box.x + box.width, y: box.y + box.height + 29, "text-anchor": "end" },
        "step",
      ),
    );
    return found;
  }
}
