// Saving figures and values: SVG, PNG and CSV, made here and without a server.

const KEPT_STYLES = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linejoin",
  "opacity",
  "fill-opacity",
  "stroke-opacity",
  "font-size",
  "font-family",
  "font-weight",
  "text-anchor",
  "image-rendering",
];

function fileName(title, ending) {
  const words = `${content.name} ${title}`
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `${words.slice(0, 80) || "figure"}.${ending}`;
}

function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  say(`Saved ${name}`);
}

// A drawing that stands by itself: with its styles, a title, a legend and a background.
function standalone(figure, title, legend = []) {
  const box = figure.viewBox.baseVal;
  const perRow = Math.max(1, Math.floor(box.width / 180));
  const rows = Math.ceil(legend.length / perRow);
  const height = box.height + 34 + 20 * rows;
  const copy = figure.cloneNode(true);
  inlineStyles(figure, copy);
  copy.querySelectorAll(".passing").forEach((each) => each.remove());
  const page = getComputedStyle(document.body),
    ink = { fill: page.color, "font-family": page.fontFamily, "font-size": 12 };
  const whole = drawing(
    "svg",
    { xmlns: DRAWING, viewBox: `0 0 ${box.width} ${height}`, width: box.width, height },
    drawing("rect", {
      width: box.width,
      height,
      fill: getComputedStyle(figure).getPropertyValue("--card").trim() || page.backgroundColor,
    }),
    drawing("text", { x: 12, y: 20, ...ink, "font-size": 14, "font-weight": 600 }, title),
  );
  for (const [name, value] of [
    ["x", 0],
    ["y", 28],
    ["width", box.width],
    ["height", box.height],
  ])
    copy.setAttribute(name, value);
  whole.append(copy);
  legend.forEach((line, i) => {
    const x = 14 + (i % perRow) * 180,
      y = box.height + 44 + 20 * Math.floor(i / perRow);
    whole.append(
      drawing("line", {
        x1: x,
        x2: x + 22,
        y1: y - 4,
        y2: y - 4,
        stroke: line.color(),
        "stroke-width": 2,
        "stroke-dasharray": line.dash,
      }),
      drawing("text", { x: x + 28, y, ...ink }, line.label.slice(0, 26)),
    );
  });
  return whole;
}

function inlineStyles(from, to) {
  const style = getComputedStyle(from);
  for (const name of KEPT_STYLES) {
    const value = style.getPropertyValue(name);
    if (value) to.setAttribute(name, value);
  }
  to.removeAttribute("class");
  to.removeAttribute("style");
  if (from.getAttribute("class") === "passing") to.setAttribute("class", "passing");
  for (let i = 0; i < from.children.length; i++) inlineStyles(from.children[i], to.children[i]);
}

function saveSvg(figure, title, legend) {
  const text = new XMLSerializer().serializeToString(standalone(figure, title, legend));
  save(
    new Blob([`<?xml version="1.0" encoding="UTF-8"?>\n${text}`], { type: "image/svg+xml" }),
    fileName(title, "svg"),
  );
}

function savePng(figure, title, legend) {
  const whole = standalone(figure, title, legend);
  const image = new Image();
  image.onload = () => {
    const canvas = element("canvas", {
      width: 2 * whole.getAttribute("width"),
      height: 2 * whole.getAttribute("height"),
    });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, fileName(title, "png")), "image/png");
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(whole))}`;
}

// A menu in which a figure, and where there are rows its values, are had as a file.
function savers(figure, title, legend = () => [], rows = null) {
  const choices = [
    ["SVG", () => saveSvg(figure(), title, legend())],
    ["PNG", () => savePng(figure(), title, legend())],
    ...(rows ? [["CSV", () => saveCsv(rows(), title)]] : []),
  ];
  const menu = element("details", { class: "menu" });
  const buttons = choices.map(([kind, action]) =>
    button(
      kind,
      () => {
        action();
        menu.open = false;
      },
      { class: "small", "aria-label": `Save ${title} as ${kind}` },
    ),
  );
  menu.append(
    element("summary", { "aria-label": `Save ${title}` }, "Save"),
    element("div", {}, buttons),
  );
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.firstElementChild.focus();
  });
  return menu;
}

// A menu closes when something else is chosen.
for (const kind of ["pointerdown", "focusin"])
  document.addEventListener(kind, ({ target }) => {
    for (const menu of document.querySelectorAll("details.menu[open]"))
      if (!menu.contains(target)) menu.open = false;
  });

function csv(rows) {
  return rows.map((row) => row.map(csvCell).join(",")).join("\n") + "\n";
}

// In quotes where it must be; a text that a spreadsheet would compute gets an apostrophe.
function csvCell(value) {
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function saveCsv(rows, title) {
  save(new Blob([csv(rows)], { type: "text/csv" }), fileName(title, "csv"));
}
