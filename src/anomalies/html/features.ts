import {
  type FeatureNameStatistics,
  FeatureNameStatistics_TypeSchema,
  Histogram_HistogramType,
} from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { type FeatureView, serializePath } from "../../schema/index.ts";
import type { AnomalyRow } from "../report.ts";
import {
  type HistogramSeries,
  histogramChart,
  type LabelSeries,
  labelChart,
  percent,
  shortNumber,
  topLabels,
} from "./charts.ts";
import { type Html, html } from "./markup.ts";

/** A feature of one dataset, on its side of the page. */
export interface FeatureSide {
  readonly name: string;
  readonly side: "left" | "right";
  /** Undefined when the dataset lacks the feature. */
  readonly view: FeatureView | undefined;
}

/** One feature of one or two datasets: charts, numbers, and what is wrong with it. */
export function featureSection(
  name: string,
  id: string,
  sides: readonly FeatureSide[],
  anomalies: readonly AnomalyRow[],
): Html {
  const present = sides.flatMap(({ view }) => (view === undefined ? [] : [view]));
  const types = [...new Set(present.map(({ statistics }) => typeName(statistics)))];
  const notes = anomalies.map(
    ({ severity, short, long }) =>
      html`<p class="anomaly ${severity.toLowerCase()}"><strong>${severity}: ${short}.</strong> ${long}</p>`,
  );
  return html`<section class="feature" id="${id}" data-name="${name.toLowerCase()}" data-anomalous="${anomalies.length > 0 ? "yes" : "no"}" aria-labelledby="${id}-h">
<h3 id="${id}-h">${name} <span class="type">${types.join(" / ")}</span></h3>
${notes}
<div class="pair"><div>${chartOf(name, sides)}</div><div>${numbersTable(name, sides)}</div></div>
${valuesTable(name, sides)}
</section>`;
}

function chartOf(name: string, sides: readonly FeatureSide[]): Html {
  const chart = histogramChart(name, histogramsOf(sides)) ?? labelChart(name, labelsOf(sides));
  return chart ?? html`<p class="none">No distribution to show.</p>`;
}

/** A share in one bucket beyond which a histogram of equal widths shows next to nothing. */
const SHARE_MAX = 0.75;

/** Histograms of equal widths, or of equal shares where nearly all values would fall into one bucket. */
function histogramsOf(sides: readonly FeatureSide[]): HistogramSeries[] {
  const of = (kind: Histogram_HistogramType): HistogramSeries[] =>
    sides.flatMap(({ name, side, view }) => {
      const histogram = view?.histogram(kind);
      return histogram === undefined ? [] : [{ name, side, histogram }];
    });
  const standard = of(Histogram_HistogramType.STANDARD);
  const quantiles = of(Histogram_HistogramType.QUANTILES);
  const isCrowded = standard.some(({ histogram: { buckets } }) => {
    const total = buckets.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
    return buckets.length > 1 && buckets.some(({ sampleCount }) => sampleCount > SHARE_MAX * total);
  });
  return isCrowded && quantiles.length === standard.length ? quantiles : standard;
}

function labelsOf(sides: readonly FeatureSide[]): LabelSeries[] {
  return sides.flatMap(({ name, side, view }) => {
    if (view === undefined || view.labelCounts.size === 0) return [];
    const total = [...view.labelCounts.values()].reduce((sum, count) => sum + count, 0);
    const shares = new Map([...view.labelCounts].map(([label, count]) => [label, count / total]));
    return [{ name, side, shares }];
  });
}

/** The numbers of a feature by name; a name that no side has is left out. */
function numbersTable(name: string, sides: readonly FeatureSide[]): Html {
  const columns = sides.map(({ view }) => (view === undefined ? new Map() : numbersOf(view)));
  const names = [...new Set(columns.flatMap((numbers) => [...numbers.keys()]))];
  const rows = names.map(
    (row) =>
      html`<tr><th scope="row">${row}</th>${columns.map((numbers) => html`<td>${numbers.get(row) ?? "-"}</td>`)}</tr>`,
  );
  return html`<table><caption class="aside">Statistics of ${name}</caption><thead><tr><th scope="col">Statistic</th>${sides.map((side) => html`<th scope="col">${side.name}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}

