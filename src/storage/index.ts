export { openFileStore } from "./file.ts";
export { compareKeys, parseKey } from "./key.ts";
export { openMemoryStore } from "./memory.ts";
export { openStore } from "./open.ts";
export type { ObjectInfo, ObjectStore } from "./port.ts";
