import { WaybillError } from "../foundation/index.ts";
import { murmurOfBytes, murmurOfLong } from "./duckdb/murmur.ts";

/** Column types as parts name them; a dialect spells them. */
export type SqlType =
  | "boolean"
  | "int"
  | "long"
  | "float"
  | "double"
  | "string"
  | "date"
  | "timestamp"
  | "timestamptz"
  | "binary";

/** What a column holds, whatever the engine calls its type. Decimals are doubles here. */
export type TypeFamily =
  | "boolean"
  | "integer"
  | "double"
  | "date"
  | "time"
  | "timestamp"
  | "text"
  | "binary"
  | "nested"
  | "other";

/**
 * How an engine spells what we ask of it. Every expression that differs between DuckDB and Spark SQL
 * is a method here and nowhere else; what both spell alike is written in the statement itself.
 * Arguments named `x` are expressions already in this dialect.
 */
export interface Dialect {
  readonly name: "duckdb" | "spark";

  /** A name as an identifier, quoted. */
  quoteIdentifier(name: string): string;
  /** A text constant. Values of data are bound, never pasted; this is for paths and names. */
  text(value: string): string;
  /** A double constant: never a decimal, negative numbers in brackets. */
  double(value: number): string;
  typeName(type: SqlType): string;
  /** The type of a struct, a list or a map of types in this dialect's spelling. */
  structType(fields: readonly (readonly [name: string, type: string])[]): string;
  listType(element: string): string;
  mapType(key: string, value: string): string;
  /** The family of a type in the engine's own spelling, as `Engine.columns` gives it. */
  typeFamily(type: string): TypeFamily;

  /** The value as a double, NULL when it cannot be one. */
  tryDouble(x: string): string;
  /** True for doubles that are neither NaN nor infinite. */
  isFinite(x: string): string;
  isNan(x: string): string;
  /** Rows for which the condition is true. */
  countIf(condition: string): string;
  /** Length of a text in bytes of UTF-8. */
  byteLength(x: string): string;
  /** Length of a binary value in bytes. */
  binaryLength(x: string): string;
  /** Whether a binary value is UTF-8. */
  isUtf8(x: string): string;
  /** A stable 64-bit-or-longer hash of a text as lower-case hex, the same in every engine. */
  md5(x: string): string;
  /** A list of the `limit` most frequent values: structs {v, n}, count then value descending. */
  topValues(counted: string, value: string, count: string, limit: number): string;
  /**
   * The sum of doubles, each rounded to a whole number below 2^62, exact and so the same in whatever
   * order an engine adds.
   */
  sumWhole(x: string): string;
  /** Microseconds since the epoch of a timestamp, with or without zone (then UTC), or a date. */
  epochUs(x: string): string;
  /** Days since the epoch of a date. */
  epochDays(x: string): string;
  /** A timestamp from microseconds since the epoch. */
  timestampFromUs(x: string): string;
  /** The timestamp plus a number of seconds. */
  addSeconds(x: string, seconds: string): string;
  /** The timestamp cut to the start of its day, UTC. */
  startOfDay(x: string): string;
  /** The quotient as a double by IEEE 754: a zero divisor gives an infinity or NaN, never an error. */
  divide(a: string, b: string): string;
  /** A struct of named expressions, in their order. Its fields are read as `s['name']`. */
  struct(fields: readonly (readonly [name: string, x: string])[]): string;
  /** A JSON text as a value of a shape; what the text lacks is NULL, NaN and Infinity are in quotes. */
  fromJson(x: string, shape: JsonShape): string;
  /** A window call that numbers the rows of a relation from 1, in its own order where it has one. */
  rowNumber(): string;
  /** Whether the engine has `ASOF JOIN`: for each left row the greatest right row that is not greater. */
  readonly hasAsofJoin: boolean;

  /**
   * Murmur3 (x86, 32 bits, seed 0) as a whole number below 2^32: of a 64-bit integer's bytes, or of a
   * text's or binary's. Iceberg puts rows into buckets by it.
   * @throws `unimplemented` where the engine has no such hash
   */
  murmur3(x: string, of: "long" | "bytes"): string;

