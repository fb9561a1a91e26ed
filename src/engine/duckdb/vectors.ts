import {
  DuckDBBigIntVector,
  type DuckDBDataChunk,
  DuckDBDateVector,
  DuckDBDoubleVector,
  DuckDBFloatVector,
  DuckDBIntegerVector,
  DuckDBSmallIntVector,
  DuckDBTimestampTZVector,
  DuckDBTimestampVector,
  DuckDBTinyIntVector,
  DuckDBUBigIntVector,
  DuckDBUIntegerVector,
  DuckDBUSmallIntVector,
  DuckDBUTinyIntVector,
  type DuckDBVector,
  JSDuckDBValueConverter,
} from "@duckdb/node-api";
import type {
  Batch,
  BatchColumn,
  BigintColumn,
  DateColumn,
  NumberColumn,
  TimestampColumn,
} from "../batch.ts";

/** A DuckDB chunk as a batch; numeric columns share the chunk's memory. */
export function batchOf(chunk: DuckDBDataChunk, names: readonly string[]): Batch {
  const columns = names.map((name, index) => columnOf(name, chunk.getColumnVector(index)));
  return { rowCount: chunk.rowCount, columns };
}

function columnOf(name: string, vector: DuckDBVector): BatchColumn {
  if (
    vector instanceof DuckDBDoubleVector ||
    vector instanceof DuckDBIntegerVector ||
    vector instanceof DuckDBFloatVector ||
    vector instanceof DuckDBSmallIntVector ||
    vector instanceof DuckDBTinyIntVector ||
    vector instanceof DuckDBUIntegerVector ||
    vector instanceof DuckDBUSmallIntVector ||
    vector instanceof DuckDBUTinyIntVector
  ) {
    return { kind: "number", name, ...accessOf<NumberColumn["values"]>(vector) };
  }
  if (vector instanceof DuckDBBigIntVector || vector instanceof DuckDBUBigIntVector) {
    return { kind: "bigint", name, ...accessOf<BigintColumn["values"]>(vector) };
  }
  if (vector instanceof DuckDBTimestampVector || vector instanceof DuckDBTimestampTZVector) {
    return { kind: "timestamp", name, ...accessOf<TimestampColumn["values"]>(vector) };
  }
  if (vector instanceof DuckDBDateVector)
    return { kind: "date", name, ...accessOf<DateColumn["values"]>(vector) };
  const { type } = vector;
  return {
    kind: "object",
    name,
    isNull: (row) => vector.getItem(row) === null,
    get: (row) => JSDuckDBValueConverter(vector.getItem(row), type, JSDuckDBValueConverter),
  };
}

/**
 * The typed array of a vector and its validity. The client declares both private in its types,
 * while its documentation names `items` as the fast way to read a vector; every class named in
 * `columnOf` has them.
 */
function accessOf<Values>(vector: DuckDBVector): {
  values: Values;
  isNull: (row: number) => boolean;
} {
  const { items, validity } = vector as unknown as {
    items: Values;
    validity: { itemValid(row: number): boolean };
  };
  return { values: items, isNull: (row) => !validity.itemValid(row) };
}
