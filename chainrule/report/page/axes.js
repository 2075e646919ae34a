// Axes: from values to places on the page and back, and the ticks between.

class Axis {
  constructor(low, high, start, end, log = false) {
    Object.assign(this, { low, high, start, end, log });
    [this.a, this.b] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  }

  place(value) {
    const v = this.log ? Math.log10(value) : value;
    return this.start + ((v - this.a) / (this.b - this.a || 1)) * (this.end - this.start);
  }

  value(place) {
    const v = this.a + ((place - this.start) / (this.end - this.start || 1)) * (this.b - this.a);
    return this.log ? 10 ** v : v;
  }

  ticks(most) {
    return this.log ? powers(this.a, this.b, most) : steps(this.low, this.high, most);
  }
}

// Round numbers: 1, 2 or 5 times a power of ten apart.
function steps(low, high, most) {
  const rough = (high - low) / most;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) || 10);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++)
    found.push(Number((i * step).toPrecision(12)));
  return found;
}

function powers(a, b, most) {
  const first = Math.ceil(a - 1e-9),
    last = Math.floor(b + 1e-9);
  if (last - first < 1) return steps(10 ** a, 10 ** b, most);
  const every = Math.max(1, Math.ceil((last - first) / most));
  const found = [];
  for (let power = first; power <= last; power += every) found.push(10 ** power);
  const within =
    last - first < 3 ? found.flatMap((p) => [p, 2 * p, 5 * p]).filter((v) => Math.log10(v) <= b) : found;
  return within;
}

function tickText(value) {
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e7))
    return value.toExponential().replace("e+", "e").replace(/^-/, "−");
  return size >= 1e4 ? count(value) : String(value).replace("-", "−");
}

// The lowest and the highest of what is seen; for a logarithm only what is above zero.
function extent(values, log) {
  let low = Infinity,
    high = -Infinity;
  for (const value of values) {
    if (Number.isFinite(value) && (!log || value > 0)) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

function widened([low, high], log) {
  if (log) return low < high ? [low / 1.15, high * 1.15] : [low / 2, high * 2];
  const room = low < high ? 0.04 * (high - low) : Math.abs(low) * 0.1 || 1;
  return [low - room, high + room];
}

// The exponential mean over a share of the whole way, whatever the spacing of the points.
function smoothed(at, values, share) {
  const whole = at[at.length - 1] - at[0],
    typical = whole / Math.max(1, at.length - 1);
  const found = new Float64Array(values.length);
  let mean = 0,
    weight = 0,
    last = at[0] - typical;
  for (let i = 0; i < values.length; i++) {
    found[i] = NaN;
    if (!Number.isFinite(values[i])) continue;
    const kept = share > 0 ? Math.exp(-Math.max(at[i] - last, 1e-3 * typical) / (share * whole)) : 0;
    mean = mean * kept + values[i] * (1 - kept);
    weight = weight * kept + (1 - kept);
    last = at[i];
    found[i] = weight > 0 ? mean / weight : values[i];
  }
  return found;
}
