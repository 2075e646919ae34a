// Making elements. What comes from a run is only ever set as text, never as markup.

const DRAWING = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function drawing(name, attributes = {}, ...children) {
  return filled(document.createElementNS(DRAWING, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

function button(label, action, attributes = {}) {
  return element("button", { type: "button", onclick: action, ...attributes }, label);
}

// A button that stays pressed; `action` is told whether it is.
function toggle(label, pressed, action, attributes = {}) {
  const made = button(
    label,
    () => {
      const now = made.getAttribute("aria-pressed") !== "true";
      made.setAttribute("aria-pressed", now);
      action(now);
    },
    { "aria-pressed": String(pressed), ...attributes },
  );
  return made;
}

// One of several: a group of radio buttons that looks like one switch.
function choice(legend, options, chosen, action) {
  const group = `choice-${(choice.count = (choice.count || 0) + 1)}`;
  const radios = options.map(([value, label]) =>
    element(
      "label",
      {},
      element("input", {
        type: "radio",
        name: group,
        value,
        checked: value === chosen,
        onchange: () => action(value),
      }),
      element("span", {}, label),
    ),
  );
  return element("fieldset", { class: "choice" }, element("legend", {}, legend), element("div", {}, radios));
}

// A part of the page with a heading, and its line in the list of sections.
function section(id, title, ...children) {
  const made = element(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    element("h2", { id: `${id}-title` }, title),
    children,
  );
  const link = element("a", { href: `#${id}` }, title);
  document.getElementById("main").append(made);
  document.getElementById("sections").append(link);
  sectionLinks.set(made, link);
  inSight.observe(made);
  return made;
}

// In a frame of a notebook, addresses within the page are those of the notebook.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (!link || location.protocol !== "about:") return;
  event.preventDefault();
  const target = document.getElementById(link.getAttribute("href").slice(1));
  target.scrollIntoView();
  target.focus({ preventScroll: true });
});

// The line of the section that is being read is marked.
const sectionLinks = new Map();
const inSight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries)
      if (isIntersecting) sectionLinks.get(target).setAttribute("aria-current", "true");
      else sectionLinks.get(target).removeAttribute("aria-current");
  },
  { rootMargin: "-15% 0px -84% 0px" },
);

function table(heads, rows, attributes = {}) {
  return element(
    "div",
    {
      class: rows.length > 24 ? "wide tall" : "wide",
      tabindex: 0,
      role: "region",
      "aria-label": attributes.label || "Table",
    },
    element(
      "table",
      {},
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          heads.map((head) => element("th", { scope: "col" }, head)),
        ),
      ),
      element(
        "tbody",
        {},
        rows.map((row) => element("tr", {}, row.map(cell))),
      ),
    ),
  );
}

function cell(value, position) {
  if (value instanceof Node) return element(position ? "td" : "th", position ? {} : { scope: "row" }, value);
  const text = value === null || value === undefined ? "" : String(value);
  return position ? element("td", {}, text) : element("th", { scope: "row" }, text);
}

// Tell those who do not see the picture.
function say(text) {
  document.getElementById("spoken").textContent = text;
}

// Build what is expensive when it comes near the window.
function whenNear(target, build) {
  if (whenNear.watcher === undefined) {
    whenNear.waiting = new Map();
    whenNear.watcher = new IntersectionObserver(
      (entries) => {
        for (const entry of entries.filter((each) => each.isIntersecting)) {
          whenNear.watcher.unobserve(entry.target);
          whenNear.waiting.get(entry.target)();
          whenNear.waiting.delete(entry.target);
        }
      },
      { rootMargin: "300px" },
    );
  }
  whenNear.waiting.set(target, build);
  whenNear.watcher.observe(target);
}

// On paper everything is near.
addEventListener("beforeprint", () => {
  for (const [target, build] of whenNear.waiting ?? []) {
    whenNear.watcher.unobserve(target);
    build();
  }
  whenNear.waiting?.clear();
});
