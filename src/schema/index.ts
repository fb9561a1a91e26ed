export { extendSchema } from "./base.ts";
export { type DefaultValue, defaultsOf } from "./defaults.ts";
export {
  type Compatibility,
  compatibilityOf,
  describeChange,
  type SchemaChange,
} from "./diff/change.ts";
export { diffSchemas, type SchemaDiff } from "./diff/index.ts";
export { type DomainRow, displaySchema, type FeatureRow } from "./display.ts";
export {
  adoptRecognisedDomain,
  getDomain,
  parseInt64,
  setDomain,
} from "./domains.ts";
export { indexSchema, SchemaDraft, type SchemaIndex } from "./draft.ts";
export {
  addEnvironments,
  checkEnvironment,
  excludeFromEnvironment,
  includeInEnvironment,
  isInEnvironment,
  isRequired,
} from "./environments.ts";
export {
  allFeatures,
  deprecate,
  getFeature,
  isCategorical,
  isUnchecked,
  membersOf,
} from "./features.ts";
export { readSchema, writeSchema } from "./file.ts";
export {
  generateSchema,
  type PublishedSchema,
  type PublishOptions,
  publishSchema,
} from "./generate.ts";
export { generateJsonSchema, type JsonSchema } from "./generators/json-schema.ts";
export { generateSql, type SqlOptions, type SqlTarget } from "./generators/sql.ts";
export { generateTypeScript, type TypeScriptOptions } from "./generators/typescript.ts";
export {
  addFeature,
  DEFAULT_MAX_STRING_DOMAIN_SIZE,
  describeValency,
  type InferOptions,
  inferSchema,
  markDerived,
} from "./infer.ts";
export {
  compareBytes,
  comparePaths,
  type FeaturePath,
  parsePath,
  pathKey,
  serializePath,
} from "./path.ts";
export {
  DatasetView,
  DEFAULT_SLICE,
  defaultDataset,
  type FeatureView,
  type Valency,
} from "./statistics-view.ts";
export {
  headVersion,
  type PublishedVersion,
  type PublishVersionOptions,
  publishVersion,
  readVersion,
  rollbackSchema,
  type SchemaVersion,
  schemaHistory,
} from "./versions.ts";
