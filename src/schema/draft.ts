import { clone, create } from "@bufbuild/protobuf";
import {
  type DatasetConstraints,
  DatasetConstraintsSchema,
  type Feature,
  FeatureSchema,
  FeatureType,
  type Schema,
  SchemaSchema,
  type SparseFeature,
  SparseFeatureSchema,
  type StringDomain,
  StringDomainSchema,
  StructDomainSchema,
  type WeightedFeature,
  WeightedFeatureSchema,
} from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { FeaturePath } from "./path.ts";

/** The named parts of a schema by name. Made once, shared by every draft of that schema. */
export interface SchemaIndex {
  readonly schema: Schema;
  readonly features: ReadonlyMap<string, Feature>;
  readonly sparseFeatures: ReadonlyMap<string, SparseFeature>;
  readonly weightedFeatures: ReadonlyMap<string, WeightedFeature>;
  readonly stringDomains: ReadonlyMap<string, StringDomain>;
}

/** Indexes a schema; of two parts with one name the first counts. */
export function indexSchema(schema: Schema): SchemaIndex {
  return {
    schema,
    features: firstByName(schema.feature),
    sparseFeatures: firstByName(schema.sparseFeature),
    weightedFeatures: firstByName(schema.weightedFeature),
    stringDomains: firstByName(schema.stringDomain),
  };
}

/**
 * A schema being changed, leaving the one it came from as it was. What is looked up here is copied
 * first: a draft that touches one feature of 100,000 copies that one, and costs nothing to make.
 */
export class SchemaDraft {
  readonly #base: Schema;
  readonly #features: Overlay<Feature>;
  readonly #sparseFeatures: Overlay<SparseFeature>;
  readonly #weightedFeatures: Overlay<WeightedFeature>;
  readonly #stringDomains: Overlay<StringDomain>;
  #datasetConstraints: DatasetConstraints | undefined;

  constructor(index: SchemaIndex) {
    const { schema } = index;
    this.#base = schema;
    this.#features = new Overlay(schema.feature, index.features, (feature) =>
      clone(FeatureSchema, feature),
    );
    this.#sparseFeatures = new Overlay(schema.sparseFeature, index.sparseFeatures, (feature) =>
      clone(SparseFeatureSchema, feature),
    );
    this.#weightedFeatures = new Overlay(
      schema.weightedFeature,
      index.weightedFeatures,
      (feature) => clone(WeightedFeatureSchema, feature),
    );
    this.#stringDomains = new Overlay(schema.stringDomain, index.stringDomains, (domain) =>
      clone(StringDomainSchema, domain),
    );
  }

  /** The schema this is a draft of. */
  get base(): Schema {
    return this.#base;
  }

  /** The feature of a path, free to change, or undefined. */
  feature(path: FeaturePath): Feature | undefined {
    const [root, ...steps] = path;
    let found = this.#features.get(root ?? "");
    for (const step of steps) {
      if (found?.domainInfo.case !== "structDomain") return undefined;
      found = found.domainInfo.value.feature.find(({ name }) => name === step);
    }
    return found;
  }

  sparseFeature(path: FeaturePath): SparseFeature | undefined {
    if (path.length === 1) return this.#sparseFeatures.get(path[0] ?? "");
    const parent = this.feature(path.slice(0, -1));
    if (parent?.domainInfo.case !== "structDomain") return undefined;
    return parent.domainInfo.value.sparseFeature.find(({ name }) => name === path.at(-1));
  }

  /** Weighted features are never members of a struct. */
  weightedFeature(path: FeaturePath): WeightedFeature | undefined {
    return path.length === 1 ? this.#weightedFeatures.get(path[0] ?? "") : undefined;
  }

  stringDomain(name: string): StringDomain | undefined {
    return this.#stringDomains.get(name);
  }

  datasetConstraints(): DatasetConstraints | undefined {
    if (this.#datasetConstraints === undefined && this.#base.datasetConstraints !== undefined) {
      this.#datasetConstraints = clone(DatasetConstraintsSchema, this.#base.datasetConstraints);
    }
    return this.#datasetConstraints;
  }

  /** Adds an empty feature; a parent that is missing is added as a struct. */
  addFeature(path: FeaturePath): Feature {
    const feature = create(FeatureSchema, { name: path.at(-1) ?? "" });
    if (path.length <= 1) {
      this.#features.add(feature);
      return feature;
    }
    const parentPath = path.slice(0, -1);
    const parent = this.feature(parentPath) ?? this.#addStruct(parentPath);
    if (parent.domainInfo.case !== "structDomain") {
      parent.domainInfo = { case: "structDomain", value: create(StructDomainSchema) };
    }
    parent.domainInfo.value.feature.push(feature);
    return feature;
  }

  /** Adds an empty string domain; a name that is taken gets the first free number from 2 behind it. */
  addStringDomain(wanted: string): StringDomain {
    let name = wanted;
    for (let number = 2; this.#stringDomains.has(name); number++) name = `${wanted}${number}`;
    const domain = create(StringDomainSchema, { name });
    this.#stringDomains.add(domain);
    return domain;
  }

  /** Removes a string domain and lets go of it wherever a feature names it. */
  removeStringDomain(name: string): void {
    this.#stringDomains.remove(name);
    for (const feature of this.#features.changeAll((feature) => usesDomain(feature, name))) {
      releaseDomain(feature, name);
    }
  }

  /** The schema as it stands now. It shares with the base what was not looked up: do not change it. */
  build(): Schema {
    const schema = Object.assign(create(SchemaSchema), this.#base);
    schema.feature = this.#features.list();
    schema.sparseFeature = this.#sparseFeatures.list();
    schema.weightedFeature = this.#weightedFeatures.list();
    schema.stringDomain = this.#stringDomains.list();
    if (this.#datasetConstraints !== undefined) {
      schema.datasetConstraints = this.#datasetConstraints;
    }
    return schema;
  }

  #addStruct(path: FeaturePath): Feature {
    const struct = this.addFeature(path);
    struct.type = FeatureType.STRUCT;
    return struct;
  }
}

