import type { Engine } from "../../engine/index.ts";
import { WaybillError } from "../../foundation/index.ts";
import type { AsOf, Warehouse } from "../../warehouse/index.ts";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { findHome } from "../home.ts";
import { openProject } from "../project.ts";
import { BOX_ROWS_MAX, boxText, csvText, jsonText } from "../rows.ts";
import type { Session } from "../session.ts";
import { parseAsOf, tableName } from "../tables.ts";

/** `waybill sql "SELECT ..."`: asks the warehouse, now or as of an earlier state. */
export const command = defineCommand({
  name: "sql",
  summary: "Ask the warehouse in SQL, now or as of an earlier time",
  description:
    "Tables are named as in `warehouse list`; those of the namespace main without it as well. Files can be\n" +
    "asked too, by their path in quotes. Nothing is written: tables change by `warehouse` only.",
  arguments: { query: { summary: "The statement; - reads it from standard input" } },
  options: {
    asOf: {
      type: "string",
      value: "TIME|SNAPSHOT|REF",
      summary:
        "Read the tables as they were at a time (ISO 8601, UTC), a snapshot, a branch or a tag",
    },
    csv: { type: "boolean", summary: "Answer as CSV with a header" },
    rows: {
      type: "integer",
      value: "N",
      summary: "Rows that the box shows at most",
      default: BOX_ROWS_MAX,
    },
  },
  examples: [
    { line: 'sql "SELECT origin, count(*) FROM flights GROUP BY ALL"', does: "a box" },
    {
      line: 'sql "SELECT count(*) FROM flights" --as-of 2026-11-01',
      does: "as it was that day",
    },
    { line: 'sql "SELECT * FROM flights" --csv > flights.csv', does: "all rows, streamed" },
    { line: 'sql "SELECT * FROM flights" --json', does: "a line of JSON a row" },
  ],
  run: async ({ arguments: { query }, options, session }) => {
    if (options.csv && session.json) {
      throw wrongUse("sql", "--csv and --json exclude each other.");
    }
    if (options.rows < 0) throw wrongUse("sql", "--rows is a count of at least 0.");
    const sql = (query === "-" ? await readStandardInput() : query).replace(/[\s;]+$/, "");
    if (sql === "") throw wrongUse("sql", "The statement is empty.");
    const asOf = options.asOf === undefined ? undefined : parseAsOf(options.asOf);
    const engine = await openTables(session, sql, asOf);
    const batches = engine.query(sql, { signal: session.signal });
    if (session.json) return { jsonLines: jsonText(batches) };
    if (options.csv) return { text: csvText(batches) };
    const types = await columnTypes(engine, sql, session.signal);
    return { text: await boxText({ batches, types }, options.rows) };
  },
});

/** An engine in which the tables that the statement may mean are views. Without a project, it has none. */
async function openTables(session: Session, sql: string, asOf: AsOf | undefined): Promise<Engine> {
  if (findHome(session) === undefined) {
    if (asOf !== undefined) {
      throw new WaybillError("not_found", "--as-of needs a project, and there is none here.", {
        hint: 'Run "waybill init", or name the project with --home.',
      });
    }
    const { openEngine } = await import("../../engine/index.ts");
    return session.resources.use(await openEngine());
  }
  const project = await openProject(session);
  const engine = await project.engine();
  const warehouse = await project.warehouse();
  for (const name of await tablesNamedIn(warehouse, sql)) {
    const { relation } = await warehouse.table(name, asOf === undefined ? {} : { asOf });
    await defineView(engine, name, relation, session.signal);
  }
  return engine;
}

/** Tables whose last name stands in the statement. Reading one that is not meant costs little. */
async function tablesNamedIn(warehouse: Warehouse, sql: string): Promise<string[]> {
  const words = new Set(sql.toLowerCase().match(/[\p{L}\p{N}_$-]+/gu));
  const names = await warehouse.tables();
  return names.filter((name) => {
    const parts =
      name
        .split(".")
        .at(-1)
        ?.toLowerCase()
        .match(/[\p{L}\p{N}_$-]+/gu) ?? [];
    return parts.every((part) => words.has(part));
  });
}

async function defineView(
  engine: Engine,
  name: string,
  relation: string,
  signal: AbortSignal,
): Promise<void> {
  const { dialect } = engine;
  const levels = tableName(name).split(".");
  const table = dialect.quoteIdentifier(levels.pop() ?? "");
  const namespace = dialect.quoteIdentifier(levels.join("."));
  await engine.execute(`CREATE SCHEMA IF NOT EXISTS ${namespace}`, { signal });
  await engine.execute(
    `CREATE OR REPLACE VIEW ${namespace}.${table} AS SELECT * FROM ${relation}`,
    { signal },
  );
}

/** The engine's type of each column, where the statement is one that gives rows. */
async function columnTypes(
  engine: Engine,
  sql: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  if (!/^\s*(SELECT|FROM|WITH|VALUES|\()/i.test(sql)) return new Map();
  const columns = await engine.columns(`(${sql}\n)`, { signal });
  return new Map(columns.map(({ name, type }) => [name, type]));
}

async function readStandardInput(): Promise<string> {
  const { text } = await import("node:stream/consumers");
  return text(process.stdin);
}
