import { WaybillError } from "../foundation/index.ts";
import type { FeatureView, Field, OnDemandFeatureView, Projection } from "./definitions.ts";
import { entitiesOf, type Registry } from "./registry.ts";
import { suggestion } from "./suggest.ts";
import type { KeyType } from "./value-type.ts";

/** What is asked for: features by reference (`view:feature`), or all of a service. */
export interface FeatureSelection {
  /** References, `airport_delay:mean_delay`. */
  readonly features?: readonly string[];
  /** The name of a feature service. */
  readonly service?: string;
  /** Name columns `view__feature` instead of `feature`. */
  readonly fullFeatureNames?: boolean;
}

/** A join key of a view in use, and the column of the labels or the request that holds its values. */
export interface JoinKey {
  readonly name: string;
  readonly column: string;
  readonly type: KeyType;
}

/** A feature to deliver, and the name of its column. */
export interface PlannedFeature {
  readonly field: Field;
  readonly column: string;
  /** False for one that only an on demand view needs. */
  readonly isRequested: boolean;
}

/** A feature view to read. */
export interface PlannedView {
  readonly view: FeatureView;
  /** The name it goes by: its alias, else its own. */
  readonly name: string;
  readonly joinKeys: readonly JoinKey[];
  readonly features: readonly PlannedFeature[];
}

/** An on demand feature view to compute. */
export interface PlannedOnDemand {
  readonly view: OnDemandFeatureView;
  readonly features: readonly PlannedFeature[];
  /** Input name -> the column that holds it: a feature's, or a request field's own name. */
  readonly inputs: ReadonlyMap<string, string>;
}

/** How a selection is answered: views in the order of their first mention. */
export interface RetrievalPlan {
  readonly views: readonly PlannedView[];
  readonly onDemand: readonly PlannedOnDemand[];
  /** Columns that the labels or the request must bring for on demand views. */
  readonly requestFields: readonly Field[];
}

/**
 * Resolves a selection against a registry.
 * @throws `not_found` for a view, feature or service that does not exist, with the nearest name;
 * `invalid_argument` for a reference without a colon, a selection of nothing or of both kinds, and for
 * two features that would have one column name
 */
export function planRetrieval(registry: Registry, selection: FeatureSelection): RetrievalPlan {
  const full = selection.fullFeatureNames === true;
  const views = new Map<string, MutableView>();
  const onDemand = new Map<string, { view: OnDemandFeatureView; features: string[] }>();
  for (const { projection, features } of projectionsOf(registry, selection)) {
    const name = projection.alias ?? projection.view;
    const stored = registry.featureViews.get(projection.view);
    const computed = registry.onDemandFeatureViews.get(projection.view);
    if (stored !== undefined) {
      const view = mutableView(views, stored, name, projection.joinKeyMap);
      for (const feature of features) view.features.set(feature, true);
    } else if (computed !== undefined) {
      const entry = onDemand.get(projection.view) ?? { view: computed, features: [] };
      entry.features.push(...features.filter((feature) => !entry.features.includes(feature)));
      onDemand.set(projection.view, entry);
    }
  }
  for (const { view } of onDemand.values()) {
    for (const name of inputViewsOf(registry, view)) {
      const planned = mutableView(views, name, name.name, {});
      for (const input of operandsOf(view)) {
        const known = name.schema.some((field) => field.name === input);
        if (known && !planned.features.has(input)) planned.features.set(input, false);
      }
    }
  }
  const plannedViews = [...views.values()].map((view) => plannedView(registry, view, full));
  const plan: RetrievalPlan = {
    views: plannedViews,
    onDemand: [...onDemand.values()].map(({ view, features }) => ({
      view,
      features: plannedFields(view.schema, view.name, full, new Map(features.map(isAsked))),
      inputs: inputsOf(view, plannedViews),
    })),
    requestFields: requestFieldsOf([...onDemand.values()].map(({ view }) => view)),
  };
  checkColumns(plan, full);
  return plan;
}

/** Every feature column of a plan in order: those of views, then those computed. */
export function plannedFeatures(plan: RetrievalPlan): readonly PlannedFeature[] {
  return [...plan.views, ...plan.onDemand].flatMap(({ features }) => features);
}

interface MutableView {
  readonly view: FeatureView;
  readonly name: string;
  readonly joinKeyMap: Readonly<Record<string, string>>;
  /** Feature -> whether it was asked for itself. */
  readonly features: Map<string, boolean>;
}

interface Wanted {
  readonly projection: Projection;
  readonly features: readonly string[];
}

function projectionsOf(registry: Registry, { features, service }: FeatureSelection): Wanted[] {
  if (service !== undefined && features !== undefined) {
    throw new WaybillError("invalid_argument", "Both features and a feature service are given.", {
      hint: "Give one of them.",
    });
  }
  if (service !== undefined) {
    const found = registry.featureServices.get(service);
    if (found === undefined) {
      throw new WaybillError("not_found", `Feature service "${service}" does not exist.`, {
        hint: suggestion(service, registry.featureServices.keys()),
      });
    }
    return found.projections.map((projection) => ({
      projection,
      features: projection.features ?? schemaOf(registry, projection.view).map(({ name }) => name),
    }));
  }
  if (features === undefined || features.length === 0) {
    throw new WaybillError("invalid_argument", "No features are asked for.", {
      hint: 'Name them as "view:feature", or name a feature service.',
    });
  }
  const known = new Map<string, ReadonlySet<string>>();
  return features.map((reference) => wantedOf(registry, reference, known));
}

