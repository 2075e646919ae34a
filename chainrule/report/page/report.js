// The page of one run, from top to bottom.

function head() {
  const tiles = [
    ...content.summary.map(([name, value]) => [
      name,
      name === "Parameters"
        ? count(value)
        : typeof value === "number" && name !== "Seed"
          ? shown(value)
          : asText(value),
    ]),
    ...scoreTiles(),
    ...timeTile(),
  ];
  document.getElementById("head").append(
    element(
      "div",
      { class: "title" },
      element("h1", {}, content.name),
      element("span", { class: `state ${stateKind(content.state)}` }, content.state),
    ),
    element(
      "p",
      { class: "hint" },
      [content.started ? `Started ${moment(content.started)}` : null, content.folder]
        .filter(Boolean)
        .join(" · "),
    ),
    element(
      "dl",
      { class: "tiles" },
      tiles.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
    ),
    content.notes.map((note) => element("p", { class: "note" }, asText(note))),
  );
}

// A time as people write it where the page is read.
function moment(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

function stateKind(state) {
  if (state.startsWith("finished")) return "good";
  return state.startsWith("failed") ? "bad" : "open";
}

// The scores on the validation data, or the training loss where there are none.
function scoreTiles() {
  const validation = content.scores.filter((score) => /^(validation|val|valid|test)[_/.]/.test(score.name));
  const chosen = validation.length
    ? validation
    : content.scores.filter((score) => /loss/.test(score.name)).slice(-1);
  return chosen
    .slice(0, 3)
    .map((score) => [`Best ${score.title.toLowerCase()}`, scoreText(score.name, score.best)]);
}

function timeTile() {
  const times = content.clock[3];
  return times.length > 1 ? [["Time", duration(times[times.length - 1])]] : [];
}

head();
findings();
curves();
layers();
samples();
architecture();
facts();
