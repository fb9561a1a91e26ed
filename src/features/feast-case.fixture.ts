import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { sharedFolder } from "../../scripts/shared.ts";
import type { Expression } from "./definitions.ts";
import {
  buildRegistry,
  entity,
  featureService,
  featureView,
  field,
  onDemandFeatureView,
  parquetSource,
  type Registry,
} from "./index.ts";
import type { KeyType, ValueType } from "./value-type.ts";

/** A case that real Feast was run on: see the README beside the cases. */
export interface FeastCase {
  readonly name: string;
  readonly folder: string;
  readonly title: string;
  readonly registry: Registry;
  readonly steps: readonly FeastStep[];
}

/** One step of a case, as the case file has it. */
export interface FeastStep {
  readonly op: "historical" | "materialize" | "online" | "push" | "write_online";
  readonly entity_df?: string | null;
  readonly start_date?: string;
  readonly end_date?: string;
  readonly features?: readonly string[] | null;
  readonly service?: string | null;
  readonly full_feature_names?: boolean;
  readonly filter_by_created_timestamp?: boolean;
  readonly expected?: string;
  readonly start?: string;
  readonly end?: string;
  readonly views?: readonly string[] | null;
  readonly entity_rows?: readonly Readonly<Record<string, unknown>>[];
}

interface CaseFile {
  readonly case: string;
  readonly title: string;
  readonly entities: readonly { name: string; join_keys: [string]; value_type: KeyType }[];
  readonly sources: readonly {
    name: string;
    path: string;
    timestamp_field: string;
    created_timestamp_column: string | null;
    field_mapping: Record<string, string>;
  }[];
  readonly views: readonly {
    name: string;
    entities: string[];
    source: string;
    ttl_seconds: number;
    schema: { name: string; dtype: ValueType }[];
  }[];
  readonly on_demand_views: readonly {
    name: string;
    view_sources: string[];
    request_source: { schema: { name: string; dtype: ValueType }[] } | null;
    schema: { name: string; dtype: ValueType }[];
    outputs: Record<string, Expression>;
  }[];
  readonly services: readonly {
    name: string;
    projections: {
      view: string;
      features?: string[];
      alias?: string;
      join_key_map?: Record<string, string>;
    }[];
  }[];
  readonly steps: readonly FeastStep[];
}

/** The cases in their order, or undefined where the reference material is absent. */
export function feastCases(): FeastCase[] | undefined {
  const shared = sharedFolder();
  if (shared === undefined) return undefined;
  return globSync(join(shared, "goldens/feast/v*"))
    .sort()
    .map((folder) => {
      const file: CaseFile = JSON.parse(readFileSync(join(folder, "case.json"), "utf8"));
      return {
        name: basename(folder),
        folder,
        title: file.title,
        registry: registryOf(file, folder),
        steps: file.steps,
      };
    });
}

function registryOf(file: CaseFile, folder: string): Registry {
  const fields = (schema: readonly { name: string; dtype: ValueType }[]) =>
    schema.map(({ name, dtype }) => field(name, dtype));
  return buildRegistry({
    entities: file.entities.map(({ name, join_keys: [joinKey], value_type: valueType }) =>
      entity({ name, joinKey, valueType }),
    ),
    sources: file.sources.map((source) =>
      parquetSource({
        name: source.name,
        paths: [join(folder, source.path)],
        timestampField: source.timestamp_field,
        createdTimestampColumn: source.created_timestamp_column ?? undefined,
        fieldMapping: source.field_mapping,
      }),
    ),
    featureViews: file.views.map(({ name, entities, source, ttl_seconds: ttlSeconds, schema }) =>
      featureView({ name, entities, source, ttlSeconds, schema: fields(schema) }),
    ),
    onDemandFeatureViews: file.on_demand_views.map((view) =>
      onDemandFeatureView({
        name: view.name,
        sources: view.view_sources,
        requestSchema: fields(view.request_source?.schema ?? []),
        schema: fields(view.schema),
        expressions: view.outputs,
      }),
    ),
    featureServices: file.services.map(({ name, projections }) =>
      featureService({
        name,
        projections: projections.map(({ view, features, alias, join_key_map: joinKeyMap }) => ({
          view,
          features,
          alias,
          ...(joinKeyMap === undefined ? {} : { joinKeyMap }),
        })),
      }),
    ),
  });
}
