export type { ObjectInfo, ObjectStore } from "./port.ts";
