export { recordUploads, type UploadRecording } from "./recording.ts";
export { type LfsOptions, lfsRoutes, type Upload } from "./routes.ts";
export { sweepLeftovers } from "./sweep.ts";
