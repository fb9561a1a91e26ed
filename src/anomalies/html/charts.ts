import type { Histogram } from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { type Html, html } from "./markup.ts";

/** Size of a chart in its own units; the page scales it. */
const WIDTH = 420;
const HEIGHT = 130;
const AXIS = 18;

/** Buckets that a chart has at least, however long the tails are. */
const TAILS_KEPT_MIN = 5;

/** Labels that a bar chart shows. */
export const BARS_MAX = 12;
const LABEL_LENGTH_MAX = 28;

/** One side of a comparison: the left one is filled, the right one is an outline. */
export interface Series {
  readonly name: string;
  readonly side: "left" | "right";
}

/** Numbers of one side, as a histogram. */
export interface HistogramSeries extends Series {
  readonly histogram: Histogram;
}

/**
 * Histograms over one axis of values, each as a density, so that sides of unequal bucket widths and
 * unequal numbers of examples can be compared. Undefined when no side has a bucket of finite bounds.
 */
export function histogramChart(
  feature: string,
  sides: readonly HistogramSeries[],
): Html | undefined {
  const densities = sides.map((side) => ({ side, steps: withoutTails(densityOf(side.histogram)) }));
  const values = densities.flatMap(({ steps }) => steps.flatMap(({ low, high }) => [low, high]));
  if (values.length === 0) return undefined;
  const low = Math.min(...values);
  const high = Math.max(...values);
  // A single value gets a little room on both sides, so that it is a bar and not a line.
  const room = high > low ? 0 : Math.max(0.5, Math.abs(low) * 0.05);
  const [from, to] = [low - room, high + room];
  const shown = densities.map(({ side, steps }) => ({
    side,
    steps: steps.map((step) => widen(step, to - from)),
  }));
  const highest = Math.max(...shown.flatMap(({ steps }) => steps.map(({ density }) => density)));
  const x = (value: number): number => ((value - from) / (to - from)) * WIDTH;
  const y = (density: number): number =>
    HEIGHT - AXIS - (highest === 0 ? 0 : density / highest) * (HEIGHT - AXIS - 4);
  const areas = shown.map(({ side, steps }) => {
    const path = steps.map(
      (step) =>
        `M${fixed(x(step.low))} ${fixed(y(0))}V${fixed(y(step.density))}H${fixed(x(step.high))}V${fixed(y(0))}`,
    );
    return html`<path class="${side.side}" d="${path.join("")}"/>`;
  });
  const drawn = densities.map(({ side, steps }) => {
    const share = steps.reduce((sum, step) => sum + step.share, 0);
    return share > 0.995 ? side.name : `${side.name} (${percent(share)} of its values)`;
  });
  const label = `Distribution of ${feature} from ${shortNumber(low)} to ${shortNumber(high)}: ${drawn.join(" and ")}`;
  const isCut = drawn.some((text, index) => text !== sides[index]?.name);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}"><line class="axis" x1="0" y1="${HEIGHT - AXIS}" x2="${WIDTH}" y2="${HEIGHT - AXIS}"/>${areas}<text x="0" y="${HEIGHT - 4}">${shortNumber(low)}</text><text x="${WIDTH / 2}" y="${HEIGHT - 4}" text-anchor="middle">${shortNumber((low + high) / 2)}</text><text x="${WIDTH}" y="${HEIGHT - 4}" text-anchor="end">${shortNumber(high)}</text></svg>${isCut && html`<p class="aside">Drawn: ${drawn.join(", ")}; the rest lies far outside.</p>`}`;
}

/** A tenth of the values at either end that takes up more room than all the others is not drawn. */
function withoutTails(steps: readonly Step[]): Step[] {
  const kept = [...steps];
  const widthOf = (some: readonly Step[]): number => (some.at(-1)?.high ?? 0) - (some[0]?.low ?? 0);
  const isTail = (step: Step | undefined, others: readonly Step[]): boolean =>
    step !== undefined &&
    others.length >= TAILS_KEPT_MIN &&
    step.share <= 0.11 &&
    step.high - step.low > widthOf(others);
  if (isTail(kept.at(-1), kept.slice(0, -1))) kept.pop();
  if (isTail(kept[0], kept.slice(1))) kept.shift();
  return kept;
}

/** Shares of labels of one side. */
export interface LabelSeries extends Series {
  readonly shares: ReadonlyMap<string, number>;
}

