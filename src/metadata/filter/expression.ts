// Longer than files here are: one class, whose rules call each other.
import type { SqlDialect, SqlParameter } from "../../database/index.ts";
import type { KindTables } from "../rdbms/kinds.ts";
import { balanced, chain } from "./chain.ts";
import {
  type Column,
  type FilterType,
  neighbour,
  nodeColumns,
  property,
  type Source,
} from "./columns.ts";
import { filterFunctions } from "./functions.ts";
import type { Expression } from "./parse.ts";
import { filterError } from "./tokens.ts";

/** A condition with the values of its `?`s. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly SqlParameter[];
}

/** One conjunct of the filter, with the neighbours that it names. */
export interface Conjunct extends Condition {
  readonly sources: ReadonlySet<Source>;
  /** Whether it names columns of the node itself. */
  readonly hasNode: boolean;
}

/** What SQL databases join in one statement at most, less some for the statement around the filter. */
const SOURCE_COUNT_MAX = 50;
const DEPTH_MAX = 500;

/** A piece of SQL with its type and the values of its `?`s in their order. */
interface Piece {
  readonly sql: string;
  readonly type: FilterType;
  readonly values: readonly SqlParameter[];
  /** Set for a column that is compared with words. */
  readonly words?: Column["words"];
}

/** Compiles the conjuncts of one query; an alias stands for the same neighbour in all of them. */
export class ExpressionCompiler {
  readonly #kind: KindTables;
  readonly #query: string;
  readonly #dialect: SqlDialect;
  readonly #node: ReadonlyMap<string, Column>;
  readonly #sources = new Map<string, Source>();
  #used = new Set<Source>();
  #hasNode = false;
  #depth = 0;

  constructor(kind: KindTables, query: string, dialect: SqlDialect) {
    this.#kind = kind;
    this.#query = query;
    this.#dialect = dialect;
    this.#node = nodeColumns(kind);
  }

  condition(expression: Expression): Conjunct {
    this.#used = new Set();
    this.#hasNode = false;
    const piece = this.#expression(expression);
    if (piece.type !== "BOOL" && piece.type !== "NULL") {
      throw filterError(
        this.#query,
        expression.at,
        `Given query string is not a valid boolean expression: ${this.#query}`,
      );
    }
    return { ...piece, sources: this.#used, hasNode: this.#hasNode };
  }

  #expression(expression: Expression): Piece {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw this.#error(expression, "The expression is too deep");
    const piece = this.#dispatch(expression);
    this.#depth -= 1;
    return piece;
  }

