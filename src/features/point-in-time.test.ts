import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Engine, openEngine } from "../engine/index.ts";
import { buildRegistry, entity, featureView, field, parquetSource } from "./index.ts";
import { wholeView } from "./materialize.ts";
import { LABEL_ROW, latestRowsSql, pointInTimeSql } from "./point-in-time.ts";
import { featureViewOf } from "./registry.ts";
import { openViewRows } from "./view-rows.ts";

/** A row of the source; times are whole seconds, so that they meet often. */
interface Fact {
  readonly key: number | null;
  readonly event: number | null;
  readonly created: number | null;
  readonly value: number | null;
}

interface Label {
  readonly key: number | null;
  readonly time: number | null;
}

interface Case {
  readonly facts: readonly Fact[];
  readonly labels: readonly Label[];
  readonly ttlSeconds: number;
  readonly known: boolean;
}

const small = fc.integer({ min: 0, max: 5 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 6, nil: null });
const anyCase: fc.Arbitrary<Case> = fc.record({
  facts: fc.array(
    fc.record({
      key: maybe(fc.integer({ min: 1, max: 3 })),
      event: maybe(small),
      created: maybe(small),
      value: maybe(fc.integer({ min: 0, max: 3 })),
    }),
    { minLength: 1, maxLength: 25 },
  ),
  labels: fc.array(fc.record({ key: maybe(fc.integer({ min: 1, max: 4 })), time: maybe(small) }), {
    minLength: 1,
    maxLength: 12,
  }),
  ttlSeconds: fc.constantFrom(0, 1, 2),
  known: fc.boolean(),
});

test("both forms of the point-in-time join give what a row-by-row search gives", async () => {
  await using engine = await openEngine({ threads: 1 });
  await fc.assert(
    fc.asyncProperty(anyCase, async (given) => {
      const want = given.labels.map((label) => search(given, label));
      for (const form of ["asof", "union"] as const) {
        assert.deepEqual(await join(engine, given, form), want, form);
      }
    }),
    { numRuns: 20 },
  );
});

test("materializing an interval takes what a label at its end would see of it", async () => {
  await using engine = await openEngine({ threads: 1 });
  await fc.assert(
    fc.asyncProperty(anyCase, small, small, async (given, a, b) => {
      const [start, end] = [Math.min(a, b), Math.max(a, b)];
      const inside = given.facts.filter(({ event }) => event !== null && event >= start);
      const want = new Map<number, number | null>();
      for (const key of [1, 2, 3]) {
        const found = best(
          { ...given, facts: inside, ttlSeconds: 0, known: false },
          { key, time: end },
        );
        if (found !== undefined) want.set(key, found.value);
      }
      const got = await engine.rows(
        latestRowsSql(
          engine.dialect,
          await rowsOf(engine, given),
          new Date(start * 1000),
          new Date(end * 1000),
        ),
      );
      assert.deepEqual(new Map(got.map((row) => [Number(row["k0"]), plain(row["f0"])])), want);
    }),
    { numRuns: 20 },
  );
});

/** The value that a label sees, by looking at every row. */
function search(given: Case, label: Label): number | null {
  return best(given, label)?.value ?? null;
}

function best({ facts, ttlSeconds, known }: Case, { key, time }: Label): Fact | undefined {
  if (key === null || time === null) return undefined;
  const rank = (fact: Fact) => [fact.event ?? -1, fact.created ?? -1, fact.value ?? -1];
  return facts
    .filter(
      (fact) =>
        fact.key === key &&
        fact.event !== null &&
        fact.event <= time &&
        (ttlSeconds === 0 || fact.event >= time - ttlSeconds) &&
        (!known || (fact.created !== null && fact.created <= time)),
    )
    .sort((a, b) => compare(rank(b), rank(a)))[0];
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

async function join(
  engine: Engine,
  given: Case,
  form: "asof" | "union",
): Promise<(number | null)[]> {
  const labels = given.labels.map(({ key, time }) => `(${key}::BIGINT, ${timestamp(time)})`);
  const sql = pointInTimeSql(
    engine.dialect,
    {
      relation: `(SELECT * FROM (VALUES ${labels.join(", ")}) v(id, event_timestamp))`,
      timeColumn: "event_timestamp",
    },
    [{ rows: await rowsOf(engine, given), labelKeys: ["id"], columns: ["value"] }],
    { form, filterByCreatedTimestamp: given.known },
  );
  const rows = await engine.rows(`SELECT value FROM (${sql}) joined ORDER BY "${LABEL_ROW}"`);
  return rows.map(({ value }) => plain(value));
}

async function rowsOf(engine: Engine, { facts, ttlSeconds }: Case) {
  const values = facts.map(
    ({ key, event, created, value }) =>
      `(${key}::BIGINT, ${timestamp(event)}, ${timestamp(created)}, ${value}::BIGINT)`,
  );
  const relation = `(SELECT * FROM (VALUES ${values.join(", ")}) v(id, happened, created, value))`;
  const registry = buildRegistry({
    entities: [entity({ name: "thing", joinKey: "id", valueType: "INT64" })],
    sources: [
      parquetSource({
        name: "facts",
        paths: ["-"],
        timestampField: "happened",
        createdTimestampColumn: "created",
      }),
    ],
    featureViews: [
      featureView({
        name: "view",
        entities: ["thing"],
        source: "facts",
        ttlSeconds,
        schema: [field("value", "INT64")],
      }),
    ],
  });
  const planned = wholeView(registry, featureViewOf(registry, "view"));
  return openViewRows(engine, registry, async () => ({ relation, inputs: [] }), planned);
}

function timestamp(seconds: number | null): string {
  return seconds === null ? "NULL::TIMESTAMP" : `make_timestamp(${seconds * 1_000_000})`;
}

function plain(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}
