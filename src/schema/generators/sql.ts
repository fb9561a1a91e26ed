import type { Schema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { type Kind, type Shape, shapesOf } from "./shape.ts";

/** Where the table is to be made. */
export type SqlTarget = "duckdb" | "postgres" | "spark";

export interface SqlOptions {
  readonly table: string;
  /** Default "duckdb". */
  readonly target?: SqlTarget;
  readonly environment?: string | undefined;
}

/** How a database spells what is needed of it. */
interface Spelling {
  readonly types: Readonly<Record<"integer" | "number" | "text" | "bytes", string>>;
  readonly quote: (name: string) => string;
  readonly list: (type: string) => string;
  readonly struct: (members: readonly (readonly [name: string, type: string])[]) => string;
  /** Spark takes no CHECK in CREATE TABLE. */
  readonly hasCheck: boolean;
}

const quoteDouble = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const quoteBacktick = (name: string): string => `\`${name.replaceAll("`", "``")}\``;

const SPELLINGS: Readonly<Record<SqlTarget, Spelling>> = {
  duckdb: {
    types: { integer: "BIGINT", number: "DOUBLE", text: "VARCHAR", bytes: "BLOB" },
    quote: quoteDouble,
    list: (type) => `${type}[]`,
    struct: (members) =>
      `STRUCT(${members.map(([name, type]) => `${quoteDouble(name)} ${type}`).join(", ")})`,
    hasCheck: true,
  },
  postgres: {
    types: { integer: "BIGINT", number: "DOUBLE PRECISION", text: "TEXT", bytes: "BYTEA" },
    quote: quoteDouble,
    // A list of documents is a document too.
    list: (type) => (type === "JSONB" ? type : `${type}[]`),
    struct: () => "JSONB",
    hasCheck: true,
  },
  spark: {
    types: { integer: "BIGINT", number: "DOUBLE", text: "STRING", bytes: "BINARY" },
    quote: quoteBacktick,
    list: (type) => `ARRAY<${type}>`,
    struct: (members) =>
      `STRUCT<${members.map(([name, type]) => `${quoteBacktick(name)}: ${type}`).join(", ")}>`,
    hasCheck: false,
  },
};

/**
 * A CREATE TABLE statement for examples. What is present in every example is NOT NULL; ranges and sets
 * of texts are CHECK constraints where the database takes them.
 */
export function generateSql(schema: Schema, options: SqlOptions): string {
  const spelling = SPELLINGS[options.target ?? "duckdb"];
  const columns = shapesOf(schema, options).map((shape) => {
    const check = spelling.hasCheck ? checkText(shape, spelling) : "";
    const nullness = shape.isRequired ? " NOT NULL" : "";
    return `  ${spelling.quote(shape.name)} ${typeText(shape, spelling)}${nullness}${check}`;
  });
  return `CREATE TABLE ${spelling.quote(options.table)} (\n${columns.join(",\n")}\n);\n`;
}

function typeText({ kind, counts }: Shape, spelling: Spelling): string {
  return counts
    .filter(({ isList }) => isList)
    .reduce((type) => spelling.list(type), kindText(kind, spelling));
}

function kindText(kind: Kind, spelling: Spelling): string {
  if (kind.kind !== "struct") return spelling.types[kind.kind];
  return spelling.struct(
    kind.members.map((member) => [member.name, typeText(member, spelling)] as const),
  );
}

/** Values in lists are not checked: a CHECK is about the column. */
function checkText({ name, kind, counts }: Shape, spelling: Spelling): string {
  if (counts.some(({ isList }) => isList)) return "";
  const column = spelling.quote(name);
  const conditions: string[] = [];
  if (kind.kind === "text" && kind.values !== undefined && kind.values.length > 0) {
    conditions.push(`${column} IN (${kind.values.map(quoteText).join(", ")})`);
  }
  if (kind.kind === "integer" || kind.kind === "number") {
    if (isBound(kind.min)) conditions.push(`${column} >= ${kind.min}`);
    if (isBound(kind.max)) conditions.push(`${column} <= ${kind.max}`);
  }
  return conditions.length === 0 ? "" : ` CHECK (${conditions.join(" AND ")})`;
}

function isBound(bound: number | bigint | undefined): bound is number | bigint {
  return typeof bound === "bigint" || (bound !== undefined && Number.isFinite(bound));
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
