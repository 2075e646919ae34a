// Numbers: out of the page's packed arrays, and as text.

const content = JSON.parse(document.getElementById("content").textContent);
const KINDS = { b: Uint8Array, u: Uint32Array, f: Float32Array, d: Float64Array };
const unpacked = new Map();

// The array at a place in the page; unpacked when it is first asked for.
function array(place) {
  if (!unpacked.has(place)) {
    const text = content.arrays[place];
    const bytes = atob(text.slice(1));
    const buffer = new Uint8Array(bytes.length);
    for (let i = 0; i < bytes.length; i++) buffer[i] = bytes.charCodeAt(i);
    unpacked.set(place, new KINDS[text[0]](buffer.buffer));
  }
  return unpacked.get(place);
}

const NOT_FINITE = { nan: NaN, inf: Infinity, "-inf": -Infinity };

function asNumber(value) {
  if (typeof value === "number") return value;
  return value in NOT_FINITE ? NOT_FINITE[value] : null;
}

// A measured number in four digits.
function shown(value) {
  const number = asNumber(value);
  if (number === null) return value === null || value === undefined ? "–" : String(value);
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  if (Number.isInteger(number) && Math.abs(number) < 1e15) return grouped(number);
  const size = Math.abs(number);
  const text =
    size >= 1e6 || size < 1e-4
      ? number.toExponential(2).replace("e+", "e")
      : String(Number(number.toPrecision(4)));
  return text.replace("-", "−").replace("e−", "e-");
}

function grouped(whole) {
  return whole.toLocaleString("en").replace("-", "−");
}

// A count as people say it: 1.2 M.
function count(value) {
  const number = asNumber(value);
  if (number === null) return "";
  for (const [unit, size] of [
    ["T", 1e12],
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e4],
  ]) {
    if (number >= size)
      return `${Number((number / (unit === "k" ? 1e3 : size)).toPrecision(3))}\u00a0${unit}`;
  }
  return grouped(number);
}

function duration(seconds) {
  if (seconds < 100) return `${Number(seconds.toPrecision(3))}\u00a0s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes}\u00a0min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function percent(share) {
  return `${Number((100 * share).toFixed(1))}\u00a0%`;
}

// A value of the configuration, whatever it is.
function asText(value) {
  if (typeof value === "string") return value;
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : shown(value);
  return value === null || value === undefined ? "–" : JSON.stringify(value);
}

// The position of the last element that is not above `wanted`.
function before(sorted, wanted) {
  let low = 0,
    high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sorted[middle] <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}

function nearest(sorted, wanted) {
  const at = before(sorted, wanted);
  return at + 1 < sorted.length && sorted[at + 1] - wanted < wanted - sorted[at] ? at + 1 : at;
}

// Between two columns of points, and along the last slope beyond them.
function interpolated(from, to, wanted) {
  if (from.length === 0) return wanted;
  if (from.length === 1) return from[0] ? (wanted * to[0]) / from[0] : to[0];
  const at = Math.min(before(from, wanted), from.length - 2);
  return to[at] + ((to[at + 1] - to[at]) * (wanted - from[at])) / (from[at + 1] - from[at]);
}

function clipped(label, most) {
  return label.length > most ? `${label.slice(0, Math.max(1, most - 1))}…` : label;
}

// A score: accuracies in percent.
function scoreText(name, value) {
  return name.endsWith("accuracy") && Number.isFinite(value) && value <= 1 ? percent(value) : shown(value);
}
