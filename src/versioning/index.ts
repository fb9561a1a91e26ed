export { type AddedVersion, add, commit, DATA_VERSION } from "./add.ts";
export { type CheckOptions, type CheckResult, checkData, type ObjectFault } from "./check.ts";
export { type CheckoutOptions, type CheckoutResult, checkout } from "./checkout.ts";
export { type CodeVersion, codeVersion } from "./code.ts";
export {
  addRemote,
  modifyRemote,
  removeRemote,
  renameRemote,
  setConfigOptions,
} from "./config-edit.ts";
export { type DataStatus, type DataStatusOptions, dataStatus } from "./data-status.ts";
export { type Diff, type DiffOptions, diff } from "./diff.ts";
export { type EnvironmentVersion, environmentVersion } from "./environment.ts";
export { type GcOptions, type GcResult, gc } from "./gc.ts";
export {
  get,
  importFrom,
  importUrl,
  type ListedFile,
  list,
  type OutOptions,
} from "./import.ts";
export { type InitOptions, init } from "./init.ts";
export { loadLfs } from "./lfs/load.ts";
export { dag } from "./pipeline/dag.ts";
export { type ReproducedStage, type ReproduceOptions, reproduce } from "./pipeline/reproduce.ts";
export { move, remove, unprotect } from "./rearrange.ts";
export { listRemotes } from "./remotes.ts";
export { type LinkType, openRepo, type Repo } from "./repo.ts";
export { makeStamp, type StampOptions } from "./stamp.ts";
export { formatStatus, type Status, type StatusOptions, status } from "./status.ts";
export { fetch, pull, push, type TransferOptions, type TransferResult } from "./transfer.ts";