/** The most frequent labels of all sides as bars of their shares, a pair for each label. */
export function labelChart(feature: string, sides: readonly LabelSeries[]): Html | undefined {
  const labels = topLabels(sides);
  if (labels.length === 0) return undefined;
  const highest = Math.max(...sides.flatMap(({ shares }) => [...shares.values()]), 0);
  const rowHeight = 10 * sides.length + 6;
  const height = labels.length * rowHeight;
  const start = 170;
  const rows = labels.map((label, row) => {
    const bars = sides.map(({ side, shares }, index) => {
      const share = shares.get(label) ?? 0;
      const width = highest === 0 ? 0 : (share / highest) * (WIDTH - start - 50);
      const top = row * rowHeight + 3 + index * 10;
      return html`<rect class="${side}" x="${start}" y="${top}" width="${fixed(width)}" height="9"/><text x="${fixed(start + width + 4)}" y="${top + 8}">${percent(share)}</text>`;
    });
    const middle = row * rowHeight + rowHeight / 2 + 4;
    return html`<text x="${start - 6}" y="${middle}" text-anchor="end">${cut(label)}</text>${bars}`;
  });
  const label = `Most frequent values of ${feature}: ${labels.slice(0, 3).map(cut).join(", ")}`;
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">${rows}</svg>`;
}

/** One measurement of a series over spans, and the line it must stay under. */
export interface DriftPoint {
  readonly span: string;
  readonly value: number;
  readonly threshold: number;
}

/** Distances over spans as a line with its threshold. */
export function driftChart(name: string, points: readonly DriftPoint[]): Html | undefined {
  if (points.length === 0) return undefined;
  const highest = Math.max(...points.flatMap(({ value, threshold }) => [value, threshold]), 1e-12);
  const x = (index: number): number =>
    points.length === 1 ? WIDTH / 2 : 8 + (index / (points.length - 1)) * (WIDTH - 16);
  const y = (value: number): number => HEIGHT - AXIS - (value / highest) * (HEIGHT - AXIS - 8);
  const line = (pick: (point: DriftPoint) => number): string =>
    points.map((point, index) => `${fixed(x(index))},${fixed(y(pick(point)))}`).join(" ");
  const dots = points.map(({ span, value, threshold }, index) => {
    const isHigh = value > threshold;
    return html`<circle class="${isHigh ? "high" : "low"}" cx="${fixed(x(index))}" cy="${fixed(y(value))}" r="${isHigh ? 5 : 3}"><title>${span}: ${shortNumber(value)}${isHigh ? " (too high)" : ""}</title></circle>`;
  });
  const over = points.filter(({ value, threshold }) => value > threshold).length;
  const label = `${name} over ${points.length} spans, ${over} above the threshold`;
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}"><polyline class="threshold" points="${line((point) => point.threshold)}"/><polyline class="line" points="${line((point) => point.value)}"/>${dots}<text x="0" y="${HEIGHT - 4}">${points[0]?.span}</text><text x="${WIDTH}" y="${HEIGHT - 4}" text-anchor="end">${points.length > 1 && points.at(-1)?.span}</text></svg>`;
}

/** The labels to show, the most frequent of any side first. */
export function topLabels(sides: readonly LabelSeries[]): string[] {
  const highest = new Map<string, number>();
  for (const { shares } of sides) {
    for (const [label, share] of shares) {
      highest.set(label, Math.max(share, highest.get(label) ?? 0));
    }
  }
  return [...highest]
    .sort((a, b) => b[1] - a[1])
    .slice(0, BARS_MAX)
    .map(([label]) => label);
}

// Made once: a format costs a hundred times what formatting costs.
const LARGE_NUMBER = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 9 });
const SMALL_NUMBER = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });

/** A number in as few characters as tell it: `1,234`, `0.0123`, `1.2e+12`. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value < 0 ? "-inf" : "inf";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e9 || size < 1e-4)) return value.toExponential(2);
  return (size >= 1000 ? LARGE_NUMBER : SMALL_NUMBER).format(value);
}

/** A share in percent, small ones not rounded to nothing. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return "<0.1%";
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
}

interface Step {
  readonly low: number;
  readonly high: number;
  readonly share: number;
  readonly density: number;
}

function densityOf({ buckets }: Histogram): Step[] {
  const finite = buckets.filter(
    ({ lowValue, highValue }) => Number.isFinite(lowValue) && Number.isFinite(highValue),
  );
  const total = buckets.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
  return finite.map(({ lowValue: low, highValue: high, sampleCount }) => {
    const share = total === 0 ? 0 : sampleCount / total;
    return { low, high, share, density: high > low ? share / (high - low) : 0 };
  });
}

/** A bucket of one value is drawn as wide as a hundredth of the axis. */
function widen(step: Step, range: number): Step {
  if (step.high > step.low) return step;
  const half = range / 200;
  return {
    ...step,
    low: step.low - half,
    high: step.high + half,
    density: step.share / (2 * half),
  };
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function cut(label: string): string {
  if (label === "") return "(empty)";
  return label.length <= LABEL_LENGTH_MAX ? label : `${label.slice(0, LABEL_LENGTH_MAX - 1)}\u2026`;
}
