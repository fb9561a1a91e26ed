export type {
  Batch,
  BatchColumn,
  BigintColumn,
  DateColumn,
  NumberColumn,
  ObjectColumn,
  TimestampColumn,
} from "./batch.ts";
export {
  type Dialect,
  duckdbDialect,
  type FieldIdColumn,
  type FieldIdNode,
  type JsonShape,
  type SqlType,
  sparkDialect,
  type TypeFamily,
} from "./dialect.ts";
export type { DuckDbOptions } from "./duckdb/engine.ts";
export { openEngine } from "./open.ts";
export type { Cell, Column, Engine, Parameter, QueryOptions, Row } from "./port.ts";
