export { applyRegistry, type RegistryChange, readRegistry } from "./apply.ts";
export {
  type Definitions,
  entity,
  type FeatureView,
  featureService,
  featureView,
  field,
  onDemandFeatureView,
  parquetSource,
  type Source,
  warehouseSource,
} from "./definitions.ts";
export { parseDefinitions } from "./definitions-file.ts";
export {
  incrementalStart,
  type Materialization,
  materializationRef,
  materialize,
} from "./materialize.ts";
export { type HistoricalOptions, historicalFeatures, type TrainingSet } from "./offline.ts";
export { openOnlineStore } from "./online/open.ts";
export type { OnlineStore } from "./online/port.ts";
export { type OnlineFeatures, onlineFeaturesJson } from "./online-answer.ts";
export { type OnlineReader, onlineFeatures, onlineReader } from "./online-features.ts";
export { type Purged, purgeEntity, purgeExpired } from "./purge.ts";
export { type PushedColumns, pushFeatures } from "./push.ts";
export { buildRegistry, type Registry } from "./registry.ts";
export type { SourceResolver } from "./view-rows.ts";
