// A line of a chart: its points, where they stand on the axis, and the smoothed line over them.

const COLORS = 8;
const DASHES = [null, "7 3", "2 3", "9 3 2 3"];

// One line of a chart: its points are unpacked when they are first drawn.
class Line {
  constructor({ label, data, source = "step", clock = content.clock }, index) {
    Object.assign(this, { label, data, source, clock, shown: true, muted: false });
    this.style(index);
  }

  style(index) {
    this.index = index;
    this.dash = DASHES[Math.floor(index / COLORS) % DASHES.length];
  }

  color() {
    return getComputedStyle(document.documentElement)
      .getPropertyValue(`--line-${this.index % COLORS}`)
      .trim();
  }

  get steps() {
    return array(this.data[0]);
  }
  get values() {
    return array(this.data[1]);
  }

  // Where a step stands on the axis that was chosen.
  along(steps, axis) {
    if (axis === "step") return steps;
    const [epochSteps, epochs, timeSteps, times] = this.clock;
    const [from, to] = axis === "epoch" ? [epochSteps, epochs] : [timeSteps, times];
    if (from.length === 0) return steps;
    return Float64Array.from(steps, (step) => interpolated(from, to, step));
  }

  points(axis) {
    if (this.axis !== axis) {
      this.axis = axis;
      this.at = this.along(this.steps, axis);
      this.smoothing = null;
    }
    return [this.at, this.values];
  }

  // Smoothed from the means, where points were left out.
  smooth(axis, share) {
    this.points(axis);
    if (this.smoothing !== share) {
      this.smoothing = share;
      const thinned = this.data.length > 2;
      this.smoothAt = thinned ? this.along(array(this.data[2]), axis) : this.at;
      this.smoothValues = smoothed(this.smoothAt, thinned ? array(this.data[3]) : this.values, share);
    }
    return [this.smoothAt, this.smoothValues];
  }

  near(x, axis) {
    const [at, values] = this.points(axis);
    const i = nearest(at, x);
    return { i, x: at[i], value: values[i], step: this.steps[i] };
  }
}

function ends(sorted) {
  return sorted.length ? [sorted[0], sorted[sorted.length - 1]] : [];
}
