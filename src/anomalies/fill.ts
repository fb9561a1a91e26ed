import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { Dialect, Engine } from "../engine/index.ts";
import type { Step } from "../metadata/index.ts";
import { type DefaultValue, defaultsOf } from "../schema/index.ts";
import type { Example } from "./instance/example.ts";
import { declareRows, writeParquetFiles } from "./parquet-output.ts";

/** Data with its gaps filled, and how many were filled in each column that had any. */
export interface Filled {
  readonly artifact: Artifact;
  readonly rowCount: bigint;
  readonly filledCounts: Readonly<Record<string, number>>;
}

/**
 * Fills what is missing with the schema's default values and writes the rows as one Parquet file, the
 * step's output `examples`. The record says what was filled: `filled` on the artifact has the number of
 * values by column, so that whoever asks for lineage sees which values nobody measured.
 * @param relation a table's name, a table function or a subquery in brackets, in the engine's SQL
 * @throws WaybillError as `defaultsOf`, and the engine's errors where a default does not fit its column
 */
export async function fillDefaults(
  step: Step,
  engine: Engine,
  relation: string,
  schema: Schema,
  options: { readonly path: string; readonly group?: string },
): Promise<Filled> {
  const { dialect } = engine;
  const query = { signal: step.signal };
  const defaults = defaultsOf(schema, options);
  const columns = await engine.columns(relation, query);
  const fillable = columns.filter(({ name }) => defaults.has(name));
  const counts = fillable.map(
    ({ name }, index) =>
      `${dialect.countIf(`${dialect.quoteIdentifier(name)} IS NULL`)} AS c${index}`,
  );
  const [counted] = await engine.rows(
    `SELECT ${["count(*) AS total", ...counts].join(", ")} FROM ${relation}`,
    query,
  );
  const selected = columns.map(({ name, type }) => {
    const column = dialect.quoteIdentifier(name);
    const value = defaults.get(name);
    if (value === undefined) return column;
    // The cast keeps the column's type, and refuses a default that is none of it.
    return `coalesce(${column}, CAST(${literal(dialect, value)} AS ${type})) AS ${column}`;
  });
  const sql = `SELECT ${selected.join(", ")} FROM ${relation}`;
  await writeParquetFiles(engine, [{ path: options.path, query: sql, columns }], query);
  const filledCounts = Object.fromEntries(
    fillable
      .map(({ name }, index): [string, number] => [name, Number(counted?.[`c${index}`] ?? 0)])
      .filter(([, count]) => count > 0),
  );
  const rowCount = BigInt(Number(counted?.["total"] ?? 0));
  const artifact = await declareRows(step, "examples", options.path, rowCount, {
    filled: filledCounts,
  });
  step.note("filled", filledCounts);
  return { artifact, rowCount, filledCounts };
}

/** One example with the schema's defaults for what it lacks; the example given stays as it is. */
export function withDefaults(
  example: Example,
  schema: Schema,
  options: { readonly group?: string } = {},
): Example {
  const missing = [...defaultsOf(schema, options)].filter(
    ([name]) => example[name] === null || example[name] === undefined,
  );
  return { ...example, ...Object.fromEntries(missing) };
}

function literal(dialect: Dialect, value: DefaultValue): string {
  if (typeof value === "string") return dialect.text(value);
  return typeof value === "bigint" ? String(value) : dialect.double(value);
}