  /** Table expression for Parquet files. */
  parquet(paths: readonly string[]): string;
  /** Table expression for newline-delimited JSON files, types by the engine. */
  jsonLines(paths: readonly string[]): string;
  /**
   * Table expression for delimited text with a header, types by the engine. A row with more or fewer
   * fields than the header is an error.
   * @throws `unimplemented` where the engine reads headers only through a view
   */
  csv(paths: readonly string[], options?: { readonly delimiter?: string }): string;
  /**
   * Table expression for Parquet files whose columns are found by field id, whatever their names;
   * a column that a file lacks is NULL.
   * @param options.withPosition adds `filename`, the path, and `file_row_number`, from 0
   * @throws `unimplemented` where the engine reads by name only
   */
  parquetByFieldId(
    paths: readonly string[],
    columns: readonly FieldIdColumn[],
    options?: { readonly withPosition?: boolean },
  ): string;
  /**
   * Query for the `path` of each Parquet file that has no field ids.
   * @throws `unimplemented` where the engine cannot tell
   */
  parquetWithoutFieldIds(paths: readonly string[]): string;
  /**
   * Statement that writes a query as one Parquet file (zstd) with field ids, and returns one row with
   * `filename`, `count`, `file_size_bytes` and `column_statistics`.
   * @param options.partitionBy columns of the query that cut it into files of a folder, one row each;
   *   they are not written, and their values are in `partition_keys`
   * @throws `unimplemented` where the engine cannot
   */
  copyToParquet(
    query: string,
    path: string,
    columns: readonly FieldIdColumn[],
    options?: { readonly partitionBy?: readonly string[] },
  ): string;
}

/** What a JSON text is read as: a scalar, a list of one shape, or a struct. */
export type JsonShape = SqlType | readonly [JsonShape] | { readonly [name: string]: JsonShape };

/** A column of a Parquet file that is known by its field id. */
export interface FieldIdColumn {
  readonly id: number;
  readonly name: string;
  /** In the engine's spelling. */
  readonly type: string;
  /** Of a struct, list (`element`) or map (`key`, `value`), the ids inside it. */
  readonly nested?: readonly FieldIdNode[];
}

/** A field inside of a column: its id and what is inside of it. */
export interface FieldIdNode {
  readonly id: number;
  readonly name: string;
  readonly nested?: readonly FieldIdNode[];
}

export const duckdbDialect: Dialect = {
  name: "duckdb",
  quoteIdentifier: (name) => `"${name.replaceAll('"', '""')}"`,
  text: quoteText,
  double: (value) => `('${doubleText(value)}'::DOUBLE)`,
  typeName: (type) => DUCKDB_TYPES[type],
  structType: (fields) =>
    `STRUCT(${fields.map(([name, type]) => `${duckdbDialect.quoteIdentifier(name)} ${type}`).join(", ")})`,
  listType: (element) => `${element}[]`,
  mapType: (key, value) => `MAP(${key}, ${value})`,
  typeFamily: (type) => familyOf(type, DUCKDB_FAMILIES),
  tryDouble: (x) => `TRY_CAST(${x} AS DOUBLE)`,
  isFinite: (x) => `isfinite(${x})`,
  isNan: (x) => `isnan(${x})`,
  countIf: (condition) => `count_if(${condition})`,
  byteLength: (x) => `strlen(${x})`,
  binaryLength: (x) => `octet_length(${x})`,
  isUtf8: (x) => `(TRY(decode(${x})) IS NOT NULL)`,
  md5: (x) => `md5(${x})`,
  topValues: (counted, value, count, limit) =>
    `(SELECT list({'v': v, 'n': n}) FROM (SELECT ${value} AS v, ${count} AS n FROM ${counted} ` +
    `ORDER BY n DESC, v DESC LIMIT ${limit}))`,
  sumWhole: (x) => `sum(CAST(${x} AS BIGINT))`,
  epochUs: (x) => `epoch_us(${x})`,
  epochDays: (x) => `datediff('day', DATE '1970-01-01', ${x})`,
  timestampFromUs: (x) => `make_timestamp(${x})`,
  addSeconds: (x, seconds) => `(${x} + to_seconds(${seconds}))`,
  startOfDay: (x) => `date_trunc('day', ${x})`,
  divide: (a, b) => `(CAST(${a} AS DOUBLE) / CAST(${b} AS DOUBLE))`,
  struct: (fields) => `{${fields.map(([name, x]) => `${quoteText(name)}: ${x}`).join(", ")}}`,
  fromJson: (x, shape) => `from_json(${x}, ${quoteText(duckdbShape(shape))})`,
  rowNumber: () => "row_number() OVER ()",
  hasAsofJoin: true,
  murmur3: (x, of) => (of === "long" ? murmurOfLong(x) : murmurOfBytes(x)),
  parquet: (paths) => `read_parquet([${paths.map(quoteText).join(", ")}])`,
  jsonLines: (paths) =>
    `read_json([${paths.map(quoteText).join(", ")}], format = 'newline_delimited')`,
  // Told everything, the reader cannot take a ragged file for one of another delimiter, or skip its top.
  csv: (paths, { delimiter = "," } = {}) =>
    `read_csv([${paths.map(quoteText).join(", ")}], header = true, delim = ${quoteText(delimiter)}, ` +
    `quote = '"', escape = '"', skip = 0)`,
  parquetByFieldId: (paths, columns, { withPosition = false } = {}) => {
    const map = columns.map(
      ({ id, name, type }) =>
        `${id}: {name: ${quoteText(name)}, type: ${quoteText(type)}, default_value: NULL}`,
    );
    const position = withPosition ? ", filename = true, file_row_number = true" : "";
    const list = paths.map(quoteText).join(", ");
    return `read_parquet([${list}], schema = MAP {${map.join(", ")}}${position})`;
  },
  parquetWithoutFieldIds: (paths) =>
    `SELECT file_name AS path FROM parquet_schema([${paths.map(quoteText).join(", ")}]) ` +
    "GROUP BY file_name HAVING count(field_id) = 0 ORDER BY file_name",
  copyToParquet: (query, path, columns, { partitionBy = [] } = {}) => {
    const ids = columns.map(duckdbFieldId);
    const keys = partitionBy.map((name) => duckdbDialect.quoteIdentifier(name));
    const target =
      keys.length === 0
        ? "USE_TMP_FILE false"
        : `PARTITION_BY (${keys.join(", ")}), OVERWRITE_OR_IGNORE`;
    return (
      `COPY (${query}) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd, ` +
      `${target}, FIELD_IDS {${ids.join(", ")}}, RETURN_STATS)`
    );
  },
};