/** A list of named messages with changes on top: copied on look-up, added, removed. */
class Overlay<T extends { readonly name: string }> {
  readonly #base: readonly T[];
  readonly #baseByName: ReadonlyMap<string, T>;
  readonly #copy: (item: T) => T;
  /** What stands in for items of the base, by the item it stands for. */
  readonly #copies = new Map<T, T>();
  readonly #added = new Map<string, T>();
  readonly #removed = new Set<string>();

  constructor(base: readonly T[], baseByName: ReadonlyMap<string, T>, copy: (item: T) => T) {
    this.#base = base;
    this.#baseByName = baseByName;
    this.#copy = copy;
  }

  has(name: string): boolean {
    return this.#added.has(name) || (this.#baseByName.has(name) && !this.#removed.has(name));
  }

  get(name: string): T | undefined {
    if (this.#removed.has(name)) return this.#added.get(name);
    const item = this.#baseByName.get(name);
    return item === undefined ? this.#added.get(name) : this.#own(item);
  }

  add(item: T): void {
    this.#added.set(item.name, item);
  }

  remove(name: string): void {
    this.#added.delete(name);
    this.#removed.add(name);
  }

  /** Own copies of every item that `wanted` picks. */
  changeAll(wanted: (item: T) => boolean): T[] {
    const own = this.#base
      .filter((item) => wanted(this.#copies.get(item) ?? item))
      .map((item) => this.#own(item));
    return [...own, ...[...this.#added.values()].filter(wanted)];
  }

  list(): T[] {
    const kept = this.#base
      .filter((item) => !this.#removed.has(item.name))
      .map((item) => this.#copies.get(item) ?? item);
    return [...kept, ...this.#added.values()];
  }

  #own(item: T): T {
    let copy = this.#copies.get(item);
    if (copy === undefined) {
      copy = this.#copy(item);
      this.#copies.set(item, copy);
    }
    return copy;
  }
}

function firstByName<T extends { readonly name: string }>(items: readonly T[]): Map<string, T> {
  const byName = new Map<string, T>();
  for (const item of items) if (!byName.has(item.name)) byName.set(item.name, item);
  return byName;
}

function usesDomain(feature: Feature, name: string): boolean {
  if (feature.domainInfo.case === "domain") return feature.domainInfo.value === name;
  if (feature.domainInfo.case !== "structDomain") return false;
  return feature.domainInfo.value.feature.some((member) => usesDomain(member, name));
}

function releaseDomain(feature: Feature, name: string): void {
  if (feature.domainInfo.case === "domain" && feature.domainInfo.value === name) {
    feature.domainInfo = { case: undefined };
  }
  if (feature.domainInfo.case === "structDomain") {
    for (const member of feature.domainInfo.value.feature) releaseDomain(member, name);
  }
}
