import type { SqlDialect, SqlParameter } from "../../database/index.ts";
import { WaybillError } from "../../foundation/index.ts";
import type { KindTables } from "../rdbms/kinds.ts";

/** A filter as a condition on a node's table, which the statement names `n`. */
export interface CompiledFilter {
  readonly sql: string;
  readonly values: readonly SqlParameter[];
}

/** Compiles a filter query; every value in it is bound. */
export function compileFilter(
  kind: KindTables,
  query: string,
  dialect: SqlDialect,
): CompiledFilter {
  const ids = /^id IN \((\d+(?:, \d+)*)\)$/.exec(query)?.[1]?.split(", ");
  if (ids !== undefined) {
    return { sql: `n.id IN (${ids.map(() => "?").join(", ")})`, values: ids.map(BigInt) };
  }
  throw new WaybillError(
    "unimplemented",
    `Filter queries on ${kind.table} are not read by ${dialect.name} yet: ${query}`,
  );
}
