// Findings: what the doctor says, the gravest first.

const SIGNS = { fatal: "✕", error: "✕", serious: "!", warning: "!", note: "i" };

function findings() {
  const found = content.findings;
  const body = found.length
    ? found.map(findingCard)
    : [
        element(
          "p",
          { class: "card calm" },
          element("span", { class: "sign good", "aria-hidden": "true" }, "✓"),
          watched()
            ? "The doctor watched this run and found nothing to report."
            : "No findings were recorded for this run.",
        ),
      ];
  section("findings", "Findings", body);
}

function watched() {
  return content.layers !== null || (content.facts && content.facts.doctor);
}

function findingCard(finding) {
  const severity = String(finding.severity || "note").toLowerCase();
  const kind = severity in SIGNS ? severity : "note";
  const where = [
    finding.where || (finding.layer ? `layer ${finding.layer}` : null),
    finding.step === null || finding.step === undefined ? null : `step ${shown(finding.step)}`,
  ]
    .filter(Boolean)
    .join(", ");
  return element(
    "article",
    { class: `card finding ${kind}` },
    element(
      "header",
      {},
      element("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind]),
      element("h3", {}, asText(finding.title ?? finding.code)),
      element("span", { class: "badge" }, severity),
      finding.code ? element("code", {}, asText(finding.code)) : null,
      element("span", { class: "where" }, where),
    ),
    part("Evidence", evidence(finding.evidence)),
    part("Cause", finding.cause && asText(finding.cause)),
    part("Change", finding.change && element("pre", { tabindex: 0 }, asText(finding.change))),
    part("Verified", verification(finding)),
    finding.consequences?.length
      ? element(
          "details",
          {},
          element("summary", {}, `Consequences (${finding.consequences.length})`),
          element(
            "ul",
            {},
            finding.consequences.map((each) => element("li", {}, consequence(each))),
          ),
        )
      : null,
    element(
      "p",
      { class: "source" },
      finding.source ? `${asText(finding.source)} · ` : null,
      finding.code ? element("code", {}, `chainrule explain ${asText(finding.code)}`) : null,
    ),
  );
}

function part(name, body) {
  return body === null || body === undefined || body === ""
    ? null
    : element("div", { class: "part" }, element("h4", {}, name), element("div", {}, body));
}

function evidence(value) {
  if (Array.isArray(value))
    return element(
      "ul",
      {},
      value.map((each) => element("li", {}, evidence(each))),
    );
  if (value === null || typeof value !== "object")
    return value === undefined || value === null ? null : asText(value);
  return element(
    "dl",
    {},
    Object.entries(value).map(([name, each]) => [
      element("dt", {}, name.replaceAll("_", " ")),
      element("dd", {}, typeof each === "object" && each !== null ? evidence(each) : shown(each)),
    ]),
  );
}

// Whether the change was tried, what that showed, and whether it was made.
function verification({ verified, trial, applied }) {
  const said = {
    true: "Yes: steps were run again with the change, and it helped.",
    false: "No: steps were run again with the change, and it did not help.",
  }[verified];
  const parts = [
    said ?? (verified ? asText(verified) : null),
    trial ? asText(trial) : null,
    applied ? "The change was made in this run." : null,
  ];
  return parts.filter(Boolean).join(" ") || "Not tried.";
}

function consequence(value) {
  if (value === null || typeof value !== "object") return asText(value);
  return (
    [value.code, value.title, value.layer ? `in ${value.layer}` : null].filter(Boolean).join(" ") ||
    asText(value)
  );
}
