import type { BatchColumn, Dialect, Engine } from "../../engine/index.ts";
import {
  EXAMPLES_PER_BATCH,
  type Example,
  type ExampleSource,
  type FeatureValue,
  type ValueKind,
} from "../examples/example.ts";
import { featureValueOf } from "../examples/values.ts";
import { cellNumber } from "./cells.ts";
import { numberExpression } from "./numeric-sql.ts";

/** What the values of a column are, as far as its type tells: nested ones are told by their values. */
export function kindOfColumn(type: string, dialect: Dialect): ValueKind {
  const family = dialect.typeFamily(type);
  if (family === "nested") return "unknown";
  const number = numberExpression("", family, dialect);
  if (number === undefined) return "string";
  return number.isInteger ? "int" : "float";
}

/**
 * The rows of a relation as examples, in the engine's order: lists are values of one feature, structs
 * nest. Scalars have the types that counting in SQL gives them.
 */
export async function* readRelationExamples(
  engine: Engine,
  relation: string,
  options: { readonly signal?: AbortSignal | undefined },
): ExampleSource {
  const { dialect } = engine;
  const queryOptions = options.signal === undefined ? {} : { signal: options.signal };
  const columns = (await engine.columns(relation, queryOptions)).map(({ name, type }) => {
    const column = dialect.quoteIdentifier(name);
    const family = dialect.typeFamily(type);
    const number = numberExpression(column, family, dialect);
    const isText = number === undefined && family === "other";
    const text = `CAST(${column} AS ${dialect.typeName("string")})`;
    const kind = number === undefined ? undefined : number.isInteger ? "int" : "float";
    // An engine knows that 1 is a double where JSON would not.
    const isFloat = family === "nested" && /double|float|decimal/i.test(type) && !/int/i.test(type);
    return { name, kind, isFloat, sql: number?.expression ?? (isText ? text : column) } as const;
  });
  const list = columns.map(({ sql, name }) => `${sql} AS ${dialect.quoteIdentifier(name)}`);
  for await (const batch of engine.query(
    `SELECT ${list.join(", ")} FROM ${relation}`,
    queryOptions,
  )) {
    let examples: Example[] = [];
    for (let row = 0; row < batch.rowCount; row++) {
      const example = new Map<string, FeatureValue>();
      for (const [index, { name, kind, isFloat }] of columns.entries()) {
        const value = valueIn(batch.columns[index]!, row, kind, name);
        if (value?.kind === "int" && isFloat) {
          example.set(name, { ...value, kind: "float" });
          continue;
        }
        if (value !== undefined) example.set(name, value);
      }
      examples.push(example);
      if (examples.length < EXAMPLES_PER_BATCH) continue;
      yield examples;
      examples = [];
    }
    if (examples.length > 0) yield examples;
  }
}

function valueIn(
  column: BatchColumn,
  row: number,
  kind: "int" | "float" | undefined,
  name: string,
): FeatureValue | undefined {
  if (column.isNull(row)) return undefined;
  if (kind !== undefined) return { kind, depth: 1, items: [cellNumber(column, row)] };
  return featureValueOf(column.kind === "object" ? column.get(row) : column.values[row], name);
}
