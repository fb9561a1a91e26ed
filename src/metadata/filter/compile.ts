import type { SqlDialect } from "../../database/index.ts";
import type { KindTables } from "../rdbms/kinds.ts";
import { balanced, chain } from "./chain.ts";
import type { Source } from "./columns.ts";
import { type Condition, type Conjunct, ExpressionCompiler } from "./expression.ts";
import { type Expression, parseFilter } from "./parse.ts";
import { filterError } from "./tokens.ts";

/** Below the 32,766 values that SQLite binds to one statement. */
const VALUE_COUNT_MAX = 30_000;

/** One of the conditions of a filter that must all hold. */
export interface FilterPart extends Condition {
  /**
   * For a condition on neighbours alone, which `sql` finds as a set of ids: the same condition as a test
   * of one node, which is quicker where it holds for many, and a statement that selects the set.
   */
  readonly asTest?: Condition & { readonly set: Condition };
}

/** A filter as a condition on a node's table, which the statement names `n`, and its type's, `t`. */
export interface CompiledFilter extends Condition {
  readonly parts: readonly FilterPart[];
}

/**
 * Compiles a filter query to SQL in which every value is bound. Names become columns of a fixed list;
 * no text of the query goes into the SQL.
 * @throws `invalid_argument` with the position of what is wrong
 */
export function compileFilter(
  kind: KindTables,
  query: string,
  dialect: SqlDialect,
): CompiledFilter {
  if (query.trim() === "") {
    throw filterError(query, query.length, "Syntax error: Unexpected end of expression");
  }
  const expression = parseFilter(query);
  const compiler = new ExpressionCompiler(kind, query, dialect);
  const conditions = conjuncts(expression).map((part) => compiler.condition(part));
  const groups = groupBySources(conditions);
  const parts = groups.map((group) => partOf(group));
  const whole = allOf(parts);
  if (whole.values.length > VALUE_COUNT_MAX) {
    throw filterError(query, 0, `The query has more than ${VALUE_COUNT_MAX} values`);
  }
  return { ...whole, parts };
}

/** Conditions that must all hold, as one. */
export function allOf(conditions: readonly Condition[]): Condition {
  return {
    sql: balanced(
      conditions.map((condition) => condition.sql),
      "AND",
    ),
    values: conditions.flatMap((condition) => condition.values),
  };
}

/**
 * The conditions on some neighbours as one: there is a combination of them for which all hold. Without
 * columns of the node itself it is a set of node ids, which the database finds by its own indexes.
 */
function partOf(conditions: readonly Conjunct[]): FilterPart {
  const sources = [...new Set(conditions.flatMap((condition) => [...condition.sources]))];
  const own = {
    sql: conditions.map((condition) => condition.sql),
    values: conditions.flatMap((condition) => condition.values),
  };
  const [first, ...others] = sources;
  if (first === undefined) return { sql: balanced(own.sql, "AND"), values: own.values };
  const where = [
    ...others.map((other) => `${other.nodeId} = ${first.nodeId}`),
    ...sources.flatMap((source) => source.where ?? []),
    ...own.sql,
  ];
  const from = sources.map((source) => source.from).join(" CROSS JOIN ");
  const select = `SELECT ${first.nodeId} FROM ${from} WHERE `;
  const values = [...sources.flatMap((source) => source.values), ...own.values];
  const isNode = `${first.nodeId} = n.id`;
  const asTest = { sql: `EXISTS (${select}${balanced([isNode, ...where], "AND")})`, values };
  if (conditions.some((condition) => condition.hasNode)) return asTest;
  const set = { sql: `${select}${balanced(where, "AND")}`, values };
  return { sql: `n.id IN (${set.sql})`, values, asTest: { ...asTest, set } };
}

/** The conditions that must all hold, out of parentheses as far as AND reaches. */
function conjuncts(expression: Expression): Expression[] {
  return chain(expression, "AND").flatMap((part) =>
    part.kind === "binary" && part.operator === "AND" ? conjuncts(part) : [part],
  );
}

/** Conditions that share a neighbour speak of the same one, so they belong together. */
function groupBySources(conditions: readonly Conjunct[]): Conjunct[][] {
  let groups: { readonly sources: Set<Source>; readonly conditions: Conjunct[] }[] = [];
  for (const condition of conditions) {
    const touching = groups.filter(({ sources }) => !sources.isDisjointFrom(condition.sources));
    const merged = {
      sources: new Set([...condition.sources, ...touching.flatMap((group) => [...group.sources])]),
      conditions: [...touching.flatMap((group) => group.conditions), condition],
    };
    groups = [...groups.filter((group) => !touching.includes(group)), merged];
  }
  return groups.map((group) => group.conditions);
}
