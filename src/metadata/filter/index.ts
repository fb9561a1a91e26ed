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
  throw new WaybillError(
    "unimplemented",
    `Filter queries on ${kind.table} are not read by ${dialect.name} yet: ${query}`,
  );
}
