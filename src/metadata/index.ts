export type { ReadTransaction, WriteTransaction } from "../database/index.ts";
export { contentDigest, DIGEST_PROPERTIES } from "./cache-key.ts";
export { type OpenStoreOptions, openMetadataStore } from "./open.ts";
export { plainValue, propertiesOf, toValue, toValues } from "./properties.ts";
export type {
  Output,
  PlainValue,
  Properties,
  PropertyValue,
  Recorder,
  RefMove,
  Run,
  Stamp,
  Step,
  StepOptions,
  StepResult,
} from "./record.ts";
export { createRecorder, type RecorderOptions } from "./recorder.ts";
export { listRefs, readRef } from "./refs.ts";
export {
  artifactsNamed,
  type Neighbourhood,
  type NeighbourhoodOptions,
  neighbourhood,
  recentArtifactNames,
} from "./search.ts";
export { PARAMETERS_PROPERTY } from "./step-record.ts";
export type { CallName, MetadataCalls, MetadataStore, ReadingCalls } from "./store.ts";
export { type Upgrade, upgradeMetadataStore } from "./upgrade.ts";
