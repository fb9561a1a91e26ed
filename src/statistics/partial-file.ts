import { readFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { WaybillError, writeFileAtomically } from "../foundation/index.ts";
import { type Distribution, keptDistribution } from "./distribution.ts";
import { readError } from "./input.ts";
import type { NumericPartial } from "./numeric.ts";
import type {
  DatasetPartial,
  FeaturePartial,
  LevelPartial,
  WeightedNumericPartial,
  WeightedPartial,
} from "./partial.ts";
import { keptStrings, type StringPartial } from "./string-partial.ts";
import { StringTable } from "./string-table.ts";

/**
 * The file: 8 bytes of name and version; four 32-bit numbers, little-endian (bytes of JSON, doubles, bytes of
 * text, CRC-32 of all that follows); padding to 32 bytes; JSON padded to 8 bytes; doubles; text. JSON says
 * how many doubles and bytes each feature takes, in the order of the file.
 */
const MAGIC = "WBSTAT01";
const HEADER_BYTES = 32;

/**
 * Writes the counts behind statistics, atomically, so that they can be merged with those of other shards
 * without the data. Large distributions and tables are kept coarser: a feature takes at most about 25 KiB
 * of numbers, and 65,536 values of text.
 */
export async function writePartials(
  path: string,
  partials: readonly DatasetPartial[],
): Promise<void> {
  await writeFileAtomically(path, encodePartials(partials));
}

/**
 * Reads what {@link writePartials} wrote.
 * @throws WaybillError `not_found`, or `data_loss` for a file that is cut, changed or of another kind
 */
export async function readPartials(path: string): Promise<DatasetPartial[]> {
  const bytes = await readFile(path).catch((caught: unknown) => {
    throw readError(path, caught);
  });
  return decodePartials(bytes, path);
}

/** The bytes of {@link writePartials}. Equal counts give equal bytes. */
export function encodePartials(partials: readonly DatasetPartial[]): Uint8Array {
  const writer = new Writer();
  const json = JSON.stringify(
    partials.map((partial) => ({
      ...partial,
      features: partial.features.map((feature) => encodeFeature(feature, writer)),
    })),
    // JSON has no infinities; they stand for the extremes of nothing.
    (_, value: unknown) =>
      typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  );
  return writer.finish(json);
}

/**
 * The inverse of {@link encodePartials}.
 * @param where the file's name, for messages
 */
export function decodePartials(bytes: Uint8Array, where: string): DatasetPartial[] {
  const reader = new Reader(bytes, where);
  const datasets = reader.json as (Omit<DatasetPartial, "features"> & {
    readonly features: readonly EncodedFeature[];
  })[];
  return datasets.map((dataset) => ({
    ...dataset,
    features: dataset.features.map((feature) => decodeFeature(feature, reader)),
  }));
}

type Lengths = readonly (readonly [length: number, count: number])[];

interface EncodedDistribution {
  readonly isExact: boolean;
  readonly marks: number;
  readonly grid?: { readonly exponent: number; readonly base: number; readonly cells: number };
}

interface EncodedTable {
  readonly values: number;
  readonly bytes: number;
}

type With<T, Replaced> = Omit<T, keyof Replaced> & Replaced;
type EncodedNumeric<T> = With<T, { readonly distribution: EncodedDistribution }>;
type EncodedStrings = With<
  StringPartial,
  { readonly table: EncodedTable; readonly sketch?: number }
>;
type EncodedWeighted = With<
  WeightedPartial,
  { readonly numeric?: EncodedNumeric<WeightedNumericPartial>; readonly strings?: EncodedTable }
>;
type EncodedFeature = With<
  FeaturePartial,
  {
    readonly lengths: Lengths;
    readonly levels?: readonly With<LevelPartial, { readonly lengths: Lengths }>[];
    readonly numeric?: EncodedNumeric<NumericPartial>;
    readonly strings?: EncodedStrings;
    readonly weighted?: EncodedWeighted;
  }
>;

function encodeFeature(feature: FeaturePartial, writer: Writer): EncodedFeature {
  const { numeric, strings, weighted, levels, lengths, ...rest } = feature;
  const sorted = (map: ReadonlyMap<number, number>): Lengths => [...map].sort(([a], [b]) => a - b);
  return {
    ...rest,
    lengths: sorted(lengths),
    ...(levels === undefined
      ? {}
      : { levels: levels.map((level) => ({ ...level, lengths: sorted(level.lengths) })) }),
    ...(numeric === undefined ? {} : { numeric: encodeNumeric(numeric, writer) }),
    ...(strings === undefined ? {} : { strings: encodeStrings(strings, writer) }),
    ...(weighted === undefined ? {} : { weighted: encodeWeighted(weighted, writer) }),
  };
}

function encodeNumeric<T extends { readonly distribution: Distribution }>(
  numeric: T,
  writer: Writer,
): EncodedNumeric<T> {
  const { values, weights, isExact, grid } = keptDistribution(numeric.distribution);
  writer.doubles(values);
  writer.doubles(weights);
  if (grid !== undefined) writer.doubles(grid.counts);
  return {
    ...numeric,
    distribution: {
      isExact,
      marks: values.length,
      ...(grid === undefined
        ? {}
        : { grid: { exponent: grid.exponent, base: grid.base, cells: grid.counts.length } }),
    },
  };
}

function encodeStrings(part: StringPartial, writer: Writer): EncodedStrings {
  const { table, sketch, ...rest } = keptStrings(part);
  const encoded = { ...rest, table: encodeTable(table, writer) };
  if (sketch === undefined) return encoded;
  writer.doubles(sketch);
  return { ...encoded, sketch: sketch.length };
}

function encodeWeighted(part: WeightedPartial, writer: Writer): EncodedWeighted {
  const { numeric, strings, ...rest } = part;
  return {
    ...rest,
    ...(numeric === undefined ? {} : { numeric: encodeNumeric(numeric, writer) }),
    ...(strings === undefined ? {} : { strings: encodeTable(strings, writer) }),
  };
}

function encodeTable(table: StringTable, writer: Writer): EncodedTable {
  const entries = table.top(table.size);
  writer.doubles(Float64Array.from(entries, ({ count }) => count));
  writer.doubles(Float64Array.from(entries, ({ bytes }) => bytes.length));
  let size = 0;
  for (const { bytes } of entries) {
    writer.text(bytes);
    size += bytes.length;
  }
  return { values: entries.length, bytes: size };
}

function decodeFeature(encoded: EncodedFeature, reader: Reader): FeaturePartial {
  const { numeric, strings, weighted, levels, lengths, ...rest } = encoded;
  return {
    ...rest,
    lengths: new Map(lengths),
    ...(levels === undefined
      ? {}
      : { levels: levels.map((level) => ({ ...level, lengths: new Map(level.lengths) })) }),
    ...(numeric === undefined ? {} : { numeric: decodeNumeric(numeric, reader) }),
    ...(strings === undefined ? {} : { strings: decodeStrings(strings, reader) }),
    ...(weighted === undefined ? {} : { weighted: decodeWeighted(weighted, reader) }),
  };
}

function decodeNumeric(encoded: EncodedNumeric<NumericPartial>, reader: Reader): NumericPartial {
  const distribution = decodeDistribution(encoded.distribution, reader);
  return { ...encoded, min: Number(encoded.min), max: Number(encoded.max), distribution };
}

function decodeDistribution(encoded: EncodedDistribution, reader: Reader): Distribution {
  const { isExact, marks, grid } = encoded;
  const values = reader.doubles(marks);
  const weights = reader.doubles(marks);
  if (grid === undefined) return { isExact, values, weights };
  const { exponent, base, cells } = grid;
  return { isExact, values, weights, grid: { exponent, base, counts: reader.doubles(cells) } };
}

function decodeStrings(encoded: EncodedStrings, reader: Reader): StringPartial {
  const { table, sketch, ...rest } = encoded;
  const decoded = { ...rest, table: decodeTable(table, reader) };
  return sketch === undefined ? decoded : { ...decoded, sketch: reader.doubles(sketch) };
}

function decodeWeighted(encoded: EncodedWeighted, reader: Reader): WeightedPartial {
  const { numeric, strings, ...rest } = encoded;
  return {
    ...rest,
    ...(numeric === undefined
      ? {}
      : {
          numeric: { ...numeric, distribution: decodeDistribution(numeric.distribution, reader) },
        }),
    ...(strings === undefined ? {} : { strings: decodeTable(strings, reader) }),
  };
}

function decodeTable(encoded: EncodedTable, reader: Reader): StringTable {
  const counts = reader.doubles(encoded.values);
  const lengths = reader.doubles(encoded.values);
  return StringTable.packed(counts, lengths, reader.text(encoded.bytes));
}

/** Collects doubles and text; arrays are joined once, at the end. */
class Writer {
  readonly #doubles: Float64Array[] = [];
  readonly #texts: Uint8Array[] = [];

  doubles(values: Float64Array): void {
    this.#doubles.push(values);
  }

  text(bytes: Uint8Array): void {
    this.#texts.push(bytes);
  }

  finish(json: string): Uint8Array {
    const header = Buffer.from(
      json.padEnd(json.length + ((8 - (Buffer.byteLength(json) % 8)) % 8)),
    );
    const doubles = this.#doubles.reduce((sum, { length }) => sum + length, 0);
    const texts = this.#texts.reduce((sum, { length }) => sum + length, 0);
    const file = Buffer.alloc(HEADER_BYTES + header.length + doubles * 8 + texts);
    file.write(MAGIC, 0, "latin1");
    file.writeUInt32LE(header.length, 8);
    file.writeUInt32LE(doubles, 12);
    file.writeUInt32LE(texts, 16);
    header.copy(file, HEADER_BYTES);
    let at = HEADER_BYTES + header.length;
    for (const { buffer, byteOffset, byteLength } of this.#doubles) {
      file.set(new Uint8Array(buffer, byteOffset, byteLength), at);
      at += byteLength;
    }
    for (const text of this.#texts) {
      file.set(text, at);
      at += text.length;
    }
    file.writeUInt32LE(crc32(file.subarray(HEADER_BYTES)), 20);
    return file;
  }
}

/** Hands out doubles and text in the order in which they were written. */
class Reader {
  readonly json: unknown;
  readonly #doubles: Float64Array;
  readonly #text: Uint8Array;
  #doublesAt = 0;
  #textAt = 0;

  constructor(bytes: Uint8Array, where: string) {
    const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const damaged = () =>
      new WaybillError("data_loss", `"${where}" is not a whole file of statistics to be merged.`, {
        hint: "It was cut short, changed, or is of another kind. Compute the statistics again.",
      });
    if (file.length < HEADER_BYTES || file.toString("latin1", 0, 8) !== MAGIC) throw damaged();
    const header = file.readUInt32LE(8);
    const doubles = file.readUInt32LE(12);
    const texts = file.readUInt32LE(16);
    const start = HEADER_BYTES + header;
    const whole = start + doubles * 8 + texts;
    const body = file.subarray(HEADER_BYTES);
    if (file.length !== whole || crc32(body) !== file.readUInt32LE(20)) throw damaged();
    this.json = JSON.parse(file.toString("utf8", HEADER_BYTES, start));
    // A copy, since doubles must be aligned in their buffer.
    this.#doubles = new Float64Array(doubles);
    new Uint8Array(this.#doubles.buffer).set(file.subarray(start, start + doubles * 8));
    this.#text = file.subarray(start + doubles * 8);
  }

  doubles(count: number): Float64Array {
    this.#doublesAt += count;
    return this.#doubles.subarray(this.#doublesAt - count, this.#doublesAt);
  }

  text(size: number): Uint8Array {
    this.#textAt += size;
    return this.#text.subarray(this.#textAt - size, this.#textAt);
  }
}
