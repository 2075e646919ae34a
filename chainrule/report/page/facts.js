// Facts: configuration, seed, versions and machine.

function facts() {
  const { config, environment, ...rest } = content.facts;
  const tables = [
    ["Settings", config],
    ["Versions and machine", environment],
    ["Run", { ...rest, folder: content.folder, started: content.started }],
  ]
    .filter(([, value]) => value !== null && typeof value === "object" && Object.keys(value).length)
    .map(([title, value]) =>
      element(
        "div",
        { class: "card" },
        element("h3", {}, title),
        table(["Name", "Value"], flat(value), { label: title }),
      ),
    );
  section(
    "configuration",
    "Configuration",
    element("div", { class: "grid" }, tables),
    element(
      "div",
      { class: "tools" },
      button("Save the configuration as JSON", () =>
        save(
          new Blob([JSON.stringify(content.facts, null, 2)], { type: "application/json" }),
          fileName("configuration", "json"),
        ),
      ),
    ),
  );
}

// Names and values of nested objects, with dots between the names.
function flat(value, prefix = "") {
  return Object.entries(value).flatMap(([name, each]) =>
    each !== null && typeof each === "object" && !Array.isArray(each) && Object.keys(each).length
      ? flat(each, `${prefix}${name}.`)
      : [[`${prefix}${name}`, asText(each)]],
  );
}
