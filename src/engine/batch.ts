/**
 * A slice of a result, column by column. Numbers stay in typed arrays; whoever loops over rows reads
 * `values[row]` after `isNull(row)`. A batch is valid until the next one is pulled.
 */
export interface Batch {
  readonly rowCount: number;
  readonly columns: readonly BatchColumn[];
}

interface ColumnBase {
  readonly name: string;
  isNull(row: number): boolean;
}

/** Integers of up to 32 bits and floats. */
export interface NumberColumn extends ColumnBase {
  readonly kind: "number";
  readonly values:
    | Int8Array
    | Int16Array
    | Int32Array
    | Uint8Array
    | Uint16Array
    | Uint32Array
    | Float32Array
    | Float64Array;
}

/** 64-bit integers. */
export interface BigintColumn extends ColumnBase {
  readonly kind: "bigint";
  readonly values: BigInt64Array | BigUint64Array;
}

/** Instants as microseconds since the epoch, UTC. */
export interface TimestampColumn extends ColumnBase {
  readonly kind: "timestamp";
  readonly values: BigInt64Array;
}

/** Calendar dates as days since 1970-01-01. */
export interface DateColumn extends ColumnBase {
  readonly kind: "date";
  readonly values: Int32Array;
}

/** Everything else, decoded a value at a time: text, booleans, bytes, decimals, lists, structs. */
export interface ObjectColumn extends ColumnBase {
  readonly kind: "object";
  /** The decoded value, null where it is null. */
  get(row: number): unknown;
}

export type BatchColumn = NumberColumn | BigintColumn | TimestampColumn | DateColumn | ObjectColumn;