  #dispatch(expression: Expression): Piece {
    switch (expression.kind) {
      case "integer":
        if (expression.value >= 2n ** 63n) {
          throw this.#error(expression, `Invalid integer literal: ${expression.value}`);
        }
        return this.#bound("INT64", expression.value);
      case "double":
        return this.#bound("DOUBLE", expression.value);
      case "string":
        return this.#bound("STRING", expression.value);
      case "boolean":
        return { sql: expression.value ? "TRUE" : "FALSE", type: "BOOL", values: [] };
      case "null":
        return { sql: "NULL", type: "NULL", values: [] };
      case "exists":
        return { sql: "TRUE", type: "BOOL", values: [] };
      case "name":
        return this.#column(expression);
      case "unary":
        return this.#unary(expression);
      case "binary":
        return this.#binary(expression);
      case "in":
        return this.#in(expression);
      case "like":
        return this.#like(expression);
      case "between":
        return this.#between(expression);
      case "is":
        return this.#is(expression);
      case "case":
        return this.#case(expression);
      case "cast":
        return this.#cast(expression);
      case "call":
        return this.#call(expression);
      default:
        throw expression satisfies never;
    }
  }

  #column(expression: Expression & { kind: "name" }): Piece {
    const { parts } = expression;
    const [first = "", second = "", third = ""] = parts;
    const word = first.toLowerCase();
    if (parts.length === 1) {
      const column = this.#node.get(word);
      if (column === undefined) throw this.#error(expression, `Unrecognized name: ${first}`);
      this.#hasNode = true;
      return { ...column, values: [] };
    }
    const isProperty = word === "properties" || word === "custom_properties";
    if (isProperty ? parts.length !== 3 : parts.length !== 2) {
      throw this.#error(expression, `Unrecognized name: ${parts.join(".")}`);
    }
    const source = this.#source(isProperty ? `${word}.${second}` : word, (table) =>
      isProperty
        ? property(this.#kind, second, word === "custom_properties", table)
        : neighbour(this.#kind, word, table),
    );
    if (source === undefined) throw this.#error(expression, `Unrecognized name: ${first}`);
    const name = (isProperty ? third : second).toLowerCase();
    const column = source.columns.get(name);
    if (column === undefined) {
      throw this.#error(expression, `Field name ${name} does not exist in ${first}`);
    }
    this.#used.add(source);
    return { ...column, values: [] };
  }

  /** The neighbour behind an alias, made at its first use in the query. */
  #source(key: string, make: (table: string) => Source | undefined): Source | undefined {
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    if (this.#sources.size >= SOURCE_COUNT_MAX) {
      throw filterError(this.#query, 0, `The query names more than ${SOURCE_COUNT_MAX} neighbours`);
    }
    const made = make(`f${this.#sources.size}`);
    if (made !== undefined) this.#sources.set(key, made);
    return made;
  }

  #unary(expression: Expression & { kind: "unary" }): Piece {
    const { operator, operand } = expression;
    if (operator === "-" && operand.kind === "integer") return this.#bound("INT64", -operand.value);
    const piece = this.#expression(operand);
    const wanted =
      operator === "NOT" ? ["BOOL"] : operator === "~" ? ["INT64"] : ["INT64", "DOUBLE"];
    if (piece.type !== "NULL" && !wanted.includes(piece.type)) {
      throw this.#noSignature(expression, `operator ${operator}`, [piece]);
    }
    return { sql: `(${operator} ${piece.sql})`, type: piece.type, values: piece.values };
  }

  #binary(expression: Expression & { kind: "binary" }): Piece {
    const { operator } = expression;
    if (operator === "AND" || operator === "OR") return this.#logical(expression, operator);
    if (COMPARISONS.has(operator)) return this.#comparison(expression);
    const left = this.#expression(expression.left);
    const right = this.#expression(expression.right);
    const values = [...left.values, ...right.values];
    if (operator === "||") {
      if (![left, right].every(({ type }) => type === "STRING" || type === "NULL")) {
        throw this.#noSignature(expression, "operator ||", [left, right]);
      }
      const sql = this.#dialect.concatenate(left.sql, right.sql);
      return { sql, type: "STRING", values };
    }
    const isArithmetic = ["+", "-", "*", "/"].includes(operator);
    const wanted = isArithmetic ? ["INT64", "DOUBLE", "NULL"] : ["INT64", "NULL"];
    if (![left, right].every(({ type }) => wanted.includes(type))) {
      throw this.#noSignature(expression, `operator ${operator}`, [left, right]);
    }
    const isDouble = operator === "/" || [left, right].some(({ type }) => type === "DOUBLE");
    const type = isDouble ? "DOUBLE" : "INT64";
    const { sql: leftSql } = operator === "/" ? this.#toDouble(left) : left;
    if (operator === "^") {
      // SQLite has no exclusive or: what is in either, less what is in both. Values would be bound twice.
      throw this.#error(expression, "The operator ^ is not supported");
    }
    const sql =
      operator === "<<" || operator === ">>"
        ? this.#dialect.shift(leftSql, operator, right.sql)
        : `(${leftSql} ${operator} ${right.sql})`;
    return { sql, type, values };
  }

  #logical(expression: Expression & { kind: "binary" }, operator: "AND" | "OR"): Piece {
    const pieces = chain(expression, operator).map((part) => {
      const piece = this.#expression(part);
      if (piece.type !== "BOOL" && piece.type !== "NULL") {
        throw this.#noSignature(part, `operator ${operator}`, [piece]);
      }
      return piece;
    });
    return {
      sql: balanced(
        pieces.map(({ sql }) => sql),
        operator,
      ),
      type: "BOOL",
      values: pieces.flatMap(({ values }) => values),
    };
  }

  #comparison(expression: Expression & { kind: "binary" }): Piece {
    const { left: first, right: second, operator } = expression;
    const left = this.#expression(first);
    if (left.words !== undefined) {
      return this.#wordComparison(expression, left, left.words, operator, [second]);
    }
    const right = this.#expression(second);
    this.#assertComparable(expression, `operator ${operator}`, [left, right]);
    const sign = operator === "!=" ? "<>" : operator;
    return {
      sql: `(${left.sql} ${sign} ${right.sql})`,
      type: "BOOL",
      values: [...left.values, ...right.values],
    };
  }

  #in(expression: Expression & { kind: "in" }): Piece {
    const operand = this.#expression(expression.operand);
    if (operand.words !== undefined) {
      const operator = expression.isNegated ? "NOT IN" : "IN";
      return this.#wordComparison(expression, operand, operand.words, operator, expression.list);
    }
    const list = expression.list.map((item) => this.#expression(item));
    this.#assertComparable(expression, "operator IN", [operand, ...list]);
    const values = [...operand.values, ...list.flatMap((item) => item.values)];
    // An empty list contains nothing, not even for NULL.
    if (list.length === 0) {
      return { sql: expression.isNegated ? "TRUE" : "FALSE", type: "BOOL", values: [] };
    }
    const not = expression.isNegated ? "NOT " : "";
    return {
      sql: `(${operand.sql} ${not}IN (${list.map(({ sql }) => sql).join(", ")}))`,
      type: "BOOL",
      values,
    };
  }

  /** A state or an event type beside the words of its enum; what is not equal may also be unknown. */
  #wordComparison(
    expression: Expression,
    column: Piece,
    words: Readonly<Record<string, number>>,
    operator: string,
    list: readonly Expression[],
  ): Piece {
    const numbers = list.map((item) => {
      const word = item.kind === "name" && item.parts.length === 1 ? item.parts[0] : undefined;
      const number = word === undefined ? undefined : words[word];
      if (number === undefined) {
        const shown = word ?? this.#query.slice(item.at).trim();
        throw this.#error(item, `Unsupported enum value specified in the query: ${shown}`);
      }
      return BigInt(number);
    });
    const marks = numbers.map(() => "?").join(", ");
    if (operator === "=" || operator === "IN") {
      return { sql: `(${column.sql} IN (${marks}))`, type: "BOOL", values: numbers };
    }
    if (operator === "!=" || operator === "<>" || operator === "NOT IN") {
      return {
        sql: `(${column.sql} NOT IN (${marks}) OR ${column.sql} IS NULL)`,
        type: "BOOL",
        values: numbers,
      };
    }
    throw this.#error(expression, `The operator ${operator} does not take enum values`);
  }

  #like(expression: Expression & { kind: "like" }): Piece {
    const operand = this.#expression(expression.operand);
    const pattern = this.#expression(expression.pattern);
    if (![operand, pattern].every(({ type }) => type === "STRING" || type === "NULL")) {
      throw this.#noSignature(expression, "operator LIKE", [operand, pattern]);
    }
    const not = expression.isNegated ? "NOT " : "";
    return {
      sql: `(${operand.sql} ${not}LIKE ${pattern.sql} ESCAPE ${this.#dialect.backslash})`,
      type: "BOOL",
      values: [...operand.values, ...pattern.values],
    };
  }

  #between(expression: Expression & { kind: "between" }): Piece {
    const operand = this.#expression(expression.operand);
    const low = this.#expression(expression.low);
    const high = this.#expression(expression.high);
    this.#assertComparable(expression, "operator BETWEEN", [operand, low, high]);
    const not = expression.isNegated ? "NOT " : "";
    return {
      sql: `(${operand.sql} ${not}BETWEEN ${low.sql} AND ${high.sql})`,
      type: "BOOL",
      values: [...operand.values, ...low.values, ...high.values],
    };
  }

  #is(expression: Expression & { kind: "is" }): Piece {
    const operand = this.#expression(expression.operand);
    const isBoolean = operand.type === "BOOL" || operand.type === "NULL";
    if (expression.what !== "NULL" && !isBoolean) {
      throw this.#noSignature(expression, `operator IS ${expression.what}`, [operand]);
    }
    const not = expression.isNegated ? "NOT " : "";
    return {
      sql: `(${operand.sql} IS ${not}${expression.what})`,
      type: "BOOL",
      values: operand.values,
    };
  }

  #case(expression: Expression & { kind: "case" }): Piece {
    const operand = expression.operand && this.#expression(expression.operand);
    const values: SqlParameter[] = [...(operand?.values ?? [])];
    const results: Piece[] = [];
    let sql = operand === undefined ? "CASE" : `CASE ${operand.sql}`;
    for (const branch of expression.branches) {
      const when = this.#expression(branch.when);
      const result = this.#expression(branch.result);
      if (operand !== undefined) this.#assertComparable(branch.when, "CASE", [operand, when]);
      else if (when.type !== "BOOL" && when.type !== "NULL") {
        throw this.#noSignature(branch.when, "CASE", [when]);
      }
      sql += ` WHEN ${when.sql} THEN ${result.sql}`;
      values.push(...when.values, ...result.values);
      results.push(result);
    }
    if (expression.otherwise !== undefined) {
      const otherwise = this.#expression(expression.otherwise);
      sql += ` ELSE ${otherwise.sql}`;
      values.push(...otherwise.values);
      results.push(otherwise);
    }
    return { sql: `(${sql} END)`, type: this.#common(expression, "CASE", results), values };
  }

  #cast(expression: Expression & { kind: "cast" }): Piece {
    const operand = this.#expression(expression.operand);
    const type = CAST_TYPES[expression.type];
    if (type === undefined) {
      throw this.#error(expression, `Type not found: ${expression.type}`);
    }
    if (type === operand.type) return operand;
    const sql = this.#dialect.cast(operand.sql, operand.type, type);
    const isPlain = [operand.type, type].every((one) => one !== "BOOL" || operand.type === "NULL");
    // What a text says of truth differs between databases.
    if (!isPlain) throw this.#noSignature(expression, `CAST AS ${type}`, [operand]);
    return { sql, type, values: operand.values };
  }

  #call(expression: Expression & { kind: "call" }): Piece {
    const { name, args: given } = expression;
    const args = given.map((argument) => this.#expression(argument));
    const values = args.flatMap((argument) => argument.values);
    if (name === "IF" && args.length === 3) {
      const [when, yes, no] = args as [Piece, Piece, Piece];
      if (when.type !== "BOOL" && when.type !== "NULL") {
        throw this.#noSignature(expression, "function IF", args);
      }
      const type = this.#common(expression, "function IF", [yes, no]);
      return { sql: `(CASE WHEN ${when.sql} THEN ${yes.sql} ELSE ${no.sql} END)`, type, values };
    }
    if (name === "STARTS_WITH" && args.length === 2) {
      const [text, part] = args as [Piece, Piece];
      if (![text, part].every(({ type }) => type === "STRING" || type === "NULL")) {
        throw this.#noSignature(expression, `function ${name}`, args);
      }
      return {
        sql: this.#dialect.startsWith(text.sql, part.sql),
        type: "BOOL",
        // The part stands twice, once for its length.
        values: [...text.values, ...part.values, ...part.values],
      };
    }
    const known = Object.hasOwn(filterFunctions, name) ? filterFunctions[name] : undefined;
    if (known === undefined) throw this.#error(expression, `Function not found: ${name}`);
    const [fewest, most] = known.arity;
    const { takes } = known;
    const fits =
      args.length >= fewest &&
      args.length <= most &&
      (takes === "same" ||
        args.every(({ type }, index) => {
          const wanted = takes[index];
          if (wanted === "NUMBER") return type === "INT64" || type === "DOUBLE" || type === "NULL";
          return type === wanted || type === "NULL" || (wanted === "DOUBLE" && type === "INT64");
        }));
    if (!fits) throw this.#noSignature(expression, `function ${name}`, args);
    const type =
      known.gives === "same" ? this.#common(expression, `function ${name}`, args) : known.gives;
    return {
      sql: known.sql(
        args.map(({ sql }) => sql),
        this.#dialect,
      ),
      type,
      values,
    };
  }

  #bound(type: FilterType, value: SqlParameter): Piece {
    return { sql: this.#dialect.parameter(type), type, values: [value] };
  }

  #toDouble(piece: Piece): Piece {
    return piece.type === "INT64"
      ? { ...piece, sql: this.#dialect.cast(piece.sql, "INT64", "DOUBLE"), type: "DOUBLE" }
      : piece;
  }

  #assertComparable(at: Expression, what: string, pieces: readonly Piece[]): void {
    if (commonType(pieces) === undefined) throw this.#noSignature(at, what, pieces);
  }

  #common(at: Expression, what: string, pieces: readonly Piece[]): FilterType {
    const type = commonType(pieces);
    if (type === undefined) throw this.#noSignature(at, what, pieces);
    return type;
  }

  #noSignature(at: Expression, what: string, pieces: readonly Piece[]): Error {
    const types = pieces.map(({ type }) => type).join(", ");
    return this.#error(at, `No matching signature for ${what} for argument types: ${types}`);
  }

  #error({ at }: Expression, message: string): Error {
    return filterError(this.#query, at, message);
  }
}

const COMPARISONS = new Set(["=", "!=", "<>", "<", "<=", ">", ">="]);

const CAST_TYPES: Readonly<Record<string, FilterType>> = {
  INT64: "INT64",
  FLOAT64: "DOUBLE",
  DOUBLE: "DOUBLE",
  STRING: "STRING",
  BOOL: "BOOL",
};

/** The type to which all convert by themselves: whole numbers become floating point, nothing else. */
function commonType(pieces: readonly Piece[]): FilterType | undefined {
  const types = new Set(pieces.map(({ type }) => type).filter((type) => type !== "NULL"));
  if (types.size === 0) return "NULL";
  if (types.size === 1) return [...types][0];
  return types.size === 2 && types.has("INT64") && types.has("DOUBLE") ? "DOUBLE" : undefined;
}
