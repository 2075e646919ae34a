// Samples: the confusion matrix, the worst mistakes, and a batch as the network sees it.

function samples() {
  if (content.confusion) confusion(content.confusion);
  if (content.mistakes.length) {
    section(
      "mistakes",
      "Worst mistakes",
      element("p", { class: "hint" }, "The samples with the highest loss, the worst first."),
      gallery(content.mistakes),
    );
  }
  if (content.batch.length) {
    section(
      "batch",
      "A batch as the network sees it",
      element(
        "p",
        { class: "hint" },
        "After loading, normalization and augmentation: what reaches the first layer.",
      ),
      gallery(content.batch),
    );
  }
}

function gallery(items) {
  const pictures = items.filter((item) => String(item.image).startsWith("data:image/"));
  if (pictures.length) return element("ul", { class: "gallery card" }, pictures.map(picture));
  return element("div", { class: "card" }, rowsTable(items));
}

function picture(item) {
  const wrong = item.prediction !== undefined && item.prediction !== null;
  const said = [
    item.target === undefined || item.target === null ? null : `is ${className(item.target)}`,
    wrong ? `read as ${className(item.prediction)}` : null,
  ]
    .filter(Boolean)
    .join(", ");
  return element(
    "li",
    {},
    element(
      "figure",
      {},
      element("img", { src: item.image, alt: said || "a sample" }),
      element(
        "figcaption",
        {},
        said,
        item.loss === undefined || item.loss === null
          ? null
          : element("small", {}, `loss ${shown(item.loss)}`),
      ),
    ),
  );
}

function className(value) {
  return Number.isInteger(value) && content.confusion && value in content.confusion.labels
    ? content.confusion.labels[value]
    : asText(value);
}

function rowsTable(items) {
  const names = ["target", "prediction", "loss"].filter((name) =>
    items.some((item) => item[name] !== undefined && item[name] !== null),
  );
  const columns = Math.min(
    24,
    Math.max(0, ...items.map((item) => (Array.isArray(item.row) ? item.row.length : 0))),
  );
  const heads = [
    "#",
    ...names.map((name) => name[0].toUpperCase() + name.slice(1)),
    ...Array.from({ length: columns }, (_, i) => `x${i}`),
  ];
  const rows = items.map((item, i) => [
    i + 1,
    ...names.map((name) =>
      name === "loss"
        ? shown(item.loss)
        : typeof item[name] === "number"
          ? shown(item[name])
          : className(item[name]),
    ),
    ...Array.from({ length: columns }, (_, j) => shown(item.row?.[j])),
  ]);
  return table(heads, rows, { label: "Samples" });
}

function confusion({ labels, counts, step }) {
  const title = "Confusion matrix";
  const svg = drawing("svg", { class: "chart matrix", tabindex: 0, role: "group", "aria-label": title });
  let shares = false;
  const draw = () => drawConfusion(svg, labels, counts, shares);
  const switcher = toggle(
    "Shares",
    false,
    (on) => {
      shares = on;
      draw();
    },
    { class: "small" },
  );
  const figure = element(
    "figure",
    { class: "card confusion" },
    element(
      "figcaption",
      {},
      element("h3", {}, step === null || step === undefined ? title : `${title} at step ${shown(step)}`),
      element(
        "div",
        { class: "tools" },
        switcher,
        savers(() => svg, title),
      ),
    ),
    element("div", { class: "plot" }, svg),
    element(
      "p",
      { class: "hint" },
      "Rows are the true classes, columns what they were read as. Blue is right, orange is wrong.",
    ),
  );
  confusionKeys(svg, labels, counts);
  section(
    "confusion",
    "Confusion",
    element("div", { class: "grid" }, figure, element("div", { class: "card" }, classTable(labels, counts))),
  );
  whenNear(figure, draw);
  dark.addEventListener("change", draw);
}

