const colour = (selector, property = "color") => getComputedStyle(document.querySelector(selector))[property];

/** Maximum number of points in the chart. */
const MAX_POINTS = 600;
/** Height of the chart in CSS pixels. */
const HEIGHT = 160;

/** Chart of the attribution score over time, each window in the colour of its verdict. */
export class Chart {
  #canvas;
  #points = [];
  #threshold = 0;

  constructor(canvas) {
    this.#canvas = canvas;
    addEventListener("resize", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Replaces all points. */
  set points(points) {
    this.#points = points;
  }

  set threshold(threshold) {
    this.#threshold = threshold;
  }

  /** Adds `point` unless it is the window of the last point. */
  add(point) {
    if (this.#points.at(-1)?.number === point.number) return;
    this.#points = [...this.#points, point].slice(-MAX_POINTS);
  }

  draw() {
    const canvas = this.#canvas;
    const scale = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    [canvas.width, canvas.height] = [width * scale, HEIGHT * scale];
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.font = "12px system-ui, sans-serif";
    const shown = this.#points.filter((point) => Number.isFinite(point.attribution));
    const [low, high] = range(shown.map((point) => point.attribution).concat(this.#threshold, 0));
    const [left, right, top, bottom] = [40, width - 8, 8, HEIGHT - 20];
    const y = (value) => top + ((high - value) / (high - low)) * (bottom - top);
    const end = this.#points.at(-1)?.at ?? 0;
    const start = Math.min(this.#points[0]?.at ?? 0, end - 60);
    const x = (time) => left + ((time - start) / (end - start)) * (right - left);
    const line = (value) => {
      pen.beginPath();
      pen.moveTo(left, y(value));
      pen.lineTo(right, y(value));
      pen.stroke();
    };
    pen.fillStyle = colour(".key");
    pen.strokeStyle = colour(".track", "backgroundColor");
    pen.textBaseline = "middle";
    for (const value of [high, (low + high) / 2, low]) {
      pen.fillText(value.toFixed(Math.abs(value) < 100 ? 1 : 0), 0, y(value));
      line(value);
    }
    pen.textBaseline = "bottom";
    pen.fillText(`${Math.round(end - start)} s ago`, left, HEIGHT);
    pen.textAlign = "right";
    pen.fillText("now", right, HEIGHT);
    pen.strokeStyle = colour("body");
    pen.setLineDash([5, 4]);
    line(this.#threshold);
    const verdicts = ["accept", "flag", "abstain"];
    const colours = Object.fromEntries(verdicts.map((verdict) => [verdict, colour(`.key .${verdict}`)]));
    for (const point of shown) {
      pen.fillStyle = colours[point.verdict];
      pen.beginPath();
      pen.arc(x(point.at), y(point.attribution), 2.5, 0, 7);
      pen.fill();
    }
    this.#describe(verdicts);
  }

  /** Says in words what the chart shows. */
  #describe(verdicts) {
    const count = (verdict) => this.#points.filter((point) => point.verdict === verdict).length;
    const counts = verdicts.map((verdict) => `${count(verdict)} ${verdict}`).join(", ");
    this.#canvas.ariaLabel = `Attribution score of the last ${this.#points.length} windows: ${counts}`;
  }
}

/** Returns the lower and upper end of an axis that holds `values`: a difference of probabilities lies in [-1, 1]. */
function range(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low >= -1 && high <= 1) return [-1, 1];
  const margin = 0.05 * (high - low);
  return [low - margin, high + margin];
}
