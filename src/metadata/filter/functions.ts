import type { FilterType } from "./columns.ts";

/** A compiled argument or result: its SQL text, and its type. */
export interface Typed {
  readonly sql: string;
  readonly type: FilterType;
}

/** A function of the filter language. */
interface FilterFunction {
  /** The fewest and the most arguments. */
  readonly arity: readonly [number, number];
  /** The type of all arguments, or of each; `same` means one type for all that have one. */
  readonly takes: readonly Takes[] | "same";
  /** Its type: one, or that of the arguments. */
  readonly gives: FilterType | "same";
  /** Its SQL over arguments that each stand once, in their order; values are bound in that order. */
  readonly sql: (args: readonly string[]) => string;
}

type Takes = FilterType | "NUMBER";

const MANY = 100;

/**
 * Functions by name, each in SQL that SQLite, MySQL and PostgreSQL take alike. Each argument is written
 * exactly once, so that bound values stay in their order.
 */
export const filterFunctions: Readonly<Record<string, FilterFunction>> = {
  COALESCE: { arity: [1, MANY], takes: "same", gives: "same", sql: call("COALESCE") },
  IFNULL: { arity: [2, 2], takes: "same", gives: "same", sql: call("COALESCE") },
  NULLIF: { arity: [2, 2], takes: "same", gives: "same", sql: call("NULLIF") },
  LENGTH: { arity: [1, 1], takes: ["STRING"], gives: "INT64", sql: call("LENGTH") },
  CHAR_LENGTH: { arity: [1, 1], takes: ["STRING"], gives: "INT64", sql: call("LENGTH") },
  UPPER: { arity: [1, 1], takes: ["STRING"], gives: "STRING", sql: call("UPPER") },
  LOWER: { arity: [1, 1], takes: ["STRING"], gives: "STRING", sql: call("LOWER") },
  TRIM: { arity: [1, 2], takes: ["STRING", "STRING"], gives: "STRING", sql: call("TRIM") },
  LTRIM: { arity: [1, 2], takes: ["STRING", "STRING"], gives: "STRING", sql: call("LTRIM") },
  RTRIM: { arity: [1, 2], takes: ["STRING", "STRING"], gives: "STRING", sql: call("RTRIM") },
  REPLACE: {
    arity: [3, 3],
    takes: ["STRING", "STRING", "STRING"],
    gives: "STRING",
    sql: call("REPLACE"),
  },
  SUBSTR: {
    arity: [2, 3],
    takes: ["STRING", "INT64", "INT64"],
    gives: "STRING",
    sql: call("SUBSTR"),
  },
  SUBSTRING: {
    arity: [2, 3],
    takes: ["STRING", "INT64", "INT64"],
    gives: "STRING",
    sql: call("SUBSTR"),
  },
  CONCAT: {
    arity: [1, MANY],
    takes: Array(MANY).fill("STRING"),
    gives: "STRING",
    sql: (args) => `(${args.join(" || ")})`,
  },
  ABS: { arity: [1, 1], takes: ["NUMBER"], gives: "same", sql: call("ABS") },
  ROUND: { arity: [1, 2], takes: ["NUMBER", "INT64"], gives: "DOUBLE", sql: call("ROUND") },
  MOD: { arity: [2, 2], takes: ["INT64", "INT64"], gives: "INT64", sql: infix("%") },
  DIV: { arity: [2, 2], takes: ["INT64", "INT64"], gives: "INT64", sql: infix("/") },
  GREATEST: { arity: [1, MANY], takes: "same", gives: "same", sql: extreme("MAX") },
  LEAST: { arity: [1, MANY], takes: "same", gives: "same", sql: extreme("MIN") },
};

function call(name: string) {
  return (args: readonly string[]) => `${name}(${args.join(", ")})`;
}

function infix(operator: string) {
  return (args: readonly string[]) => `(${args.join(` ${operator} `)})`;
}

/** SQLite's MAX of several arguments is the greatest of them, but of one argument it is an aggregate. */
function extreme(name: "MAX" | "MIN") {
  return (args: readonly string[]) =>
    args.length === 1 ? `(${args[0]})` : `${name}(${args.join(", ")})`;
}