/** @param known names of features by view, filled as views are met */
function wantedOf(
  registry: Registry,
  reference: string,
  known: Map<string, ReadonlySet<string>>,
): Wanted {
  const [view, feature, ...rest] = reference.split(":");
  if (view === undefined || feature === undefined || feature === "" || rest.length > 0) {
    throw new WaybillError("invalid_argument", `"${reference}" is no feature reference.`, {
      hint: suggestion(reference, allReferences(registry)) ?? 'Write it as "view:feature".',
    });
  }
  const names =
    known.get(view) ?? new Set(schemaOf(registry, view, reference).map(({ name }) => name));
  known.set(view, names);
  if (!names.has(feature)) {
    throw new WaybillError("not_found", `Feature view "${view}" has no feature "${feature}".`, {
      hint: suggestion(feature, names),
    });
  }
  const projection = { view, features: undefined, alias: undefined, joinKeyMap: {} };
  return { projection, features: [feature] };
}

function schemaOf(registry: Registry, view: string, reference = view): readonly Field[] {
  const found = registry.featureViews.get(view) ?? registry.onDemandFeatureViews.get(view);
  if (found !== undefined) return found.schema;
  throw new WaybillError("not_found", `Feature view "${view}" does not exist.`, {
    hint: suggestion(
      reference,
      reference === view
        ? [...registry.featureViews.keys(), ...registry.onDemandFeatureViews.keys()]
        : allReferences(registry),
    ),
  });
}

function allReferences(registry: Registry): string[] {
  return [...registry.featureViews.values(), ...registry.onDemandFeatureViews.values()].flatMap(
    ({ name, schema }) => schema.map((field) => `${name}:${field.name}`),
  );
}

function mutableView(
  views: Map<string, MutableView>,
  view: FeatureView,
  name: string,
  joinKeyMap: Readonly<Record<string, string>>,
): MutableView {
  const existing = views.get(name);
  if (existing !== undefined) return existing;
  const created = { view, name, joinKeyMap, features: new Map<string, boolean>() };
  views.set(name, created);
  return created;
}

function plannedView(registry: Registry, given: MutableView, full: boolean): PlannedView {
  const { view, name, joinKeyMap } = given;
  return {
    view,
    name,
    joinKeys: entitiesOf(registry, view).map(({ joinKey, valueType }) => ({
      name: joinKey,
      column: joinKeyMap[joinKey] ?? joinKey,
      type: valueType,
    })),
    features: plannedFields(view.schema, name, full, given.features),
  };
}

/** @param features the names of features, and whether each was asked for itself */
function plannedFields(
  schema: readonly Field[],
  view: string,
  full: boolean,
  features: ReadonlyMap<string, boolean>,
): PlannedFeature[] {
  const fields = new Map(schema.map((field) => [field.name, field]));
  return [...features].map(([name, isRequested]) => {
    const field = fields.get(name);
    if (field === undefined) {
      throw new WaybillError("internal", `The feature "${name}" was not resolved.`);
    }
    return { field, column: full ? `${view}__${name}` : name, isRequested };
  });
}

function isAsked(name: string): [string, boolean] {
  return [name, true];
}

function inputViewsOf(registry: Registry, view: OnDemandFeatureView): FeatureView[] {
  return view.sources.flatMap((name) => registry.featureViews.get(name) ?? []);
}

function operandsOf(view: OnDemandFeatureView): Set<string> {
  const operands = Object.values(view.expressions).flatMap(([, ...both]) => both);
  return new Set(operands.filter((operand) => typeof operand === "string"));
}

function inputsOf(
  view: OnDemandFeatureView,
  views: readonly PlannedView[],
): ReadonlyMap<string, string> {
  const inputs = new Map(view.requestSchema.map(({ name }) => [name, name]));
  for (const planned of views) {
    if (!view.sources.includes(planned.name)) continue;
    for (const { field, column } of planned.features) inputs.set(field.name, column);
  }
  return inputs;
}

function requestFieldsOf(views: readonly OnDemandFeatureView[]): Field[] {
  const fields = new Map<string, Field>();
  for (const { requestSchema } of views) {
    for (const field of requestSchema) fields.set(field.name, field);
  }
  return [...fields.values()];
}

/** Engines do not tell names apart by case alone. */
function checkColumns(plan: RetrievalPlan, full: boolean): void {
  const seen = new Set<string>();
  for (const { column } of plannedFeatures(plan)) {
    if (seen.has(column.toLowerCase())) {
      throw new WaybillError("invalid_argument", `Two features would be named "${column}".`, {
        hint: full ? "Give one of the views an alias." : "Ask for full feature names.",
      });
    }
    seen.add(column.toLowerCase());
  }
}
