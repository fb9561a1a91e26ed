import { openMemoryStore } from "./memory.ts";
import { storageConformance } from "./storage.conformance.ts";

storageConformance("memory", async () => ({
  store: openMemoryStore(),
  [Symbol.asyncDispose]: async () => {},
}));
