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

// Powers of ten; with 2 and 5 times them where that is not too much, and evenly where it is too few.
function powers(a, b, most) {
  const within = (value) => Math.log10(value) >= a - 1e-9 && Math.log10(value) <= b + 1e-9;
  const whole = [];
  for (let power = Math.floor(a); power <= Math.ceil(b); power++) whole.push(10 ** power);
  if (b - a < 3) {
    const fine = whole.flatMap((p) => [p, 2 * p, 5 * p]).filter(within);
    return fine.length > 2 ? fine : steps(10 ** a, 10 ** b, most);
  }
  const every = Math.max(1, Math.ceil((b - a) / most));
  return whole.filter(within).filter((_, i) => i % every === 0);
}

function tickText(value) {
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e7))
    return value.toExponential().replace("e+", "e").replace(/^-/, "−");
  return size >= 1e4 ? count(value) : String(value).replace("-", "−");
}

// Ticks are round numbers, so that all their digits are shown.
function percentTick(share) {
  return `${Number((100 * share).toPrecision(6))}\u00a0%`.replace("-", "−");
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
