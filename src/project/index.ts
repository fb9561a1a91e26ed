export type { Config } from "./config.ts";
export { type ConnectOptions, connect, type Project } from "./connect.ts";
export { exportFromLake, hasDigest } from "./export.ts";
export { findHome, HOME_FOLDER } from "./home.ts";
