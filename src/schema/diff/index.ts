import { create } from "@bufbuild/protobuf";
import {
  type Feature,
  FeatureSchema,
  type Schema,
  SchemaSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { printMessageText } from "../../statistics/index.ts";
import { indexSchema, type SchemaIndex } from "../draft.ts";
import { isRequired } from "../environments.ts";
import { isUnchecked, membersOf } from "../features.ts";
import { type FeaturePath, serializePath } from "../path.ts";
import {
  type Compatibility,
  compareSets,
  compareTexts,
  compatibilityOf,
  type Effect,
  type SchemaChange,
} from "./change.ts";
import { compareDataset } from "./dataset.ts";
import type { Side } from "./domain.ts";
import { compareAspects, typeName } from "./feature.ts";

/** What changed between two schemas, and what it means for the data. */
export interface SchemaDiff {
  /** By feature in the order of the new schema, removed ones after them, the schema itself last. */
  readonly changes: readonly SchemaChange[];
  readonly compatibility: Compatibility;
}

/**
 * The differences of meaning between two schemas, each named, with the effect it has on which data
 * passes validation. Order of features, wording of annotations and the like are changes that keep it.
 * A column that a schema does not know is an anomaly, so a new optional feature widens what passes and
 * a new required one breaks; the same holds for features that enter or leave an environment.
 */
export function diffSchemas(before: Schema, after: Schema): SchemaDiff {
  const old = indexSchema(before);
  const now = indexSchema(after);
  const changes = [
    ...compareFeatures(old, now, before.feature, after.feature, []),
    ...compareSharedDomains(old, now),
    ...compareComposites(before, after),
    ...compareSets(
      "schema",
      "default_environment",
      before.defaultEnvironment,
      after.defaultEnvironment,
    ),
    ...compareDataset(before.datasetConstraints, after.datasetConstraints),
    ...compareWordings(before, after),
  ];
  return { changes, compatibility: compatibilityOf(changes) };
}

function compareFeatures(
  before: SchemaIndex,
  after: SchemaIndex,
  old: readonly Feature[],
  now: readonly Feature[],
  parent: FeaturePath,
): SchemaChange[] {
  const oldByName = new Map(old.map((feature) => [feature.name, feature]));
  const names = new Set(now.map(({ name }) => name));
  const kept = now.flatMap((feature) => {
    const path = [...parent, feature.name];
    const known = oldByName.get(feature.name);
    if (known !== undefined) {
      return compareFeature(path, { index: before, feature: known }, { index: after, feature });
    }
    const effect = isRequired(after.schema, feature, undefined) ? "breaks" : "widens";
    return presenceOfFeature(path, undefined, typeName(feature), effect);
  });
  const removed = old
    .filter(({ name }) => !names.has(name))
    .flatMap((feature) => {
      const effect = isRequired(before.schema, feature, undefined) ? "breaks" : "narrows";
      return presenceOfFeature([...parent, feature.name], typeName(feature), undefined, effect);
    });
  return [...kept, ...removed];
}

/** What is said of a feature for people and for readers of tensors: no rule of validation reads it. */
function compareNotes(subject: string, before: Side, after: Side): SchemaChange[] {
  const notesOf = ({ feature: { annotation, sequenceMetadata } }: Side): string | undefined => {
    if (annotation === undefined && sequenceMetadata === undefined) return undefined;
    const notes = create(FeatureSchema, {
      ...(annotation === undefined ? {} : { annotation }),
      ...(sequenceMetadata === undefined ? {} : { sequenceMetadata }),
    });
    return oneLine(printMessageText(FeatureSchema, notes)) || undefined;
  };
  return compareTexts(subject, "notes", notesOf(before), notesOf(after), "keeps");
}

function presenceOfFeature(
  path: FeaturePath,
  before: string | undefined,
  after: string | undefined,
  effect: Effect,
): SchemaChange[] {
  return [{ subject: serializePath(path), field: "", before, after, effect }];
}

function compareFeature(path: FeaturePath, before: Side, after: Side): SchemaChange[] {
  const subject = serializePath(path);
  const wasUnchecked = isUnchecked(before.feature);
  const isNowUnchecked = isUnchecked(after.feature);
  const stage = compareTexts(
    subject,
    "lifecycle_stage",
    wasUnchecked ? "unchecked" : "checked",
    isNowUnchecked ? "unchecked" : "checked",
    isNowUnchecked ? "widens" : "narrows",
  );
  const aspects = compareAspects(subject, before, after);
  const members = compareFeatures(
    before.index,
    after.index,
    membersOf(before.feature),
    membersOf(after.feature),
    path,
  );
  const inside = [...aspects, ...members, ...compareNotes(subject, before, after)];
  // What is not checked lets everything pass, whatever else is said of it.
  if (isNowUnchecked) {
    return [...stage, ...inside.map((change) => ({ ...change, effect: "keeps" as const }))];
  }
  return [...stage, ...inside];
}

/** Shared sets of texts that both schemas have; what is added or removed shows where it is used. */
function compareSharedDomains(before: SchemaIndex, after: SchemaIndex): SchemaChange[] {
  return after.schema.stringDomain.flatMap((domain) => {
    const known = before.stringDomains.get(domain.name);
    if (known === undefined) return [];
    return compareSets(`string_domain ${domain.name}`, "value", known.value, domain.value);
  });
}

function compareComposites(before: Schema, after: Schema): SchemaChange[] {
  return [
    ...compareNamed("sparse_feature", before.sparseFeature, after.sparseFeature, (feature) =>
      wordingOf(create(SchemaSchema, { sparseFeature: [feature] })),
    ),
    ...compareNamed("weighted_feature", before.weightedFeature, after.weightedFeature, (feature) =>
      wordingOf(create(SchemaSchema, { weightedFeature: [feature] })),
    ),
  ];
}

function compareNamed<T extends { readonly name: string }>(
  kind: string,
  before: readonly T[],
  after: readonly T[],
  wording: (item: T) => string,
): SchemaChange[] {
  const old = new Map(before.map((item) => [item.name, item]));
  const now = new Map(after.map((item) => [item.name, item]));
  return [...new Set([...now.keys(), ...old.keys()])].flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)];
    // It checks features that may pass without it.
    const effect = was === undefined ? "narrows" : is === undefined ? "widens" : "breaks";
    return compareTexts(
      `${kind} ${name}`,
      "",
      was === undefined ? undefined : wording(was),
      is === undefined ? undefined : wording(is),
      effect,
    );
  });
}

/** Whatever else is written differently: annotations, representations, names. It keeps what passes. */
function compareWordings(before: Schema, after: Schema): SchemaChange[] {
  const old = wordingOf(
    create(SchemaSchema, {
      ...(before.annotation === undefined ? {} : { annotation: before.annotation }),
      tensorRepresentationGroup: before.tensorRepresentationGroup,
    }),
  );
  const now = wordingOf(
    create(SchemaSchema, {
      ...(after.annotation === undefined ? {} : { annotation: after.annotation }),
      tensorRepresentationGroup: after.tensorRepresentationGroup,
    }),
  );
  return compareTexts("schema", "annotation", old, now, "keeps");
}

function wordingOf(schema: Schema): string {
  return oneLine(printMessageText(SchemaSchema, schema));
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ").replaceAll(": {", " {");
}
