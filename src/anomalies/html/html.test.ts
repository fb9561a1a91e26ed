import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { inferSchema } from "../../schema/index.ts";
import { statisticsOf } from "../../schema/statistics.fixture.ts";
import { validateStatistics } from "../validate.ts";
import { reportHtml } from "./index.ts";
import { escapeHtml, html } from "./markup.ts";

const training = statisticsOf({
  age: [31n, 45n, 27n, null],
  fare: [1.5, 20.25, Number.NaN, Number.POSITIVE_INFINITY],
  city: ["a", "b", "b", ""],
  nothing: [null, null, null, null],
});
const serving = statisticsOf({ age: [31n, 99n], city: ["z", "b"], extra: [7n, 7n] });
const schema = inferSchema(training);
const anomalies = validateStatistics(serving, schema);

const report = reportHtml({
  dataset: { name: "serving", statistics: serving },
  other: { name: "training", statistics: training },
  schema,
  anomalies,
  history: ["Mon", "Tue"].map((span) => ({ span, anomalies: driftOf(span) })),
});

test("a report shows every feature of both datasets, and what is wrong", () => {
  for (const name of ["age", "fare", "city", "nothing", "extra"]) {
    assert.match(report, new RegExp(`<h3 id="feature-\\d+-h">${name} `), name);
  }
  assert.match(report, /Anomalies \(3\)/);
  assert.match(report, /Examples contain values missing from the schema: z \(~50%\)/);
  assert.match(report, /city: l infty/);
});

test("a report asks no other host for anything", () => {
  assert.doesNotMatch(report, /\b(?:https?:|src=|@import|url\(|<link|<iframe|srcset)/);
  assert.match(report, /Content-Security-Policy" content="default-src 'none'/);
});

test("every element of a report is closed, and every id is its own", () => {
  assertWellFormed(report);
  const ids = [...report.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, target] of report.matchAll(/href="#([^"]+)"/g)) {
    assert.ok(ids.includes(target ?? ""), `#${target} leads nowhere`);
  }
});

test("charts have a name, tables have headings, and what scrolls can be reached by keyboard", () => {
  for (const [chart] of report.matchAll(/<svg[^>]*>/g)) {
    assert.match(chart, /role="img" aria-label="[^"]+"/);
  }
  for (const [table] of report.matchAll(/<table>.*?<\/table>/gs)) {
    assert.match(table, /<th scope="(?:col|row)">/);
  }
  assert.match(report, /<html lang="en">/);
  assert.match(report, /role="region" aria-label="Anomalies"/);
});

test("names and values of data are text, whatever they hold", () => {
  const evil = `</script><img src=x onerror="alert(1)">'&\u0000`;
  const statistics = statisticsOf({ [evil]: [evil, "b"] });
  const page = reportHtml({
    title: evil,
    dataset: { name: evil, statistics },
    schema: inferSchema(statistics),
    anomalies: validateStatistics(statistics, inferSchema(serving)),
  });
  assert.doesNotMatch(page, /<img|<\/script></);
  assert.equal(page.includes("\u0000"), false);
  assertWellFormed(page);
});

test("one dataset without schema, without examples, is a report too", () => {
  const empty = statisticsOf({});
  assertWellFormed(reportHtml({ dataset: { name: "empty", statistics: empty } }));
});

test("escaped text never holds markup", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.doesNotMatch(escapeHtml(text), /[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
      assert.equal(html`<p>${text}</p>`.html, `<p>${escapeHtml(text)}</p>`);
    }),
    { numRuns: 50 },
  );
});

function driftOf(span: string) {
  const compared = inferSchema(training);
  for (const feature of compared.feature.filter(({ name }) => name === "city")) {
    feature.driftComparator = {
      $typeName: "tensorflow.metadata.v0.FeatureComparator",
      infinityNorm: { $typeName: "tensorflow.metadata.v0.InfinityNorm", threshold: 0.3 },
    };
  }
  const city = span === "Mon" ? ["a", "b"] : ["z", "z"];
  return validateStatistics(statisticsOf({ city }), compared, { previousStatistics: training });
}

/** Tags nest and close. Script and style are skipped: their content is no markup. */
function assertWellFormed(page: string): void {
  const open: string[] = [];
  const body = page.replaceAll(/<(style|script)>.*?<\/\1>/gs, "");
  for (const [tag, slash, name, rest] of body.matchAll(/<(\/?)([a-zA-Z0-9]+)([^<>]*)>/g)) {
    if (slash === "/") assert.equal(open.pop(), name, tag);
    else if (!["meta", "input", "br"].includes(name ?? "") && !rest?.endsWith("/")) {
      open.push(name ?? "");
    }
  }
  assert.deepEqual(open, []);
}
