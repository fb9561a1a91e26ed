/** Waybill's public names. Parts are also reached one by one: `waybill/metadata`, `waybill/statistics`, ... */
export { type ErrorCode, exitCodeOf, WaybillError } from "./foundation/index.ts";
export { createRecorder, openMetadataStore } from "./metadata/index.ts";
export { type ConnectOptions, connect, type Project } from "./project/index.ts";
