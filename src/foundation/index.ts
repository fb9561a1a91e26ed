export { publishFile, syncFolder, temporaryPathFor, writeFileAtomically } from "./atomic-file.ts";
export { type Clock, systemClock } from "./clock.ts";
export { canonicalJson, digestFile, digestOf } from "./digest.ts";
export { type ErrorCode, exitCodeOf, WaybillError } from "./error.ts";
export { type Log, type LogLevel, silentLog } from "./log.ts";
export { packageVersion } from "./package-version.ts";
export { type Progress, silentProgress } from "./progress.ts";
export { nearest } from "./suggest.ts";
