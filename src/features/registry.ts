import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import type {
  Definitions,
  Entity,
  Expression,
  FeatureService,
  FeatureView,
  Field,
  OnDemandFeatureView,
  Projection,
  Source,
} from "./definitions.ts";
import { featureId } from "./row-codec.ts";
import { suggestion } from "./suggest.ts";
import { isKeyType, isValueType } from "./value-type.ts";

/** When a definition was first applied and last changed. */
export interface Times {
  readonly createdMs: number;
  readonly lastUpdatedMs: number;
}

/** The definitions of a project, checked: every name in them means something. */
export interface Registry {
  readonly project: string;
  readonly entities: ReadonlyMap<string, Entity>;
  readonly sources: ReadonlyMap<string, Source>;
  readonly featureViews: ReadonlyMap<string, FeatureView>;
  readonly onDemandFeatureViews: ReadonlyMap<string, OnDemandFeatureView>;
  readonly featureServices: ReadonlyMap<string, FeatureService>;
  /** Times by kind and name, `featureViews/airport_delay`; empty for a registry that was not applied. */
  readonly times: ReadonlyMap<string, Times>;
  /** Where it is recorded; undefined for one that was only built in memory. */
  readonly artifact: Artifact | undefined;
}

/** The kinds of definitions, in the order in which they are listed. */
export const KINDS = [
  "entities",
  "sources",
  "featureViews",
  "onDemandFeatureViews",
  "featureServices",
] as const;

/** What a kind is called in a message. */
const KIND_NOUNS = {
  entities: "entity",
  sources: "source",
  featureViews: "feature view",
  onDemandFeatureViews: "on demand feature view",
  featureServices: "feature service",
} as const;

/**
 * Checks definitions together and makes them a registry.
 * @throws `invalid_argument` listing everything that is wrong: unknown names, names used twice, a source
 * without a timestamp column, a negative ttl, a type that Feast does not have
 */
export function buildRegistry(
  definitions: Definitions,
  options: {
    readonly project?: string;
    readonly times?: ReadonlyMap<string, Times>;
    readonly artifact?: Artifact | undefined;
  } = {},
): Registry {
  const problems: Problem[] = [];
  const registry: Registry = {
    project: options.project ?? "default",
    entities: byName("entities", definitions.entities ?? [], problems),
    sources: byName("sources", definitions.sources ?? [], problems),
    featureViews: byName("featureViews", definitions.featureViews ?? [], problems),
    onDemandFeatureViews: byName(
      "onDemandFeatureViews",
      definitions.onDemandFeatureViews ?? [],
      problems,
    ),
    featureServices: byName("featureServices", definitions.featureServices ?? [], problems),
    times: options.times ?? new Map(),
    artifact: options.artifact,
  };
  if (!NAME.test(registry.project)) problems.push(badName("project", registry.project));
  for (const entity of registry.entities.values()) problems.push(...entityProblems(entity));
  for (const source of registry.sources.values()) problems.push(...sourceProblems(source));
  for (const view of registry.featureViews.values()) problems.push(...viewProblems(registry, view));
  for (const view of registry.onDemandFeatureViews.values()) {
    problems.push(...onDemandProblems(registry, view));
  }
  for (const service of registry.featureServices.values()) {
    problems.push(...serviceProblems(registry, service));
  }
  const [first] = problems;
  if (first === undefined) return registry;
  throw new WaybillError(
    "invalid_argument",
    problems.length === 1
      ? first.message
      : `The definitions have ${problems.length} problems:\n${problems
          .map(({ message }) => `- ${message}`)
          .join("\n")}`,
    { hint: first.hint },
  );
}

/** The definitions of a registry, as they were given. */
export function definitionsOf(registry: Registry): Required<Definitions> {
  return {
    entities: [...registry.entities.values()],
    sources: [...registry.sources.values()],
    featureViews: [...registry.featureViews.values()],
    onDemandFeatureViews: [...registry.onDemandFeatureViews.values()],
    featureServices: [...registry.featureServices.values()],
  };
}

/**
 * The feature view of a name.
 * @throws `not_found` with the nearest name there is
 */
export function featureViewOf(registry: Registry, name: string): FeatureView {
  const view = registry.featureViews.get(name);
  if (view !== undefined) return view;
  throw new WaybillError(
    "not_found",
    `Feature view "${name}" does not exist in project "${registry.project}".`,
    { hint: suggestion(name, registry.featureViews.keys()) },
  );
}

/** The source of a view; a registry that was built has it. */
export function sourceOf(registry: Registry, view: FeatureView): Source {
  const source = registry.sources.get(view.source);
  if (source !== undefined) return source;
  throw new WaybillError("internal", `Feature view "${view.name}" has no source.`);
}

