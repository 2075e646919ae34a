// Architecture: the modules as a tree in a table; repeats of the same module are one row.

const MEASURES = [
  ["output_shape", "Output shape"],
  ["parameters", "Parameters"],
  ["flops", "FLOPs"],
  ["milliseconds", "Time"],
];

function architecture() {
  if (content.architecture === null) return;
  const body = element("tbody", {});
  const shownMeasures = MEASURES.filter(([name]) => anywhere(content.architecture, name));
  body.append(
    ...moduleRows(
      content.architecture,
      content.architecture.name || content.architecture.type || "model",
      0,
      shownMeasures,
      totals(content.architecture),
    ),
  );
  section(
    "architecture",
    "Architecture",
    element("p", { class: "hint" }, passText(content.architecture)),
    element(
      "div",
      { class: "card" },
      element(
        "div",
        { class: "tools" },
        button("Open all", () => openAll(body, true), { class: "small" }),
        button("Fold all", () => openAll(body, false), { class: "small" }),
      ),
      element(
        "div",
        { class: "wide", tabindex: 0, role: "region", "aria-label": "Modules" },
        element(
          "table",
          { class: "modules" },
          element(
            "thead",
            {},
            element(
              "tr",
              {},
              ["Module", "Type", ...shownMeasures.map(([, title]) => title)].map((head) =>
                element("th", { scope: "col" }, head),
              ),
            ),
          ),
          body,
        ),
      ),
    ),
  );
}

// Of what the numbers are.
function passText({ output_shape: shape }) {
  const samples = Array.isArray(shape) && Number.isInteger(shape[0]) ? `${grouped(shape[0])} samples` : "samples";
  return `One forward pass over a batch of ${samples}; the darker part of a cell is its share of the whole.`;
}

function anywhere(module, name) {
  return (
    (module[name] !== null && module[name] !== undefined) ||
    childrenOf(module).some((child) => anywhere(child, name))
  );
}

function childrenOf(module) {
  return Array.isArray(module.children)
    ? module.children.filter((child) => child !== null && typeof child === "object")
    : [];
}

function totals(root) {
  return Object.fromEntries(
    ["parameters", "flops", "milliseconds"].map((name) => [
      name,
      asNumber(root[name]) || childrenOf(root).reduce((sum, child) => sum + (asNumber(child[name]) || 0), 0),
    ]),
  );
}

// What two modules share if one row can stand for both.
function likeness(module) {
  return JSON.stringify([
    module.type,
    module.parameters,
    module.output_shape,
    module.flops,
    childrenOf(module).map((child) => [shortName(child, module), likeness(child)]),
  ]);
}

// Runs of modules that are alike, as they follow each other.
function folded(children) {
  const found = [];
  for (const child of children) {
    const like = likeness(child),
      last = found[found.length - 1];
    if (last && last.like === like) last.members.push(child);
    else found.push({ like, members: [child] });
  }
  return found.flatMap(({ members }) =>
    members.length > 2 ? [{ members }] : members.map((member) => ({ members: [member] })),
  );
}

function moduleRows(module, name, depth, measures, all) {
  const groups = folded(childrenOf(module));
  const inner = () =>
    groups.flatMap(({ members }) =>
      members.length === 1
        ? moduleRows(members[0], shortName(members[0], module), depth + 1, measures, all)
        : repeatRows(members, module, depth + 1, measures, all),
    );
  return rowWith(name, module.type, module, depth, measures, all, groups.length ? inner : null, depth < 2);
}

function repeatRows(members, parent, depth, measures, all) {
  const [first, last] = [members[0], members[members.length - 1]];
  const name = `${shortName(first, parent)} … ${shortName(last, parent)}`;
  const inner = () =>
    members.flatMap((member) => moduleRows(member, shortName(member, parent), depth + 1, measures, all));
  return rowWith(
    name,
    `${asText(first.type)} × ${members.length}`,
    summed(members),
    depth,
    measures,
    all,
    inner,
    false,
  );
}

function summed(members) {
  const sum = (name) =>
    members.every((member) => asNumber(member[name]) !== null)
      ? members.reduce((total, member) => total + asNumber(member[name]), 0)
      : undefined;
  return {
    output_shape: members[members.length - 1].output_shape,
    parameters: sum("parameters"),
    flops: sum("flops"),
    milliseconds: sum("milliseconds"),
  };
}

function shortName(module, parent) {
  const name = asText(module.name ?? module.type);
  return parent.name && name.startsWith(`${parent.name}.`) ? name.slice(parent.name.length + 1) : name;
}

// One row, and those below it, which are made whenever it is opened.
function rowWith(name, type, module, depth, measures, all, inner, open) {
  const row = element("tr", { "data-depth": depth });
  const head = element("th", { scope: "row", style: `padding-left: ${0.6 + 1.1 * depth}rem` });
  row.append(
    head,
    element("td", {}, asText(type)),
    ...measures.map(([measure]) => measureCell(measure, module[measure], all[measure])),
  );
  if (inner === null) {
    head.append(element("span", { class: "leaf" }), name);
    return [row];
  }
  const fold = button(name, () => row.setOpen(fold.getAttribute("aria-expanded") !== "true"), {
    class: "fold",
    "aria-expanded": String(open),
  });
  row.setOpen = (now) => {
    fold.setAttribute("aria-expanded", now);
    removeBelow(row, depth);
    if (now) row.after(...inner());
  };
  head.append(fold);
  return open ? [row, ...inner()] : [row];
}

function removeBelow(row, depth) {
  while (row.nextElementSibling && Number(row.nextElementSibling.dataset.depth) > depth)
    row.nextElementSibling.remove();
}

function openAll(body, open) {
  for (let i = 0; i < body.rows.length; i++) {
    const row = body.rows[i];
    if (row.setOpen && open && row.querySelector(".fold").getAttribute("aria-expanded") === "false")
      row.setOpen(true);
  }
  if (!open) body.rows[0].setOpen?.(false);
}

function measureCell(measure, value, all) {
  if (measure === "output_shape")
    return element(
      "td",
      {},
      Array.isArray(value)
        ? value.map(asText).join(" × ")
        : value === undefined || value === null
          ? ""
          : asText(value),
    );
  const number = asNumber(value ?? null);
  const text =
    number === null ? "" : measure === "milliseconds" ? `${Number(number.toPrecision(3))} ms` : count(number);
  const share = number !== null && all ? Math.min(1, number / all) : 0;
  return element(
    "td",
    { class: "measure", style: share > 0 ? `--share: ${(100 * share).toFixed(1)}%` : null },
    text,
  );
}
