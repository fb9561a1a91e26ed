import {
  type Anomalies,
  DriftSkewInfo_Measurement_TypeSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type { Schema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { DatasetFeatureStatisticsList } from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { DatasetView, defaultDataset, displaySchema, serializePath } from "../../schema/index.ts";
import { enumName } from "../format.ts";
import { type AnomalyRow, anomalyReport, WHOLE_DATASET } from "../report.ts";
import { type DriftPoint, driftChart, shortNumber } from "./charts.ts";
import { type FeatureSide, featureSection, keyOf } from "./features.ts";
import { type Html, html } from "./markup.ts";
import { page } from "./page.ts";

/** A dataset under the name that the report calls it by. */
export interface ReportDataset {
  readonly name: string;
  readonly statistics: DatasetFeatureStatisticsList;
}

/** What a report shows; everything but the first dataset may be left out. */
export interface ReportInput {
  readonly title?: string;
  readonly dataset: ReportDataset;
  /** Shown beside the first: the span before, what is served, another slice. */
  readonly other?: ReportDataset | undefined;
  readonly schema?: Schema | undefined;
  /** Of the first dataset. */
  readonly anomalies?: Anomalies | undefined;
  /** Anomalies of several spans, the oldest first: their drift is drawn over time. */
  readonly history?: readonly { readonly span: string; readonly anomalies: Anomalies }[];
}

/**
 * A report as one HTML file that asks no other host for anything: anomalies, distributions of one or two
 * datasets side by side, schema, drift over time. It can be read by keyboard and by screen reader, and
 * without its script; every chart has its numbers beside it.
 * @throws WaybillError `invalid_argument` for statistics of several slices without the slice of all examples
 */
export function reportHtml(input: ReportInput): string {
  const title = input.title ?? `Data report: ${input.dataset.name}`;
  const views = [
    { ...input.dataset, side: "left" as const },
    ...(input.other === undefined ? [] : [{ ...input.other, side: "right" as const }]),
  ].map(({ name, statistics, side }) => ({
    name,
    side,
    view: new DatasetView(defaultDataset(statistics)),
  }));
  const rows = input.anomalies === undefined ? [] : anomalyReport(input.anomalies);
  const sections = featureSections(views, rows);
  const body = html`<header><h1>${title}</h1>${overview(views)}
<nav aria-label="Sections"><a href="#anomalies">Anomalies</a> · <a href="#features">Features</a>${input.schema !== undefined && html` · <a href="#schema">Schema</a>`}${(input.history ?? []).length > 0 && html` · <a href="#drift">Drift</a>`}</nav></header>
<main id="main" tabindex="-1">
${input.anomalies !== undefined && anomalySection(rows, sections.ids)}
${input.history !== undefined && driftOverTime(input.history)}
<h2 id="features">Features</h2>
<div class="tools" hidden><label>Find a feature<br><input id="search" type="search" autocomplete="off"></label><label><input id="only" type="checkbox"> only features with anomalies</label><span id="count" class="count" role="status"></span></div>
${sections.html}
${input.schema !== undefined && schemaSection(input.schema)}
</main>`;
  return page(title, body);
}

interface NamedView {
  readonly name: string;
  readonly side: "left" | "right";
  readonly view: DatasetView;
}

function overview(views: readonly NamedView[]): Html {
  const rows = views.map(
    ({ name, side, view }) =>
      html`<tr><th scope="row"><span class="key ${side}" aria-hidden="true"></span>${name}</th><td>${shortNumber(view.exampleCount)}</td><td>${view.features.length}</td></tr>`,
  );
  return html`<table><caption class="aside">Datasets${views.length > 1 && ": the first is drawn filled, the second as an outline"}</caption><thead><tr><th scope="col">Dataset</th><th scope="col">Examples</th><th scope="col">Features</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** A section for each feature of either dataset, in the order of the first. */
function featureSections(
  views: readonly NamedView[],
  anomalies: readonly AnomalyRow[],
): { readonly html: Html; readonly ids: ReadonlyMap<string, string> } {
  const names = new Set(views.flatMap(({ view }) => view.features.map(keyOf)));
  const ids = new Map([...names].map((name, index) => [name, `feature-${index + 1}`]));
  const byName = views.map(({ view }) => new Map(view.features.map((one) => [keyOf(one), one])));
  const sections = [...ids].map(([name, id]) => {
    const sides = views.map(
      (view, index): FeatureSide => ({
        name: view.name,
        side: view.side,
        view: byName[index]?.get(name),
      }),
    );
    return featureSection(
      name,
      id,
      sides,
      anomalies.filter(({ feature }) => feature === name),
    );
  });
  return { html: html`${sections}`, ids };
}

function anomalySection(rows: readonly AnomalyRow[], ids: ReadonlyMap<string, string>): Html {
  if (rows.length === 0) return html`<h2 id="anomalies">Anomalies</h2><p>No anomalies.</p>`;
  const lines = rows.map(({ feature, severity, short, long }) => {
    const id = ids.get(feature);
    const name = id === undefined ? html`${feature}` : html`<a href="#${id}">${feature}</a>`;
    return html`<tr><th scope="row">${name}</th><td class="${severity.toLowerCase()}">${severity}</td><td>${short}</td><td>${long}</td></tr>`;
  });
  const subject = rows.some(({ feature }) => feature === WHOLE_DATASET)
    ? "dataset and features"
    : "features";
  return html`<h2 id="anomalies">Anomalies (${rows.length})</h2><div class="wide" tabindex="0" role="region" aria-label="Anomalies"><table><caption class="aside">What deviates, by ${subject}</caption><thead><tr><th scope="col">Feature</th><th scope="col">Severity</th><th scope="col">What</th><th scope="col">Details</th></tr></thead><tbody>${lines}</tbody></table></div>`;
}

function schemaSection(schema: Schema): Html {
  const { features, domains } = displaySchema(schema);
  const rows = features.map(
    (row) =>
      html`<tr><th scope="row">${row.feature}</th><td>${row.type}</td><td>${row.presence}</td><td>${row.valency}</td><td>${row.domain}</td><td>${row.notes}</td></tr>`,
  );
  const sets = domains.map(
    ({ domain, values }) =>
      html`<tr><th scope="row">${domain}</th><td>${values.join(", ")}</td></tr>`,
  );
  const environments = schema.defaultEnvironment.join(", ");
  return html`<h2 id="schema">Schema</h2>${environments !== "" && html`<p>Environments: ${environments}</p>`}<div class="wide" tabindex="0" role="region" aria-label="Schema"><table><caption class="aside">Features of the schema</caption><thead><tr><th scope="col">Feature</th><th scope="col">Type</th><th scope="col">Presence</th><th scope="col">Valency</th><th scope="col">Domain</th><th scope="col">Notes</th></tr></thead><tbody>${rows}</tbody></table></div>
${sets.length > 0 && html`<details><summary>Values of ${sets.length} domains</summary><table><caption class="aside">Sets of texts</caption><thead><tr><th scope="col">Domain</th><th scope="col">Values</th></tr></thead><tbody>${sets}</tbody></table></details>`}`;
}

/** Every distance that was measured in any span, a chart and a table each. */
function driftOverTime(history: NonNullable<ReportInput["history"]>): Html {
  const series = new Map<string, DriftPoint[]>();
  for (const { span, anomalies } of history) {
    for (const { path, driftMeasurements } of anomalies.driftSkewInfo) {
      for (const { type, value, threshold } of driftMeasurements) {
        const measure = enumName(DriftSkewInfo_Measurement_TypeSchema, type)
          .toLowerCase()
          .replaceAll("_", " ");
        const name = `${serializePath(path?.step ?? [])}: ${measure}`;
        series.set(name, [...(series.get(name) ?? []), { span, value, threshold }]);
      }
    }
  }
  if (series.size === 0) return html`<h2 id="drift">Drift</h2><p>No drift was measured.</p>`;
  // What went furthest over its threshold is what people look for.
  const excess = (points: readonly DriftPoint[]): number =>
    Math.max(...points.map(({ value, threshold }) => value / Math.max(threshold, 1e-12)));
  const charts = [...series]
    .sort(([, a], [, b]) => excess(b) - excess(a))
    .map(
      ([name, points]) =>
        html`<figure><figcaption>${name}</figcaption>${driftChart(name, points)}<details><summary>Numbers of ${name}</summary><table><thead><tr><th scope="col">Span</th><th scope="col">Distance</th><th scope="col">Threshold</th></tr></thead><tbody>${points.map(({ span, value, threshold }) => html`<tr><th scope="row">${span}</th><td>${shortNumber(value)}${value > threshold && " (too high)"}</td><td>${shortNumber(threshold)}</td></tr>`)}</tbody></table></details></figure>`,
    );
  return html`<h2 id="drift">Drift</h2><p class="aside">The dashed line is the threshold; large dots are above it.</p><div class="pair">${charts}</div>`;
}