export const sparkDialect: Dialect = {
  name: "spark",
  quoteIdentifier: (name) => `\`${name.replaceAll("`", "``")}\``,
  text: (value) => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
  double: (value) => `(double('${doubleText(value)}'))`,
  typeName: (type) => SPARK_TYPES[type],
  structType: (fields) =>
    `STRUCT<${fields.map(([name, type]) => `${sparkDialect.quoteIdentifier(name)}: ${type}`).join(", ")}>`,
  listType: (element) => `ARRAY<${element}>`,
  mapType: (key, value) => `MAP<${key}, ${value}>`,
  typeFamily: (type) => familyOf(type, SPARK_FAMILIES),
  tryDouble: (x) => `try_cast(${x} AS DOUBLE)`,
  isFinite: (x) => `(NOT isnan(${x}) AND ${x} NOT IN (double('Infinity'), double('-Infinity')))`,
  isNan: (x) => `isnan(${x})`,
  countIf: (condition) => `count_if(${condition})`,
  byteLength: (x) => `octet_length(${x})`,
  binaryLength: (x) => `octet_length(${x})`,
  isUtf8: (x) => `is_valid_utf8(${x})`,
  md5: (x) => `md5(${x})`,
  topValues: (counted, value, count, limit) =>
    `(SELECT slice(sort_array(collect_list(struct(${count} AS n, ${value} AS v)), false), 1, ` +
    `${limit}) FROM ${counted})`,
  sumWhole: (x) => `sum(CAST(round(${x}) AS DECIMAL(19, 0)))`,
  epochUs: (x) => `unix_micros(CAST(${x} AS TIMESTAMP))`,
  epochDays: (x) => `unix_date(${x})`,
  timestampFromUs: (x) => `timestamp_micros(${x})`,
  addSeconds: (x, seconds) => `timestampadd(SECOND, ${seconds}, ${x})`,
  startOfDay: (x) => `date_trunc('DAY', ${x})`,
  divide: (a, b) => {
    const [x, y] = [`CAST(${a} AS DOUBLE)`, `CAST(${b} AS DOUBLE)`];
    return (
      `(CASE WHEN ${y} <> 0 THEN ${x} / ${y} WHEN ${y} IS NULL OR ${x} IS NULL THEN NULL ` +
      `WHEN ${x} = 0 OR isnan(${x}) THEN double('NaN') ` +
      `WHEN ${x} > 0 THEN double('Infinity') ELSE double('-Infinity') END)`
    );
  },
  struct: (fields) =>
    `named_struct(${fields.map(([name, x]) => `${sparkDialect.text(name)}, ${x}`).join(", ")})`,
  fromJson: (x, shape) => `from_json(${x}, ${sparkDialect.text(sparkShape(shape))})`,
  rowNumber: () => "row_number() OVER (ORDER BY monotonically_increasing_id())",
  hasAsofJoin: false,
  murmur3: () => {
    throw new WaybillError("unimplemented", "Spark SQL's own hash is another than Iceberg's.", {
      hint: "Write the table through its Iceberg catalog.",
    });
  },
  parquet: (paths) => {
    const only = paths[0];
    if (only !== undefined && paths.length === 1)
      return `parquet.\`${only.replaceAll("`", "``")}\``;
    return `(${paths.map((path) => `SELECT * FROM parquet.\`${path.replaceAll("`", "``")}\``).join(" UNION ALL ")})`;
  },
  jsonLines: (paths) =>
    `(${paths.map((path) => `SELECT * FROM json.\`${path.replaceAll("`", "``")}\``).join(" UNION ALL ")})`,
  csv: () => {
    throw new WaybillError("unimplemented", "Spark SQL reads headers only through a view.", {
      hint: "Turn the file into Parquet first.",
    });
  },
  parquetByFieldId: () => {
    throw new WaybillError("unimplemented", "Spark SQL reads Parquet by name, not by field id.", {
      hint: "Read the table through its Iceberg catalog.",
    });
  },
  parquetWithoutFieldIds: () => {
    throw new WaybillError("unimplemented", "Spark SQL does not tell the field ids of a file.");
  },
  copyToParquet: () => {
    throw new WaybillError("unimplemented", "Spark SQL writes no single Parquet file.", {
      hint: "Write the table through its Iceberg catalog.",
    });
  },
};