function numbersOf(view: FeatureView): Map<string, string> {
  const { numExamples } = view.dataset;
  const missing = numExamples === 0 ? 0 : view.numMissing / numExamples;
  const numbers = new Map([
    ["present", shortNumber(view.numPresent)],
    ["missing", `${shortNumber(view.numMissing)} (${percent(missing)})`],
  ]);
  const [valency] = view.valency;
  if (valency !== undefined && (valency.min !== 1 || valency.max !== 1)) {
    numbers.set("values", `${valency.min} to ${valency.max}`);
  }
  const { stats } = view.statistics;
  if (stats.case === "numStats") {
    const { mean, stdDev, numZeros, min, median, max, histograms } = stats.value;
    const nan = histograms[0]?.numNan ?? 0n;
    for (const [row, value] of Object.entries({ mean, "std dev": stdDev, min, median, max })) {
      numbers.set(row, shortNumber(value));
    }
    numbers.set("zeros", shortNumber(Number(numZeros)));
    if (nan > 0n) numbers.set("NaN", shortNumber(Number(nan)));
  } else if (stats.case === "stringStats") {
    const { unique, avgLength, invalidUtf8Count, topValues } = stats.value;
    numbers.set("unique", shortNumber(Number(unique)));
    const [top] = topValues;
    if (top !== undefined)
      numbers.set("most frequent", `${top.value} (${shortNumber(top.frequency)})`);
    numbers.set("average length", shortNumber(avgLength));
    if (invalidUtf8Count > 0n) numbers.set("not UTF-8", shortNumber(Number(invalidUtf8Count)));
  } else if (stats.case === "bytesStats") {
    const { unique, avgNumBytes, minNumBytes, maxNumBytes } = stats.value;
    numbers.set("unique", shortNumber(Number(unique)));
    numbers.set("bytes", `${shortNumber(minNumBytes)} to ${shortNumber(maxNumBytes)}`);
    numbers.set("average bytes", shortNumber(avgNumBytes));
  }
  return numbers;
}

/** The chart in numbers, for who cannot see it or wants them exactly. */
function valuesTable(name: string, sides: readonly FeatureSide[]): Html {
  const histograms = histogramsOf(sides);
  if (histograms.length > 0) {
    const tables = histograms.map(
      (series) =>
        html`<table><caption>${series.name}</caption><thead><tr><th scope="col">from</th><th scope="col">to</th><th scope="col">values</th></tr></thead><tbody>${series.histogram.buckets.map(
          ({ lowValue, highValue, sampleCount }) =>
            html`<tr><td>${shortNumber(lowValue)}</td><td>${shortNumber(highValue)}</td><td>${shortNumber(sampleCount)}</td></tr>`,
        )}</tbody></table>`,
    );
    return html`<details><summary>Buckets of ${name}</summary><div class="pair">${tables}</div></details>`;
  }
  const series = labelsOf(sides);
  const labels = topLabels(series);
  if (labels.length === 0) return html``;
  const rows = labels.map(
    (label) =>
      html`<tr><th scope="row">${label === "" ? "(empty)" : label}</th>${series.map(({ shares }) => html`<td>${percent(shares.get(label) ?? 0)}</td>`)}</tr>`,
  );
  return html`<details><summary>Values of ${name}</summary><table><caption class="aside">Most frequent values of ${name}</caption><thead><tr><th scope="col">value</th>${series.map((side) => html`<th scope="col">${side.name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></details>`;
}

function typeName({ type }: FeatureNameStatistics): string {
  return FeatureNameStatistics_TypeSchema.value[type]?.name ?? String(type);
}

/** The name of a view as the page and its anomalies call it. */
export function keyOf(view: FeatureView): string {
  return serializePath(view.path);
}
