// What all charts of a page share: smoothing, scale and axis.

const view = { smoothing: 0.018, log: false, axis: "step" };

function controls(chosen = {}) {
  Object.assign(view, chosen);
  const said = element("output", {});
  const slider = element("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 1,
    value: Math.round(100 * Math.sqrt(view.smoothing / 0.2)),
    "aria-label": "Smoothing",
  });
  const tell = () => {
    said.textContent = view.smoothing ? `over ${percent(view.smoothing)} of the run` : "off";
  };
  slider.addEventListener("input", () => {
    view.smoothing = 0.2 * (slider.value / 100) ** 2;
    slider.setAttribute(
      "aria-valuetext",
      view.smoothing ? `over ${percent(view.smoothing)} of the run` : "off",
    );
    tell();
    later(Chart.redraw);
  });
  tell();
  const axes = [
    ["step", "Steps"],
    ["epoch", "Epochs"],
    ["time", "Time"],
  ].filter(([axis]) => hasAxis(axis));
  return element(
    "div",
    { class: "controls card", role: "group", "aria-label": "How the curves are drawn" },
    element("label", { class: "slider" }, element("span", {}, "Smoothing"), slider, said),
    choice(
      "Scale",
      [
        ["linear", "Linear"],
        ["log", "Log"],
      ],
      view.log ? "log" : "linear",
      (scale) => {
        view.log = scale === "log";
        setScale();
      },
    ),
    axes.length > 1 ? choice("Axis", axes, view.axis, setAxis) : null,
  );
}

// The page's switch overrules what single charts were set to; shares and ratios keep theirs.
function setScale() {
  for (const chart of Chart.all) if (!chart.fixed) chart.log = null;
  Chart.redraw();
}

function setAxis(axis) {
  view.axis = axis;
  for (const chart of Chart.all) {
    chart.window = null;
    chart.resetButton.hidden = true;
  }
  Chart.redraw();
}

function hasAxis(axis) {
  const clocks = content.clock ? [content.clock] : content.runs.map((run) => run.clock);
  return axis === "step" || clocks.some((clock) => clock[axis === "epoch" ? 0 : 2].length > 1);
}

// Once, when the page is next drawn.
function later(action) {
  if (later.waiting) return;
  later.waiting = true;
  requestAnimationFrame(() => {
    later.waiting = false;
    action();
  });
}
