import type { SqlDialect } from "../../database/index.ts";
import type { FilterType } from "./columns.ts";

/** A function of the filter language. */
interface FilterFunction {
  /** The fewest and the most arguments. */
  readonly arity: readonly [number, number];
  /** The type of all arguments, or of each; `same` means one type for all that have one. */
  readonly takes: readonly Takes[] | "same";
  /** Its type: one, or that of the arguments. */
  readonly gives: FilterType | "same";
  /** Its SQL over arguments that each stand once, in their order; values are bound in that order. */
  readonly sql: (args: readonly string[], dialect: SqlDialect) => string;
}

type Takes = FilterType | "NUMBER";

const MANY = 100;

/**
 * Functions by name. Each argument is written exactly once, so that bound values stay in their order.
 */
export const filterFunctions: Readonly<Record<string, FilterFunction>> = {
  COALESCE: { arity: [1, MANY], takes: "same", gives: "same", sql: call("COALESCE") },
  IFNULL: { arity: [2, 2], takes: "same", gives: "same", sql: call("COALESCE") },
  NULLIF: { arity: [2, 2], takes: "same", gives: "same", sql: call("NULLIF") },
  LENGTH: { arity: [1, 1], takes: ["STRING"], gives: "INT64", sql: length },
  CHAR_LENGTH: { arity: [1, 1], takes: ["STRING"], gives: "INT64", sql: length },
  UPPER: { arity: [1, 1], takes: ["STRING"], gives: "STRING", sql: call("UPPER") },
  LOWER: { arity: [1, 1], takes: ["STRING"], gives: "STRING", sql: call("LOWER") },
  TRIM: { arity: [1, 1], takes: ["STRING"], gives: "STRING", sql: call("TRIM") },
  LTRIM: { arity: [1, 1], takes: ["STRING"], gives: "STRING", sql: call("LTRIM") },
  RTRIM: { arity: [1, 1], takes: ["STRING"], gives: "STRING", sql: call("RTRIM") },
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
    sql: ([first = "", ...others], dialect) =>
      others.reduce((left, right) => dialect.concatenate(left, right), first),
  },
  ABS: { arity: [1, 1], takes: ["NUMBER"], gives: "same", sql: call("ABS") },
  ROUND: { arity: [1, 1], takes: ["NUMBER"], gives: "DOUBLE", sql: call("ROUND") },
  MOD: {
    arity: [2, 2],
    takes: ["INT64", "INT64"],
    gives: "INT64",
    sql: ([left, right]) => `(${left} % ${right})`,
  },
  DIV: {
    arity: [2, 2],
    takes: ["INT64", "INT64"],
    gives: "INT64",
    sql: ([left = "", right = ""], dialect) => dialect.integerQuotient(left, right),
  },
  GREATEST: {
    arity: [1, MANY],
    takes: "same",
    gives: "same",
    sql: (args, dialect) => dialect.extreme("greatest", args),
  },
  LEAST: {
    arity: [1, MANY],
    takes: "same",
    gives: "same",
    sql: (args, dialect) => dialect.extreme("least", args),
  },
};

function call(name: string) {
  return (args: readonly string[]) => `${name}(${args.join(", ")})`;
}

function length([text = ""]: readonly string[], dialect: SqlDialect): string {
  return dialect.length(text);
}