function drawConfusion(svg, labels, counts, shares) {
  const n = labels.length,
    longest = Math.min(14, Math.max(...labels.map((label) => label.length)));
  const left = 14 + 7 * longest,
    size = 440,
    every = Math.ceil(n / 24);
  const slanted = 7 * longest > ((size - left - 6) / n) * every,
    top = slanted ? 14 + 5.2 * longest : 24;
  const side = (size - left - (slanted ? 4 * longest : 6)) / n;
  svg.setAttribute("viewBox", `0 0 ${size} ${top + n * side + 6}`);
  svg.setAttribute(
    "aria-label",
    `Confusion matrix of ${n} classes, ${percent(accuracyOf(counts))} right. The arrow keys read its cells.`,
  );
  const sums = counts.map((row) => row.reduce((a, b) => a + b, 0));
  const ramp = { right: ramps("blue"), wrong: ramps("orange") };
  const parts = [];
  counts.forEach((row, i) =>
    row.forEach((value, j) => {
      const share = sums[i] ? value / sums[i] : 0,
        level = Math.round(255 * Math.sqrt(share));
      const x = left + j * side,
        y = top + i * side,
        color = ramp[i === j ? "right" : "wrong"][level];
      parts.push(
        drawing(
          "rect",
          {
            class: "cell",
            "data-at": `${i},${j}`,
            x,
            y,
            width: side - (n < 40 ? 1 : 0),
            height: side - (n < 40 ? 1 : 0),
            fill: `rgb(${color.slice(0, 3)})`,
          },
          drawing("title", {}, cellText(labels, counts, i, j)),
        ),
      );
      if (n <= 16 && value)
        parts.push(
          drawing(
            "text",
            {
              class: "count",
              x: x + side / 2,
              y: y + side / 2 + 4,
              "text-anchor": "middle",
              fill: light(color) ? "#111" : "#fff",
            },
            shares ? String(Math.round(100 * share)) : grouped(value),
          ),
        );
    }),
  );
  labels.forEach((label, i) => {
    if (i % every) return;
    parts.push(
      drawing(
        "text",
        { class: "tick", x: left - 6, y: top + (i + 0.5) * side + 4, "text-anchor": "end" },
        clipped(label, 14),
      ),
      columnLabel(label, left + (i + 0.5) * side, top - 7, slanted),
    );
  });
  svg.replaceChildren(...parts);
}

function columnLabel(label, x, y, slanted) {
  const place = slanted
    ? { transform: `rotate(-45 ${x} ${y})`, "text-anchor": "start" }
    : { "text-anchor": "middle" };
  return drawing("text", { class: "tick", x, y, ...place }, clipped(label, 14));
}

function light([r, g, b]) {
  return 0.3 * r + 0.59 * g + 0.11 * b > 140;
}

function cellText(labels, counts, i, j) {
  return `${labels[i]} read as ${labels[j]}: ${grouped(counts[i][j])}`;
}

function accuracyOf(counts) {
  const all = counts.flat().reduce((a, b) => a + b, 0);
  return all ? counts.reduce((sum, row, i) => sum + row[i], 0) / all : 0;
}

function confusionKeys(svg, labels, counts) {
  const at = [0, 0],
    moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  svg.addEventListener("keydown", (event) => {
    if (!(event.key in moves) || !svg.childElementCount) return;
    event.preventDefault();
    moves[event.key].forEach((by, i) => {
      at[i] = Math.min(labels.length - 1, Math.max(0, at[i] + by));
    });
    svg.querySelector(".chosen")?.classList.remove("chosen");
    svg.querySelector(`[data-at="${at}"]`).classList.add("chosen");
    say(cellText(labels, counts, ...at));
  });
}

function classTable(labels, counts) {
  const rows = labels.map((label, i) => {
    const all = counts[i].reduce((a, b) => a + b, 0),
      read = counts.reduce((sum, row) => sum + row[i], 0);
    const most = counts[i].map((value, j) => [i === j ? -1 : value, j]).sort((a, b) => b[0] - a[0])[0];
    return [
      label,
      grouped(all),
      all ? percent(counts[i][i] / all) : "–",
      read ? percent(counts[i][i] / read) : "–",
      most && most[0] > 0 ? `${labels[most[1]]} (${most[0]})` : "–",
    ];
  });
  return table(["Class", "Samples", "Recall", "Precision", "Mostly confused with"], rows, {
    label: "Recall and precision of each class",
  });
}
