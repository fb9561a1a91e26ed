export type { Lock, ObjectId } from "./api.ts";
export {
  type TrackedPattern,
  type TrackOptions,
  type TrackResult,
  track,
  trackedPatterns,
  untrack,
} from "./attributes.ts";
export {
  type CheckoutOptions,
  checkout,
  type FetchOptions,
  type FetchResult,
  fetchObjects,
  type PullResult,
  pull,
} from "./checkout.ts";
export { clean, type SmudgeOptions, smudge } from "./filter.ts";
export { type FilterProcessOptions, filterProcess } from "./filter-process.ts";
export { type FsckFault, type FsckOptions, fsck } from "./fsck.ts";
export { type ConfigScope, type InstallOptions, install, uninstall } from "./install.ts";
export {
  type LockingOptions,
  type LocksOptions,
  lock,
  locks,
  unlock,
  verifiedLocks,
} from "./locking.ts";
export { type LfsFile, type LsFilesOptions, lsFiles } from "./ls-files.ts";
export {
  type MigrateInfo,
  type MigrateOptions,
  type MigrateResult,
  migrateExport,
  migrateImport,
  migrateInfo,
} from "./migrate.ts";
export { pathFilter, patternsOf } from "./path-filter.ts";
export {
  isCanonicalPointer,
  type Pointer,
  type PointerExtension,
  parsePointer,
  printPointer,
} from "./pointer.ts";
export { type PruneOptions, type PruneResult, prune } from "./prune.ts";
export { type PushOptions, type PushResult, prePush, push, pushObjects } from "./push.ts";
export { type LfsRepository, openLfsRepository } from "./repository.ts";
export { type LfsStatus, lfsStatus, type StatusChange, type StatusSide } from "./status.ts";
export type { TransferOptions, TransferResult } from "./transfer.ts";
