import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { AvroReader, AvroWriter, damaged, textOf, unfit, unpacker } from "./avro-bytes.ts";

/**
 * A schema of Avro as its JSON has it. Attributes that we do not know (`field-id`, `element-id`,
 * `logicalType`) are kept, since Iceberg resolves by them.
 * Source: Apache Avro 1.11 specification, "Schema Declaration".
 */
export type AvroSchema = string | readonly AvroSchema[] | AvroComplexSchema;

/** A schema that is a JSON object. */
export interface AvroComplexSchema {
  readonly type: AvroSchema;
  readonly name?: string;
  readonly fields?: readonly AvroField[];
  readonly items?: AvroSchema;
  readonly values?: AvroSchema;
  readonly size?: number;
  readonly symbols?: readonly string[];
  readonly logicalType?: string;
  readonly [attribute: string]: unknown;
}

/** A field of a record. */
export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly default?: unknown;
  readonly "field-id"?: number;
  readonly [attribute: string]: unknown;
}

/** A decoded or encodable value: records are objects, arrays arrays, maps `Map`, longs exact. */
export type AvroValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly AvroValue[]
  | ReadonlyMap<string, AvroValue>
  | { readonly [field: string]: AvroValue };

/** The contents of an object container file. */
export interface AvroContainer {
  readonly schema: AvroSchema;
  /** The file's own metadata, as text. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly rows: readonly AvroValue[];
}

/** Of schemas and of values; a record that holds itself ends here. */
const MAX_DEPTH = 64;
const MAGIC = Uint8Array.of(0x4f, 0x62, 0x6a, 0x01);
const SYNC_BYTES = 16;
const METADATA_SCHEMA: AvroSchema = { type: "map", values: "bytes" };
const toUtf8 = new TextEncoder();

/**
 * Writes an object container file of one deflated block.
 * @param metadata entries beside `avro.schema` and `avro.codec`
 * Source: Apache Avro 1.11 specification, "Object Container Files".
 */
export function writeAvro(
  schema: AvroSchema,
  rows: readonly AvroValue[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header = new AvroWriter();
  const sync = randomBytes(SYNC_BYTES);
  header.raw(MAGIC);
  const entries = new Map<string, AvroValue>();
  const texts = { "avro.schema": JSON.stringify(schema), "avro.codec": "deflate", ...metadata };
  for (const [key, text] of Object.entries(texts)) entries.set(key, toUtf8.encode(text));
  codecOf(METADATA_SCHEMA).write(header, entries);
  header.raw(sync);
  if (rows.length > 0) {
    const block = new AvroWriter();
    const codec = codecOf(schema);
    for (const row of rows) codec.write(block, row);
    const packed = deflateRawSync(block.bytes());
    header.long(rows.length);
    header.sized(packed);
    header.raw(sync);
  }
  return header.bytes();
}

/**
 * Reads an object container file whole, by the schema that it carries.
 * @param keyOf the name that a record's field gets in the result; its own name by default
 * @throws `data_loss` for bytes that are no such file, `unimplemented` for a codec that we lack
 */
export function readAvro(
  bytes: Uint8Array,
  keyOf: (field: AvroField) => string = (field) => field.name,
): AvroContainer {
  const reader = new AvroReader(bytes);
  if (!sameBytes(reader.take(MAGIC.length), MAGIC))
    throw damaged("it does not begin with Obj\\x01");
  const header = codecOf(METADATA_SCHEMA).read(reader, 0);
  if (!(header instanceof Map)) throw damaged("its header is no map");
  const metadata = new Map<string, string>();
  for (const [key, value] of header) {
    // The codec of METADATA_SCHEMA gives bytes only.
    metadata.set(key, textOf(value as Uint8Array));
  }
  const sync = reader.take(SYNC_BYTES);
  const schema = parseSchema(metadata.get("avro.schema"));
  const unpack = unpacker(metadata.get("avro.codec") ?? "null");
  const codec = codecOf(schema, keyOf);
  const rows: AvroValue[] = [];
  while (!reader.atEnd) {
    const count = reader.count("block");
    const block = new AvroReader(unpack(reader.take(reader.count("block size"))));
    if (!sameBytes(reader.take(SYNC_BYTES), sync)) throw damaged("a block ends without its marker");
    block.checkCount(count, codec.minBytes);
    for (let row = 0; row < count; row++) rows.push(codec.read(block, 0));
    if (!block.atEnd) throw damaged("a block is longer than its rows");
  }
  return { schema, metadata, rows };
}

/** How one schema is written and read. */
interface Codec {
  /** The least that a value takes, so that a count can be checked before anything is allocated. */
  readonly minBytes: number;
  write(writer: AvroWriter, value: AvroValue): void;
  read(reader: AvroReader, depth: number): AvroValue;
}

function codecOf(
  schema: AvroSchema,
  keyOf: (field: AvroField) => string = (field) => field.name,
): Codec {
  return new CodecCompiler(keyOf).compile(schema, 0);
}

/** Turns schemas into codecs once, so that rows need no look at the schema. */
class CodecCompiler {
  readonly #keyOf: (field: AvroField) => string;
  readonly #named = new Map<string, Codec>();

  constructor(keyOf: (field: AvroField) => string) {
    this.#keyOf = keyOf;
  }

  compile(schema: AvroSchema, depth: number): Codec {
    if (depth > MAX_DEPTH) throw damaged("its schema is nested too deep");
    if (typeof schema === "string") {
      const primitive = PRIMITIVES[schema] ?? this.#named.get(schema);
      if (
        primitive === undefined ||
        !(Object.hasOwn(PRIMITIVES, schema) || this.#named.has(schema))
      )
        throw damaged(`its schema names the unknown type "${schema}"`);
      return primitive;
    }
    if (isUnion(schema))
      return unionCodec(
        schema.map((branch) => this.compile(branch, depth + 1)),
        schema,
      );
    if (schema === null || typeof schema !== "object") throw damaged("its schema is malformed");
    switch (schema.type) {
      case "record":
        return this.#record(schema, depth);
      case "array":
        return arrayCodec(this.compile(schema.items ?? "", depth + 1));
      case "map":
        return mapCodec(this.compile(schema.values ?? "", depth + 1));
      case "fixed":
        return this.#name(schema, fixedCodec(schema.size));
      case "enum":
        return this.#name(schema, enumCodec(schema.symbols ?? []));
      default:
        return this.compile(schema.type, depth + 1);
    }
  }

  #name(schema: AvroComplexSchema, codec: Codec): Codec {
    if (typeof schema.name === "string") this.#named.set(schema.name, codec);
    return codec;
  }

  #record(schema: AvroComplexSchema, depth: number): Codec {
    const fields: { key: string; codec: Codec; fallback: AvroValue | undefined }[] = [];
    const codec = {
      minBytes: 0,
      write: (writer: AvroWriter, value: AvroValue): void => {
        if (!isRecord(value)) throw unfit("record", value);
        for (const field of fields) {
          const member = value[field.key] ?? field.fallback;
          field.codec.write(writer, member === undefined ? null : member);
        }
      },
      read: (reader: AvroReader, depth: number): AvroValue => {
        if (depth > MAX_DEPTH) throw damaged("its values are nested too deep");
        const result: Record<string, AvroValue> = {};
        for (const field of fields) result[field.key] = field.codec.read(reader, depth + 1);
        return result;
      },
    };
    // Known by its name before its fields are compiled: they may refer to it.
    this.#name(schema, codec);
    if (!Array.isArray(schema.fields)) throw damaged("a record of its schema has no fields");
    for (const field of schema.fields as readonly AvroField[]) {
      if (typeof field?.name !== "string" || field.name === "__proto__")
        throw damaged("a field of its schema has no proper name");
      const compiled = this.compile(field.type, depth + 1);
      codec.minBytes += compiled.minBytes;
      // A default in a schema of ours is null or a plain value; a reader never uses it.
      const fallback = field.default as AvroValue | undefined;
      fields.push({ key: this.#keyOf(field), codec: compiled, fallback });
    }
    return codec;
  }
}

const PRIMITIVES: Readonly<Record<string, Codec>> = {
  null: { minBytes: 0, write: () => {}, read: () => null },
  boolean: {
    minBytes: 1,
    write: (writer, value) => writer.byte(value === true ? 1 : 0),
    read: (reader) => reader.byte() === 1,
  },
  int: { minBytes: 1, write: writeLong, read: (reader) => Number(reader.long()) },
  long: { minBytes: 1, write: writeLong, read: (reader) => reader.long() },
  float: {
    minBytes: 4,
    write: (writer, value) => writer.float(Number(value)),
    read: (reader) => reader.view(4).getFloat32(0, true),
  },
  double: {
    minBytes: 8,
    write: (writer, value) => writer.double(Number(value)),
    read: (reader) => reader.view(8).getFloat64(0, true),
  },
  bytes: {
    minBytes: 1,
    write: (writer, value) => writer.sized(bytesOf(value)),
    // A copy, so that a few bounds do not keep the whole file in memory.
    read: (reader) => reader.take(reader.count("length")).slice(),
  },
  string: {
    minBytes: 1,
    write: (writer, value) => {
      if (typeof value !== "string") throw unfit("string", value);
      writer.sized(toUtf8.encode(value));
    },
    read: (reader) => textOf(reader.take(reader.count("length"))),
  },
};

function writeLong(writer: AvroWriter, value: AvroValue): void {
  if (typeof value !== "number" && typeof value !== "bigint") throw unfit("long", value);
  writer.long(value);
}

function unionCodec(branches: readonly Codec[], schemas: readonly AvroSchema[]): Codec {
  const nullAt = schemas.indexOf("null");
  const valueAt = schemas.findIndex((schema) => schema !== "null");
  return {
    minBytes: 1,
    // Iceberg has unions of null and one type only.
    write: (writer, value) => {
      const index = value === null ? nullAt : valueAt;
      const branch = branches[index];
      if (branch === undefined) throw unfit("union", value);
      writer.long(index);
      branch.write(writer, value);
    },
    read: (reader, depth) => {
      const branch = branches[reader.count("union branch")];
      if (branch === undefined) throw damaged("a union names a branch that it has not");
      if (depth > MAX_DEPTH) throw damaged("its values are nested too deep");
      return branch.read(reader, depth + 1);
    },
  };
}

function arrayCodec(item: Codec): Codec {
  return {
    minBytes: 1,
    write: (writer, value) => {
      if (!Array.isArray(value)) throw unfit("array", value);
      if (value.length > 0) writer.long(value.length);
      for (const member of value) item.write(writer, member);
      writer.long(0);
    },
    read: (reader, depth) => {
      if (depth > MAX_DEPTH) throw damaged("its values are nested too deep");
      const result: AvroValue[] = [];
      for (const count of reader.chunks(item.minBytes)) {
        for (let index = 0; index < count; index++) result.push(item.read(reader, depth + 1));
      }
      return result;
    },
  };
}

function mapCodec(item: Codec): Codec {
  return {
    minBytes: 1,
    write: (writer, value) => {
      if (!(value instanceof Map)) throw unfit("map", value);
      if (value.size > 0) writer.long(value.size);
      for (const [key, member] of value) {
        writer.sized(toUtf8.encode(key));
        item.write(writer, member);
      }
      writer.long(0);
    },
    read: (reader, depth) => {
      if (depth > MAX_DEPTH) throw damaged("its values are nested too deep");
      const result = new Map<string, AvroValue>();
      for (const count of reader.chunks(item.minBytes + 1)) {
        for (let index = 0; index < count; index++) {
          const key = textOf(reader.take(reader.count("length")));
          result.set(key, item.read(reader, depth + 1));
        }
      }
      return result;
    },
  };
}

function fixedCodec(size: number | undefined): Codec {
  if (size === undefined || !Number.isSafeInteger(size) || size < 0)
    throw damaged("a fixed type of its schema has no size");
  return {
    minBytes: size,
    write: (writer, value) => {
      const bytes = bytesOf(value);
      if (bytes.length !== size) throw unfit(`fixed[${size}]`, value);
      writer.raw(bytes);
    },
    read: (reader) => reader.take(size).slice(),
  };
}

function enumCodec(symbols: readonly string[]): Codec {
  return {
    minBytes: 1,
    write: (writer, value) => {
      const index = symbols.indexOf(String(value));
      if (index < 0) throw unfit("enum", value);
      writer.long(index);
    },
    read: (reader) => {
      const symbol = symbols[reader.count("enum")];
      if (symbol === undefined) throw damaged("an enum has a symbol that its schema has not");
      return symbol;
    },
  };
}

function parseSchema(text: string | undefined): AvroSchema {
  if (text === undefined) throw damaged("it carries no schema");
  try {
    // Checked piece by piece as it is compiled.
    return JSON.parse(text) as AvroSchema;
  } catch (cause) {
    throw damaged("its schema is no JSON", cause);
  }
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

function isRecord(value: AvroValue): value is { readonly [field: string]: AvroValue } {
  return (
    value !== null &&
    typeof value === "object" &&
    !Array.isArray(value) &&
    !(value instanceof Map) &&
    !(value instanceof Uint8Array)
  );
}

function bytesOf(value: AvroValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw unfit("bytes", value);
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
