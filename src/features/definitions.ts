import type { KeyType, ValueType } from "./value-type.ts";

/** What every definition may say about itself. */
interface Documentation {
  readonly description: string;
  readonly owner: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A thing that features describe. A key of several columns is a view with several entities. */
export interface Entity extends Documentation {
  readonly name: string;
  /** The column that identifies it. */
  readonly joinKey: string;
  readonly valueType: KeyType;
}

/** A named, typed column of a view: a feature, or a field of a request. */
export interface Field {
  readonly name: string;
  readonly dtype: ValueType;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Where rows lie: Parquet files, or a table of the warehouse. The caller's resolver opens it. */
type Location =
  | { readonly kind: "parquet"; readonly paths: readonly string[] }
  | { readonly kind: "warehouse"; readonly table: string };

/** A batch source: rows of facts, each with the time from which it holds. */
export type Source = Location &
  Documentation & {
    readonly name: string;
    /** When the fact happened. Times without a zone are UTC. */
    readonly timestampField: string;
    /** When the row was written; the newest of several rows of one event time wins. */
    readonly createdTimestampColumn: string | undefined;
    /** Column of the source -> the name that views know it by. */
    readonly fieldMapping: Readonly<Record<string, string>>;
  };

/** Features of one kind of thing, from one source. */
export interface FeatureView extends Documentation {
  readonly name: string;
  /** Names of entities. None: one value for everything, changing only with time. */
  readonly entities: readonly string[];
  readonly schema: readonly Field[];
  /** Name of a source. */
  readonly source: string;
  /** How long a value may be used after its event time, both ends included; 0 is without limit. */
  readonly ttlSeconds: number;
  /** Whether it may be materialized. */
  readonly online: boolean;
}

/** Operations of an on demand feature. */
export type Operator = "add" | "sub" | "mul" | "div" | "gt";

/** `[operator, a, b]`: each operand is the name of an input column, or a number. Null in, null out. */
export type Expression = readonly [Operator, string | number, string | number];

/** Features computed when they are asked for, from stored features and the fields of the request. */
export interface OnDemandFeatureView extends Documentation {
  readonly name: string;
  /** Names of the feature views whose features are inputs. */
  readonly sources: readonly string[];
  /** Fields that the request brings. */
  readonly requestSchema: readonly Field[];
  readonly schema: readonly Field[];
  /** Feature -> how it is computed. */
  readonly expressions: Readonly<Record<string, Expression>>;
}

/** A view as a service uses it. */
export interface Projection {
  readonly view: string;
  /** The features that are taken; all of them when left out. */
  readonly features: readonly string[] | undefined;
  /** The name it goes by here, in full feature names. */
  readonly alias: string | undefined;
  /** Join key of the view -> the column of the labels or the request that holds it. */
  readonly joinKeyMap: Readonly<Record<string, string>>;
}

/** The features that one model is served with. */
export interface FeatureService extends Documentation {
  readonly name: string;
  readonly projections: readonly Projection[];
}

/** What a project defines, by kind. The order says nothing. */
export interface Definitions {
  readonly entities?: readonly Entity[];
  readonly sources?: readonly Source[];
  readonly featureViews?: readonly FeatureView[];
  readonly onDemandFeatureViews?: readonly OnDemandFeatureView[];
  readonly featureServices?: readonly FeatureService[];
}

type Optional<T, Keys extends keyof T> = Omit<T, Keys> & { readonly [K in Keys]?: T[K] };

/** A field: `field("trips", "INT64")`. */
export function field(
  name: string,
  dtype: ValueType,
  about: { readonly description?: string; readonly tags?: Readonly<Record<string, string>> } = {},
): Field {
  return { name, dtype, description: about.description ?? "", tags: about.tags ?? {} };
}

/** An entity; its join key is its own name unless it says otherwise. */
export function entity(
  given: Optional<Entity, "joinKey" | "description" | "owner" | "tags">,
): Entity {
  return {
    ...documented(given),
    joinKey: given.joinKey ?? given.name,
    valueType: given.valueType,
    name: given.name,
  };
}

/** A source of Parquet files: `parquetSource({ name, paths, timestampField })`. */
export function parquetSource(given: SourceParts & { readonly paths: readonly string[] }): Source {
  return { ...sourceParts(given), kind: "parquet", paths: given.paths };
}

/** A source that is a table of the warehouse: `warehouseSource({ name, table, timestampField })`. */
export function warehouseSource(given: SourceParts & { readonly table: string }): Source {
  return { ...sourceParts(given), kind: "warehouse", table: given.table };
}

/** A feature view: entities and source are given as they are, or by name. */
export function featureView(
  given: Omit<
    Optional<FeatureView, "ttlSeconds" | "online" | "description" | "owner" | "tags">,
    "entities" | "source"
  > & {
    readonly entities: readonly (Entity | string)[];
    readonly source: Source | string;
  },
): FeatureView {
  return {
    ...documented(given),
    name: given.name,
    entities: given.entities.map(nameOf),
    schema: given.schema,
    source: nameOf(given.source),
    ttlSeconds: given.ttlSeconds ?? 0,
    online: given.online ?? true,
  };
}

/** An on demand feature view: its source views are given as they are, or by name. */
export function onDemandFeatureView(
  given: Omit<
    Optional<OnDemandFeatureView, "requestSchema" | "description" | "owner" | "tags">,
    "sources"
  > & { readonly sources: readonly (FeatureView | string)[] },
): OnDemandFeatureView {
  return {
    ...documented(given),
    name: given.name,
    sources: given.sources.map(nameOf),
    requestSchema: given.requestSchema ?? [],
    schema: given.schema,
    expressions: given.expressions,
  };
}

/** A feature service: each part is a view (all its features), or a projection of one. */
export function featureService(
  given: Omit<Optional<FeatureService, "description" | "owner" | "tags">, "projections"> & {
    readonly projections: readonly (
      | FeatureView
      | OnDemandFeatureView
      | Optional<Projection, "features" | "alias" | "joinKeyMap">
    )[];
  },
): FeatureService {
  const projections = given.projections.map((part) =>
    "view" in part
      ? {
          view: part.view,
          features: part.features,
          alias: part.alias,
          joinKeyMap: part.joinKeyMap ?? {},
        }
      : { view: part.name, features: undefined, alias: undefined, joinKeyMap: {} },
  );
  return { ...documented(given), name: given.name, projections };
}

type SourceParts = Partial<Documentation> & {
  readonly name: string;
  readonly timestampField: string;
  readonly createdTimestampColumn?: string | undefined;
  readonly fieldMapping?: Readonly<Record<string, string>>;
};

function sourceParts(given: SourceParts) {
  return {
    ...documented(given),
    name: given.name,
    timestampField: given.timestampField,
    createdTimestampColumn: given.createdTimestampColumn,
    fieldMapping: given.fieldMapping ?? {},
  };
}

function documented(given: Partial<Documentation>): Documentation {
  return {
    description: given.description ?? "",
    owner: given.owner ?? "",
    tags: given.tags ?? {},
  };
}

function nameOf(part: string | { readonly name: string }): string {
  return typeof part === "string" ? part : part.name;
}