/** The entities of a view in their order; a registry that was built has them. */
export function entitiesOf(registry: Registry, view: FeatureView): readonly Entity[] {
  return view.entities.flatMap((name) => registry.entities.get(name) ?? []);
}

interface Problem {
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Feast's rule, and what an identifier of SQL and a path can take without surprises. */
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/;

function badName(noun: string, name: string): Problem {
  return {
    message: `"${name}" cannot be the name of a ${noun}.`,
    hint: "A name starts with a letter or _ and holds letters, digits, _ and -, at most 128.",
  };
}

function byName<T extends { readonly name: string }>(
  kind: (typeof KINDS)[number],
  definitions: readonly T[],
  problems: Problem[],
): ReadonlyMap<string, T> {
  const noun = KIND_NOUNS[kind];
  const map = new Map<string, T>();
  const seen = new Map<string, string>();
  for (const definition of definitions) {
    const { name } = definition;
    if (!NAME.test(name)) problems.push(badName(noun, name));
    const earlier = seen.get(name.toLowerCase());
    if (earlier !== undefined) {
      problems.push({
        message: `There are two definitions of the ${noun} "${name}"${
          earlier === name ? "" : ` ("${earlier}" differs only in case)`
        }.`,
        hint: "Rename one of them, or give it once.",
      });
    }
    seen.set(name.toLowerCase(), name);
    map.set(name, definition);
  }
  return map;
}

function entityProblems({ name, joinKey, valueType }: Entity): Problem[] {
  const problems: Problem[] = [];
  if (joinKey === "") problems.push({ message: `Entity "${name}" has no join key.` });
  if (!isKeyType(valueType)) {
    problems.push({
      message: `Entity "${name}" has value type "${valueType}", which cannot be a key.`,
      hint: "A key is STRING, BYTES, INT32, INT64 or UNIX_TIMESTAMP.",
    });
  }
  return problems;
}

function sourceProblems(source: Source): Problem[] {
  const problems: Problem[] = [];
  const where = `Source "${source.name}"`;
  if (source.timestampField === "") {
    problems.push({
      message: `${where} has no timestamp column.`,
      hint: "Set timestampField to the column that says when each row's fact happened.",
    });
  }
  if (source.kind === "parquet" && source.paths.length === 0) {
    problems.push({ message: `${where} names no Parquet file.` });
  }
  if (source.kind === "warehouse" && source.table === "") {
    problems.push({ message: `${where} names no table.` });
  }
  const targets = Object.values(source.fieldMapping);
  for (const target of duplicatesOf(targets)) {
    problems.push({ message: `${where} maps two columns to "${target}".` });
  }
  return problems;
}

function viewProblems(registry: Registry, view: FeatureView): Problem[] {
  const where = `Feature view "${view.name}"`;
  const problems = fieldProblems(where, "feature", view.schema);
  if (view.schema.length === 0) problems.push({ message: `${where} has no features.` });
  for (const name of view.entities) {
    if (registry.entities.has(name)) continue;
    problems.push({
      message: `${where} names entity "${name}", which is not defined.`,
      hint: suggestion(name, registry.entities.keys()) ?? "Add the entity to the definitions.",
    });
  }
  const joinKeys = entitiesOf(registry, view).map(({ joinKey }) => joinKey);
  for (const key of duplicatesOf(joinKeys)) {
    problems.push({ message: `${where} has the join key "${key}" twice.` });
  }
  for (const { name } of view.schema) {
    if (joinKeys.includes(name)) {
      problems.push({ message: `${where} has a feature named as its join key "${name}".` });
    }
  }
  if (!registry.sources.has(view.source)) {
    problems.push({
      message: `${where} reads source "${view.source}", which is not defined.`,
      hint: suggestion(view.source, registry.sources.keys()) ?? "Add the source.",
    });
  }
  if (!(view.ttlSeconds >= 0 && Number.isFinite(view.ttlSeconds))) {
    problems.push({
      message: `${where} has a ttl of ${view.ttlSeconds} seconds.`,
      hint: "A ttl is positive; 0 means that values never grow too old.",
    });
  }
  const ids = new Map<number, string>();
  for (const { name } of view.schema) {
    const other = ids.get(featureId(name));
    if (other !== undefined && other !== name) {
      problems.push({
        message: `${where}: features "${other}" and "${name}" share an online id.`,
        hint: "Rename one of them; the online store tells features apart by a hash of the name.",
      });
    }
    ids.set(featureId(name), name);
  }
  return problems;
}

function onDemandProblems(registry: Registry, view: OnDemandFeatureView): Problem[] {
  const where = `On demand feature view "${view.name}"`;
  const problems = [
    ...fieldProblems(where, "feature", view.schema),
    ...fieldProblems(where, "request field", view.requestSchema),
  ];
  for (const name of registry.featureViews.keys()) {
    if (name.toLowerCase() !== view.name.toLowerCase()) continue;
    problems.push({ message: `"${view.name}" is both a feature view and an on demand one.` });
  }
  const inputs = new Set(view.requestSchema.map(({ name }) => name));
  for (const name of view.sources) {
    const source = registry.featureViews.get(name);
    if (source === undefined) {
      problems.push({
        message: `${where} reads feature view "${name}", which is not defined.`,
        hint: suggestion(name, registry.featureViews.keys()),
      });
    }
    for (const { name: feature } of source?.schema ?? []) {
      if (inputs.has(feature)) {
        problems.push({ message: `${where} has two inputs named "${feature}".` });
      }
      inputs.add(feature);
    }
  }
  for (const { name, dtype } of view.schema) {
    const expression = view.expressions[name];
    if (expression === undefined) {
      problems.push({ message: `${where} does not say how "${name}" is computed.` });
    } else {
      problems.push(...expressionProblems(`${where}, feature "${name}"`, expression, inputs));
    }
    if (!["DOUBLE", "FLOAT", "INT32", "INT64", "BOOL"].includes(dtype)) {
      problems.push({ message: `${where} computes "${name}" as ${dtype}, not as a number.` });
    }
  }
  return problems;
}

function expressionProblems(
  where: string,
  [operator, ...operands]: Expression,
  inputs: ReadonlySet<string>,
): Problem[] {
  const problems: Problem[] = [];
  if (!["add", "sub", "mul", "div", "gt"].includes(operator)) {
    problems.push({
      message: `${where} uses the operator "${operator}".`,
      hint: "The operators are add, sub, mul, div and gt.",
    });
  }
  for (const operand of operands) {
    if (typeof operand === "number" ? Number.isFinite(operand) : inputs.has(operand)) continue;
    problems.push({
      message: `${where} reads "${operand}", which is no input of it.`,
      hint: suggestion(String(operand), inputs),
    });
  }
  return problems;
}

function serviceProblems(registry: Registry, service: FeatureService): Problem[] {
  const where = `Feature service "${service.name}"`;
  const problems: Problem[] = [];
  if (service.projections.length === 0) problems.push({ message: `${where} has no features.` });
  const names = service.projections.map(({ view, alias }) => alias ?? view);
  for (const name of duplicatesOf(names)) {
    problems.push({
      message: `${where} has two views named "${name}".`,
      hint: "Give one of them an alias.",
    });
  }
  for (const projection of service.projections) {
    problems.push(...projectionProblems(registry, where, projection));
  }
  return problems;
}

function projectionProblems(registry: Registry, where: string, projection: Projection): Problem[] {
  const stored = registry.featureViews.get(projection.view);
  const view = stored ?? registry.onDemandFeatureViews.get(projection.view);
  if (view === undefined) {
    const known = [...registry.featureViews.keys(), ...registry.onDemandFeatureViews.keys()];
    return [
      {
        message: `${where} names feature view "${projection.view}", which is not defined.`,
        hint: suggestion(projection.view, known),
      },
    ];
  }
  const problems: Problem[] = [];
  const features = view.schema.map(({ name }) => name);
  for (const name of projection.features ?? []) {
    if (features.includes(name)) continue;
    problems.push({
      message: `${where} takes feature "${name}", which view "${view.name}" does not have.`,
      hint: suggestion(name, features),
    });
  }
  const keys = stored === undefined ? [] : entitiesOf(registry, stored).map((e) => e.joinKey);
  for (const key of Object.keys(projection.joinKeyMap)) {
    if (keys.includes(key)) continue;
    problems.push({
      message: `${where} maps join key "${key}", which view "${view.name}" does not have.`,
      hint: suggestion(key, keys),
    });
  }
  return problems;
}

function fieldProblems(where: string, noun: string, fields: readonly Field[]): Problem[] {
  // Engines do not tell names apart by case alone.
  const names = fields.map(({ name }) => name.toLowerCase());
  const problems: Problem[] = duplicatesOf(names).map((name) => ({
    message: `${where} has two ${noun}s named "${name}".`,
  }));
  for (const { name, dtype } of fields) {
    if (name === "" || name.includes(":")) {
      problems.push({
        message: `${where} has a ${noun} named "${name}".`,
        hint: 'A name is not empty and has no ":", which separates it from its view.',
      });
    }
    if (isValueType(dtype)) continue;
    problems.push({
      message: `${where}: ${noun} "${name}" has the unknown type "${dtype}".`,
      hint: 'The types are those of Feast, for example "DOUBLE", "INT64", "STRING_LIST".',
    });
  }
  return problems;
}

function duplicatesOf(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
