import {
  type AnomalyInfo_Severity,
  AnomalyInfo_Severity as Severity,
  AnomalyInfo_Type as Type,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type { Feature, Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  addFeature,
  type DatasetView,
  deprecate,
  type FeaturePath,
  type FeatureView,
  indexSchema,
  isRequired,
  isUnchecked,
  membersOf,
  pathKey,
  SchemaDraft,
  type SchemaIndex,
} from "../schema/index.ts";
import { type Findings, type Measured, noFindings, openCheck, type Reason } from "./check.ts";
import { detectSparse, detectWeighted } from "./detectors/composite.ts";
import { detectDataset } from "./detectors/dataset.ts";
import { detect } from "./detectors/index.ts";

/** Domains of features that are added: how many texts they may list, and whether shapes are told. */
export interface DiagnoseOptions {
  readonly maxStringDomainSize: number;
  /** Only these new features are worth an anomaly; undefined for all. */
  readonly featuresNeeded?: readonly FeaturePath[] | undefined;
  readonly severityOf: SeverityOf;
}

/** How grave a reason of a type is. */
export type SeverityOf = (type: Type) => AnomalyInfo_Severity;

/** What deviates at one path, and the schema in which it does not. */
export interface Diagnosis {
  readonly path: FeaturePath;
  readonly reasons: readonly Reason[];
  readonly severity: AnomalyInfo_Severity;
  readonly fixed: SchemaDraft;
}

/** What deviates in a dataset as a whole, and what was measured on the way. */
export interface Diagnoses {
  readonly features: readonly Diagnosis[];
  readonly dataset: Omit<Diagnosis, "path"> | undefined;
  readonly measured: readonly { readonly path: FeaturePath; readonly measured: Measured[] }[];
}

/**
 * Compares a dataset with a schema, feature by feature. Each feature is examined on a draft of its own,
 * so that one anomaly's fix never hides another.
 */
export function diagnose(view: DatasetView, schema: Schema, options: DiagnoseOptions): Diagnoses {
  const index = indexSchema(schema);
  const examination = new Examination(index, options);
  for (const root of view.roots) examination.examine(root);
  for (const path of missingPaths(view, schema)) examination.noteMissing(path);
  return {
    features: examination.diagnoses(),
    dataset: examination.examineDataset(view),
    measured: examination.measured,
  };
}

/**
 * Applies every fix to one draft: what the data has and the schema lacks is added, what it lacks is
 * deprecated, what it exceeds is widened.
 */
export function relax(draft: SchemaDraft, view: DatasetView, maxStringDomainSize: number): void {
  const relaxFrom = (feature: FeatureView): void => {
    examineFeature(draft, feature, { maxStringDomainSize }, noFindings());
    if (isOutOfUse(draft, feature.path)) return;
    for (const child of feature.children) relaxFrom(child);
  };
  for (const root of view.roots) relaxFrom(root);
  for (const path of missingPaths(view, draft.build())) {
    const feature = draft.feature(path);
    if (feature !== undefined) deprecate(feature);
  }
}

class Examination {
  readonly measured: { path: FeaturePath; measured: Measured[] }[] = [];
  readonly #index: SchemaIndex;
  readonly #options: DiagnoseOptions;
  readonly #needed: ReadonlySet<string> | undefined;
  readonly #found = new Map<string, { path: FeaturePath; reasons: Reason[]; draft: SchemaDraft }>();

  constructor(index: SchemaIndex, options: DiagnoseOptions) {
    this.#index = index;
    this.#options = options;
    this.#needed =
      options.featuresNeeded === undefined
        ? undefined
        : new Set(options.featuresNeeded.map(pathKey));
  }

  /** Examines a feature and its members, or notes that it is new. */
  examine(view: FeatureView): void {
    const draft = new SchemaDraft(this.#index);
    if (!isKnown(draft, view.path)) {
      this.#noteNew(view, draft);
      return;
    }
    if (isOutOfUse(draft, view.path)) return;
    const findings = noFindings();
    examineFeature(draft, view, this.#options, findings);
    if (findings.measured.length > 0) {
      this.measured.push({ path: view.path, measured: findings.measured });
    }
    if (findings.reasons.length > 0) {
      this.#found.set(pathKey(view.path), { path: view.path, reasons: findings.reasons, draft });
      if (isOutOfUse(draft, view.path)) return;
    }
    for (const child of view.children) this.examine(child);
  }

  noteMissing(path: FeaturePath): void {
    const key = pathKey(path);
    const found = this.#found.get(key) ?? {
      path,
      reasons: [],
      draft: new SchemaDraft(this.#index),
    };
    this.#found.set(key, found);
    found.reasons.push({
      type: Type.SCHEMA_MISSING_COLUMN,
      shortDescription: "Column dropped",
      description: "Column is completely missing",
    });
    const feature = found.draft.feature(path);
    if (feature !== undefined) deprecate(feature);
  }

  examineDataset(view: DatasetView): Diagnoses["dataset"] {
    const fixed = new SchemaDraft(this.#index);
    const constraints = fixed.datasetConstraints();
    const reasons = constraints === undefined ? [] : detectDataset(constraints, view);
    if (reasons.length === 0) return undefined;
    // TFDV overrides severities of features only.
    return { reasons, severity: Severity.ERROR, fixed };
  }

  diagnoses(): Diagnosis[] {
    return [...this.#found.values()].map(({ path, reasons, draft }) => ({
      path,
      reasons,
      severity: gravest(reasons, this.#options.severityOf),
      fixed: draft,
    }));
  }

  /** A new feature is one anomaly with all its members, fixed by adding them. */
  #noteNew(view: FeatureView, draft: SchemaDraft): void {
    const reasons: Reason[] = [];
    this.#addNew(view, draft, reasons);
    if (reasons.length > 0) {
      this.#found.set(pathKey(view.path), { path: view.path, reasons, draft });
    }
  }

  #addNew(view: FeatureView, draft: SchemaDraft, reasons: Reason[]): void {
    if (view.common === undefined) return;
    if (this.#needed !== undefined && !this.#needed.has(pathKey(view.path))) return;
    const findings = noFindings();
    examineFeature(draft, view, this.#options, findings);
    reasons.push(...findings.reasons);
    for (const child of view.children) this.#addNew(child, draft, reasons);
  }
}

/** Examines what a path is in the schema: weighted, sparse, a feature, or new. */
function examineFeature(
  draft: SchemaDraft,
  view: FeatureView,
  options: Pick<DiagnoseOptions, "maxStringDomainSize">,
  findings: Findings,
): void {
  const { path } = view;
  const feature = draft.feature(path);
  const sparse = draft.sparseFeature(path);
  const weighted = draft.weightedFeature(path);
  if (weighted !== undefined) {
    if ((feature !== undefined || sparse !== undefined) && !isUnchecked(weighted)) {
      findings.reasons.push({
        type: Type.WEIGHTED_FEATURE_NAME_COLLISION,
        shortDescription: "Weighted feature name collision",
        description: "Weighted feature name collision.",
      });
      for (const named of [weighted, feature, sparse]) if (named !== undefined) deprecate(named);
      return;
    }
    findings.reasons.push(...detectWeighted(view, weighted));
  } else if (sparse !== undefined && !isUnchecked(sparse)) {
    if (feature !== undefined && !isUnchecked(feature)) {
      findings.reasons.push({
        type: Type.SPARSE_FEATURE_NAME_COLLISION,
        shortDescription: "Sparse feature name collision",
        description: "Sparse feature name collision.",
      });
      deprecate(sparse);
      deprecate(feature);
      return;
    }
    findings.reasons.push(...detectSparse(view, sparse));
  } else if (feature !== undefined) {
    detect(openCheck(feature, view, draft, findings));
  } else if (view.common !== undefined) {
    findings.reasons.push({
      type: Type.SCHEMA_NEW_COLUMN,
      shortDescription: "New column",
      description: "New column (column in data but not in schema)",
    });
    // A shape is only told when a schema is inferred anew; a fix says less.
    addFeature(draft, view, {
      maxStringDomainSize: options.maxStringDomainSize,
      inferShape: false,
    });
  }
}

function isKnown(draft: SchemaDraft, path: FeaturePath): boolean {
  return (
    draft.feature(path) !== undefined ||
    draft.sparseFeature(path) !== undefined ||
    draft.weightedFeature(path) !== undefined
  );
}

function isOutOfUse(draft: SchemaDraft, path: FeaturePath): boolean {
  const feature = draft.feature(path) ?? draft.sparseFeature(path);
  return feature !== undefined && isUnchecked(feature);
}

/** Paths the schema requires in the environment of the data, and the data lacks. */
function missingPaths(view: DatasetView, schema: Schema): FeaturePath[] {
  return requiredPaths(schema, schema.feature, [], view.environment).filter(
    (path) => view.byPath(path) === undefined,
  );
}

/** A member may be required of a struct that is not: then its absence shows with the struct's. */
function requiredPaths(
  schema: Schema,
  features: readonly Feature[],
  parent: FeaturePath,
  environment: string | undefined,
): FeaturePath[] {
  return features.flatMap((feature) => {
    const path = [...parent, feature.name];
    const own = isRequired(schema, feature, environment) ? [path] : [];
    if (isUnchecked(feature)) return own;
    return [...own, ...requiredPaths(schema, membersOf(feature), path, environment)];
  });
}

function gravest(reasons: readonly Reason[], severityOf: SeverityOf): AnomalyInfo_Severity {
  let worst: AnomalyInfo_Severity = Severity.UNKNOWN;
  for (const { type } of reasons) if (severityOf(type) > worst) worst = severityOf(type);
  return worst;
}
