import { FeatureType, type Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { Engine } from "../engine/index.ts";
import { type Progress, WaybillError } from "../foundation/index.ts";
import { readCsvExamples } from "./csv/examples.ts";
import { CellKind } from "./csv/number-text.ts";
import { layoutOf } from "./csv/reader.ts";
import { scanCsv } from "./csv/scan.ts";
import { countExamples, isCategoricalInteger } from "./examples/count.ts";
import type { ValueKind } from "./examples/example.ts";
import { linksOf } from "./examples/links.ts";
import { readJsonLines } from "./formats/json-lines.ts";
import { readTfExamples } from "./formats/tf-example.ts";
import { expandPaths, type FileFormat, type FileInput, type StatisticsInput } from "./input.ts";
import { type StatisticsOptions, sizesOf } from "./options.ts";
import type { DatasetPartial, FeatureKind } from "./partial.ts";
import { kindOfColumn, readRelationExamples } from "./sql/examples.ts";
import { scanRelation } from "./sql/scan.ts";

/** How a computation is watched and stopped. */
export interface ComputeOptions extends StatisticsOptions {
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
  /**
   * Distinct values of text to keep of each feature of an engine, so that partials merge; by default
   * what the statistics show.
   */
  readonly keptValues?: number;
}

/**
 * Counts a dataset by the cheapest way that gives what the options ask for: delimited text by columns,
 * what an engine reads in SQL, and the rest example by example.
 */
export async function countDatasets(
  engine: Engine,
  input: StatisticsInput,
  options: ComputeOptions,
): Promise<DatasetPartial[]> {
  if (!("format" in input)) return countRelation(engine, input.relation, options);
  switch (input.format) {
    case "csv":
      return countCsv(input, options);
    case "parquet":
      return countParquet(engine, input, options);
    case "jsonl":
      return countExamples(readJsonLines(await expandPaths(input.paths), options), options);
    case "tfrecord":
      return countExamples(readTfExamples(await expandPaths(input.paths), options), options);
    default:
      return input.format satisfies never;
  }
}

/** Whether something is asked for that only counting example by example gives. */
function asksForExamples(options: ComputeOptions): boolean {
  return (
    options.weightFeature !== undefined ||
    Object.keys(options.perFeatureWeight ?? {}).length > 0 ||
    (options.sliceFeatures ?? []).length > 0 ||
    options.sampleRate !== undefined ||
    linksOf(options.schema).length > 0 ||
    (options.schema?.feature ?? []).some(({ domainInfo }) => domainInfo.case === "imageDomain")
  );
}

async function countCsv(input: FileInput, options: ComputeOptions): Promise<DatasetPartial[]> {
  const { signal, progress, schema } = options;
  const kinds = options.inferTypeFromSchema === true ? kindsIn(schema) : undefined;
  const layout = await layoutOf(input);
  const allowlist = allowlistOf(options, kinds);
  const byExample = asksForExamples(options) || (schema?.feature ?? []).some(isCategoricalInteger);
  const scanned = await scanCsv(layout, {
    signal,
    progress,
    kinds,
    // Weights and slices may come from columns that are not counted themselves.
    allowlist: byExample ? undefined : allowlist,
  });
  if (!byExample) return [scanned];
  const found = new Map(
    scanned.features.map(({ path, kind }) => [path[0]!, cellKindOf(kind)] as const),
  );
  return countExamples(readCsvExamples(layout, found, { signal, progress }), {
    ...options,
    kinds: new Map(scanned.features.map(({ path, kind }) => [path[0]!, valueKindOf(kind)])),
    ...(allowlist === undefined ? {} : { featureAllowlist: [...allowlist] }),
  });
}

/** The types that a schema gives to the columns of delimited text. */
function kindsIn(schema: Schema | undefined): ReadonlyMap<string, CellKind> {
  if (schema === undefined) {
    throw new WaybillError(
      "invalid_argument",
      "Types are to come from a schema, and there is none.",
      {
        hint: "Name the schema, or leave inferTypeFromSchema out.",
      },
    );
  }
  return new Map(
    schema.feature.map(({ name, type }) => {
      if (type === FeatureType.INT) return [name, CellKind.INT] as const;
      return [name, type === FeatureType.FLOAT ? CellKind.FLOAT : CellKind.STRING] as const;
    }),
  );
}

function allowlistOf(
  { featureAllowlist }: ComputeOptions,
  kinds: ReadonlyMap<string, CellKind> | undefined,
): ReadonlySet<string> | undefined {
  const named = featureAllowlist === undefined ? undefined : new Set(featureAllowlist);
  const known = kinds === undefined ? undefined : new Set(kinds.keys());
  return named !== undefined && known !== undefined ? named.intersection(known) : (named ?? known);
}

/** The kinds of delimited text are kinds of values. */
function valueKindOf(kind: FeatureKind): ValueKind {
  return kind === "bytes" ? "string" : kind;
}

function cellKindOf(kind: FeatureKind): CellKind {
  switch (kind) {
    case "int":
      return CellKind.INT;
    case "float":
      return CellKind.FLOAT;
    case "unknown":
      return CellKind.EMPTY;
    default:
      return CellKind.STRING;
  }
}

async function countParquet(
  engine: Engine,
  input: FileInput,
  options: ComputeOptions,
): Promise<DatasetPartial[]> {
  const paths = (await expandPaths(input.paths)).map(({ path }) => path);
  return countRelation(engine, engine.dialect.parquet(paths), options).catch((error: unknown) => {
    throw explained(error, input.format);
  });
}

async function countRelation(
  engine: Engine,
  relation: string,
  options: ComputeOptions,
): Promise<DatasetPartial[]> {
  const { signal } = options;
  const columns = await engine.columns(relation, signal === undefined ? {} : { signal });
  const allowlist = allowlistOf(options, undefined);
  const isNested = columns.some(
    ({ name, type }) =>
      (allowlist?.has(name) ?? true) && engine.dialect.typeFamily(type) === "nested",
  );
  if (isNested || asksForExamples(options)) {
    const kinds = new Map(
      columns.map(({ name, type }) => [name, kindOfColumn(type, engine.dialect)] as const),
    );
    return countExamples(readRelationExamples(engine, relation, options), { ...options, kinds });
  }
  const categories = new Set(
    (options.schema?.feature ?? []).filter(isCategoricalInteger).map(({ name }) => name),
  );
  const scanned = await scanRelation(engine, relation, {
    sizes: sizesOf(options),
    signal,
    allowlist,
    categories,
    keptValues: options.keptValues ?? 0,
  });
  return [scanned];
}

/** The engine says what is wrong with a file; what to do about it is known here. */
function explained(error: unknown, format: FileFormat): unknown {
  if (!(error instanceof WaybillError) || error.code !== "data_loss") return error;
  return new WaybillError(error.code, error.message, {
    hint:
      error.hint ?? `The file was cut short or changed, or it is not ${format}. Fetch it again.`,
    cause: error,
  });
}