function duckdbFieldId({ id, name, nested = [] }: FieldIdNode): string {
  const inside = nested.map((field) => `, ${duckdbFieldId(field)}`).join("");
  const ids = nested.length === 0 ? String(id) : `{__duckdb_field_id: ${id}${inside}}`;
  return `${duckdbDialect.quoteIdentifier(name)}: ${ids}`;
}

const DUCKDB_TYPES: Readonly<Record<SqlType, string>> = {
  boolean: "BOOLEAN",
  int: "INTEGER",
  long: "BIGINT",
  float: "FLOAT",
  double: "DOUBLE",
  string: "VARCHAR",
  date: "DATE",
  timestamp: "TIMESTAMP",
  timestamptz: "TIMESTAMPTZ",
  binary: "BLOB",
};

/** By the type's first word; nested types are told by their brackets first. */
const DUCKDB_FAMILIES: Readonly<Record<TypeFamily, RegExp>> = {
  nested: /^(struct|map|list|union|variant)\b|[[\]]/i,
  boolean: /^boolean\b/i,
  integer: /^u?(tinyint|smallint|integer|bigint)\b/i,
  double: /^(double|float|decimal|u?hugeint|bignum)\b/i,
  date: /^date$/i,
  time: /^time$/i,
  timestamp: /^timestamp(_s|_ms|_ns)?\b/i,
  text: /^varchar\b/i,
  binary: /^blob\b/i,
  other: /^/,
};

const SPARK_FAMILIES: Readonly<Record<TypeFamily, RegExp>> = {
  nested: /^(struct|map|array|variant)\b/i,
  boolean: /^boolean\b/i,
  integer: /^(tinyint|smallint|int|bigint|byte|short|long)\b/i,
  double: /^(double|float|decimal)\b/i,
  date: /^date$/i,
  time: /^time\b/i,
  timestamp: /^timestamp(_ntz|_ltz)?\b/i,
  text: /^(string|varchar|char)\b/i,
  binary: /^binary\b/i,
  other: /^/,
};

function familyOf(type: string, families: Readonly<Record<TypeFamily, RegExp>>): TypeFamily {
  // The keys of the table are the families, in the order in which they are tried.
  for (const family of Object.keys(families) as TypeFamily[]) {
    if (families[family].test(type)) return family;
  }
  return "other";
}

const SPARK_TYPES: Readonly<Record<SqlType, string>> = {
  boolean: "BOOLEAN",
  int: "INT",
  long: "BIGINT",
  float: "FLOAT",
  double: "DOUBLE",
  string: "STRING",
  date: "DATE",
  timestamp: "TIMESTAMP_NTZ",
  timestamptz: "TIMESTAMP",
  binary: "BINARY",
};

function quoteText(value: string): string {
  if (value.includes("\0")) {
    throw new WaybillError("invalid_argument", "A name or path holds a NUL character.");
  }
  return `'${value.replaceAll("'", "''")}'`;
}

function doubleText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value.toExponential();
}

/** DuckDB takes a shape as JSON with type names in place of values. */
function duckdbShape(shape: JsonShape): string {
  return JSON.stringify(
    shape,
    (_, part) => (typeof part === "string" ? DUCKDB_TYPES[part as SqlType] : part), // Every text in a shape is a type.
  );
}

/** Spark takes a shape as a type of its DDL. */
function sparkShape(shape: JsonShape): string {
  if (typeof shape === "string") return SPARK_TYPES[shape];
  if (isListShape(shape)) return `ARRAY<${sparkShape(shape[0])}>`;
  const fields = Object.entries(shape).map(
    ([name, part]) => `${sparkDialect.quoteIdentifier(name)}: ${sparkShape(part)}`,
  );
  return `STRUCT<${fields.join(", ")}>`;
}

function isListShape(shape: Exclude<JsonShape, SqlType>): shape is readonly [JsonShape] {
  return Array.isArray(shape);
}
